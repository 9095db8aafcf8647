"""Bundles better or worse than another by a known amount, made without training; and ways past what takes seconds."""

import json
from pathlib import Path

from support.running_service import files_of

from londonpump.brigade.errors import BadFile
from londonpump.evaluation.promotion.evidence import Trial
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


def tried_here(folder: Path) -> Trial:
    """As `registry.trial.tried`, in this process: two seconds less."""
    try:
        open_checked(folder)
    except BadFile as error:
        return Trial(str(error))
    return Trial(latency_ms=1.0)
