"""A bundle's own example: the run on its card, and whether the bundle still answers it as when it was learnt."""

import math
from typing import Any

import numpy as np

from londonpump.domain.errors import BadFile
from londonpump.models.bundle import Bundle, Columns
from londonpump.models.distribution import P50

TOLERANCE_S = 0.01
"""The card rounds to 0.001 s; another machine's arithmetic may differ in the last digits."""


def self_test_columns(dispatch: dict[str, Any]) -> Columns:
    """One run of a card as columns of one row; null is unknown."""
    return {
        name: np.array([value], np.int64 if name == "mobilised_us" else object)
        if value is None or isinstance(value, str) or name == "mobilised_us"
        else np.array([value], np.float64)
        for name, value in dispatch.items()
    }


def check_self_test(bundle: Bundle, path: str) -> float:
    """Have a bundle answer its own example. Returns: the seconds it answers.

    Raises: BadFile if it has none, or answers something else: its files or libraries are not what they were.
    """
    self_test = bundle.card.get("prototype")
    if not isinstance(self_test, dict):
        raise BadFile(path, "has no prototype to check it by", "Train again.")
    answered_s = float(
        bundle.response(bundle.dispatches(self_test_columns(self_test["run"]))).quantile(P50)[0]
    )
    if not math.isclose(answered_s, self_test["p50_s"], abs_tol=TOLERANCE_S):
        raise BadFile(
            path,
            f"answers its prototype with {answered_s:.3f} s, not {self_test['p50_s']:.3f} s as when it was learnt",
            "Train again, or use the versions of the libraries that are on its card.",
        )
    return answered_s
