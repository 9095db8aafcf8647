"""Bundles better or worse than another by a known amount, made without training; and ways past what takes seconds."""

import json
import math
from pathlib import Path

from support.running_service import files_of

from londonpump.domain.errors import BadFile
from londonpump.evaluation.promotion.evidence import SmokeTest
from londonpump.models.bundle import from_files, self_test_columns
from londonpump.storage.bundles import CARD, save_bundle
from londonpump.storage.verified_bundle import open_verified

CURVE = "response_time.json"


def slower(bundle: Path, folder: Path, by_s: float, **card: object) -> Path:
    """A bundle that announces so many seconds more for every run, in the test's store, pointed to as the newest."""
    files = files_of(bundle)
    card_content = json.loads(files[CARD])
    card_content["prototype"]["p50_s"] += by_s
    curve = json.loads(files[CURVE])
    curve["curve"][0] += by_s
    files[CARD] = json.dumps({**card_content, **card}).encode()
    files[CURVE] = json.dumps(curve).encode()
    return save_bundle(files, {}, folder / "bundles")


def numberless(bundle: Path, folder: Path) -> Path:
    """A bundle that loads and answers its example, and many other runs with no number."""
    files = files_of(bundle)
    curve_content = json.loads(files[CURVE])
    opened = from_files(files, str(bundle))
    example = self_test_columns(opened.card["prototype"]["run"])
    (sound,) = opened.response_times(opened.dispatches(example)).group
    for group, errors in enumerate(curve_content["shape"]):
        if group != sound:
            errors[:] = [math.nan] * len(errors)
    files[CURVE] = json.dumps(curve_content).encode()
    return save_bundle(files, {}, folder / "bundles")


def smoke_test_here(folder: Path) -> SmokeTest:
    """As `registry.trial.tried`, in this process: two seconds less."""
    try:
        open_verified(folder)
    except BadFile as error:
        return SmokeTest(str(error))
    return SmokeTest(latency_ms=1.0)
