"""Issue 11, C4: counts are unknown only where a month, or the hours before, is not complete."""

import csv
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from londonpump.lifecycle.monthly_report import records_of
from londonpump.lifecycle.prepare import PrepareRequest, prepare
from londonpump.lifecycle.prepared_examples import Examples, load_examples, midnight_us
from londonpump.lifecycle.train import training_set
from londonpump.models.train import fit_ground_lookup, with_workload
from londonpump.presentation.monthly.inputs import Month
from londonpump.presentation.texts.prepare import Preparation, format_preparation
from londonpump.simulation.plan import SimulationPlan
from londonpump.simulation.simulate import write_simulation

COUNTS = ("pumps_out", "ground_pumps_available", "recent_ground_calls")
LOOK_BACK = dict(zip(COUNTS, (timedelta(hours=12), timedelta(days=7), timedelta(minutes=30)), strict=True))
FIRST, FEBRUARY, MARCH = date(2023, 1, 17), date(2023, 2, 1), date(2023, 3, 1)
Row = dict[str, str]
KeepRow = Callable[[date, int], bool]


@dataclass(frozen=True)
class Prepared:
    """Report of `prepare`, and counts (workload included) and `mobilised_us` by (incident, pump)."""

    report: Preparation
    examples: Examples
    columns: dict[str, np.ndarray]

    def of_month(self, month: int) -> np.ndarray:
        numbers = self.examples.rows["incident_number"]
        return np.array([int(str(number)[9:11]) == month for number in numbers])

    def known_from(self, name: str, month: int) -> datetime:
        """Return the first mobilisation of a month with the count; every later one of the month must have it too."""
        here = self.of_month(month)
        at_us = self.examples.rows["mobilised_us"][here]
        is_known = np.isfinite(self.columns[name][here])
        first_us = at_us[is_known].min()
        # A ground that no station is named after has no pumps, wherever the month stands.
        assert is_known[at_us >= first_us].mean() > 0.99
        return datetime(1970, 1, 1) + timedelta(microseconds=int(first_us))


