"""Bundles better or worse than another by a known amount, made without training; and ways past what takes seconds."""

import json
import math
from pathlib import Path

from support.running_service import files_of

from londonpump.brigade.errors import BadFile
from londonpump.evaluation.promotion.evidence import Trial
from londonpump.models.bundle import from_files
from londonpump.models.prototype import prototype_columns
from londonpump.storage.bundles import CARD, save_bundle
from londonpump.storage.checked_bundle import open_checked

CURVE = "response_time.json"


def slower(bundle: Path, folder: Path, by_s: float, **card: object) -> Path:
    """A bundle that announces so many seconds more for every run, in the test's store, pointed to as the newest."""
    files = files_of(bundle)
    told = json.loads(files[CARD])
    told["prototype"]["p50_s"] += by_s
    curve = json.loads(files[CURVE])
    curve["curve"][0] += by_s
    files[CARD] = json.dumps({**told, **card}).encode()
    files[CURVE] = json.dumps(curve).encode()
    return save_bundle(files, {}, folder / "bundles")


def numberless(bundle: Path, folder: Path) -> Path:
    """A bundle that loads and answers its example, and many other runs with no number."""
    files = files_of(bundle)
    learnt = json.loads(files[CURVE])
    opened = from_files(files, str(bundle))
    example = prototype_columns(opened.card["prototype"]["run"])
    (sound,) = opened.response_times(opened.runs(example)).group
    for group, errors in enumerate(learnt["shape"]):
        if group != sound:
            errors[:] = [math.nan] * len(errors)
    files[CURVE] = json.dumps(learnt).encode()
    return save_bundle(files, {}, folder / "bundles")


def tried_here(folder: Path) -> Trial:
    """As `registry.trial.tried`, in this process: two seconds less."""
    try:
        open_checked(folder)
    except BadFile as error:
        return Trial(str(error))
    return Trial(latency_ms=1.0)
