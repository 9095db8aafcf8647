"""First and second pumps against the targets."""

import numpy as np
import pytest

from londonpump.evaluation.attendance import (
    FEW,
    MET,
    MISSED,
    NOT_EVALUATED,
    TARGETS,
    UNSURE,
    AttendanceRows,
    Figure,
    figures,
    figures_by,
    mean_change,
)
from londonpump.evaluation.intervals import Stat


def arrivals(times_s: np.ndarray, is_second: bool = False, days: int = 28) -> AttendanceRows:
    """One a row, spread over days from the first on."""
    n = len(times_s)
    return AttendanceRows(
        attendance_s=np.asarray(times_s, np.float64),
        is_second=np.full(n, is_second),
        day=17_198 + np.arange(n) % days,
        hour=np.arange(n) % 24,
        borough=np.where(np.arange(n) % 2 == 0, "CAMDEN", "BRENT"),
        ground_code=np.full(n, "A24"),
        easting_m=np.full(n, 530_000.0),
        northing_m=np.full(n, 180_000.0),
        turnout_s=np.full(n, 70.0),
        travel_s=np.full(n, 250.0),
    )


def both(firsts: AttendanceRows, seconds: AttendanceRows) -> AttendanceRows:
    names = AttendanceRows.__slots__
    return AttendanceRows(
        **{name: np.concatenate([getattr(firsts, name), getattr(seconds, name)]) for name in names}
    )


def uneven(mean_s: float, n: int = 280, spread_s: float = 120.0) -> np.ndarray:
    return np.random.default_rng(3).normal(mean_s, spread_s, n)


def test_averages_and_shares_are_those_of_the_rows() -> None:
    times_s = np.array([300.0, 500.0, 650.0, 800.0] * 10)
    found = figures(both(arrivals(times_s), arrivals(times_s + 100, is_second=True)))
    assert [figure.stat.value for figure in found] == [562.5, 0.5, 0.75, 662.5]


def test_a_time_exactly_on_the_limit_is_within_it() -> None:
    assert figures(arrivals(np.full(40, 600.0)))[1].stat.value == 1.0


def test_each_target_counts_its_own_pumps() -> None:
    rows = both(arrivals(uneven(300, 90)), arrivals(uneven(400, 50), is_second=True))
    assert [figure.n for figure in figures(rows)] == [90, 90, 90, 50]


@pytest.mark.parametrize(("mean_s", "verdict"), [(300, MET), (362, UNSURE), (420, MISSED)])
def test_an_average_is_held_against_the_target_by_its_interval(mean_s: float, verdict: str) -> None:
    assert figures(arrivals(uneven(mean_s)))[0].verdict == verdict


@pytest.mark.parametrize(("late_of_hundred", "verdict"), [(1, MET), (9, UNSURE), (30, MISSED)])
def test_a_share_is_held_against_the_target_by_its_interval(late_of_hundred: int, verdict: str) -> None:
    times_s = np.where(np.random.default_rng(5).permutation(300) < 3 * late_of_hundred, 700.0, 300.0)
    assert figures(arrivals(times_s))[1].verdict == verdict


def test_forty_of_forty_do_not_prove_ninety_five_per_cent() -> None:
    within_12_min = figures(arrivals(np.full(40, 300.0)))[2]
    assert (within_12_min.stat.value, within_12_min.verdict) == (1.0, UNSURE)


def test_wilsons_interval_of_forty_of_forty() -> None:
    low = figures(arrivals(np.full(40, 300.0)))[2].stat.low
    assert low == pytest.approx(40 / (40 + 1.959964**2))


def test_few_arrivals_have_a_value_and_no_interval() -> None:
    found = figures(arrivals(uneven(300, FEW - 1)))[0]
    assert (found.stat.value is not None, found.stat.low, found.verdict) == (True, None, NOT_EVALUATED)


def test_arrivals_of_one_storm_day_have_no_interval() -> None:
    assert figures(arrivals(uneven(300, 500), days=1))[0].verdict == NOT_EVALUATED


def test_no_second_pump_is_no_figure() -> None:
    second = figures(arrivals(uneven(300)))[-1]
    assert (second.n, second.stat.value, second.verdict) == (0, None, NOT_EVALUATED)


def test_places_are_told_apart() -> None:
    times_s = np.where(np.arange(200) % 2 == 0, 250.0, 450.0)
    rows = arrivals(times_s)
    found = figures_by(rows, rows.borough)
    assert {location: row[0].stat.value for location, row in found.items()} == {
        "BRENT": 450.0,
        "CAMDEN": 250.0,
    }


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    n_inside = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        of_day_s = rng.normal(0, 40, 28)
        day = np.repeat(np.arange(28), 20)
        rows = arrivals(330 + of_day_s[day] + rng.normal(0, 130, len(day)))
        shared = AttendanceRows(
            **{name: getattr(rows, name) for name in AttendanceRows.__slots__} | {"day": day}
        )
        stat = figures(shared, seed)[0].stat
        n_inside += stat.low <= 330 <= stat.high
    assert 0.89 <= n_inside / 200 <= 0.99


def test_a_real_change_has_an_interval_without_zero() -> None:
    change = mean_change((uneven(330), np.arange(280) % 28), (uneven(280), np.arange(280) % 28))
    assert change.low > 0


def test_no_change_has_an_interval_with_zero() -> None:
    same = (uneven(330), np.arange(280) % 28)
    change = mean_change(same, same)
    assert change.low < 0 < change.high


def test_a_month_with_nothing_has_no_change() -> None:
    nothing = (np.empty(0), np.empty(0, np.int64))
    assert mean_change((uneven(330), np.arange(280) % 28), nothing).value is None


def test_the_targets_are_the_brigades() -> None:
    assert [(t.is_of_second, t.limit_s, t.share) for t in TARGETS] == [
        (False, 360, None),
        (False, 600, 0.90),
        (False, 720, 0.95),
        (True, 480, None),
    ]


def test_an_average_exactly_on_the_target_with_a_point_as_interval_is_met() -> None:
    assert Figure(TARGETS[0], 50, Stat(360.0, 360.0, 360.0)).verdict == MET
