"""Report of a month from prepared records, the board and the ledger; and real records against published averages."""

import json
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Engine
from support.running_service import name_champion, put_in_store, settings_for
from support.stored_mobilisations import StoredMobilisation, store_mobilisations
from typer.testing import CliRunner

from londonpump.cli import app
from londonpump.domain.errors import BadFile
from londonpump.evaluation.attendance import AttendanceRows, Figures, figures, figures_by
from londonpump.lifecycle.monitor import MonitorRequest, monitor
from londonpump.lifecycle.monthly_report import (
    MonthReportRequest,
    known_until,
    newest_month,
    records_of,
    replay_month,
    write_month_report,
)
from londonpump.lifecycle.prepare import PrepareRequest, prepare
from londonpump.lifecycle.prepared_examples import Examples, load_examples
from londonpump.models.bundle import Bundle
from londonpump.persistence.database import writing
from londonpump.persistence.repositories.decisions import KEEP, Decision, append_decision
from londonpump.presentation.monthly import Month
from londonpump.presentation.texts.places import format_borough

SHARED = Path(__file__).resolve().parents[2] / "../shared/data"
MARCH = Month(2023, 3)
LATER = datetime(2023, 5, 20, 8, tzinfo=UTC)


@pytest.fixture
def champion(engine: Engine, small_brigade: Any, tmp_path: Path) -> str:
    """Active model, in the store and since long ago in the ledger."""
    name = put_in_store(small_brigade.bundle, tmp_path).name
    line = Decision(datetime(2023, 3, 1, tzinfo=UTC), "promote", None, name, name, "", "first", {}, "tester")
    with writing(engine) as connection:
        append_decision(connection, line)
    return name


def page_of(
    url: str, folder: Path, data: Path | None, month: Month | None = None, at: datetime = LATER
) -> str:
    settings = settings_for(url, folder)
    seen = monitor(settings, MonitorRequest(at, data))
    file = folder / "month.html"
    write_month_report(settings, seen, MonthReportRequest(file, data, month))
    return file.read_text(encoding="utf-8")


def test_the_page_is_of_the_month_that_the_records_hold(
    champion: str, database_url: str, tmp_path: Path, small_data: Path
) -> None:
    page = page_of(database_url, tmp_path, small_data)
    assert "The Brigade and the model in March 2023</h1>" in page


def test_two_weeks_are_told_as_no_whole_month(
    champion: str, database_url: str, tmp_path: Path, small_data: Path
) -> None:
    assert "not a whole month" in page_of(database_url, tmp_path, small_data)


def test_a_simulated_brigade_is_told_as_one(
    champion: str, database_url: str, tmp_path: Path, small_data: Path
) -> None:
    assert 'class="simulated"' in page_of(database_url, tmp_path, small_data)


def test_the_model_on_duty_is_asked_again_about_runs_later_than_its_training(
    small_bundle: Bundle, small_examples: Examples
) -> None:
    reality = replay_month("a" * 16, small_bundle, small_examples, MARCH)
    trained_until = (small_bundle.card.data.trained_until - date(1970, 1, 1)).days
    assert reality.rows is not None
    assert (len(reality.rows) > 100, int(reality.rows.day.min()) >= trained_until) == (True, True)


def test_a_model_that_learnt_from_the_month_is_not_judged_on_it(
    small_bundle: Bundle, small_examples: Examples
) -> None:
    assert replay_month("a" * 16, small_bundle, small_examples, Month(2023, 2)).rows is None


def test_times_announced_on_the_board_stand_beside_it(
    engine: Engine, champion: str, database_url: str, tmp_path: Path, small_data: Path
) -> None:
    first = datetime(2023, 3, 20, 12, tzinfo=UTC)
    runs = [
        StoredMobilisation(champion, "A211", first + timedelta(hours=n), 330.0 if n < 30 else None)
        for n in range(40)
    ]
    store_mobilisations(engine, runs)
    assert "Of 40 times announced in March 2023, 75 % have an outcome so far: 30 from arrivals" in page_of(
        database_url, tmp_path, small_data
    )


