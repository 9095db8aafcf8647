"""The size of the ordinary run: repetitions and most examples of hypothesis run in `make test-slow` only."""

import os
from collections.abc import Iterable

import pytest
from _pytest.mark import ParameterSet

IS_IN_FULL = os.environ.get("EXAMPLES") == "all"
"""The environment variable that `make test-slow` sets."""
MIN_EXAMPLES = 5


def examples(number: int) -> int:
    """Return how many examples hypothesis draws: all of them in `make test-slow`, else a quarter."""
    return number if IS_IN_FULL else min(number, max(MIN_EXAMPLES, number // 4))


def cases(names: Iterable[str], slow: Iterable[str]) -> list[ParameterSet]:
    """Return the names in order as parameters, of which those in `slow` run in `make test-slow` only."""
    names, left = sorted(names), set(slow)
    unknown = left - set(names)
    if unknown:
        raise ValueError(f"no such case: {', '.join(sorted(unknown))}")
    return [pytest.param(name, marks=[pytest.mark.slow] * (name in left)) for name in names]


def some(values: tuple[str, ...]) -> tuple[str, ...]:
    """Return every value in `make test-slow`, else every third."""
    return values if IS_IN_FULL else values[::3]
