"""States of pumps, and the features of the board for the ranking."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from londonpump.domain.mobilisations import Mobilisation, PumpRow, RecentIncident, Report, State
from londonpump.domain.stations import Station
from londonpump.service.board.rules import state_of
from londonpump.service.board.view import BoardView, Fleet, london_day

NOW = datetime(2025, 6, 2, 9, 30, tzinfo=UTC)
FLEET = Fleet({"A211": "A21", "A212": "A21", "A241": "A24", "A242": "A24"}, frozenset({"A21", "A24"}))
RUN = Mobilisation("id", "1", "A211", NOW)
EAST = RecentIncident("2", NOW, 540_000, 180_000)
NOWHERE = RecentIncident("3", NOW, None, None)


def before(**age) -> datetime:
    return NOW - timedelta(**age)


def report_state(code, state, **more):
    return PumpRow(code, Report(before(minutes=1), state, **more), None)


def ground_of(easting_m, northing_m):
    return "A24" if easting_m > 535_000 else "A21"


HALF = (report_state("A211", State.MOBILE, incident_number="1"), report_state("A212", State.AVAILABLE))


def test_four_hours_without_a_word_are_too_many() -> None:
    row = PumpRow("A211", None, RUN)
    ages = [timedelta(hours=4) - timedelta(microseconds=1), timedelta(hours=4)]
    assert [state_of(row, "A21", NOW + age).state for age in ages] == [State.MOBILISED, State.UNKNOWN]


def test_a_busy_report_gets_old_too() -> None:
    row = PumpRow("A211", Report(before(hours=4), State.AT_INCIDENT), None)
    assert state_of(row, "A21", NOW).is_assumed


def test_a_report_that_a_pump_is_available_does_not_get_old() -> None:
    row = PumpRow("A211", Report(before(days=3), State.AVAILABLE), None)
    assert state_of(row, "A21", NOW).state is State.AVAILABLE


def test_a_pump_taken_off_the_run_while_it_is_out_stays_off_when_it_is_back() -> None:
    report = Report(NOW + timedelta(minutes=1), State.OFF_RUN, reason="pump failed")
    back = replace(RUN, returned_at=NOW + timedelta(minutes=9))
    state = state_of(PumpRow("A211", report, back), "A21", NOW + timedelta(minutes=10))
    assert (state.state, state.reason) == (State.OFF_RUN, "pump failed")


def test_the_fleet_is_numbered_at_each_station_that_stands() -> None:
    stations = [
        Station("A21", "Paddington", "open", 0, 0, pumps=(1, 1, 2)),
        Station("A99", "Gone", "closed", 0, 0, closed_date=date(2014, 1, 9), pumps=(1, 1, 1)),
        Station("F63", "River", "river", 0, 0),
    ]
    assert Fleet.of(stations, date(2025, 6, 2)).homes == {"A211": "A21", "A212": "A21"}


def test_the_day_of_the_fleet_is_londons() -> None:
    assert london_day(datetime(2025, 6, 2, 23, 30, tzinfo=UTC)) == date(2025, 6, 3)


def test_pumps_out_are_counted_where_half_were_heard_of() -> None:
    view = BoardView.of(HALF, FLEET, NOW)
    assert (view.n_reported, view.pumps_out(), view.pumps_out(excluding="1")) == (2, 1, 0)


def test_a_pump_on_its_way_back_is_not_out() -> None:
    rows = [report_state(code, State.RETURNING) for code in FLEET.homes]
    assert BoardView.of(rows, FLEET, NOW).pumps_out() == 0


def test_with_fewer_than_half_heard_of_counts_are_null() -> None:
    view = BoardView.of(HALF[:1], FLEET, NOW, [EAST])
    figures_of_view = (
        view.pumps_out(),
        view.ground_pumps_available("A21"),
        view.recent_ground_calls("A21", ground_of),
    )
    assert figures_of_view == (None, None, None)


@pytest.mark.parametrize(("hours", "heard_of"), [(12, 2), (12.01, 0)])
def test_a_pump_was_heard_of_within_twelve_hours(hours, heard_of) -> None:
    rows = [PumpRow(code, Report(before(hours=hours), State.AVAILABLE), None) for code in ("A211", "A212")]
    assert BoardView.of(rows, FLEET, NOW).n_reported == heard_of


def test_pumps_of_a_ground_are_those_that_stand_there_and_can_go() -> None:
    view = BoardView.of([*HALF, report_state("A242", State.STANDBY, station_code="A21")], FLEET, NOW)
    assert [view.ground_pumps_available(ground) for ground in ("A21", "A24", "X99")] == [2, 1, None]


def test_recent_calls_are_those_of_other_incidents_on_the_ground() -> None:
    view = BoardView.of(HALF, FLEET, NOW, [EAST])
    grounds = [view.recent_ground_calls(ground, ground_of) for ground in ("A21", "A24")]
    assert (grounds, view.recent_ground_calls("A24", ground_of, excluding="2")) == ([0, 1], 0)


def test_a_recent_call_at_an_unknown_place_leaves_the_count_open() -> None:
    view = BoardView.of(HALF, FLEET, NOW, [EAST, NOWHERE])
    assert view.recent_ground_calls("A24", ground_of) is None


def test_who_is_out_or_off_the_run_is_no_candidate() -> None:
    rows = [
        report_state("A211", State.OFF_RUN),
        report_state("A212", State.RETURNING),
        report_state("A241", State.STANDBY),
    ]
    ranked = BoardView.of(rows, FLEET, NOW).candidates()
    assert [(pump.code, pump.is_assumed) for pump in ranked] == [("A241", False), ("A242", True)]
