"""Slow-downs: sums by hand, and what they find on invented days."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from londonpump.evaluation.lateness import (
    CLEAR_DAYS,
    HALF_WEIGHT_ROWS,
    LONDON,
    PRIOR_REST_ROWS,
    RULES,
    UNKNOWN,
    DailySums,
    Lateness,
    LatenessRows,
    LatenessRule,
    Level,
    PlaceLateness,
    beyond_the_rest,
    daily_excess,
    find_lateness,
    sum_up,
)
from londonpump.features.observations import day_of
from londonpump.models.usual_error import clip_errors

RULE = LatenessRule(allowance_s=10.0, limit=5.0)
BOROUGHS = tuple(f"BOROUGH {number:02d}" for number in range(33))
FIRST_DAY, SLOW_DAY = 17_000, 17_040


def summed(excess_s: Sequence[float], n: int = HALF_WEIGHT_ROWS, rule: LatenessRule = RULE) -> DailySums:
    """Sum up one place with n dispatches a day, given their mean excess."""
    return sum_up(np.full((len(excess_s), 1), float(n)), n * np.array(excess_s)[:, None], [rule])


def invented(
    seed: int = 1, per_day: int = 350, days: int = 60, late: dict[str, float] | None = None
) -> LatenessRows:
    """Days with skewed errors whose mean is that of the usual error; from SLOW_DAY on some places are late by seconds."""
    rng = np.random.default_rng(seed)
    n = per_day * days
    day = FIRST_DAY + np.repeat(np.arange(days), per_day)
    borough = rng.choice(BOROUGHS, n)
    # three grounds in each borough
    ground = np.array(
        [f"{name[-2:]}{number}" for name, number in zip(borough, rng.integers(0, 3, n), strict=True)]
    )
    error_s = rng.gamma(4.0, 35.0, n) - 140.0 + rng.normal(0.0, 4.0, days)[day - FIRST_DAY]
    usual_s = float(clip_errors(error_s).mean())
    for place, seconds in (late or {}).items():
        error_s[((borough == place) | (ground == place) | (place == LONDON)) & (day >= SLOW_DAY)] += seconds
    return LatenessRows(
        day=day,
        error_s=clip_errors(error_s),
        place={Level.LONDON: np.full(n, LONDON), Level.BOROUGH: borough, Level.GROUND: ground},
        usual_s={level: np.full(n, usual_s) for level in Level},
    )


def slow_names(found: Lateness | None) -> list[str]:
    assert found is not None
    return [place.name for place in found.slow]


def slow_borough() -> PlaceLateness:
    """Return the borough to which 60 s were added."""
    found = find_lateness(invented(late={BOROUGHS[7]: 60.0}))
    assert found is not None
    (place,) = (place for place in found.slow if place.name == BOROUGHS[7])
    return place


def test_a_sum_adds_half_of_what_exceeds_the_allowance_on_a_day_of_half_weight() -> None:
    # (14 - 10) / 2 = 2, (8 - 10) / 2 = -1, (30 - 10) / 2 = 10 cut at twice the limit, (6 - 10) / 2 = -2
    assert summed([14, 8, 14, 30, 6]).sums[:, 0].tolist() == [2, 1, 3, 10, 8]


def test_a_sum_never_falls_below_nought() -> None:
    assert summed([0, 0, 14]).sums[:, 0].tolist() == [0, 0, 2]


def test_few_dispatches_count_little() -> None:
    # 3 x (110 - 10) / (3 + 300)
    assert summed([110], n=3).sums[0, 0] == pytest.approx(300 / 303)


def test_a_day_without_dispatches_changes_nothing() -> None:
    n, excess_s = np.array([[300.0], [0.0]]), np.array([[300 * 14.0], [0.0]])
    assert sum_up(n, excess_s, [RULE]).sums[:, 0].tolist() == [2, 2]


def test_a_place_is_slow_from_the_day_on_which_its_sum_reaches_the_limit() -> None:
    assert summed([14, 14, 12]).is_slow[:, 0].tolist() == [False, False, True]


def test_it_is_slow_until_its_sum_is_nought_and_was_low_for_a_week() -> None:
    # The sum is 5 on the first day, 2 on the second, 0 on the third: low for seven days on the eighth.
    is_slow = summed([20, 4, 4, *[0] * 10]).is_slow[:, 0]
    assert int(np.flatnonzero(~is_slow)[0]) == CLEAR_DAYS


def test_a_sum_above_nought_keeps_it_slow() -> None:
    is_slow = summed([20, 4, *[10] * 20]).is_slow[:, 0]
    assert is_slow.all()


def test_a_usual_error_that_follows_takes_a_part_of_each_day() -> None:
    found = summed([8, 8], rule=replace(RULE, follow_days=4.0))
    # half the weight of 8 s, a quarter of it
    assert found.moved_s[:, 0].tolist() == [0, 1]


def test_it_follows_by_ten_seconds_at_most() -> None:
    # 30 s are below this allowance and never slow
    found = summed([30] * 200, rule=LatenessRule(40.0, 5.0, follow_days=4.0))
    assert found.moved_s[-1, 0] == 10


def test_it_does_not_follow_while_the_place_is_slow() -> None:
    found = summed([30] * 20, rule=replace(RULE, follow_days=4.0))
    # slow on the first day already: the sum is 10
    assert found.moved_s[-1, 0] == 0


def test_a_borough_is_compared_with_the_rest_of_london() -> None:
    # London: 150 pumps, 1,500 s. The borough: 50 of them, 1,000 s. The rest: 500 s over 100 pumps and the prior.
    n, excess_s = np.array([[150.0, 50.0]]), np.array([[1500.0, 1000.0]])
    expected = 1000 - 50 * 500 / (100 + PRIOR_REST_ROWS)
    assert beyond_the_rest(n, excess_s, excess_s)[0].tolist() == pytest.approx([1500, expected])


def test_outcomes_of_one_borough_alone_are_not_compared_with_themselves() -> None:
    # usual in the borough: 10 s less than in London
    n, excess_s, as_london_s = (np.array([pair]) for pair in ((50.0, 50.0), (500.0, 1000.0), (500.0, 500.0)))
    assert beyond_the_rest(n, excess_s, as_london_s)[0].tolist() == [500, 1000]


@pytest.mark.parametrize("seed", range(5))
def test_days_as_usual_have_no_slow_place(seed: int) -> None:
    assert slow_names(find_lateness(invented(seed))) == []


@pytest.mark.parametrize(
    ("place", "seconds", "too"),
    [
        (LONDON, 20.0, ()),
        # its three grounds are slow too, and may be named
        (BOROUGHS[7], 60.0, ("070", "071", "072")),
        # the borough of a slow ground is slow by a third of it
        ("071", 120.0, (BOROUGHS[7],)),
    ],
)
def test_a_slow_place_is_named_and_no_other(place: str, seconds: float, too: tuple[str, ...]) -> None:
    names = slow_names(find_lateness(invented(late={place: seconds})))
    assert (place in names, set(names) <= {place, *too}) == (True, True)


def test_the_start_is_near_the_day_on_which_the_seconds_were_added() -> None:
    since = slow_borough().since
    assert since is not None
    assert abs((since - day_of(SLOW_DAY)).days) <= 3


def test_the_excess_is_a_little_less_than_the_seconds_added_because_errors_are_clipped() -> None:
    excess_s = slow_borough().excess_s
    assert None not in (excess_s.value, excess_s.low, excess_s.high)
    assert 35 < excess_s.low < excess_s.value < excess_s.high < 65


def test_the_days_behind_it_count_its_dispatches() -> None:
    place = slow_borough()
    assert sum(day.n for day in place.days_since) == place.n > 100


def test_a_tenth_of_the_outcomes_finds_it_too_but_later() -> None:
    """A control room that reports few arrivals."""
    rows = invented(per_day=35, late={LONDON: 60.0})
    assert slow_names(find_lateness(rows)) == [LONDON]


def test_a_place_without_a_name_counts_for_london_alone() -> None:
    rows = invented(late={LONDON: 20.0})
    nowhere = {level: np.full(len(rows.day), UNKNOWN) for level in (Level.BOROUGH, Level.GROUND)}
    found = find_lateness(replace(rows, place={**rows.place, **nowhere}))
    assert found is not None
    assert (found.n_places, slow_names(found)) == (1, [LONDON])


def test_no_outcomes_are_no_result() -> None:
    places = {level: np.zeros(0, np.str_) for level in Level}
    none = {level: np.zeros(0) for level in Level}
    empty = LatenessRows(np.zeros(0, np.int64), np.zeros(0), places, none)
    assert find_lateness(empty) is None


def test_a_single_very_late_pump_does_not_decide() -> None:
    rows = invented(per_day=35)
    error_s = rows.error_s.copy()
    error_s[-1] = clip_errors(np.array([900.0]))[0]
    before, after = (find_lateness(one) for one in (rows, replace(rows, error_s=error_s)))
    assert slow_names(before) == slow_names(after) == []


def test_a_place_as_usual_has_no_start_while_its_sum_is_nought() -> None:
    found = find_lateness(replace(invented(), error_s=np.full(350 * 60, -50.0)))
    assert found is not None
    assert (found.places[0].since, found.places[0].excess_s.value, found.until) == (
        None,
        None,
        date(2016, 9, 15),
    )


def test_the_first_place_is_london_and_the_others_are_nearest_to_their_limits() -> None:
    found = find_lateness(invented())
    assert found is not None
    shares = [place.sum / place.limit for place in found.places[1:]]
    assert (found.places[0].name, shares) == (LONDON, sorted(shares, reverse=True))


def test_every_row_counts_once_in_london_and_once_in_its_borough() -> None:
    daily = daily_excess(invented())
    of_boroughs = [at for at, level in enumerate(daily.levels) if level is Level.BOROUGH]
    assert daily.n[:, 0].tolist() == daily.n[:, of_boroughs].sum(axis=1).tolist() == [350.0] * 60


def test_each_level_has_a_rule() -> None:
    assert set(RULES) == set(Level)
