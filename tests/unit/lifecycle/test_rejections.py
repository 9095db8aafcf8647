"""Hints about wrong locations (issue 11, B7), and the limit of contradicted rows (B2)."""

import pytest

from londonpump.domain.published_columns import is_contradicted
from londonpump.lifecycle.rejections import location_hint


@pytest.mark.parametrize(
    ("texts", "hint"),
    [
        (("167282", "518517"), "exchanged"),
        (("518.517", "167.282"), "kilometres"),
        (("51.5634", "-0.2817"), "degrees"),
        (("-0.2817", "51.5634"), "degrees"),
        (("0", "0"), ""),
        (("0", None), ""),
        (("east", "north"), ""),
    ],
)
def test_a_place_that_would_lie_in_london_if_written_otherwise_is_explained(texts, hint) -> None:
    found = location_hint(texts)
    assert hint in found
    assert bool(hint) == bool(found)


@pytest.mark.parametrize(
    ("n_contradicted", "n_rows", "is_rejected"),
    [(2, 3, False), (3, 60, True), (3, 300, True), (3, 301, False), (4, 400, True), (99, 10_000, False)],
)
def test_one_row_in_a_hundred_and_three_at_least_refuse_a_file(n_contradicted, n_rows, is_rejected) -> None:
    assert is_contradicted(n_contradicted, n_rows) == is_rejected
