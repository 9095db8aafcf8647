"""Bundles that are better or worse than another by a known amount, made without training; and quick smoke tests."""

import json
import math
from pathlib import Path

from support.running_service import files_of

from londonpump.domain.errors import BadFile
from londonpump.evaluation.promotion.evidence import SmokeTest
from londonpump.models.bundle import from_files, self_test_columns
from londonpump.persistence.bundles import CARD, save_bundle
from londonpump.persistence.verified_bundle import open_verified

CURVE = "response_time.json"


def slower(bundle: Path, folder: Path, by_s: float, **card: object) -> Path:
    """Store a bundle that announces `by_s` more for every mobilisation, as the newest in the store of the test."""
    files = files_of(bundle)
    card_content = json.loads(files[CARD])
    card_content["self_test"]["p50_s"] += by_s
    curve = json.loads(files[CURVE])
    curve["curve"][0] += by_s
    files[CARD] = json.dumps({**card_content, **card}).encode()
    files[CURVE] = json.dumps(curve).encode()
    return save_bundle(files, {}, folder / "bundles")


def numberless(bundle: Path, folder: Path) -> Path:
    """Store a bundle that loads and predicts its example, but returns no number for many other mobilisations."""
    files = files_of(bundle)
    curve_content = json.loads(files[CURVE])
    opened = from_files(files, str(bundle))
    example = self_test_columns(opened.card.self_test.dispatch)
    (sound,) = opened.response_times(opened.dispatches(example)).group
    for group, errors in enumerate(curve_content["shape"]):
        if group != sound:
            errors[:] = [math.nan] * len(errors)
    files[CURVE] = json.dumps(curve_content).encode()
    return save_bundle(files, {}, folder / "bundles")


def smoke_test_here(folder: Path) -> SmokeTest:
    """Run the smoke test in this process, which saves two seconds."""
    try:
        open_verified(folder)
    except BadFile as error:
        return SmokeTest(str(error))
    return SmokeTest(latency_ms=1.0)
