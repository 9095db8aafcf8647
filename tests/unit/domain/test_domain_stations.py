"""The stations and their pumps, on the days the fleet changed."""

import json
from collections import Counter
from datetime import date, timedelta

import numpy as np
import pytest

from londonpump.domain import stations
from londonpump.domain.json_values import from_json, to_json
from londonpump.domain.stations import CLOSED_IN_2014, FLEET_DATES, Station, by_code

THE_TEN_CLOSED = {
    "Belsize",
    "Bow",
    "Clerkenwell",
    "Downham",
    "Kingsland",
    "Knightsbridge",
    "Silvertown",
    "Southwark",
    "Westminster",
    "Woolwich",
}


def fleet(day: date) -> list[int]:
    """Pumps at each station that has any, on a day."""
    return [n for station in stations.known_stations() if (n := station.pumps_on(day)) > 0]


def test_a_hundred_and_two_stations_are_open():
    assert len(stations.open_stations()) == 102


def test_the_list_holds_every_kind_of_station():
    statuses = Counter(station.status for station in stations.known_stations())
    assert statuses == {"open": 102, "closed": 10, "border": 6, "river": 1}


def test_a_code_names_one_station():
    assert len(by_code(stations.known_stations())) == len(stations.known_stations())


def test_a_name_means_one_station():
    names = [station.name for station in stations.known_stations()]
    assert len(set(names)) == len(names)


def test_stations_come_in_the_order_of_their_codes():
    codes = [station.code for station in stations.known_stations()]
    assert codes == sorted(codes)


def test_the_fleet_of_2009_has_169_pumps_at_112_stations():
    pumps = fleet(date(2009, 6, 1))
    assert (sum(pumps), len(pumps), pumps.count(2)) == (169, 112, 57)


def test_the_fleet_of_2017_has_142_pumps_at_102_stations():
    pumps = fleet(date(2017, 1, 1))
    assert (sum(pumps), len(pumps), pumps.count(2), pumps.count(1)) == (142, 102, 40, 62)


def test_in_2023_only_lewisham_has_another_number_of_pumps():
    changed = {
        station.name: station.pumps_on(date(2023, 6, 1))
        for station in stations.known_stations()
        if station.pumps_on(date(2023, 6, 1)) != station.pumps_on(date(2022, 12, 31))
    }
    assert changed == {"Lewisham": 2}


def test_ten_stations_closed_on_9_january_2014():
    closed = {station.name for station in stations.known_stations() if station.closed_date == CLOSED_IN_2014}
    assert closed == THE_TEN_CLOSED


def test_a_closed_station_keeps_its_pumps_to_its_last_day():
    bow = by_code(stations.known_stations())["F27"]
    assert bow.pumps_on(CLOSED_IN_2014 - timedelta(days=1)) == 2
    assert bow.pumps_on(CLOSED_IN_2014) == 0
    assert bow.pumps_on(date(2024, 1, 1)) == 0


@pytest.mark.parametrize("name", ["East Greenwich", "Hendon", "Orpington", "Stanmore", "Twickenham"])
def test_these_stations_gained_a_pump_in_2014(name):
    station = next(station for station in stations.open_stations() if station.name == name)
    assert station.pumps_on(CLOSED_IN_2014) - station.pumps_on(CLOSED_IN_2014 - timedelta(days=1)) == 1


@pytest.mark.parametrize("name", ["Chingford", "Hayes", "Leyton", "Leytonstone", "Peckham", "Whitechapel"])
def test_these_stations_lost_a_pump_in_2014(name):
    station = next(station for station in stations.open_stations() if station.name == name)
    assert station.pumps_on(CLOSED_IN_2014) - station.pumps_on(CLOSED_IN_2014 - timedelta(days=1)) == -1


def test_before_the_first_known_fleet_it_is_taken_as_the_first():
    station = Station("X1", "Somewhere", "open", 530_000, 180_000, pumps=(2, 1, 1))
    assert station.pumps_on(FLEET_DATES[0] - timedelta(days=400)) == 2


