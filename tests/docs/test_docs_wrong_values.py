"""Each wrong value in the table of docs/reference/calls-csv.md gets the answer that the table states."""

import csv
import io
import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.documented_commands import ROOT, run

SOUND = {
    "id": "1",
    "mobilised_at": "2024-01-15T08:00Z",
    "station_code": "G30",
    "easting_m": "518650",
    "northing_m": "186250",
}
NUMBERS = ("mean_s", "p10_s", "p50_s", "p90_s", "p_over_360", "p_over_480", "p_over_600", "pumps_needed")


@dataclass(frozen=True)
class Case:
    """One row of the table."""

    what: str
    column: str
    value: str
    answer: str


def stated_cases() -> list[Case]:
    """The rows of the table, without the marks of code."""
    page = (ROOT / "docs" / "reference" / "calls-csv.md").read_text(encoding="utf-8")
    rows = (
        page.split("| What | Column | Value | Answer |\n|---|---|---|---|\n")[1].split("\n\n")[0].splitlines()
    )
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    return [Case(what, column.strip("`"), value.strip("`"), answer) for what, column, value, answer in cells]


def answered(case: dict[str, str]) -> tuple[int, dict[str, str]]:
    """(exit code, row of PREDICTIONS.csv) of one call beside a sound one."""
    rows = [case, {**dict.fromkeys(case, ""), **SOUND, "id": "sound"}]
    with Path("asked.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(case))
        writer.writeheader()
        writer.writerows(rows)
    code, _ = run("londonpump predict bundle --input asked.csv --out answers.csv")
    first, second = csv.DictReader(io.StringIO(Path("answers.csv").read_text(encoding="utf-8")))
    assert second["error"] == ""
    return code, first


@pytest.mark.parametrize("case", stated_cases(), ids=lambda case: case.what)
def test_a_wrong_value_gets_the_answer_that_is_stated(case: Case, docs_folder: Path) -> None:
    code, row = answered({**SOUND, case.column: case.value})
    stated = re.findall(r"`([^`]+)`", case.answer)
    is_error = case.answer.startswith("error")
    assert code == int(is_error)
    assert all(bool(row[name]) != is_error for name in NUMBERS)
    assert all(text in row["error" if is_error else "imputed"] for text in stated)


def test_the_table_has_its_rows() -> None:
    assert len(stated_cases()) >= 20


def test_degrees_are_told_from_metres(docs_folder: Path) -> None:
    code, row = answered({**SOUND, "easting_m": "0.25", "northing_m": "51.5"})
    assert code == 1
    assert "looks like degrees. Give metres of the National Grid" in row["error"]


def test_a_station_before_it_closed_is_answered_and_labelled(docs_folder: Path) -> None:
    code, row = answered({**SOUND, "station_code": "A25", "mobilised_at": "2013-01-15T08:00Z"})
    assert code == 0
    assert "station=unknown" in row["imputed"].split(";")


def test_a_negative_longitude_is_refused(docs_folder: Path) -> None:
    code, row = answered({**SOUND, "easting_m": "-0.25", "northing_m": "51.5"})
    assert code == 1
    assert row["error"].startswith("easting_m")


def test_far_outside_nothing_is_claimed_beyond_the_records(docs_folder: Path) -> None:
    code, row = answered({**SOUND, "northing_m": "434000"})
    assert (code, [row[name] for name in ("p50_s", "p90_s")]) == (1, ["", ""])
    assert "km from the nearest station of London" in row["error"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"id,mobilised_at,station_code,easting_m\n1,2024-01-15T08:00Z,G30,5\n", "has no column northing_m"),
        (b"id|mobilised_at|station_code|easting_m|northing_m\n1|2|G30|3|4\n", "has no column id"),
        (b"", "is empty"),
        (b"id,mobilised_at,station_code,easting_m,northing_m\n", "has no rows"),
        (b"id,mobilised_at,station_code,easting_m,northing_m,id\n1,2,3,4,5,6\n", "has two columns id"),
        (
            b"id,mobilised_at,station_code,easting_m,northing_m,caf\x81\n1,2,3,4,5,6\n",
            "neither UTF-8 nor Windows-1252",
        ),
        (b'id,mobilised_at,station_code,easting_m,northing_m\n"1,2,G30,4,5\n', "is not CSV"),
    ],
    ids=[
        "missing column",
        "wrong delimiter",
        "empty",
        "no rows",
        "column twice",
        "no known encoding",
        "open quote",
    ],
)
def test_a_wrong_file_is_refused_and_nothing_written(content: bytes, message: str, docs_folder: Path) -> None:
    Path("asked.csv").write_bytes(content)
    code, output = run("londonpump predict bundle --input asked.csv --out answers.csv")
    assert code == 2
    assert message in output
    assert not Path("answers.csv").exists()


def test_the_calls_are_never_overwritten_by_their_answers(docs_folder: Path) -> None:
    before = Path("calls.csv").read_bytes()
    code, output = run("londonpump predict bundle --input calls.csv --out calls.csv")
    assert code == 2
    assert "holds the calls themselves" in output
    assert Path("calls.csv").read_bytes() == before
