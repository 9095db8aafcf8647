"""Rules that the control room must keep."""

from datetime import date

import numpy as np
import pytest

from londonpump.domain.stations import known_stations
from londonpump.simulation.plan import SimulationPlan
from londonpump.simulation.simulate import simulate


def test_no_pump_is_on_two_incidents_at_once(clean_month):
    dispatches = clean_month.records.dispatches
    order = np.lexsort((dispatches.mobilised_at, dispatches.pump))
    same = dispatches.pump[order][1:] == dispatches.pump[order][:-1]
    assert np.all(dispatches.mobilised_at[order][1:][same] > dispatches.left_at[order][:-1][same])


def test_an_incident_gets_each_pump_once(clean_month):
    dispatches = clean_month.records.dispatches
    pairs = dispatches.call * 1_000 + dispatches.pump
    assert len(np.unique(pairs)) == len(pairs)


def test_times_of_a_run_follow_each_other(clean_month):
    dispatches = clean_month.records.dispatches
    assert dispatches.turnout_s.min() >= 0
    assert dispatches.travel_s.min() >= 0
    assert np.all(dispatches.left_at > dispatches.arrived_at)
    assert np.all(dispatches.returned_at > dispatches.left_at)


def test_order_of_arrival_is_the_order_of_arriving(clean_month):
    records = clean_month.records
    both = records.second >= 0
    first, second = records.first[both], records.second[both]
    assert np.all(records.dispatches.arrived_at[first] <= records.dispatches.arrived_at[second])
    assert set(records.order[first]) == {1}
    assert set(records.order[second]) == {2}


def test_a_second_pump_never_comes_without_a_first(clean_month):
    records = clean_month.records
    assert not np.any((records.second >= 0) & (records.first < 0))


def test_the_incident_file_repeats_what_the_mobilisation_file_says(clean_month):
    number, order, seconds = (
        clean_month.mobilisations[c].to_pylist()
        for c in ("IncidentNumber", "PumpOrder", "AttendanceTimeSeconds")
    )
    call_seconds = {n: f"{s}.0" for n, o, s in zip(number, order, seconds, strict=True) if o == "1"}
    found = dict(
        zip(
            clean_month.incidents["IncidentNumber"].to_pylist(),
            clean_month.incidents["FirstPumpArriving_AttendanceTime"].to_pylist(),
            strict=True,
        )
    )
    assert {n: t for n, t in found.items() if t is not None} == call_seconds


def test_closed_stations_send_nothing_and_lose_their_ground():
    plan = SimulationPlan(incidents=4_000, days=12, closed_stations=("Soho", "A21"), is_clean=True)
    done = simulate(plan)
    sent = set(done.mobilisations["DeployedFromStation_Name"].to_pylist())
    pumps = {code[:3] for code in done.mobilisations["Resource_Code"].to_pylist()}
    assert sent.isdisjoint({"Soho", "Paddington"})
    assert pumps.isdisjoint({"A24", "A21"})
    assert set(done.incidents["IncidentStationGround"].to_pylist()).isdisjoint({"Soho", "Paddington"})


def test_the_ten_stations_send_until_they_close_in_2014():
    plan = SimulationPlan(incidents=6_000, days=16, start=date(2014, 1, 1), is_clean=True)
    records = simulate(plan).records
    code = np.array([station.code for station in known_stations()])[records.dispatches.station]
    is_closing = np.isin(code, ["A25", "A26", "A27", "A42", "E24", "E32", "E33", "F27", "F31", "F46"])
    closing_day = np.datetime64("2014-01-09T00:00:00").astype(np.int64)
    assert is_closing.any()
    assert records.dispatches.mobilised_at[is_closing].max() < closing_day


@pytest.mark.parametrize(("day", "pumps"), [(date(2012, 1, 1), 169), (date(2017, 1, 1), 142)])
def test_the_fleet_is_that_of_the_day(day, pumps):
    from londonpump.simulation.fleet import pumps_on

    assert len(pumps_on(day, frozenset())) == pumps
