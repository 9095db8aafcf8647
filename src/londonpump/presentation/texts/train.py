"""Text output of `train`."""

from collections.abc import Iterator
from pathlib import Path

from londonpump.models.bundle import Card
from londonpump.models.fitted_context import MISSING


def format_training(folder: Path, card: Card) -> str:
    """Format the training data of a bundle, and its folder."""
    summary = (
        f"Trained on {card.rows:,} mobilisations from {card.data.trained_from} until before "
        f"{card.data.trained_until}."
    )
    return "\n".join([summary, *_missing_context(card), f"Bundle: {folder}"])


def _missing_context(card: Card) -> Iterator[str]:
    """Format one line per part of the context that the examples do not cover."""
    for part, state in card.context.items():
        if state != MISSING:
            continue
        if part == "congestion":
            yield f"Without {part}: the examples hold no traffic, and too few travel times to estimate it."
        else:
            yield f"Without {part}: fewer than half of the examples have it."