def test_implausible_arrivals_are_left_out_of_the_page_and_counted_on_it(
    engine: Engine, champion: str, database_url: str, tmp_path: Path, small_data: Path
) -> None:
    """Issue 11, A13."""
    first = datetime(2023, 3, 20, 12, tzinfo=UTC)
    times = [330.0] * 30 + [1_201.0] * 10
    runs = [
        StoredMobilisation(champion, "A211", first + timedelta(hours=n), actual_s)
        for n, actual_s in enumerate(times)
    ]
    store_mobilisations(engine, runs)
    page = page_of(database_url, tmp_path, small_data)
    assert "Of 40 times announced in March 2023, 75 % have an outcome so far: 30 from arrivals" in page
    assert "after more than 1,200 s are implausible and ignored: 10" in page


def test_an_announcement_of_another_month_is_not_counted(
    engine: Engine, champion: str, database_url: str, tmp_path: Path, small_data: Path
) -> None:
    store_mobilisations(
        engine, [StoredMobilisation(champion, "A211", datetime(2023, 4, 2, tzinfo=UTC), 330.0)]
    )
    assert "times announced in" not in page_of(database_url, tmp_path, small_data)


def test_a_decision_of_the_month_stands_with_its_reason(
    engine: Engine, champion: str, database_url: str, tmp_path: Path, small_data: Path
) -> None:
    line = Decision(
        datetime(2023, 3, 16, tzinfo=UTC),
        KEEP,
        champion,
        champion,
        "b" * 16,
        "tie",
        "the gain may be 0",
        {},
        "tester",
    )
    with writing(engine) as connection:
        append_decision(connection, line)
    page = page_of(database_url, tmp_path, small_data)
    assert page.index("Decided in March 2023") < page.index("the gain may be 0")


def test_a_decision_after_the_moment_is_not_told(
    engine: Engine, champion: str, database_url: str, tmp_path: Path, small_data: Path
) -> None:
    name_champion(engine, None)
    page = page_of(database_url, tmp_path, small_data)
    assert "Decided since then" not in page


def test_alarms_stand_on_the_page(champion: str, database_url: str, tmp_path: Path, small_data: Path) -> None:
    page = page_of(database_url, tmp_path, small_data, at=LATER + timedelta(days=200))
    assert "records_old" in page


def test_without_records_it_is_of_the_month_before(champion: str, database_url: str, tmp_path: Path) -> None:
    page = page_of(database_url, tmp_path, None)
    assert "No published records of April 2023 are prepared" in page


def test_a_bundle_that_is_gone_is_told_and_the_page_written(
    champion: str, database_url: str, tmp_path: Path, small_data: Path
) -> None:
    (tmp_path / "bundles" / champion / "bundle.json").unlink()
    assert "It cannot be read." in page_of(database_url, tmp_path, small_data)


def test_written_twice_it_is_the_same(
    champion: str, database_url: str, tmp_path: Path, small_data: Path
) -> None:
    assert page_of(database_url, tmp_path, small_data) == page_of(database_url, tmp_path, small_data)


def test_a_foreign_file_is_not_written_over(
    champion: str, database_url: str, tmp_path: Path, small_data: Path
) -> None:
    (tmp_path / "month.html").write_text("my own")
    with pytest.raises(BadFile, match="already"):
        page_of(database_url, tmp_path, small_data)


def test_the_command_writes_the_page(own_home: Path, small_data: Path) -> None:
    arguments = ["monitor", "--data", str(small_data), "--report", "month.html", "--month", "2023-03"]
    done = CliRunner().invoke(app, arguments)
    assert (done.exit_code, "Report of March 2023: month.html" in done.stdout) == (0, True)


@pytest.mark.parametrize("arguments", [["--month", "2023-03"], ["--report", "m.html", "--month", "March"]])
def test_a_month_that_is_none_or_has_no_page_is_refused(own_home: Path, arguments: list[str]) -> None:
    assert CliRunner().invoke(app, ["monitor", *arguments]).exit_code == 2


