"""The borough's page of school holidays: its forms, what it tells whole, and what is refused."""

import itertools
from datetime import date, timedelta

import pytest
from support.publisher_server import as_text, web_page

from londonpump.domain.errors import SourceFailed
from londonpump.ingest.http import Http
from londonpump.ingest.school_terms_page import SOURCE, fetch_school_holidays, parse_school_terms
from londonpump.settings import Settings

TODAY = date(2023, 11, 1)
HEADING = ("School Holidays", "Starts", "Finishes")
YEAR_2022_23 = [
    ("Autumn Half Term Holidays", "24 Oct 2022(Mon)", "28 Oct 2022(Fri)"),
    ("Winter Holidays", "19 Dec 2022(Mon)", "2 Jan 2023(Mon)"),
    ("Spring Half Term Holidays", "13 Feb 2023(Mon)", "17 Feb 2023(Fri)"),
    ("Spring Holidays", "3 Apr 2023(Mon)", "14 Apr 2023(Fri)"),
    ("Summer Half Term Holidays", "29 May 2023(Mon)", "2 Jun 2023(Fri)"),
    ("Summer Holidays", "24 Jul 2023(Mon)", "1 Sep 2023(Fri)"),
]
YEAR_2023_24 = [
    ("Autumn Half Term Holidays", "23 Oct 2023(Mon)", "27 Oct 2023(Fri)"),
    ("Winter Holidays", "21 Dec 2023(Thu)", "5 Jan 2024(Fri)"),
    ("Spring Half Term Holidays", "12 Feb 2024(Mon)", "16 Feb 2024(Fri)"),
    ("Spring Holidays", "29 Mar 2024(Fri)", "12 Apr 2024(Fri)"),
    ("Summer Half Term Holidays", "27 May 2024(Mon)", "31 May 2024(Fri)"),
    ("Summer Holidays", "25 Jul 2024(Thu)", ""),
]


