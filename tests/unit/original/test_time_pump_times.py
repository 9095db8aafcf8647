"""Predicted times for a distance and a ground: they do not fall as the distance grows, and label what was imputed."""

from datetime import UTC, datetime

import numpy as np
import pytest

from londonpump.domain.london_clock import LONDON
from londonpump.domain.stations import by_code
from londonpump.original.arrival_times import path_to, points_of, predict_response_times
from londonpump.original.interpretation import inferred_time, parse_request
from londonpump.original.schemas import TimePumpRequest

NOW = datetime(2025, 6, 2, 9, 30, tzinfo=UTC)
A_FEW_S = 5.0


def predict_time(bundle, station="G30", ground="G30", **values):
    stations = by_code(bundle.stations)
    request = TimePumpRequest(Station_Code_of_ressource=station, IncidentStationGround_Code=ground, **values)
    call = parse_request(request, bundle, stations, NOW)
    way = path_to(points_of(bundle, stations[ground]), stations[station], ground)
    return predict_response_times(bundle, [call], [way])[0]


@pytest.mark.parametrize(
    "values", [{}, {"month": 7, "IncidentType": "?", "TotalOfPumpInLondon_Out": 40, "temp": 25.0}]
)
@pytest.mark.parametrize(
    ("station", "ground"), [("G30", "G30"), ("A21", "A24"), ("H22", "H27"), ("E21", "E21"), ("F21", "E32")]
)
def test_no_time_falls_by_more_than_a_few_seconds_with_the_distance(
    small_bundle, station, ground, values
) -> None:
    distances_km = np.linspace(0.1, 10, 60)
    times_s = [
        predict_time(small_bundle, station, ground, Distance=float(km), **values).p50_s for km in distances_km
    ]
    assert np.max(np.maximum.accumulate(times_s) - times_s) < A_FEW_S


def test_ten_kilometres_take_minutes_longer_than_one(small_bundle) -> None:
    assert predict_time(small_bundle, Distance=10).p50_s > predict_time(small_bundle, Distance=1).p50_s + 180


def test_the_quantiles_are_in_order(small_bundle) -> None:
    one = predict_time(small_bundle)
    assert one.p10_s < one.p50_s < one.p90_s


def test_no_distance_breaks_it(small_bundle) -> None:
    assert (
        0
        <= predict_time(small_bundle, Distance=0).p50_s
        < predict_time(small_bundle, Distance=1000).p50_s
        <= 1200
    )


def test_beyond_what_was_learnt_it_is_outside(small_bundle) -> None:
    assert predict_time(small_bundle, Distance=100).is_outside


def test_weather_told_is_used(small_bundle) -> None:
    assert (
        predict_time(small_bundle, visibility=0.1, temp=-9.0, precip=9.0).p50_s
        != predict_time(small_bundle).p50_s
    )


@pytest.mark.parametrize("month", range(1, 13))
@pytest.mark.parametrize("is_working_day", [True, False])
def test_the_moment_meant_is_now_s_hour_in_the_month_told(month, is_working_day) -> None:
    parsed = inferred_time(month, is_working_day, NOW).astimezone(LONDON)
    assert (parsed.month, parsed.hour, parsed.weekday() < 5) == (month, 10, is_working_day)
