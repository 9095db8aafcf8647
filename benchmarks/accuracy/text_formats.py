"""Formats of figures: a value with its interval, a row of a table."""

from collections.abc import Iterable
from typing import Any

Stat = dict[str, Any]
MINUS = "−"


def number(value: float | None, digits: int) -> str:
    """Format a number with a true minus sign; a dash for none."""
    if value is None:
        return "–"
    text = f"{value:.{digits}f}"
    return text.replace("-", MINUS) if float(text) != 0 else text.replace("-", "")


def with_interval(found: Stat | None, digits: int) -> str:
    """Format a value with its interval: `66.7 (65.0 to 68.4)`."""
    if found is None:
        return "–"
    return f"{number(found['value'], digits)} ({number(found['low'], digits)} to {number(found['high'], digits)})"


def digits_for(value: float) -> int:
    """Return the number of decimals that a figure needs."""
    return 1 if abs(value) >= 2 else 3


def row(cells: Iterable[str]) -> str:
    """Format a row of a Markdown table."""
    return "| " + " | ".join(cells) + " |"


def table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Format a Markdown table."""
    names = list(header)
    return "\n".join([row(names), row(["---"] * len(names)), *(row(cells) for cells in rows)])
