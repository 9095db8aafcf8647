"""`londonpump calendar import` stores whole years, and keeps a stored year unless it is to be replaced."""

from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from londonpump.cli import app
from londonpump.domain.columns import SchoolHoliday
from londonpump.lifecycle.import_files import import_calendar
from londonpump.persistence.database import open_database
from londonpump.persistence.repositories.context import (
    read_school_holidays,
    school_years,
    store_school_holidays,
)
from londonpump.settings import Settings

SPANS = """kind,start,end
holiday,2022-12-19,2023-01-02
half_term,2023-02-13,2023-02-17
holiday,2023-04-03,2023-04-14
half_term,2023-05-29,2023-06-02
holiday,2023-07-24,2023-09-01
half_term,2023-10-23,2023-10-27
holiday,2023-12-21,2024-01-05
"""
LONGER = SPANS.replace("2023-10-27", "2023-11-03")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "holidays.csv"
    path.write_text(SPANS, encoding="utf-8")
    return path


def run(*arguments: object):
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, [str(argument) for argument in arguments])


def stored() -> list[date]:
    engine = open_database(Settings().database)
    days = [holiday.day for holiday in read_school_holidays(engine)]
    engine.dispose()
    return days


def test_the_years_of_a_file_are_added_and_told(own_home, file) -> None:
    result = run("calendar", "import", file)
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "Added 2023: 63 weekdays without school.",
        "Left out 2022, 2024: the file does not cover the whole year.",
    ]
    assert len(stored()) == 63


def test_the_same_file_again_changes_nothing(own_home, file) -> None:
    run("calendar", "import", file)
    before = stored()
    result = run("calendar", "import", file)
    assert result.exit_code == 0
    assert stored() == before


def test_a_year_is_replaced_when_that_is_asked_for(own_home, file) -> None:
    run("calendar", "import", file)
    file.write_text(LONGER, encoding="utf-8")
    result = run("calendar", "import", file, "--replace")
    assert "Replaced 2023: 68 weekdays without school." in result.stdout
    assert date(2023, 11, 3) in stored()


def test_a_wrong_file_ends_in_2_and_leaves_what_is_there(own_home, file) -> None:
    run("calendar", "import", file)
    before = stored()
    file.write_text(LONGER.replace("2023-10-23", "2023-13-23"), encoding="utf-8")
    result = run("calendar", "import", file, "--replace")
    assert result.exit_code == 2
    assert result.stderr.startswith("londonpump: ")
    assert "start is '2023-13-23' in row 6" in result.stderr
    assert stored() == before


def test_a_year_of_another_source_stays_unless_it_is_to_be_replaced(engine, file) -> None:
    page = [SchoolHoliday(date(2023, 1, 2), "borough page"), SchoolHoliday(date(2022, 1, 3), "borough page")]
    store_school_holidays(engine, page)
    reported = import_calendar(engine, file, is_replacing=False)
    assert reported[0] == "Kept 2023 as it was; --replace overwrites it with this file."
    assert read_school_holidays(engine) == sorted(page, key=lambda holiday: holiday.day)


def test_a_replaced_year_leaves_the_others(engine, file) -> None:
    page = [SchoolHoliday(date(2023, 1, 3), "borough page"), SchoolHoliday(date(2022, 1, 3), "borough page")]
    store_school_holidays(engine, page)
    import_calendar(engine, file, is_replacing=True)
    days = {holiday.day for holiday in read_school_holidays(engine)}
    assert date(2022, 1, 3) in days
    assert date(2023, 1, 3) not in days
    assert school_years(engine) == {2022, 2023}
