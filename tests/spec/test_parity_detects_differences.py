"""The parity test can fail: a difference that no reason explains, or that two explain, is reported."""

import numpy as np
from support.parity_columns import Comparison, count_differences, explained

VALUES = np.array([1.0, 2.0, 3.0])


def test_a_difference_without_a_reason_is_reported() -> None:
    counts, unexplained = count_differences([Comparison("temp", VALUES, np.array([1.0, 2.5, 3.0]), {})])
    assert unexplained == ["temp, row 1: theirs np.float64(2.0), ours np.float64(2.5)"]
    assert counts.total() == 0


def test_a_difference_with_two_reasons_is_reported() -> None:
    everywhere = np.ones(3, bool)
    two = Comparison("temp", VALUES, VALUES + 1, {"one": everywhere, "another": everywhere})
    assert len(count_differences([two])[1]) == 3


def test_unknown_on_one_side_is_a_difference_and_on_both_is_none() -> None:
    unknown = np.array([1.0, np.nan, np.nan])
    theirs = np.array([1.0, np.nan, 3.0])
    assert len(count_differences([Comparison("temp", theirs, unknown, {})])[1]) == 1


def test_a_reason_holds_only_where_theirs_is_their_rule_and_ours_the_mended_one() -> None:
    everywhere = {"clocks": np.ones(3, bool)}
    ours = VALUES + 10
    assert explained(everywhere, VALUES, VALUES, ours, ours)["clocks"].all()
    assert not explained(everywhere, VALUES, VALUES, ours, ours + 1)["clocks"].any()
    assert not explained(everywhere, VALUES, VALUES + 1, ours, ours)["clocks"].any()
