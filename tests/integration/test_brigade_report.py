"""The report on the Brigade from published records alone, against the same figures computed in another way."""

import csv
from collections import defaultdict
from datetime import date
from pathlib import Path
from statistics import mean

import pytest
from typer.testing import CliRunner

from londonpump.cli import app
from londonpump.domain.errors import BadFile, BadValue
from londonpump.lifecycle.brigade_report import ReportRequest, report
from londonpump.lifecycle.prepare import ChosenRecords

SHARED = Path(__file__).resolve().parents[2] / "../shared/data"
needs_data = pytest.mark.skipif(not SHARED.exists(), reason="the shared real records are not there")
Row = dict[str, str]


def rows_of(path: Path) -> list[Row]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def simulated(small_raw: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of the small Brigade, with its tables."""
    folder = tmp_path_factory.mktemp("report")
    records = ChosenRecords((small_raw["incidents"],), (small_raw["mobilisations"],))
    report(ReportRequest(records, folder / "page.html", folder / "tables", date(2023, 3, 15)))
    return folder


def test_the_command_needs_no_model_and_no_database(own_home: Path, small_raw: dict[str, Path]) -> None:
    done = CliRunner().invoke(
        app, ["report", "--incidents", str(small_raw["incidents"]), "--tables", "tables"]
    )
    assert (done.exit_code, own_home.exists()) == (0, False)
    assert "The Brigade against its targets</h1>" in Path("brigade.html").read_text()


def test_a_simulated_brigade_says_so(simulated: Path) -> None:
    assert "SIMULATED." in (simulated / "page.html").read_text()


def test_the_page_names_the_licence_and_loads_nothing(simulated: Path) -> None:
    page = (simulated / "page.html").read_text()
    assert ("Open Government Licence v3.0" in page, "<script" in page, 'src="http' in page) == (
        True,
        False,
        False,
    )


def test_before_and_after_claims_no_cause_and_says_what_was_paired(simulated: Path) -> None:
    page = (simulated / "page.html").read_text()
    assert ("This is not a proof of a cause." in page, "Before and after 15 March 2023" in page) == (
        True,
        True,
    )


def test_busy_time_is_the_time_until_leaving_or_the_next_mobilisation(simulated: Path) -> None:
    busy = rows_of(simulated / "tables/busy_by_month.csv")
    assert len(busy) > 20
    for row in busy:
        # A pump cannot be busy for longer than the month.
        assert 0 <= float(row["busy_s"]) <= 31 * 86_400


def test_a_date_outside_the_records_is_rejected_and_nothing_is_written(
    small_raw: dict[str, Path], tmp_path: Path
) -> None:
    records = ChosenRecords((small_raw["incidents"],), ())
    with pytest.raises(BadValue, match="has no records on both sides"):
        report(ReportRequest(records, tmp_path / "page.html", tmp_path / "tables", date(2014, 1, 9)))
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_another_kind_is_not_overwritten(small_raw: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("mine")
    with pytest.raises(BadFile):
        report(ReportRequest(ChosenRecords((small_raw["incidents"],), ()), tmp_path / "page.html"))
    assert (tmp_path / "page.html").read_text() == "mine"


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tables of January and February 2017, every incident of London."""
    folder = tmp_path_factory.mktemp("report")
    records = ChosenRecords((SHARED / "incidents_2017_jan_feb.csv",), ())
    report(ReportRequest(records, folder / "page.html", folder / "tables"))
    return folder / "tables"


@needs_data
def test_january_and_february_2017_are_as_the_monthly_report_has_them(real: Path) -> None:
    """5:20 and 6:40 on average, 96.3 % within 10 min and 98.2 % within 12 min (docs/reference/monthly-report.md)."""
    london = rows_of(real / "london.csv")
    assert [float(row["All records, s"]) for row in london] == [320, 96.3, 98.2, 400]


@needs_data
def test_every_borough_and_month_is_the_mean_of_its_published_times(real: Path) -> None:
    times: dict[tuple[str, str], list[float]] = defaultdict(list)
    for row in rows_of(SHARED / "incidents_2017_jan_feb.csv"):
        time_s, station = (
            row["first_pump_arriving_attendance_time"],
            row["first_pump_arriving_deployed_from_station"],
        )
        if time_s and station and row["frs"] == "London":
            times[row["date_of_call"][:7], row["borough_name"].upper()].append(float(time_s))
    shown = {
        (row["month"], row["place"]): row
        for row in rows_of(real / "attendance_by_month.csv")
        if row["level"] == "borough"
    }
    assert set(shown) == {key for key in times if key[1] not in {"", "NOT GEO-CODED"}}
    for key, row in shown.items():
        # Cleaning rejects a few rows: duplicates and incomplete types.
        assert int(row["first_pump_on_average_arrivals"]) == pytest.approx(len(times[key]), abs=3)
        assert float(row["first_pump_on_average_s"]) == pytest.approx(mean(times[key]), abs=3)


@needs_data
def test_incidents_are_counted_once_by_group(real: Path) -> None:
    counted: dict[str, int] = defaultdict(int)
    for row in rows_of(real / "incidents_by_month.csv"):
        counted[row["incident_group"]] += int(row["incidents"])
    published: dict[str, int] = defaultdict(int)
    for row in rows_of(SHARED / "incidents_2017_jan_feb.csv"):
        published[row["incident_group"]] += row["frs"] == "London"
    for group, n in counted.items():
        assert n == pytest.approx(published[group], rel=0.005)
