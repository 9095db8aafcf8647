"""School holidays by hand: days or spans, and only the calendar years that a file tells whole."""

import csv
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from londonpump.domain.errors import BadFile
from londonpump.ingest.school_holidays import read_calendar

CALENDAR = Path(__file__).resolve().parents[3] / "../shared/data/calendar"
needs_calendar = pytest.mark.skipif(not CALENDAR.exists(), reason="the shared calendar is not there")
SPANS_2023 = """kind,start,end
holiday,2022-12-19,2023-01-02
half_term,2023-02-13,2023-02-17
holiday,2023-04-03,2023-04-14
half_term,2023-05-29,2023-06-02
holiday,2023-07-24,2023-09-01
half_term,2023-10-23,2023-10-27
holiday,2023-12-21,2024-01-05
"""
Write = Callable[[str], Path]


@pytest.fixture
def file(tmp_path: Path) -> Write:
    def write(text: str) -> Path:
        path = tmp_path / "holidays.csv"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def listed(days, column: str = "date", form: str = "%Y-%m-%d") -> str:
    return "\n".join([column, *(day.strftime(form) for day in days)]) + "\n"


def test_spans_have_school_on_neither_of_their_ends(file) -> None:
    days = [holiday.day for holiday in read_calendar(file(SPANS_2023)).holidays]
    assert {date(2023, 2, 13), date(2023, 2, 17), date(2023, 9, 1), date(2023, 12, 21)} <= set(days)
    assert not {date(2023, 2, 10), date(2023, 2, 20), date(2023, 9, 4), date(2023, 12, 20)} & set(days)


def test_a_year_that_is_told_in_part_is_left_out(file) -> None:
    calendar = read_calendar(file(SPANS_2023))
    assert (calendar.years, calendar.incomplete_years) == ((2023,), (2022, 2024))
    assert {holiday.day.year for holiday in calendar.holidays} == {2023}


def test_only_weekdays_are_given(file) -> None:
    assert {holiday.day.weekday() for holiday in read_calendar(file(SPANS_2023)).holidays} == {0, 1, 2, 3, 4}


def test_the_end_of_a_term_and_the_start_of_the_next_enclose_a_holiday(file) -> None:
    by_terms = SPANS_2023.replace(
        "holiday,2023-07-24,2023-09-01", "term_end,2023-07-21,2023-07-21\nterm_start,2023-09-04,2023-09-04"
    )
    assert read_calendar(file(by_terms)) == read_calendar(file(SPANS_2023))


def test_the_end_of_a_term_alone_leaves_open_what_follows(file) -> None:
    left_open = SPANS_2023.replace("holiday,2023-07-24,2023-09-01", "term_end,2023-07-21,")
    with pytest.raises(BadFile, match="no complete calendar year"):
        read_calendar(file(left_open))


@pytest.mark.parametrize(
    ("column", "form"), [("date", "%Y-%m-%d"), ("date", "%d/%m/%Y"), ("true_london_date", "%Y-%m-%d")]
)
def test_days_may_be_listed_one_by_one(file, column, form) -> None:
    days = [holiday.day for holiday in read_calendar(file(SPANS_2023)).holidays]
    calendar = read_calendar(file(listed(days, column, form)))
    assert [holiday.day for holiday in calendar.holidays] == days


def test_days_of_weekends_are_counted_and_left_out(file) -> None:
    days = [holiday.day for holiday in read_calendar(file(SPANS_2023)).holidays]
    calendar = read_calendar(file(listed([*days, date(2023, 7, 29), date(2023, 7, 30)])))
    assert calendar.n_weekend_days == 2
    assert [holiday.day for holiday in calendar.holidays] == days


REJECTED = {
    "no column": ("day\n2023-01-02\n", "has no column kind"),
    "no rows": ("date\n", "has no rows"),
    "a day that is none": ("date\n2023-02-30\n", "column date is '2023-02-30' in row 1, which is no day"),
    "a day of all years": (
        "kind,start,end\nterm_end,9999-12-31,\n",
        "column start is '9999-12-31' in row 1, outside",
    ),
    "a day of the year one": (
        "date\n2023-01-02\n0001-01-02\n",
        "column date is '0001-01-02' in row 2, outside",
    ),
    "an American day": ("date\n05/30/2022\n", "is no day"),
    "an empty start": ("kind,start,end\nholiday,,2023-01-02\n", "column start is '' in row 1"),
    "another kind": ("kind,start,end\nfeast,2023-01-02,2023-01-02\n", "column kind is 'feast' in row 1"),
    "backwards": ("kind,start,end\nholiday,2023-01-05,2023-01-02\n", "row 1 ends on 02 January 2023"),
    "a year of holidays": ("kind,start,end\nholiday,2023-06-01,2024-06-01\n", "more than"),
    "a part of a year": (
        "date\n2023-05-30\n",
        "covers 30 May 2023 to 30 May 2023, but no complete calendar year",
    ),
    "a year without its half-term": (
        SPANS_2023.replace("half_term,2023-05-29,2023-06-02\n", ""),
        "2023 lacks May half-term",
    ),
}


@pytest.mark.parametrize(("text", "problem"), REJECTED.values(), ids=REJECTED)
def test_a_wrong_file_is_refused_with_what_is_wrong(file, text, problem) -> None:
    with pytest.raises(BadFile, match=problem) as caught:
        read_calendar(file(text))
    assert "holidays.csv" in str(caught.value)


@needs_calendar
def test_the_boroughs_days_of_2020_to_2022_are_all_read() -> None:
    path = CALENDAR / "school_holidays_barking_dagenham.csv"
    with path.open(encoding="utf-8") as rows:
        published = {date.fromisoformat(row["date"]) for row in csv.DictReader(rows)}
    calendar = read_calendar(path)
    assert calendar.years == (2020, 2021, 2022)
    assert {h.day for h in calendar.holidays} == {day for day in published if day.weekday() < 5}


@needs_calendar
def test_one_school_year_tells_no_calendar_year() -> None:
    with pytest.raises(
        BadFile, match=r"23 October 2023 to 25 July 2024.*Put the school year before or after"
    ):
        read_calendar(CALENDAR / "term_dates_2023_24_barking_school.csv")
