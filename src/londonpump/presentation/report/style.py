"""The style of plots, which are images inside the page, and the formats of numbers and names."""

from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from io import BytesIO
from typing import Any

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from londonpump.domain.stations import by_code, known_stations
from londonpump.evaluation.intervals import Stat
from londonpump.presentation.texts.places import format_borough

MODEL_LABELS = {
    "constant": "One time for all",
    "distance": "Distance alone",
    "original": "Original model",
    "ours": "londonpump",
    "ours_incident_type_not_stated": "londonpump, incident type not given",
}
IN_SENTENCE = {
    "constant": "one time for all",
    "distance": "distance alone",
    "original": "the original model",
    "ours_incident_type_not_stated": "londonpump without the incident type",
}
SLICE_LABELS = {
    "distance_band": "distance",
    "distance_decile": "tenth by distance",
    "hour_band": "hours",
    "is_own_ground": "own ground",
    "stated_incident_type": "incident type given",
}
NOT_DEFINED = "–"


def model_label(name: str) -> str:
    """Return the name of a model in a table."""
    return MODEL_LABELS.get(name, name)


def model_in_sentence(name: str) -> str:
    """Return the name of a model inside a sentence."""
    return IN_SENTENCE.get(name, model_label(name))


def format_slice(name: str, value: str) -> str:
    """Return a slice and its value for a table, such as `hours: 00-05`, `station: A24 Soho`."""
    station = by_code(known_stations()).get(value)
    if station is not None:
        value = f"{value} {station.name}"
    if name == "borough":
        value = format_borough(value)
    return f"{SLICE_LABELS.get(name, name.replace('_', ' '))}: {value or 'not stated'}"


def format_day(day: date) -> str:
    """Return a date such as `1 October 2023`."""
    return f"{day.day} {day:%B %Y}"


def format_count(n: int) -> str:
    """Return a count such as `12,345`."""
    return f"{n:,}"


def format_number(value: float | None, unit: str, is_signed: bool = False) -> str:
    """Return a value in its unit: `s` one decimal, `%` of a share, `points` of a share, else three decimals."""
    if value is None:
        return NOT_DEFINED
    if unit in {"%", "points"}:
        value = 100 * value
    text = f"{value:{'+' if is_signed else ''}.{3 if unit == '' else 1}f}"
    bare = text.lstrip("+-")
    if float(bare) == 0:
        text = bare
    return text.replace("-", "\u2212")


def format_interval(stat: Stat, unit: str, is_signed: bool = False) -> str:
    """Return an interval such as `67.1 to 68.9`; empty if unknown."""
    if stat.low is None or stat.high is None:
        return ""
    return f"{format_number(stat.low, unit, is_signed)} to {format_number(stat.high, unit, is_signed)}"


INK, MUTED, LINE = "#1b1f24", "#59636e", "#d5dae0"
SERIES = ("#0b5fa5", "#b45309", "#0f766e", "#86198f")
MARKERS = ("o", "s", "^", "D")
DASHES = ("-", (0, (5, 2)), (0, (1, 1.5)), (0, (5, 1.5, 1, 1.5)))

_STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "londonpump",
    "font.sans-serif": ["DejaVu Sans", "Verdana", "sans-serif"],
    "font.size": 10,
    "axes.titlesize": 10,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": MUTED,
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": LINE,
    "grid.linewidth": 0.7,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "figure.facecolor": "none",
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 1.8,
    "lines.markersize": 4,
}


@contextmanager
def plot(width_in: float = 5.2, height_in: float = 3.5) -> Iterator[tuple[Figure, Axes]]:
    """Open a figure with one set of axes in this style, without changing global settings."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(width_in, height_in), layout="constrained")
        yield figure, figure.add_subplot()


def inline_svg(figure: Figure, key: str, alt: str) -> Markup:
    """Return the figure as an `<img>` with its SVG inside. key: unique on the page. alt: text alternative.

    The background is transparent and the colours are those of a light page; the style sheet inverts them on a dark one, where
    hues stay. As an image of its own its ids cannot meet those of other plots.
    """
    text = BytesIO()
    with mpl.rc_context(_STYLE):
        figure.savefig(text, format="svg", dpi=150, metadata={"Date": None, "Creator": None})
    content = b64encode(text.getvalue()).decode("ascii")
    return Markup('<img id="plot-{}" alt="{}" src="data:image/svg+xml;base64,{}">').format(key, alt, content)
