"""Dependence plots of the model card: what the trees add for each value of the strongest features."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from londonpump.features.catalogue import LABELS
from londonpump.models.explanations import Dependence
from londonpump.presentation.report.inputs import Drawing
from londonpump.presentation.report.style import INK, MUTED, SERIES, inline_svg, plot

COLUMNS = 2
MAX_VALUES = 12
"""A feature with at most this many values has a point per value, another one a curve over bins."""
BINS = 20
MAX_LABEL = 16


def draw_dependence(dependences: Sequence[Dependence]) -> list[Drawing]:
    """Draw all features in one figure, the strongest first; no drawing without features."""
    if not dependences:
        return []
    n_rows = -(-len(dependences) // COLUMNS)
    with plot(7.6, 1.9 * n_rows) as (figure, axes):
        axes.remove()
        grid = figure.subplots(n_rows, COLUMNS, sharey=True, squeeze=False)
        for one, place in zip(dependences, grid.flat, strict=False):
            _draw(place, one)
        for place in grid.flat[len(dependences) :]:
            place.remove()
        figure.supylabel("Seconds added to the median", fontsize=10, color=INK)
        strongest = dependences[0]
        alt = (
            f"Contributions of {len(dependences)} features; the strongest, {LABELS.get(strongest.name, strongest.name)}, adds or subtracts "
            f"{strongest.strength_s:.0f} s on average."
        )
        svg = inline_svg(figure, "dependence", alt)
    reading = (
        f"Line: mean; band: the middle 80 % of the dispatches with such a value, by TreeSHAP on {len(strongest.values):,} "
        "evaluated dispatches. The trees add this to the smooth curve of distance and hour, which is not in the picture. "
        "It shows what the model uses, not what causes a delay."
    )
    return [Drawing("What the strongest features add", svg, reading, is_wide=True)]


def _short(categories: Sequence[str], code: int) -> str:
    """Return the text of a code, cut to what fits below a small plot; the code after the last one stands for all others."""
    text = categories[code] if code < len(categories) else "other"
    return text if len(text) <= MAX_LABEL else f"{text[: MAX_LABEL - 1]}…"


def _draw(axes: Axes, one: Dependence) -> None:
    is_known = np.isfinite(one.values)
    values, seconds = one.values[is_known], one.seconds[is_known]
    axes.axhline(0, color=MUTED, linewidth=0.8)
    axes.set_title(
        f"{LABELS.get(one.name, one.name)} ({one.strength_s:.1f} s)", loc="left", fontsize=9, color=INK
    )
    axes.tick_params(labelsize=8)
    if not len(values):
        return
    if one.categories:
        codes = np.unique(values).astype(int)
        axes.set_xticks(
            codes, [_short(one.categories, code) for code in codes], rotation=25, ha="right", fontsize=7
        )
    else:
        axes.set_xlabel(one.unit, fontsize=8)
        axes.locator_params(axis="x", nbins=5)
    edges = np.unique(values)
    is_few = len(edges) <= MAX_VALUES
    if not is_few:
        edges = np.unique(np.quantile(values, np.linspace(0, 1, BINS + 1)))
    bin_of_row = np.clip(
        np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - (1 if is_few else 2)
    )
    bins = np.unique(bin_of_row)
    parts = [seconds[bin_of_row == at] for at in bins]
    x = np.array([values[bin_of_row == at].mean() for at in bins])
    mean = np.array([part.mean() for part in parts])
    low, high = (np.array([np.quantile(part, share) for part in parts]) for share in (0.1, 0.9))
    if is_few:
        # the mean may lie outside the middle 80 % of a skewed group
        ends = np.maximum([mean - low, high - mean], 0)
        axes.errorbar(x, mean, yerr=ends, fmt="o", color=SERIES[0], elinewidth=1.4, capsize=2)
        return
    axes.fill_between(x, low, high, color=SERIES[0], alpha=0.22, linewidth=0)
    axes.plot(x, mean, color=SERIES[0])
