"""The written files are complete, have the same bytes each time, and the published columns."""

import csv
import json
from datetime import date
from pathlib import Path

import fastexcel
import pytest

from londonpump.domain.errors import BadFile
from londonpump.simulation.plan import SimulationPlan
from londonpump.simulation.simulate import write_simulation

SHARED = Path(__file__).resolve().parents[3] / "../shared/data"
VINTAGE_HEADS = {
    "2009-14": ("vintages/incidents_2009_head.csv", "vintages/mobilisations_2009_head.csv"),
    "2021-24": ("incidents_real_sample_b.csv", "vintages/mobilisations_2021_csv_head.csv"),
    "2025": ("incidents_real_sample.csv", "vintages/mobilisations_2025_csv_head.csv"),
}
SMALL = SimulationPlan(incidents=300, days=2, seed=5)


def rows_of(path):
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def header_of(path):
    with path.open(encoding="utf-8-sig", newline="") as file:
        return next(csv.reader(file))


def written(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_the_same_plan_writes_the_same_bytes(tmp_path):
    write_simulation(SMALL, tmp_path / "once")
    write_simulation(SMALL, tmp_path / "again")
    assert written(tmp_path / "once") == written(tmp_path / "again")


def test_the_same_plan_writes_the_same_spreadsheet(tmp_path):
    plan = SimulationPlan(incidents=60, days=1, file_format="xlsx")
    write_simulation(plan, tmp_path / "once")
    write_simulation(plan, tmp_path / "again")
    assert written(tmp_path / "once") == written(tmp_path / "again")


def test_another_seed_is_another_year(tmp_path):
    write_simulation(SMALL, tmp_path / "one")
    write_simulation(SimulationPlan(incidents=300, days=2, seed=6), tmp_path / "other")
    assert written(tmp_path / "one")["incidents.csv"] != written(tmp_path / "other")["incidents.csv"]


def test_the_folder_holds_every_file_and_nothing_half_written(tmp_path):
    write_simulation(SMALL, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "faults.json",
        "incidents.csv",
        "mobilisations.csv",
        "report.json",
        "report.md",
        "school_holidays.csv",
        "stations.csv",
        "traffic_index.csv",
        "weather_hourly.csv",
    ]


def test_a_folder_that_is_a_file_is_refused_with_advice(tmp_path):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(BadFile, match="Give a folder"):
        write_simulation(SMALL, tmp_path / "taken")


def test_a_single_incident_can_be_simulated(tmp_path):
    report = write_simulation(SimulationPlan(incidents=1, days=1, is_clean=True), tmp_path)
    assert report.rows["incidents"] == 1


def test_progress_ends_at_the_whole(tmp_path):
    progress_messages = []
    write_simulation(SMALL, tmp_path, lambda step, share: progress_messages.append(share))
    assert progress_messages == sorted(progress_messages)
    assert progress_messages[-1] == 1.0


def test_columns_stand_as_in_the_published_files(spoiled):
    folder, _, plan = spoiled
    incidents, mobilisations = (SHARED / name for name in VINTAGE_HEADS[plan.vintage])
    if not incidents.exists():
        pytest.skip("the real heads of the published files are not here")
    found = header_of(folder / "incidents.csv")
    assert [name.replace("PumpHoursRoundUp", "PumpMinutesRounded") for name in found] == header_of(incidents)
    assert header_of(folder / "mobilisations.csv") == header_of(mobilisations)


@pytest.mark.parametrize(
    "name", ["stations.csv", "school_holidays.csv", "weather_hourly.csv.gz", "traffic_index.csv.gz"]
)
def test_context_tables_have_the_expected_columns(spoiled, name):
    columns = {
        "stations.csv": "code,name,latitude,longitude",
        "school_holidays.csv": "stored_utc,string_given_to_add_holidays,date_the_seed_ends_up_with,true_london_date",
        "weather_hourly.csv.gz": "temp,precip,cloudcover,visibility,conditions,icon,date",
        "traffic_index.csv.gz": "congestion,hour,day_nb,day,year",
    }
    assert ",".join(header_of(spoiled[0] / name.removesuffix(".gz"))) == columns[name]


def test_reported_rows_are_the_rows_written(spoiled):
    folder, report, _ = spoiled
    assert len(rows_of(folder / "incidents.csv")) == report.rows["incidents"]
    assert len(rows_of(folder / "mobilisations.csv")) == report.rows["mobilisations"]


def test_nothing_longer_than_the_published_maximum(clean_month):
    assert clean_month.records.dispatches.attendance_s.max() <= 1200


def test_rounded_coordinates_are_the_centre_of_their_square(clean_month):
    east = [int(x) for x in clean_month.incidents["Easting_rounded"].to_pylist()]
    assert {x % 100 for x in east} == {50}
    exact = clean_month.incidents["Easting_m"].to_pylist()
    assert [int(float(e)) // 100 for e in exact if e] == [
        x // 100 for x, e in zip(east, exact, strict=True) if e
    ]


def test_homes_have_no_exact_place(clean_month):
    category, east = (clean_month.incidents[c].to_pylist() for c in ("PropertyCategory", "Easting_m"))
    assert {e for c, e in zip(category, east, strict=True) if c == "Dwelling"} == {None}


def test_a_spreadsheet_holds_dates_with_seconds(tmp_path):
    plan = SimulationPlan(incidents=60, days=1, file_format="xlsx", is_clean=True, start=date(2023, 6, 1))
    report = write_simulation(plan, tmp_path)
    table = fastexcel.read_excel(str(report.files["mobilisations"])).load_sheet(0).to_arrow()
    assert "timestamp" in str(table.schema.field("DateAndTimeArrived").type)
    assert "double" in str(table.schema.field("AttendanceTimeSeconds").type)
    assert table.num_rows == report.rows["mobilisations"]


def test_the_report_names_every_figure_beside_the_real_one(spoiled):
    report = json.loads((spoiled[0] / "report.json").read_text("utf-8"))
    assert report["simulated"] is True
    first = next(figure for figure in report["figures"] if figure["name"] == "first pump mean")
    assert first["real"] == 316.9
    assert first["difference"] == pytest.approx(first["simulated"] - 316.9, abs=0.01)