def test_a_new_fleet_stands_from_its_first_day():
    station = Station("X1", "Somewhere", "open", 530_000, 180_000, pumps=(0, 1, 2))
    assert [station.pumps_on(day) for day in FLEET_DATES] == [0, 1, 2]
    assert [station.pumps_on(day - timedelta(days=1)) for day in FLEET_DATES[1:]] == [0, 1]


def test_a_station_that_closes_has_no_pump_from_that_very_day_whatever_its_fleet():
    closing = date(2024, 5, 1)
    station = Station("X1", "Somewhere", "closed", 530_000, 180_000, closed_date=closing, pumps=(2, 2, 2))
    assert [station.pumps_on(closing - timedelta(days=1)), station.pumps_on(closing)] == [2, 0]


def test_neighbours_and_the_river_station_count_no_pump_of_london():
    elsewhere = [station for station in stations.known_stations() if station.status in ("border", "river")]
    assert [station.pumps_on(date(2020, 1, 1)) for station in elsewhere] == [0] * 7


def test_open_stations_stand_in_greater_london():
    easting = np.array([station.easting_m for station in stations.open_stations()])
    northing = np.array([station.northing_m for station in stations.open_stations()])
    assert ((easting > 503_500) & (easting < 561_700)).all()
    assert ((northing > 155_800) & (northing < 201_000)).all()


def test_every_borough_has_an_open_station():
    assert len({station.borough for station in stations.open_stations()} - {""}) == 33


def test_every_station_stands_where_the_compiled_list_puts_it(published_stations):
    listed = {
        row["code"]: (row["name"], float(row["easting"]), float(row["northing"]))
        for row in published_stations
        if row["status"] != "former_site"
    }
    ours = {s.code: (s.name, s.easting_m, s.northing_m) for s in stations.known_stations()}
    assert ours == listed


def test_a_station_is_open_from_its_opened_date_until_the_day_before_its_closed_date():
    station = Station(
        "X1", "Somewhere", "closed", 0, 0, closed_date=date(2020, 5, 1), opened_date=date(2019, 3, 1)
    )
    days = [date(2019, 2, 28), date(2019, 3, 1), date(2020, 4, 30), date(2020, 5, 1)]
    assert [station.is_open_on(day) for day in days] == [False, True, True, False]


def test_a_station_without_dates_is_always_open():
    station = Station("X1", "Somewhere", "open", 0, 0)
    assert station.is_open_on(date(1900, 1, 1))
    assert station.is_open_on(date(2100, 1, 1))


def test_a_station_has_no_pump_before_it_opens():
    station = Station("X1", "Somewhere", "open", 0, 0, pumps=(2, 2, 2), opened_date=date(2019, 3, 1))
    assert [station.pumps_on(day) for day in (date(2019, 2, 28), date(2019, 3, 1))] == [0, 2]


@pytest.mark.parametrize(
    "station",
    [
        Station("X1", "Somewhere", "open", 1.5, 2.5, "Camden", opened_date=date(2019, 3, 1)),
        Station("X1", "Somewhere", "closed", 1.5, 2.5, closed_date=date(2014, 1, 9), pumps=(2, 0, 0)),
    ],
)
def test_a_station_comes_back_from_json_as_it_was(station):
    assert from_json(Station, json.loads(json.dumps(to_json(station)))) == station


def test_a_station_of_before_there_were_opened_dates_is_still_read():
    as_dict = to_json(Station("X1", "Somewhere", "open", 1.5, 2.5))
    del as_dict["opened_date"]
    assert from_json(Station, as_dict).opened_date is None


def test_land_stations_are_the_open_ones_and_those_closed_on_a_known_day():
    assert Counter(s.status for s in stations.land_stations(stations.known_stations())) == {
        "open": 102,
        "closed": 10,
    }
    undated = Station("X1", "Somewhere", "closed", 0, 0)
    assert stations.land_stations((undated,)) == ()
