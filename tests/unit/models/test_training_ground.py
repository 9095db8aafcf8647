"""The list that a bundle learns with holds the stations of the past, on their days."""

from datetime import UTC, datetime

import numpy as np
import pytest

from londonpump.domain.stations import known_stations
from londonpump.features.dispatches import Dispatches
from londonpump.models.train import fit_ground_lookup

CLOSED = [station for station in known_stations() if station.status == "closed"]
IN_2013, IN_2014 = datetime(2013, 3, 5, 10, tzinfo=UTC), datetime(2014, 3, 5, 10, tzinfo=UTC)


def example_runs(at: datetime) -> Dispatches:
    """A dispatch to the door of each of the ten, without any training call."""
    n = len(CLOSED)
    locations = {
        "easting_m": np.array([station.easting_m for station in CLOSED]),
        "northing_m": np.array([station.northing_m for station in CLOSED]),
    }
    calls = {**{name: np.empty(0) for name in locations}, "recorded_ground_code": np.empty(0, object)}
    columns = {
        **locations,
        "mobilised_us": np.full(n, int(at.timestamp()) * 1_000_000),
        "station_code": np.array([station.code for station in CLOSED], object),
        "station_easting_m": locations["easting_m"],
        "station_northing_m": locations["northing_m"],
    }
    return Dispatches(columns, fit_ground_lookup(calls, known_stations()))


def test_there_are_ten() -> None:
    assert len(CLOSED) == 10


@pytest.mark.parametrize(("at", "is_there"), [(IN_2013, True), (IN_2014, False)])
def test_the_ten_are_the_nearest_to_their_own_places_until_they_close(at, is_there) -> None:
    nearest_m = example_runs(at).two_nearest_m[:, 0]
    assert ((nearest_m == 0.0) == is_there).all()


@pytest.mark.parametrize(("at", "is_there"), [(IN_2013, True), (IN_2014, False)])
def test_the_ten_have_grounds_of_their_own_until_they_close(at, is_there) -> None:
    assert (example_runs(at).is_own_ground == is_there).all()