def table(rows, heading=HEADING, tag: str = "th") -> str:
    head = "".join(f"<{tag}>{cell}</{tag}>" for cell in heading)
    body = "".join(f"<tr class='odd'>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table class='publicholidays'><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def page(*tables: str) -> str:
    other = table([("1 Jan", "Monday", "New Year's Day")], ("Date", "Day", "Holiday"))
    return f"<!doctype html><html><body><h1>School Holidays</h1>{''.join(tables)}{other}</body></html>"


def days_of(*tables: str) -> list[date]:
    return [holiday.day for holiday in parse_school_terms(page(*tables), TODAY)]


def every_day(first: date, last: date) -> set[date]:
    return {first + timedelta(days=n) for n in range((last - first).days + 1)}


IN_2023 = sorted(
    day
    for first, last in (
        (date(2023, 1, 2), date(2023, 1, 2)),
        (date(2023, 2, 13), date(2023, 2, 17)),
        (date(2023, 4, 3), date(2023, 4, 14)),
        (date(2023, 5, 29), date(2023, 6, 2)),
        (date(2023, 7, 24), date(2023, 9, 1)),
        (date(2023, 10, 23), date(2023, 10, 27)),
        (date(2023, 12, 21), date(2023, 12, 29)),
    )
    for day in every_day(first, last)
    if day.weekday() < 5
)


def test_two_school_years_give_the_calendar_year_between() -> None:
    assert days_of(table(YEAR_2022_23), table(YEAR_2023_24)) == IN_2023


def test_the_holidays_carry_their_source() -> None:
    holidays = parse_school_terms(page(table(YEAR_2022_23), table(YEAR_2023_24)), TODAY)
    assert {holiday.source for holiday in holidays} == {SOURCE}


def test_the_order_of_the_tables_does_not_matter() -> None:
    assert days_of(table(YEAR_2023_24), table(YEAR_2022_23)) == IN_2023


def test_a_heading_may_stand_in_plain_cells() -> None:
    assert days_of(table(YEAR_2022_23, tag="td"), table(YEAR_2023_24, tag="td")) == IN_2023


def rewritten(rows, form: str):
    def again(cell: str) -> str:
        if not cell[:1].isdigit():
            return cell
        number, month, rest = cell.split(" ")
        day = date(int(rest[:4]), "JanFebMarAprMayJunJulAugSepOctNovDec".index(month) // 3 + 1, int(number))
        return day.strftime(form)

    return [(name, again(first), again(last)) for name, first, last in rows]


@pytest.mark.parametrize(
    "form",
    ["%a, %d %b %Y", "%d %B %Y", "%A %dth %B %Y", "%A, %d %B %Y", "%d %b %Y (%a)", "%d/%m/%Y", "%Y-%m-%d"],
)
def test_a_date_may_be_written_in_several_forms(form) -> None:
    tables = [table(rewritten(year, form)) for year in (YEAR_2022_23, YEAR_2023_24)]
    assert days_of(*tables) == IN_2023


def test_a_cell_may_have_markup_and_odd_spaces() -> None:
    marked = [
        (f"<b>{a}</b>", f"<span>{b[:-5]}</span>\n <i>{b[-5:]}</i>", f"&nbsp;{c}") for a, b, c in YEAR_2022_23
    ]
    assert days_of(table(marked), table(YEAR_2023_24)) == IN_2023


TERMS = [
    ("Autumn Term 1", "5 Sep 2022", "21 Oct 2022"),
    ("Autumn Term 2", "31 Oct 2022", "16 Dec 2022"),
    ("Spring Term 1", "3 Jan 2023", "10 Feb 2023"),
    ("Spring Term 2", "20 Feb 2023", "31 Mar 2023"),
    ("Summer Term 1", "17 Apr 2023", "26 May 2023"),
    ("Summer Term 2", "5 Jun 2023", "21 Jul 2023"),
    ("Autumn Term 1", "4 Sep 2023", "20 Oct 2023"),
    ("Autumn Term 2", "30 Oct 2023", "20 Dec 2023"),
    ("Spring Term 1", "8 Jan 2024", "9 Feb 2024"),
]


def test_terms_by_their_first_and_last_day_give_the_days_between_them() -> None:
    assert days_of(table(TERMS, ("Term", "Term starts", "Term ends"))) == IN_2023


def test_terms_may_begin_and_end_in_rows_of_their_own() -> None:
    rows = [row for name, first, last in TERMS for row in ((f"{name} starts", first), (f"{name} ends", last))]
    assert days_of(table(rows, ("Term dates", "Date"))) == IN_2023


def test_days_on_which_school_closes_and_reopens_are_school_days() -> None:
    rows = [
        (f"Holiday after {name}", last, first) for (name, _, last), (_, first, _) in itertools.pairwise(TERMS)
    ]
    assert days_of(table(rows, ("Holiday", "School closes", "School reopens"))) == IN_2023


REJECTED = {
    "no table at all": ("", "no table of school holidays"),
    "a table without dates": (table([("Autumn", "soon", "later")] * 4), "has 0 rows with dates"),
    "dates that go backwards": (
        table([YEAR_2022_23[1], YEAR_2022_23[0], *YEAR_2022_23[2:]]),
        "go backwards at 'Autumn Half Term Holidays'",
    ),
    "an end before its beginning": (
        table([("Winter Holidays", "2 Jan 2023", "19 Dec 2022"), *YEAR_2022_23[2:]]),
        "ends on 19 December 2022, before it begins on 02 January 2023",
    ),
    "a summer of a year": (
        table([*YEAR_2022_23[:-1], ("Summer Holidays", "24 Jul 2023", "1 Sep 2024")]),
        "more than 70 days",
    ),
    "a half-term of six weeks": (
        table([*YEAR_2022_23[:2], ("Spring Half Term", "13 Feb 2023", "31 Mar 2023"), *YEAR_2022_23[3:]]),
        "more than 30 days",
    ),
    "less than half of a year": (table(YEAR_2022_23[:2]), "has 2 rows with dates"),
    "one school year": (table(YEAR_2022_23), "no complete calendar year"),
    "a day that is none": (
        table([("Winter Holidays", "31 Nov 2022", "2 Jan 2023"), *YEAR_2022_23[2:]]),
        "'31 Nov 2022' is no day",
    ),
    "a weekday that is another": (
        table([("Winter Holidays", "19 Dec 2022(Tue)", "2 Jan 2023"), *YEAR_2022_23[2:]]),
        "is a Monday",
    ),
    "a date of an unknown form": (
        table([("Winter Holidays", "19 Dec 2022", "Epiphany"), *YEAR_2022_23[2:]]),
        "'Epiphany' is no date",
    ),
    "a year far away": (
        table([("Winter Holidays", "19 Dec 1922", "2 Jan 1923"), *YEAR_2022_23[2:]]),
        "far from today",
    ),
    "terms that overlap": (
        table([*TERMS[:3], ("Spring Term 2", "9 Feb 2023", "31 Mar 2023")], ("Term", "Starts", "Ends")),
        "before Spring Term 1 ends",
    ),
}


@pytest.mark.parametrize(("tables", "problem"), REJECTED.values(), ids=REJECTED)
def test_what_cannot_be_meant_is_refused_in_words(tables, problem) -> None:
    with pytest.raises(SourceFailed, match=problem) as caught:
        days_of(tables)
    assert "calendar import" in str(caught.value)


HOSTILE = {
    "a page without end": ("x" * 2_000_001, "2,000,001 characters"),
    "markup that no parser takes": ("<table><![if", "markup cannot be read|no table"),
    "tables in tables in tables": ("<table><tr><td>" * 20_000, "no table"),
    "one cell in another": (
        "<table><tr><th>Holidays</th><th>Starts</th><th>Ends</th></tr><tr>" + "<td>" * 1_000,
        "0 rows",
    ),
}


@pytest.mark.parametrize(("html", "problem"), HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_page_is_refused_in_words(html, problem) -> None:
    with pytest.raises(SourceFailed, match=problem):
        parse_school_terms(html, TODAY)


def test_a_table_that_lays_out_the_page_is_looked_into() -> None:
    laid_out = f"<table><tr><td>{table(YEAR_2022_23)}{table(YEAR_2023_24)}</td></tr></table>"
    assert days_of(laid_out) == IN_2023


def test_a_year_of_which_a_holiday_is_missing_is_not_taken_for_school() -> None:
    gap = [row for row in YEAR_2022_23 if row[0] != "Spring Holidays"]
    with pytest.raises(SourceFailed, match="2023 lacks spring"):
        days_of(table(gap), table(YEAR_2023_24))


def test_a_summer_without_its_end_leaves_its_year_unknown() -> None:
    open_summer = [*YEAR_2022_23[:-1], ("Summer Holidays", "24 Jul 2023(Mon)", "TBC")]
    with pytest.raises(SourceFailed, match="24 October 2022 to 24 July 2023 and 23 October 2023"):
        days_of(table(open_summer), table(YEAR_2023_24))


def test_an_empty_cell_in_the_last_summer_takes_nothing_from_the_year_before() -> None:
    assert YEAR_2023_24[-1][-1] == ""
    assert days_of(table(YEAR_2022_23), table(YEAR_2023_24))[-1] == date(2023, 12, 29)


def settings_of(publisher, tmp_path) -> Settings:
    return Settings(home=tmp_path, school_terms_url=publisher.url + "/school-holidays")


def test_the_page_comes_over_http(publisher, tmp_path) -> None:
    with Http() as http:
        text = page(table(YEAR_2022_23), table(YEAR_2023_24))
        publisher.answers("/school-holidays", as_text(text, "text/html; charset=utf-8"))
        holidays = fetch_school_holidays(http, settings_of(publisher, tmp_path), TODAY)
    assert [holiday.day for holiday in holidays] == IN_2023


def test_a_page_of_another_kind_is_refused(publisher, tmp_path) -> None:
    with Http() as http:
        publisher.answers("/school-holidays", web_page())
        with pytest.raises(SourceFailed, match=r"School terms page.*no table"):
            fetch_school_holidays(http, settings_of(publisher, tmp_path), TODAY)
