"""The list of slow stations: exact against scipy's kernel density, and whole where that gives up."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import gaussian_kde

from londonpump.domain.errors import BadValue
from londonpump.models.risk_stations import listed, risk_stations


def codes(*names: str) -> np.ndarray:
    return np.array(names, dtype=object)


@settings(deadline=None)
@given(st.lists(st.integers(1, 1200), min_size=2, max_size=60).filter(lambda times: len(set(times)) > 1))
def test_the_density_is_that_of_scipy(times):
    seconds = np.array(times, float)
    expected = gaussian_kde(seconds).integrate_box_1d(600, 1600)
    found = risk_stations(np.full(len(times), "H27", dtype=object), seconds)
    assert found["H27"] == pytest.approx(expected, abs=1e-12)


def test_stations_do_not_touch_each_other_and_the_order_of_rows_does_not_matter():
    rng = np.random.default_rng(3)
    seconds = rng.integers(60, 1200, 400).astype(float)
    station = rng.choice(["A21", "G30", "H27"], 400).astype(object)
    shuffled = rng.permutation(400)
    together = risk_stations(station, seconds)
    alone = {
        code: risk_stations(station[station == code], seconds[station == code])[code] for code in together
    }
    assert list(together) == ["A21", "G30", "H27"]
    assert together == pytest.approx(alone, abs=1e-12)
    assert risk_stations(station[shuffled], seconds[shuffled]) == pytest.approx(together, abs=1e-12)


def test_a_station_with_one_row_has_no_density():
    assert list(risk_stations(codes("A21", "H27", "H27"), np.array([900.0, 300.0, 310.0]))) == ["H27"]


@pytest.mark.parametrize(("seconds", "density"), [(599.0, 0.0), (600.0, 0.5), (900.0, 1.0), (1600.0, 0.5)])
def test_equal_times_are_the_limit_of_a_narrowing_kernel(seconds, density):
    assert risk_stations(codes("A21", "A21", "A21"), np.full(3, seconds)) == {"A21": density}


def test_equal_times_leave_no_spread_by_rounding():
    assert risk_stations(np.full(7, "A21", dtype=object), np.full(7, 599.9))["A21"] == 0.0


def test_a_density_of_a_tenth_is_listed_and_less_is_not():
    assert listed({"H27": 0.1, "A21": 0.0999, "E40": 0.4}) == ("E40", "H27")


def test_slow_stations_are_listed_and_quick_ones_are_not():
    rng = np.random.default_rng(0)
    station = np.repeat(codes("A21", "H41"), 500)
    seconds = np.concatenate([rng.normal(280, 60, 500), rng.normal(520, 150, 500)]).clip(1, 1200)
    assert listed(risk_stations(station, seconds)) == ("H41",)


@pytest.mark.parametrize("code", [None, "", float("nan")])
def test_a_row_without_a_station_is_refused(code):
    with pytest.raises(BadValue, match="station_code"):
        risk_stations(np.array(["A21", code], dtype=object), np.array([300.0, 310.0]))


def test_a_time_that_is_missing_is_refused():
    with pytest.raises(BadValue, match="attendance_s 1"):
        risk_stations(codes("A21", "A21"), np.array([300.0, np.nan]))


def test_two_lengths_are_refused():
    with pytest.raises(BadValue, match="2 station codes"):
        risk_stations(codes("A21", "A21"), np.array([300.0]))


def test_no_rows_give_no_stations():
    assert risk_stations(codes(), np.array([])) == {}
