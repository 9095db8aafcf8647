"""The page of a month: what stands on it, and what must not."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

from londonpump.evaluation.attendance import AttendanceRows
from londonpump.evaluation.drift.detection import Drift, DriftResult, ShiftedBin, StationChange
from londonpump.evaluation.drift.thresholds import DriftMeasure
from londonpump.evaluation.intervals import Stat
from londonpump.evaluation.lateness import LONDON, Lateness, LatenessDay, Level, PlaceLateness
from londonpump.evaluation.live import LiveRows
from londonpump.features.observations import day_of
from londonpump.presentation.monthly import Month, MonthInputs, render_month
from londonpump.presentation.monthly.attendance_tables import format_clock
from londonpump.presentation.monthly.inputs import LivePerformance, Records
from londonpump.presentation.texts.challenge import DecisionView
from londonpump.presentation.texts.monitor import AlarmView
from londonpump.presentation.texts.places import format_borough

MONTH = Month(2017, 2)
FIRST_DAY = 17_198
"""1 February 2017."""
BOROUGHS = {"HILLINGDON": ("G32", 509_000, 187_000, 480), "CAMDEN": ("A23", 529_000, 183_000, 280)}


def arrivals(n: int = 1600, days: int = 59) -> AttendanceRows:
    """January and February; Hillingdon slow, Camden fast, three in Bexley."""
    rng = np.random.default_rng(4)
    borough = rng.choice(list(BOROUGHS), n)
    borough[:3] = "BEXLEY"
    locations = {**BOROUGHS, "BEXLEY": ("E28", 548_000, 175_000, 300)}
    codes, east, north, mean_s = zip(*(locations[name] for name in borough), strict=True)
    return AttendanceRows(
        attendance_s=np.clip(np.array(mean_s) + rng.normal(0, 60, n), 10, 1200),
        is_second=rng.random(n) < 0.3,
        day=np.where(np.arange(n) < 3, FIRST_DAY, FIRST_DAY - 31 + rng.integers(0, days, n)),
        hour=rng.integers(0, 24, n),
        borough=borough,
        ground_code=np.array(codes),
        easting_m=np.array(east) + rng.normal(0, 800, n),
        northing_m=np.array(north) + rng.normal(0, 800, n),
    )


def live(n: int = 900) -> LiveRows:
    rng = np.random.default_rng(8)
    actual_s = rng.normal(330, 90, n)
    return LiveRows(
        model=np.full(n, "a" * 16),
        station_code=rng.choice(["A23", "G32"], n),
        day=FIRST_DAY - 31 + rng.integers(0, 59, n),
        hour=rng.integers(0, 24, n),
        p10_s=actual_s * 0 + 210,
        p50_s=actual_s * 0 + 310,
        p90_s=actual_s * 0 + 450,
        actual_s=actual_s,
        predicted_late_share=np.full(n, np.nan),
    )


def drift() -> DriftResult:
    moved = (ShiftedBin("Fire", 0.21, 0.16),)
    one = Drift(
        "incident_type",
        DriftMeasure.MIX,
        0.05,
        0.02,
        6.0,
        4.0,
        5000,
        day_of(FIRST_DAY + 20),
        (day_of(FIRST_DAY + 20),),
        moved,
    )
    return DriftResult(
        400, True, day_of(FIRST_DAY + 27), (one, replace(one, name="hour", strength=1.0, since=None))
    )


def decision(at: datetime, action: str, after: str, challenger: str, reason: str) -> DecisionView:
    return DecisionView(at, action, None, after, challenger, "", reason, {}, "airflow", 1)


def month_inputs() -> MonthInputs:
    at = datetime(2017, 4, 20, 8, tzinfo=UTC)
    lines = [
        decision(datetime(2017, 2, 16, 0, 5, tzinfo=UTC), "keep", "a" * 16, "b" * 16, "a tie <b>"),
        decision(datetime(2017, 3, 16, 0, 5, tzinfo=UTC), "promote", "c" * 16, "c" * 16, "2 s better"),
    ]
    raised_at = datetime(2017, 2, 20, tzinfo=UTC)
    alarm = AlarmView("1", "input_drift", "incident_type", "warning", "is not as it was", raised_at, None, {})
    return MonthInputs(
        month=MONTH,
        at=at,
        records=Records(arrivals(), date(2017, 2, 28), is_complete=True, incidents=900),
        live_performances=[LivePerformance("Announced times", "Half came true.", live())],
        decisions=lines,
        alarms=[alarm, replace(alarm, subject="hour", cleared_at=datetime(2017, 2, 22, tzinfo=UTC))],
        drift=drift(),
        drift_note="",
        stations=[StationChange("A24", 1, 40.0, 14)],
        attribution="Contains public sector information licensed under the Open Government Licence v3.0.",
        facts={"Data hash": "335d8e295b089c54"},
    )


@pytest.fixture(scope="module")
def page() -> str:
    return render_month(month_inputs()).html


class Outline(HTMLParser):
    """Checks that tags close in order, gathers what asks the network, and rows of tables by their name."""

    VOID = ("meta", "br", "img", "link", "hr")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.requested: list[str] = []
        self.ids: list[str] = []
        self.rows: list[list[str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag not in self.VOID:
            self.open.append(tag)
        self.ids += [found["id"] or ""] if "id" in found else []
        requested = [found.get(name) or "" for name in ("src", "href", "xlink:href")]
        self.requested += [link for link in requested if link and not link.startswith(("#", "data:"))]
        if tag == "tr":
            self.rows.append([])

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.rows and self.open and self.open[-1] in {"th", "td", "small", "span"}:
            self.rows[-1].append(data.strip())


def outline(page: str) -> Outline:
    found = Outline()
    found.feed(page)
    return found


def row_of(page: str, name: str) -> list[str]:
    return next(row for row in outline(page).rows if row and row[0] == name)


def test_tags_close_in_order(page: str) -> None:
    assert outline(page).open == []


def test_it_asks_nothing_of_the_network(page: str) -> None:
    assert (outline(page).requested, re.findall(r"url\((?!#)|@import|<script", page)) == ([], [])


def test_ids_are_unique(page: str) -> None:
    ids = outline(page).ids
    assert len(ids) == len(set(ids))


def test_it_follows_the_readers_light_and_dark_and_paper(page: str) -> None:
    assert ("prefers-color-scheme: dark" in page, "@media print" in page) == (True, True)


def test_the_slowest_borough_comes_first(page: str) -> None:
    names = [row[0] for row in outline(page).rows if row and row[0] in {"Hillingdon", "Camden", "Bexley"}]
    assert names[:3] == ["Hillingdon", "Camden", "Bexley"]


def test_a_borough_surely_beyond_the_target_is_marked(page: str) -> None:
    assert 'class="worse" title="the whole interval misses the target"' in page


def test_three_arrivals_are_not_ranked(page: str) -> None:
    few = page[page.index("too few to rank or to hold against a target</span>") :]
    assert "Bexley" in few[: few.index("</table>")]


def test_the_month_is_told_beside_the_one_before(page: str) -> None:
    assert len(row_of(page, "First pump on average")) == 10


def test_a_decision_stands_with_its_reason_escaped(page: str) -> None:
    assert "a tie &lt;b&gt;" in page


def test_decisions_of_the_month_stand_before_those_since(page: str) -> None:
    assert (
        page.index("Decided in February 2017")
        < page.index("a tie")
        < page.index("Decided since then")
        < page.index("2 s better")
    )


def test_an_alarm_that_stands_comes_before_one_that_was_cleared(page: str) -> None:
    assert page.index("input_drift incident_type") < page.index("input_drift hour")


def test_an_input_that_drifts_says_since_when_and_what_moved(page: str) -> None:
    row = row_of(page, "incident_type")
    assert ("21 Feb 2017" in row, "Fire: 21.0 % (16.0 % expected)" in row) == (True, True)


def test_a_station_that_fell_silent_is_named(page: str) -> None:
    assert "A24 Soho: 1 mobilisation in 14 days, 40 are usual" in page


def test_a_promise_that_nobody_stored_has_no_column(page: str) -> None:
    assert ("Mean error, s" in page.replace("\u00a0", " "), "as predicted" in page) == (True, False)


def test_a_promise_that_is_known_has_one() -> None:
    rows = live()
    changed_rows = replace(rows, predicted_late_share=np.full(len(rows), 0.3))
    page = page_of_change(
        lambda inputs: replace(inputs, live_performances=[LivePerformance("Announced", "", changed_rows)])
    )
    assert "as predicted" in page


def test_announcements_of_three_days_have_no_interval() -> None:
    rows = live()
    changed_rows = rows.take((rows.day >= FIRST_DAY) & (rows.day < FIRST_DAY + 3))
    page = page_of_change(
        lambda inputs: replace(inputs, live_performances=[LivePerformance("Announced", "", changed_rows)])
    )
    assert row_of(page, "February 2017").count("few") == 3


def test_every_page_names_the_licence(page: str) -> None:
    assert "Open Government Licence v3.0" in page


def test_the_same_month_gives_the_same_page(page: str) -> None:
    assert render_month(month_inputs()).html == page


Change = Callable[[MonthInputs], MonthInputs]


def page_of_change(change: Change) -> str:
    return render_month(change(month_inputs())).html


def test_a_sample_says_so_and_never_counts_as_if_complete() -> None:
    page = page_of_change(lambda inputs: replace(inputs, records=replace(inputs.records, is_complete=False)))
    found = ("A SAMPLE." in page, ">Arrivals</th>" in page, "900 incidents" in page)
    assert found == (True, False, False)


def test_a_simulated_brigade_says_so() -> None:
    assert "SIMULATED." in page_of_change(lambda inputs: replace(inputs, is_simulated=True))


def test_a_month_that_is_not_whole_says_so() -> None:
    records = replace(month_inputs().records, until_date=date(2017, 2, 20))
    assert "not a whole month" in page_of_change(lambda inputs: replace(inputs, records=records))


def test_a_month_without_records_says_so_and_keeps_the_rest() -> None:
    page = page_of_change(lambda inputs: replace(inputs, records=None))
    assert ("No published records of February 2017" in page, "a tie" in page) == (True, True)


def lateness() -> Lateness:
    """London as usual and Camden slow, from 1 January on."""
    days = [LatenessDay(day_of(FIRST_DAY - 31 + at), 12, 30.0, 0.2 * at) for at in range(59)]
    camden = PlaceLateness(
        Level.BOROUGH,
        "CAMDEN",
        is_slow=True,
        since=days[1].day,
        n=696,
        excess_s=Stat(30.0, 25.0, 35.0),
        sum=11.6,
        limit=6.0,
        allowance_s=15.0,
        days=tuple(days),
    )
    london = replace(camden, level=Level.LONDON, name=LONDON, is_slow=False, limit=13.0)
    return Lateness(days[-1].day, 136, (london, camden))


def test_slow_places_are_drawn_and_named() -> None:
    page = page_of_change(lambda inputs: replace(inputs, lateness=lateness()))
    assert ("Slow on 28 February 2017: Camden." in page, "Sums of lateness by day" in page) == (True, True)


def test_a_month_before_the_outcomes_has_no_plot_of_them() -> None:
    page = page_of_change(lambda inputs: replace(inputs, lateness=lateness(), month=Month(2016, 2)))
    assert "Sums of lateness by day" not in page


def test_nothing_at_all_is_still_a_page() -> None:
    nothing: dict[str, Any] = {
        "records": None,
        "live_performances": [],
        "decisions": [],
        "alarms": [],
        "drift": None,
        "stations": [],
    }
    page = page_of_change(lambda inputs: replace(inputs, **nothing, drift_note="drift: no prepared records."))
    assert ("No alarm is open; no decisions" in page, "Not checked: no prepared records." in page) == (
        True,
        True,
    )


def test_one_months_records_have_no_month_before() -> None:
    records = month_inputs().records
    february = records.rows.take(records.rows.day >= FIRST_DAY)
    page = page_of_change(lambda inputs: replace(inputs, records=replace(records, rows=february)))
    assert "The month before" not in page


def test_seconds_are_told_as_a_clock() -> None:
    assert [format_clock(value) for value in (None, 0.0, 59.6, 317.4, 600.0)] == [
        "–",
        "0:00",
        "1:00",
        "5:17",
        "10:00",
    ]


@pytest.mark.parametrize(
    ("name", "expected_time"),
    [
        ("KENSINGTON AND CHELSEA", "Kensington and Chelsea"),
        ("RICHMOND UPON THAMES", "Richmond upon Thames"),
        ("", "not stated"),
    ],
)
def test_boroughs_are_written_as_names(name: str, expected_time: str) -> None:
    assert format_borough(name) == expected_time
