"""The order in which the pumps of one call arrive, against two simple rules."""

import numpy as np
import pytest

from londonpump.evaluation.arrival_order import (
    NEAREST,
    OURS,
    OWN_THEN_NEAREST,
    evaluate_order,
    pairs_of,
)
from londonpump.evaluation.evaluation_rows import OTHER_GROUND, OWN_GROUND, EvaluationRows


def rows_of(calls: list[list[tuple[str, float, float, bool]]]) -> EvaluationRows:
    """Pumps of each call: station, actual seconds, distance in metres, whether it leaves the own ground's station."""
    pumps = [(incident, *pump) for incident, call in enumerate(calls) for pump in call]
    incident = np.array([pump[0] for pump in pumps])
    n = np.zeros(len(pumps))
    return EvaluationRows(
        actual_s=np.array([pump[2] for pump in pumps], float),
        day=incident % 7,
        incident=incident,
        slices={"own_ground": np.array([OWN_GROUND if pump[4] else OTHER_GROUND for pump in pumps])},
        station_code=np.array([pump[1] for pump in pumps]),
        distance_m=np.array([pump[3] for pump in pumps], float),
        hour=n.astype(int),
        easting_m=n,
        northing_m=n,
    )


ONE_CALL = [("A21", 300.0, 900.0, False), ("A22", 340.0, 800.0, True)]


def test_pairs_are_of_one_incident_and_two_stations() -> None:
    three = [*ONE_CALL, ("A22", 350.0, 800.0, True)]
    rows = rows_of([three, [("A21", 200.0, 100.0, True)]])
    found = {frozenset(pair) for pair in zip(*(each.tolist() for each in pairs_of(rows)), strict=True)}
    assert found == {frozenset({0, 1}), frozenset({0, 2})}


def test_each_rule_is_right_half_right_or_wrong() -> None:
    rows = rows_of([ONE_CALL] * 40)
    found = evaluate_order(rows, np.tile([310.0, 330.0], 40), resamples=50)
    assert found is not None
    assert found.pairs == 40
    assert {rule: stat.value for rule, stat in found.right_share.items()} == {
        OURS: 1.0,
        NEAREST: 0.0,
        OWN_THEN_NEAREST: 0.0,
    }
    assert {rule: stat.value for rule, stat in found.regret_s.items()} == {
        OURS: 0.0,
        NEAREST: 40.0,
        OWN_THEN_NEAREST: 40.0,
    }
    assert found.right_share_difference[NEAREST].value == 1.0
    tied = evaluate_order(rows, np.full(80, 320.0), resamples=50)
    assert tied is not None
    assert (tied.right_share[OURS].value, tied.regret_s[OURS].value) == (0.5, 20.0)


def test_the_own_ground_goes_before_the_nearest_and_the_nearest_decides_among_others() -> None:
    far_own = [("A21", 300.0, 900.0, True), ("A22", 340.0, 800.0, False)]
    no_own = [("A21", 300.0, 700.0, False), ("A22", 340.0, 800.0, False)]
    found = evaluate_order(rows_of([far_own, no_own] * 20), np.zeros(80), resamples=50)
    assert found is not None
    assert found.right_share[OWN_THEN_NEAREST].value == 1.0
    assert found.right_share[NEAREST].value == 0.5


def test_too_few_pairs_give_no_figure() -> None:
    assert evaluate_order(rows_of([ONE_CALL] * 19), np.zeros(38), resamples=50) is None


def test_the_order_of_the_rows_decides_nothing() -> None:
    rng = np.random.default_rng(3)
    calls = [
        [
            (f"A{21 + k}", float(rng.integers(200, 600)), float(rng.integers(100, 3000)), k == 0)
            for k in range(3)
        ]
        for _ in range(60)
    ]
    rows, median_s = rows_of(calls), rng.uniform(200, 600, 180)
    mixed = rng.permutation(180)
    a, b = evaluate_order(rows, median_s, 50), evaluate_order(rows.take(mixed), median_s[mixed], 50)
    assert a is not None
    assert b is not None
    assert a.pairs == 180
    for rule in (OURS, NEAREST, OWN_THEN_NEAREST):
        assert a.regret_s[rule].value == pytest.approx(b.regret_s[rule].value)
