"""Issue 11, B8, B6 and B10: every file made by hand is read like the published ones."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from londonpump.domain.errors import BadFile
from londonpump.ingest import context_csv
from londonpump.ingest.school_holidays import read_calendar
from londonpump.ingest.station_file import read_stations
from londonpump.ingest.user_csv import read_rows, read_table

STATIONS = "code,name,latitude,longitude\nA24,Soho,51.512462,-0.130084\nA30,Islington,51.540439,-0.102127\n"
WEATHER = "temp,precip,cloudcover,visibility,conditions,date\n9.5,0.2,50,9.25,Rain,2022-05-01 09\n9.5,,50.5,9,,2022-05-01 10\n"
TRAFFIC = "year,day_nb,hour,congestion\n2022,1,3,0.25\n2022,2,3,0.5\n"
HOLIDAYS = "date\n2022-05-30\n2022-05-31\n"
SPANS = """kind,start,end
holiday,2022-12-19,2023-01-02
half_term,2023-02-13,2023-02-17
holiday,2023-04-03,2023-04-14
half_term,2023-05-29,2023-06-02
holiday,2023-07-24,2023-09-01
half_term,2023-10-23,2023-10-27
holiday,2023-12-21,2024-01-05
"""


def _traffic(path: Path) -> tuple[list[int], list[float]]:
    weeks = context_csv.read_traffic(path)
    return weeks.keys.tolist(), weeks.congestion_rate.tolist()


READERS: dict[str, tuple[str, Callable[[Path], Any]]] = {
    "stations": (STATIONS, read_stations),
    "weather": (WEATHER, context_csv.read_weather),
    "traffic": (TRAFFIC, _traffic),
    "school holidays": (HOLIDAYS, context_csv.read_school_holidays),
    "calendar": (SPANS, read_calendar),
}


def semicolons(text: str) -> str:
    return text.replace(",", ";").replace(".", ",")


def wider(text: str) -> str:
    return "".join(f"{line},,\n" for line in text.splitlines()) + ",,,,,\n,,,\n"


def joined(text: str) -> str:
    header, rest = text.split("\n", 1)
    first, others = rest.split("\n", 1)
    return f"{header}\n{first}\n\ufeff{header}\n{others}"


def capitals(text: str) -> str:
    header, rest = text.split("\n", 1)
    return " , ".join(header.upper().split(",")) + "\n" + rest


SAVED: dict[str, Callable[[str], bytes]] = {
    "with a byte order mark": lambda text: text.encode("utf-8-sig"),
    "as UTF-16": lambda text: text.replace(",", "\t").encode("utf-16"),
    "by a European Excel": lambda text: semicolons(text).encode("cp1252"),
    "with a separator line": lambda text: ("sep=;\r\n" + semicolons(text).replace("\n", "\r\n")).encode(),
    "with empty columns and lines at the end": lambda text: wider(text).encode(),
    "joined of two": lambda text: joined(text).encode(),
    "with names in capitals and blanks": lambda text: capitals(text).encode(),
    "with carriage returns alone": lambda text: text.replace("\n", "\r").encode(),
    "with no-break spaces": lambda text: text.replace(",", "\u00a0,").encode(),
}


@pytest.mark.parametrize("save", SAVED.values(), ids=SAVED)
@pytest.mark.parametrize("saved_as", READERS)
def test_every_file_by_hand_reads_the_same_however_it_was_saved(tmp_path, saved_as, save) -> None:
    text, read = READERS[saved_as]
    plain, other = tmp_path / "plain.csv", tmp_path / "other.csv"
    plain.write_text(text)
    other.write_bytes(save(text))
    assert read(other) == read(plain)


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "given.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_windows_letters_are_read(tmp_path) -> None:
    path = tmp_path / "stations.csv"
    path.write_bytes("code;name;latitude;longitude\nX1;Café;51,5;-0,125\n".encode("cp1252"))
    (station,) = read_stations(path)
    assert station.name == "Café"


def test_what_was_found_is_told(tmp_path) -> None:
    found = read_table(written(tmp_path, joined(semicolons(TRAFFIC))), ("congestion",)).found
    assert (found.separator, found.decimal, found.n_headers) == (";", ",", 1)


@pytest.mark.parametrize("marker", ["NA", "N/A", "#N/A", "<NA>", "NaN", "NULL", r"\N", "-", "None"])
def test_null_markers_are_empty(tmp_path, marker) -> None:
    _, rows = read_rows(written(tmp_path, f"a,b\n{marker},x\n"))
    assert rows == [{"a": "", "b": "x"}]


def test_an_error_of_excel_is_refused_with_its_row(tmp_path) -> None:
    with pytest.raises(BadFile, match="column b is '#VALUE!' in row 2, an error of Excel"):
        read_rows(written(tmp_path, "a,b\n1,2\n1,#VALUE!\n"))


WRONG = {
    "a comma that may separate thousands": (
        "code;easting_m\nA;518,650\n",
        "'518,650' in column easting_m, row 1",
    ),
    "two marks": ("code;easting_m\nA;518650,5\nB;518.650\n", "some numbers have a decimal comma"),
    "two separators": ("code,name;easting_m\nA,b;1\n", "it is not clear whether its fields are separated"),
    "a workbook": ("PK\x03\x04", "damaged"),
    "a column in the middle without a name": ("code,,easting_m\nA,b,1\n", "column 2 has no name"),
}


@pytest.mark.parametrize(("text", "problem"), WRONG.values(), ids=WRONG)
def test_what_may_mean_two_things_is_refused(tmp_path, text, problem) -> None:
    with pytest.raises(BadFile, match=problem):
        read_rows(written(tmp_path, text), ("easting_m",))


def test_a_day_with_points_is_day_first(tmp_path) -> None:
    days = context_csv.read_school_holidays(written(tmp_path, "date\n01.06.2022\n02.06.2022\n"))
    assert [holiday.day for holiday in days] == [date(2022, 6, 1), date(2022, 6, 2)]


def test_a_rounded_place_of_a_station_is_refused(tmp_path) -> None:
    path = written(tmp_path, "code,name,easting_m,northing_m\nX1,Here,5.21E+05,186250\n")
    with pytest.raises(BadFile, match=r"'5\.21E\+05' in row 1: it was rounded by scientific notation"):
        read_stations(path)


def test_a_place_of_a_station_with_all_its_digits_is_read(tmp_path) -> None:
    path = written(tmp_path, "code,name,easting_m,northing_m\nX1,Here,5.18650E+05,186250\n")
    assert read_stations(path)[0].easting_m == 518_650
