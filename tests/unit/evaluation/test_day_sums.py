"""Sums by day, the figures that follow from them, and changes between two periods."""

import numpy as np
import pytest

from londonpump.evaluation.attendance import FEW, AttendanceRows, figures
from londonpump.evaluation.day_sums import ALL_LONDON, MEASURES, DaySums, Estimates
from londonpump.evaluation.lateness import Level

FIRST, WITHIN_10 = 0, 1
NO_SEASON = 0


def sums_of(day: np.ndarray, place: np.ndarray, times_s: np.ndarray) -> DaySums:
    """Sums of first pumps; boroughs and grounds are the same places."""
    n, total = np.zeros((2, len(day), len(MEASURES)))
    n[:, :3] = 1
    total[:, 0], total[:, 1], total[:, 2] = times_s, times_s <= 600, times_s <= 720
    return DaySums.of(day, place, place, n, total)


def drawn(seed: int = 1, n: int = 6000, days: int = 120) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    day, place = rng.integers(17_000, 17_000 + days, n), rng.choice(["A", "B", "C"], n)
    return day, place, np.clip(rng.normal(330, 120, n), 5, 1200)


def at(sums: DaySums, level: Level, name: str) -> int:
    return sums.places.index((level, name))


def of(found: Estimates, sums: DaySums, name: str) -> tuple[float, float, float]:
    stat = found.stat(at(sums, Level.BOROUGH, name), FIRST)
    assert (stat.value is None, stat.low is None, stat.high is None) == (False, False, False)
    return stat.value or 0.0, stat.low or 0.0, stat.high or 0.0


def test_means_and_shares_are_those_of_the_rows() -> None:
    day, place, times_s = drawn()
    sums = sums_of(day, place, times_s)
    found = sums.estimates(np.ones(len(sums.days), np.bool_))
    in_b = at(sums, Level.GROUND, "B")
    assert (found.value[0, FIRST], found.value[in_b, FIRST], found.value[in_b, WITHIN_10]) == pytest.approx(
        (times_s.mean(), times_s[place == "B"].mean(), (times_s[place == "B"] <= 600).mean())
    )
    assert (sums.places[0], int(found.n[in_b, FIRST])) == (ALL_LONDON, int((place == "B").sum()))


def test_intervals_are_those_of_the_same_rows_in_the_monthly_report() -> None:
    day, place, times_s = drawn()
    sums = sums_of(day, place, times_s)
    n = len(day)
    rows = AttendanceRows(times_s, np.zeros(n, np.bool_), day, day * 0, place, place, times_s, times_s)
    by_rows = figures(rows)[:3]
    by_days = sums.estimates(np.ones(len(sums.days), np.bool_)).figures(0)[:3]
    assert [figure.n for figure in by_days] == [figure.n for figure in by_rows]
    for by_day, by_row in zip(by_days, by_rows, strict=True):
        ends = (by_day.stat.value, by_day.stat.low, by_day.stat.high)
        assert ends == pytest.approx((by_row.stat.value, by_row.stat.low, by_row.stat.high))


def test_a_change_in_one_place_is_found_there_and_nowhere_else() -> None:
    day, place, times_s = drawn(n=20_000)
    times_s = times_s + np.where((day >= 17_060) & (place == "A"), 60.0, 0.0)
    sums = sums_of(day, place, times_s)
    found = sums.changes(sums.days < 17_060, sums.days >= 17_060, sums.days * NO_SEASON)
    changed, low, high = of(found.change, sums, "A")
    _, low_b, high_b = of(found.change, sums, "B")
    beyond, *_ = of(found.beyond_london, sums, "A")
    assert (low < 60 < high, low_b < 0 < high_b, low > 30) == (True, True, True)
    assert beyond == pytest.approx(changed - found.change.value[0, FIRST])


def test_a_season_that_only_one_period_has_is_no_change() -> None:
    """The second period has no slow season: compared as a whole it would seem 40 s faster."""
    day, place, times_s = drawn(n=20_000)
    season = (np.arange(17_000, 17_120) >= 17_030) & (np.arange(17_000, 17_120) < 17_060)
    times_s = times_s + np.where((day >= 17_030) & (day < 17_060), 80.0, 0.0)
    sums = sums_of(day, place, times_s)
    before = sums.days < 17_060
    paired = sums.changes(before, ~before, season.astype(np.int64))
    whole = sums.changes(before, ~before, season.astype(np.int64) * 0)
    assert paired.seasons == (0,)
    stat = paired.change.stat(0, FIRST)
    assert (stat.low or 0) < 0 < (stat.high or 0)
    assert whole.change.value[0, FIRST] < -30


def test_seasons_without_a_pair_are_not_counted() -> None:
    day, place, times_s = drawn()
    sums = sums_of(day, place, times_s)
    before = sums.days < 17_060
    season = np.where(sums.days < 17_030, 1, 0)
    found = sums.changes(before, ~before, season)
    assert found.change.n[0, FIRST] == min(
        int(((day >= 17_030) & (day < 17_060)).sum()), int((day >= 17_060).sum())
    )


def test_periods_without_a_common_season_are_compared_as_a_whole() -> None:
    day, place, times_s = drawn()
    sums = sums_of(day, place, times_s)
    before = sums.days < 17_060
    found = sums.changes(before, ~before, before.astype(np.int64))
    assert found.seasons == ()
    expected = times_s[day >= 17_060].mean() - times_s[day < 17_060].mean()
    assert found.change.value[0, FIRST] == pytest.approx(expected)


def test_few_occasions_on_one_side_have_a_change_without_an_interval() -> None:
    day, place, times_s = drawn()
    place[(day >= 17_060) & (np.cumsum((day >= 17_060) & (place == "C")) >= FEW) & (place == "C")] = "B"
    sums = sums_of(day, place, times_s)
    before = sums.days < 17_060
    stat = sums.changes(before, ~before, sums.days * NO_SEASON).change.stat(
        at(sums, Level.BOROUGH, "C"), FIRST
    )
    assert (stat.value is None, stat.low) == (False, None)


def test_no_late_pump_on_either_side_does_not_prove_that_nothing_changed() -> None:
    day, place, times_s = drawn()
    sums = sums_of(day, place, np.minimum(times_s, 500.0))
    before = sums.days < 17_060
    stat = sums.changes(before, ~before, sums.days * NO_SEASON).change.stat(0, WITHIN_10)
    assert (stat.value, stat.low) == (0.0, None)
