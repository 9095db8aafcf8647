"""A list of stations by hand: its columns, and what is refused by row and column."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from londonpump.domain.errors import BadFile
from londonpump.domain.stations import by_code, known_stations
from londonpump.ingest.station_file import read_stations

KNOWN = by_code(known_stations())
DEGREES = "code,name,latitude,longitude\n"
GRID = "code,name,easting_m,northing_m\n"
Write = Callable[[str], Path]


@pytest.fixture
def file(tmp_path: Path) -> Write:
    def write(text: str) -> Path:
        path = tmp_path / "stations.csv"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def one(file: Write, columns: str, values: str):
    return read_stations(
        file(f"code,name,easting_m,northing_m,{columns}\nA24,Soho,529861,180939,{values}\n")
    )[0]


def test_a_place_in_degrees_is_put_on_the_grid(file) -> None:
    (soho,) = read_stations(file(DEGREES + "A24,Soho,51.512462,-0.130084\n"))
    assert abs(soho.easting_m - KNOWN["A24"].easting_m) < 20
    assert abs(soho.northing_m - KNOWN["A24"].northing_m) < 20


def test_a_place_on_the_grid_is_taken_as_it_is(file) -> None:
    (soho,) = read_stations(file(GRID + "A24,Soho,529861.5,180939\n"))
    assert (soho.easting_m, soho.northing_m) == (529_861.5, 180_939.0)


def test_what_has_no_column_stays_as_known_of_the_code(file) -> None:
    (bow,) = read_stations(file(GRID + "F27,Bow,537000,183000\n"))
    known = KNOWN["F27"]
    assert (bow.status, bow.closed_date, bow.pumps) == ("closed", known.closed_date, known.pumps)


def test_a_code_nobody_knows_is_over_the_border_unless_the_file_says_otherwise(file) -> None:
    rows = "code,name,easting_m,northing_m,status\nX1,Here,530000,180000,open\nX2,There,530000,180000,\n"
    assert [station.status for station in read_stations(file(rows))] == ["open", "border"]


@pytest.mark.parametrize("text", ["2025-03-01", "01/03/2025"])
def test_dates_are_read_in_either_form(file, text) -> None:
    station = one(file, "opened_date,closed_date", f"{text},")
    assert (station.opened_date, station.closed_date) == (date(2025, 3, 1), None)


@pytest.mark.parametrize(
    ("text", "pumps"), [("2", (2, 2, 2)), ("2 1 0", (2, 1, 0)), ("", KNOWN["A24"].pumps)]
)
def test_pumps_are_one_number_or_one_a_fleet(file, text, pumps) -> None:
    assert one(file, "pumps", text).pumps == pumps


def test_a_station_that_the_file_calls_open_has_opened_again(file) -> None:
    rows = "code,name,easting_m,northing_m,status\nF27,Bow,537000,183000,open\n"
    (bow,) = read_stations(file(rows))
    assert bow.is_open_on(date(2026, 1, 1))


def test_a_mark_at_the_start_of_the_file_is_no_part_of_its_first_column(tmp_path) -> None:
    path = tmp_path / "stations.csv"
    path.write_bytes(b"\xef\xbb\xbf" + (GRID + "A24,Soho,529861,180939\n").encode())
    assert read_stations(path)[0].code == "A24"


def more(columns: str, values: str) -> str:
    return f"code,name,easting_m,northing_m,{columns}\nA24,Soho,529861,180939,{values}\n"


REJECTED = {
    "nothing": ("", "it is empty"),
    "a header alone": (GRID, "has no rows"),
    "no place": ("code,name\nA24,Soho\n", "has no column latitude"),
    "half a place": ("code,name,easting_m\nA24,Soho,529861\n", "has no column northing_m"),
    "a column twice": ("code,name,latitude,longitude,code\nA24,Soho,51.5,-0.1,A24\n", "has two columns code"),
    "a short row": (GRID + "A24,Soho,529861\n", "has 3 fields in row 1 and 4 in its header"),
    "an open quote": (GRID + 'A24,"Soho,529861,180939\n', "cannot be read as csv"),
    "an empty cell": (GRID + "A24,,529861,180939\n", "column name is empty in row 1"),
    "a code twice": (GRID + "A24,Soho,529861,180939\nA24,Ohos,1,2\n", "code 'A24' is used 2 times"),
    "a name twice": (GRID + "A24,Soho,529861,180939\nA25,Soho,1,2\n", "name 'Soho' is used 2 times"),
    "a code that is none": (GRID + "Soho!,Soho,529861,180939\n", "column code is 'Soho!' in row 1"),
    "no number": (GRID + "A24,Soho,here,180939\n", "column easting_m is 'here' in row 1"),
    "not a number": (GRID + "A24,Soho,inf,180939\n", "column easting_m goes beyond"),
    "a null marker": (GRID + "A24,Soho,nan,180939\n", "column easting_m is empty in row 1"),
    "Paris": (DEGREES + "A24,Soho,48.85,2.35\n", "column latitude goes beyond 49.0 to 61.0 degrees in row 1"),
    "degrees swapped": (DEGREES + "A24,Soho,-0.13,51.5\n", "column latitude goes beyond"),
    "another status": (more("status", "asleep"), "column status is 'asleep' in row 1"),
    "closed some day": (more("status", "closed"), "is closed without a closed_date"),
    "a date that is none": (more("opened_date", "2025-02-30"), "opened_date is '2025-02-30' in row 1"),
    "closed before opened": (
        more("opened_date,closed_date", "2025-03-01,2025-03-01"),
        "the station of row 1 closes before it opens",
    ),
    "many pumps": (more("pumps", "12"), "column pumps is '12' in row 1"),
    "two numbers of pumps": (more("pumps", "1 2"), "column pumps is '1 2' in row 1"),
}


@pytest.mark.parametrize(("text", "problem"), REJECTED.values(), ids=REJECTED)
def test_a_wrong_list_is_refused_with_what_is_wrong(file, text, problem) -> None:
    with pytest.raises(BadFile, match=problem) as caught:
        read_stations(file(text))
    assert "stations.csv" in str(caught.value)


def test_a_list_that_is_not_there_is_refused(tmp_path) -> None:
    with pytest.raises(BadFile, match="is not there"):
        read_stations(tmp_path / "absent.csv")


def test_a_list_that_is_no_text_is_refused(tmp_path) -> None:
    path = tmp_path / "stations.csv"
    path.write_bytes((GRID + "A24,Caf\u00e9,529861,180939\n").encode("cp1252") + b"\x81\x8d")
    with pytest.raises(BadFile, match="neither UTF-8 nor Windows-1252"):
        read_stations(path)
