"""Calls on the same ground in the half hour before: exactly what counting one by one gives."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from support.run_size import examples

from londonpump.features.dispatches import WITHIN_US, recent_calls

MINUTE_US = 60_000_000
START_US = 1_672_531_200_000_000
"""Ticks of ten minutes, so that calls stand on the very ends of the half hour."""
calls = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 30)), min_size=1, max_size=40)
waits = st.lists(st.integers(0, 5), min_size=40, max_size=40)


def one_by_one(ground, at_us, incidents):
    return [
        sum(
            1
            for other in range(len(ground))
            if other != own
            and ground[other] == ground[own]
            and asked_us - WITHIN_US <= at_us[other] < asked_us
        )
        for own, asked_us in incidents
    ]


@given(calls, waits)
@settings(max_examples=examples(200), deadline=None)
def test_recent_calls_are_what_counting_one_by_one_gives(made, wait):
    ground = np.array([g for g, _ in made], np.int64)
    at_us = START_US + np.array([tick for _, tick in made], np.int64) * 10 * MINUTE_US
    asked_us = at_us + np.array(wait[: len(made)], np.int64) * 10 * MINUTE_US
    counted = recent_calls(ground, at_us, ground, asked_us, at_us)
    assert counted.tolist() == one_by_one(ground, at_us, list(enumerate(asked_us)))


@given(calls, st.integers(0, 30))
@settings(max_examples=examples(100), deadline=None)
def test_calls_after_the_moment_change_nothing(made, cut):
    ground = np.array([g for g, _ in made], np.int64)
    at_us = START_US + np.array([tick for _, tick in made], np.int64) * 10 * MINUTE_US
    cut_us = START_US + cut * 10 * MINUTE_US
    incidents = at_us <= cut_us
    known = at_us < cut_us
    whole = recent_calls(ground, at_us, ground[incidents], at_us[incidents], at_us[incidents])
    part = recent_calls(ground[known], at_us[known], ground[incidents], at_us[incidents], at_us[incidents])
    assert whole.tolist() == part.tolist()


def test_no_call_at_all_counts_nothing():
    nothing = np.empty(0, np.int64)
    assert recent_calls(nothing, nothing, np.array([2]), np.array([START_US]), np.array([0])).tolist() == [0]


def test_a_place_without_a_ground_has_no_calls():
    ground, at_us = np.array([0, 0]), np.array([START_US, START_US + MINUTE_US])
    assert recent_calls(ground, at_us, np.array([-1]), at_us[1:] + 1, at_us[1:]).tolist() == [0]
