"""A bundle's own example: the run on its card, and whether the bundle still answers it as when it was learnt."""

import math
from typing import Any

import numpy as np

from londonpump.brigade.errors import BadFile
from londonpump.models.bundle import Bundle, Columns
from londonpump.models.distribution import P50

TOLERANCE_S = 0.01
"""The card rounds to 0.001 s; another machine's arithmetic may differ in the last digits."""


def prototype_columns(run: dict[str, Any]) -> Columns:
    """One run of a card as columns of one row; null is unknown."""
    return {
        name: np.array([value], np.int64 if name == "mobilised_us" else object)
        if value is None or isinstance(value, str) or name == "mobilised_us"
        else np.array([value], np.float64)
        for name, value in run.items()
    }


def check_prototype(bundle: Bundle, place: str) -> float:
    """Have a bundle answer its own example. Returns: the seconds it answers.

    Raises: BadFile if it has none, or answers something else: its files or libraries are not what they were.
    """
    prototype = bundle.card.get("prototype")
    if not isinstance(prototype, dict):
        raise BadFile(place, "has no prototype to check it by", "Train again.")
    answered_s = float(bundle.response(bundle.runs(prototype_columns(prototype["run"]))).quantile(P50)[0])
    if not math.isclose(answered_s, prototype["p50_s"], abs_tol=TOLERANCE_S):
        raise BadFile(
            place,
            f"answers its prototype with {answered_s:.3f} s, not {prototype['p50_s']:.3f} s as when it was learnt",
            "Train again, or use the versions of the libraries that are on its card.",
        )
    return answered_s