def prepared(name: str, folder: Path) -> Path:
    if not (SHARED / name).exists():
        pytest.skip(f"{name} of the shared records is not here")
    prepare(PrepareRequest(incidents=(SHARED / name,), out=folder / "data"))
    return folder / "data"


@pytest.fixture(scope="module")
def winter_2017(tmp_path_factory: pytest.TempPathFactory) -> Examples:
    """Every incident of January and February 2017."""
    return load_examples(prepared("incidents_2017_jan_feb.csv", tmp_path_factory.mktemp("winter")))


@pytest.fixture(scope="module")
def sample_2023(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A twenty-fifth of the incidents of 2023."""
    return prepared("incidents_real_sample.csv", tmp_path_factory.mktemp("sample"))


def rows_until(examples: Examples, last: date) -> AttendanceRows:
    return records_of(examples, Month.of(last), last).rows


@pytest.fixture(scope="module")
def boroughs_2017(winter_2017: Examples) -> dict[str, Figures]:
    rows = rows_until(winter_2017, date(2017, 2, 28))
    return {format_borough(name): row for name, row in figures_by(rows, rows.borough).items()}


@pytest.fixture(scope="module")
def published_s() -> dict[str, float]:
    """Average first pump by borough, 2014 to 2025."""
    aggregates = json.loads((SHARED / "lfb_aggregates_2014_2025.json").read_text(encoding="utf-8"))
    return {name: row["avgResponseSec"] for name, row in aggregates["boroughData"].items()}


def test_boroughs_of_real_records_have_the_published_names(
    boroughs_2017: dict[str, Figures], published_s: dict[str, float]
) -> None:
    assert set(boroughs_2017) == set(published_s)


def test_nine_in_ten_intervals_of_boroughs_hold_the_published_average(
    boroughs_2017: dict[str, Figures], published_s: dict[str, float]
) -> None:
    stats = {name: row[0].stat for name, row in boroughs_2017.items()}
    is_inside = [stats[name].low <= average_s <= stats[name].high for name, average_s in published_s.items()]
    assert np.mean(is_inside) >= 0.9


def test_boroughs_stand_in_the_published_order(
    boroughs_2017: dict[str, Figures], published_s: dict[str, float]
) -> None:
    ours = [boroughs_2017[name][0].stat.value for name in published_s]
    assert np.corrcoef(ours, list(published_s.values()))[0, 1] > 0.93


def test_real_records_of_2017_reach_what_was_published(winter_2017: Examples) -> None:
    found = figures(rows_until(winter_2017, date(2017, 2, 28)))
    assert [figure.stat.value for figure in found] == [
        pytest.approx(318.2, abs=4),
        pytest.approx(0.964, abs=0.004),
        pytest.approx(0.983, abs=0.004),
        pytest.approx(399.1, abs=4),
    ]


def test_a_whole_month_of_real_records_is_chosen(winter_2017: Examples) -> None:
    assert newest_month(winter_2017, known_until(winter_2017, date(2017, 4, 20))) == Month(2017, 2)


def test_a_month_that_has_only_begun_is_not(winter_2017: Examples) -> None:
    assert newest_month(winter_2017, known_until(winter_2017, date(2017, 2, 10))) == Month(2017, 1)


def test_a_sample_of_real_records_is_told_as_one(sample_2023: Path, tmp_path: Path) -> None:
    at = datetime(2024, 3, 1, tzinfo=UTC)
    page = page_of(f"sqlite:///{tmp_path}/sample.db", tmp_path, sample_2023, Month(2023, 6), at)
    counted = re.search(r"of ([\d,]+) incidents of the month", page)
    assert ("A SAMPLE." in page, "Arrivals in the sample" in page, counted) == (True, True, None)


def test_a_sample_of_2023_reaches_what_was_published(sample_2023: Path) -> None:
    found = figures(rows_until(load_examples(sample_2023), date(2023, 12, 31)))
    assert [figure.stat.value for figure in found] == [
        pytest.approx(316.9, abs=5),
        pytest.approx(0.966, abs=0.006),
        pytest.approx(0.987, abs=0.006),
        pytest.approx(404.4, abs=8),
    ]