@pytest.fixture(scope="module")
def brigade(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Half of January, February and half of March 2023, every call of them."""
    plan = SimulationPlan(incidents=14_000, days=57, start=FIRST, seed=4, is_clean=True)
    return write_simulation(plan, tmp_path_factory.mktemp("by_month") / "raw").files


@pytest.fixture(scope="module")
def made(brigade: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Prepared]:
    def make(is_kept: KeepRow, is_dispatch_kept: KeepRow = lambda *_: True, **stated: Any) -> Prepared:
        folder = tmp_path_factory.mktemp("some")
        files = {
            "incidents": _some(brigade["incidents"], folder, is_kept),
            "mobilisations": _some(brigade["mobilisations"], folder, is_dispatch_kept),
        }
        paths: dict[str, Any] = {name: (path,) for name, path in files.items()}
        report = prepare(PrepareRequest(**paths, out=folder / "data", **stated))
        examples = load_examples(folder / "data")
        ground = fit_ground_lookup(examples.calls, examples.stations)
        columns = with_workload(examples.rows, examples.calls, ground, examples.complete)
        return Prepared(report, examples, columns)

    return make


def _some(path: Path, folder: Path, is_kept: KeepRow) -> Path:
    """The rows of some incidents, by the day in their number and the number itself."""
    with path.open(encoding="utf-8-sig", newline="") as source:
        reader = csv.DictReader(source)
        rows = [row for row in reader if is_kept(*_key(row["IncidentNumber"]))]
    with (folder / path.name).open("w", encoding="utf-8", newline="") as target:
        writer = csv.DictWriter(target, reader.fieldnames or [])
        writer.writeheader()
        writer.writerows(rows)
    return folder / path.name


def _key(number: str) -> tuple[date, int]:
    return datetime.strptime(number[7:], "%d%m%Y").date(), int(number[:6])


def verdicts(report: Preparation) -> dict[str, str]:
    return {month.month: month.verdict for month in report.completeness.months}


@pytest.fixture(scope="module")
def whole(made: Callable[..., Prepared]) -> Prepared:
    return made(lambda *_: True)


@pytest.fixture(scope="module")
def sampled(made: Callable[..., Prepared]) -> Prepared:
    """January and March are complete, and of February three incidents in ten are recorded."""
    return made(lambda day, number: day.month != 2 or number % 10 < 3)


@pytest.fixture(scope="module")
def with_gap(made: Callable[..., Prepared]) -> Prepared:
    """January and March are complete, and February is missing."""
    return made(lambda day, _: day.month != 2)


@pytest.mark.slow
def test_three_in_ten_of_february_are_a_sample_between_two_complete_months(sampled: Prepared) -> None:
    assert verdicts(sampled.report) == {"2023-01": "in part", "2023-02": "sample", "2023-03": "in part"}
    assert sampled.report.complete is False
    assert sampled.report.completeness.complete_days == [
        (date(2023, 1, 17), date(2023, 1, 31)),
        (date(2023, 3, 1), date(2023, 3, 14)),
    ]


@pytest.mark.parametrize("name", COUNTS)
def test_counts_are_null_in_the_month_that_is_a_sample_and_nowhere_else(name: str, sampled: Prepared) -> None:
    values = sampled.columns[name]
    assert np.isnan(values[sampled.of_month(2)]).all()
    assert np.isfinite(values[sampled.of_month(1)]).mean() > 0.4
    assert np.isfinite(values[sampled.of_month(3)]).mean() > 0.4


@pytest.mark.slow
@pytest.mark.parametrize("part", ["sampled", "with_gap"])
@pytest.mark.parametrize("name", COUNTS)
def test_after_a_month_that_is_not_complete_a_count_is_known_once_what_it_looks_back_on_is(
    name: str, part: str, request: pytest.FixtureRequest
) -> None:
    start = datetime(2023, 3, 1) + LOOK_BACK[name]
    known = request.getfixturevalue(part).known_from(name, 3)
    assert start <= known < start + timedelta(hours=2)


@pytest.mark.parametrize("part", ["sampled", "with_gap"])
def test_pumps_out_are_those_of_the_whole_stream_wherever_they_are_known(
    part: str, whole: Prepared, request: pytest.FixtureRequest
) -> None:
    some: Prepared = request.getfixturevalue(part)

    def out(prepared: Prepared) -> dict[tuple[str, str], float]:
        rows = prepared.examples.rows
        keys = zip(rows["incident_number"], rows["resource_code"], strict=True)
        return dict(zip(keys, prepared.columns["pumps_out"], strict=True))

    of_whole = out(whole)
    known = {key: value for key, value in out(some).items() if np.isfinite(value)}
    assert len(known) > 5_000
    assert {key: of_whole[key] for key in known} == known


def test_two_complete_months_with_a_gap_between_them_both_have_counts(with_gap: Prepared) -> None:
    assert verdicts(with_gap.report) == {"2023-01": "in part", "2023-02": "no records", "2023-03": "in part"}
    assert with_gap.report.complete is True
    for name in COUNTS:
        for month in (1, 3):
            assert np.isfinite(with_gap.columns[name][with_gap.of_month(month)]).mean() > 0.4


def test_records_without_a_gap_are_counted_from_end_to_end(whole: Prepared) -> None:
    assert verdicts(whole.report) == {"2023-01": "in part", "2023-02": "complete", "2023-03": "in part"}
    assert np.isfinite(whole.columns["pumps_out"]).all()
    assert np.isfinite(whole.columns["recent_ground_calls"]).all()


def test_where_mobilisations_are_missing_pumps_are_unknown_and_calls_are_counted(
    made: Callable[..., Prepared],
) -> None:
    some = made(lambda *_: True, lambda day, number: day.month != 2 or number % 10 < 3)
    february = some.of_month(2)
    assert np.isnan(some.columns["pumps_out"][february]).all()
    assert np.isnan(some.columns["ground_pumps_available"][february]).all()
    assert np.isfinite(some.columns["recent_ground_calls"][february]).all()
    assert "WARNING: on 28 complete days" in format_preparation(some.report, Path("data"))


def test_the_report_says_month_by_month_what_was_found_and_why(sampled: Prepared, with_gap: Prepared) -> None:
    output = format_preparation(sampled.report, Path("data"))
    assert "Taken as a complete stream in part (by its rate" in output
    assert "  2023-02: sample (7" in output
    assert "of the known 345.3)" in output
    assert "are unknown where a month, or the hours before, is not complete." in output
    assert "  2023-01: in part (only 2023-01-17 to 2023-01-31; 2" in output
    assert "  2023-02: no records (no incident record)" in format_preparation(with_gap.report, Path("data"))


@pytest.mark.slow
def test_a_stated_stream_is_complete_in_every_month_that_has_records(made: Callable[..., Prepared]) -> None:
    some = made(lambda day, number: day.month != 2 or number % 10 < 3, is_complete=True)
    assert some.report.completeness.complete_days == [(date(2023, 1, 17), date(2023, 3, 14))]
    assert np.isfinite(some.columns["pumps_out"]).all()


def test_training_knows_where_calls_are_missing(sampled: Prepared) -> None:
    training = training_set(sampled.examples, MARCH)
    rows = with_workload(
        training.rows, training.calls, fit_ground_lookup(training.calls, training.stations), training.complete
    )
    is_february = training.rows["mobilised_us"] >= midnight_us(FEBRUARY) + 3_600_000_000
    assert np.isnan(rows["recent_ground_calls"][is_february]).all()
    assert np.isfinite(rows["recent_ground_calls"][~is_february]).mean() > 0.99


@pytest.mark.parametrize(
    ("month", "is_complete"), [(Month(2023, 2), False), (Month(2023, 3), True)], ids=["sample", "complete"]
)
def test_the_page_of_a_month_says_every_incident_only_of_a_complete_one(
    month: Month, is_complete: bool, sampled: Prepared
) -> None:
    assert records_of(sampled.examples, month, date(2023, 3, 14)).is_complete is is_complete
