"""The library's bank holidays held to GOV.UK's, and which of the two is used."""

import json
from datetime import date
from pathlib import Path

import pytest
from support.publisher_server import as_json, not_found, web_page

from londonpump.domain.columns import BankHoliday
from londonpump.domain.errors import SourceFailed
from londonpump.ingest.bank_holidays import (
    GOVUK,
    LIBRARY,
    check_bank_holidays,
    fetch_bank_holidays,
    library_days,
    parse_govuk,
)
from londonpump.ingest.http import Http
from londonpump.settings import Settings

CALENDAR = Path(__file__).resolve().parents[3] / "../shared/data/calendar"
needs_calendar = pytest.mark.skipif(not CALENDAR.exists(), reason="the shared calendar is not there")

YEAR_2031 = [
    ("2031-01-01", "New Year’s Day"),
    ("2031-04-11", "Good Friday"),
    ("2031-04-14", "Easter Monday"),
    ("2031-05-05", "Early May bank holiday"),
    ("2031-05-26", "Spring bank holiday"),
    ("2031-08-25", "Summer bank holiday"),
    ("2031-12-25", "Christmas Day"),
    ("2031-12-26", "Boxing Day"),
]


def answer_of(*events: tuple[str, str]) -> dict[str, object]:
    listed = [{"title": title, "date": day, "notes": "", "bunting": True} for day, title in events]
    return {"england-and-wales": {"division": "england-and-wales", "events": listed}, "scotland": {}}


def days_in(check, year: int) -> list[date]:
    return [day.day for day in check.days if day.day.year == year]


def test_where_both_agree_there_is_nothing_to_say() -> None:
    check = check_bank_holidays(parse_govuk(answer_of(*YEAR_2031)), library_days())
    assert check.differences == []
    assert days_in(check, 2031) == [date.fromisoformat(day) for day, _ in YEAR_2031]


def test_a_weekend_day_that_only_the_library_names_is_no_difference() -> None:
    # Christmas 2027 is a Saturday: GOV.UK lists the Monday and the Tuesday after
    events = [(day.replace("2031", "2027"), title) for day, title in YEAR_2031[:1]] + [
        ("2027-03-26", "Good Friday"),
        ("2027-03-29", "Easter Monday"),
        ("2027-05-03", "Early May bank holiday"),
        ("2027-05-31", "Spring bank holiday"),
        ("2027-08-30", "Summer bank holiday"),
        ("2027-12-27", "Christmas Day"),
        ("2027-12-28", "Boxing Day"),
    ]
    check = check_bank_holidays(parse_govuk(answer_of(*events)), library_days())
    assert date(2027, 12, 25) in {day.day for day in library_days()}
    assert check.differences == []


def test_a_one_off_that_the_library_does_not_know_is_taken_and_named() -> None:
    check = check_bank_holidays(
        parse_govuk(answer_of(*YEAR_2031, ("2031-06-10", "A jubilee"))), library_days()
    )
    assert check.differences == [
        "Tuesday 10 June 2031: GOV.UK has A jubilee, the library does not know it; taken as a bank holiday"
    ]
    assert BankHoliday(date(2031, 6, 10), "A jubilee", GOVUK) in check.days


def test_a_holiday_that_was_moved_is_none_on_its_old_day() -> None:
    moved = [("2031-06-05" if day == "2031-05-26" else day, title) for day, title in YEAR_2031]
    check = check_bank_holidays(parse_govuk(answer_of(*moved)), library_days())
    assert date(2031, 5, 26) not in days_in(check, 2031)
    assert date(2031, 6, 5) in days_in(check, 2031)
    assert [differences.split(":")[0] for differences in check.differences] == [
        "Thursday 05 June 2031",
        "Monday 26 May 2031",
    ]
    assert check.differences[1].endswith("GOV.UK does not list it; taken as a working day")


def test_a_year_that_is_listed_in_part_takes_no_day_away() -> None:
    listed = parse_govuk(answer_of(*YEAR_2031, ("2032-01-01", "New Year’s Day")))
    check = check_bank_holidays(listed, library_days())
    assert check.differences == []
    assert date(2032, 12, 27) in days_in(check, 2032)


def test_years_that_are_not_listed_are_the_librarys() -> None:
    check = check_bank_holidays(parse_govuk(answer_of(*YEAR_2031)), library_days())
    assert {day.source for day in check.days if day.day.year == 2031} == {GOVUK}
    assert {day.source for day in check.days if day.day.year != 2031} == {LIBRARY}
    assert {day.day.year for day in check.days} == set(range(2008, 2041))
    assert {day.day.year for day in check.announced} == {2031}


WRONG_ANSWERS = {
    "a list": ([], "no list of events"),
    "another division": ({"scotland": {"events": []}}, "no list of events"),
    "no events": (answer_of(), "lists 0 days"),
    "a part of a year": (answer_of(*YEAR_2031[:5]), "lists 5 days"),
    "an event without a date": (
        {"england-and-wales": {"events": [{"title": "New Year"}]}},
        "an event without a date",
    ),
    "a date that is none": (answer_of(*YEAR_2031, ("2031-02-30", "Leap")), "an event without a date"),
    "a name with half a character": (answer_of(*YEAR_2031, ("2031-07-01", "\ud800")), "an event without a"),
    "a name with a control": (answer_of(*YEAR_2031, ("2031-07-01", "Day\0")), "an event without a"),
    "a text for an event": ({"england-and-wales": {"events": ["2031-01-01"]}}, "an event without a date"),
}


def test_odd_spaces_in_a_name_are_plain_ones() -> None:
    days = parse_govuk(answer_of(*YEAR_2031, ("2031-07-01", " A\u00a0new\nday ")))
    assert [day.title for day in days if day.day == date(2031, 7, 1)] == ["A new day"]


@pytest.mark.parametrize(("answer", "problem"), WRONG_ANSWERS.values(), ids=WRONG_ANSWERS)
def test_an_answer_of_another_shape_is_refused_in_words(answer, problem) -> None:
    with pytest.raises(SourceFailed, match=problem):
        parse_govuk(answer)


@needs_calendar
def test_the_library_knows_every_working_day_that_govuk_has_announced() -> None:
    answer = json.loads((CALENDAR / "govuk_bank_holidays.json").read_text(encoding="utf-8"))
    check = check_bank_holidays(parse_govuk(answer), library_days())
    assert check.differences == []
    assert {day.day.year for day in check.announced} == set(range(2019, 2028))


def test_the_days_come_over_http(publisher, tmp_path) -> None:
    with Http() as http:
        publisher.answers("/bank-holidays.json", as_json(answer_of(*YEAR_2031)))
        check = fetch_bank_holidays(http, Settings(home=tmp_path, govuk_url=publisher.url))
    assert len(check.announced) == len(YEAR_2031)


@pytest.mark.parametrize(
    ("reply", "problem"), [(not_found(), "404"), (web_page(), "a web page")], ids=["404", "page"]
)
def test_a_failed_answer_names_the_publisher(reply, problem, publisher, sleeper, tmp_path) -> None:
    with Http(sleep=sleeper) as http:
        publisher.answers("/bank-holidays.json", reply)
        with pytest.raises(SourceFailed, match=f"GOV.UK bank holidays.*{problem}"):
            fetch_bank_holidays(http, Settings(home=tmp_path, govuk_url=publisher.url))
