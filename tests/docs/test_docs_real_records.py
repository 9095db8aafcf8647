"""What the documents say of real records is what comes out of them."""

import re
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.documented_commands import ROOT, blocks

from londonpump.domain.json_values import to_json
from londonpump.lifecycle.evaluate import EvaluateRequest, evaluate, later_rows
from londonpump.lifecycle.expected_times_table import expected_times
from londonpump.lifecycle.prepare import PrepareRequest, prepare
from londonpump.lifecycle.prepared_examples import load_examples
from londonpump.lifecycle.train import TrainRequest, train
from londonpump.models.bundle import Bundle
from londonpump.models.train import distance_as_original_km
from londonpump.presentation.texts.prepare import Preparation, format_preparation

RECORDS = ROOT.parent / "shared" / "data"
SAMPLES = tuple(RECORDS / name for name in ("incidents_real_sample.csv", "incidents_real_sample_b.csv"))
LATER = date(2023, 10, 1)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Preparation]:
    """(folder, report) of the two samples of 2023."""
    if not all(sample.exists() for sample in SAMPLES):
        pytest.skip("the samples of real records are not beside this checkout")
    data = tmp_path_factory.mktemp("real") / "data"
    return data, prepare(PrepareRequest(incidents=SAMPLES, out=data))


@pytest.fixture(scope="module")
def trained(
    prepared: tuple[Path, Preparation], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Bundle]:
    """(folder, bundle) trained on January to September 2023."""
    return train(TrainRequest(prepared[0], tmp_path_factory.mktemp("real") / "bundle", LATER))


@pytest.fixture(scope="module")
def judged(prepared: tuple[Path, Preparation], trained: tuple[Path, Bundle]) -> dict[str, Any]:
    """The figures of the last quarter of 2023."""
    folder, bundle = trained
    rows = later_rows(bundle, load_examples(prepared[0]), LATER)
    mean_s = bundle.distance.predict_mean(distance_as_original_km(rows))
    results = evaluate(EvaluateRequest(folder, prepared[0], resamples=20, is_with_original=True)).results
    return {**to_json(results), "mean_curve_mae_s": float(np.abs(mean_s - rows["attendance_s"]).mean())}


def test_the_printed_table_is_within_a_quarter_of_the_recorded_medians(
    prepared: tuple[Path, Preparation], trained: tuple[Path, Bundle]
) -> None:
    rows = load_examples(prepared[0]).rows
    table = expected_times(trained[1], LATER)
    ratios = {}
    for ground in table:
        code = ground.station.code
        own = (rows["recorded_ground_code"] == code) & (rows["station_code"] == code)
        line = next(line for line in ground.lines if line.station.code == code)
        if own.sum() >= 5:
            p50_s = np.mean([times[0] for times in line.expected_s.values()])
            ratios[code] = p50_s / np.median(rows["attendance_s"][own])
    assert len(ratios) >= 100
    assert {code: ratio for code, ratio in ratios.items() if not 0.75 < ratio < 4 / 3} == {}


def test_the_how_to_shows_the_counts_of_the_samples(prepared: tuple[Path, Preparation]) -> None:
    block = blocks(ROOT / "docs" / "how-to" / "prepare-real-records.md", "text")[0]
    assert format_preparation(prepared[1], Path("data")) == block.rstrip("\n")


@pytest.mark.parametrize("line", ["distance alone", "the original's recipe", "londonpump"])
def test_the_readme_shows_the_error_on_the_last_quarter(line: str, judged: dict[str, Any]) -> None:
    found = {
        "distance alone": min(
            judged["models"]["distance"]["all"]["all"]["mae_s"]["value"], judged["mean_curve_mae_s"]
        ),
        "the original's recipe": judged["original"]["best_mae_s"],
        "londonpump": judged["models"]["ours"]["all"]["all"]["mae_s"]["value"],
    }
    row = re.search(rf"^\| {line}.*?(\d\d\.\d) s", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE)
    assert row is not None
    assert float(row[1]) == pytest.approx(found[line], abs=0.25)


def test_the_readme_shows_what_the_interval_covers(judged: dict[str, Any]) -> None:
    block = re.search(r"80 % intervals cover (\d\d\.\d) and", (ROOT / "README.md").read_text("utf-8"))
    assert block is not None
    covers = judged["models"]["ours"]["all"]["all"]["cover_80_share"]["value"]
    assert float(block[1]) == pytest.approx(100 * covers, abs=0.5)
