"""The style of plots (colours that follow the page, small inline SVG), and the formats of numbers and names."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from io import StringIO
from typing import Any

import matplotlib as mpl
from markupsafe import Markup, escape
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from londonpump.domain.stations import by_code, known_stations
from londonpump.evaluation.intervals import Stat

MODEL_LABELS = {
    "constant": "One time for all",
    "distance": "Distance alone",
    "original": "Original model",
    "ours": "londonpump",
    "ours_incident_type_not_stated": "londonpump, incident type not given",
    "submitted": "Submitted predictions",
}
IN_SENTENCE = {
    "constant": "one time for all",
    "distance": "distance alone",
    "original": "the original model",
    "ours_incident_type_not_stated": "londonpump without the incident type",
    "submitted": "the submitted predictions",
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


INK, MUTED, LINE, SURFACE = "#010101", "#020202", "#030303", "#040404"
"""Placeholders that become CSS colours of the page, so that one drawing serves light and dark."""
SERIES = ("#050501", "#050502", "#050503", "#050504")
_PAGE_COLOURS = {INK: "--ink", MUTED: "--muted", LINE: "--line", SURFACE: "--surface"} | {
    colour: f"--series-{number}" for number, colour in enumerate(SERIES, 1)
}
MARKERS = ("o", "s", "^", "D")
DASHES = ("-", (0, (5, 2)), (0, (1, 1.5)), (0, (5, 1.5, 1, 1.5)))

_STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "londonpump",
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
    """Return the figure as an inline `<svg>`. key: unique on the page. alt: text alternative."""
    text = StringIO()
    with mpl.rc_context(_STYLE):
        figure.savefig(text, format="svg", dpi=110, metadata={"Date": None, "Creator": None})
    svg = text.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(\bid="|href="#|url\(#)', rf"\1{key}-", svg)
    svg = re.sub(r"font(?:-family)?: ([0-9.]+px)[^;\"]*", r"font-size: \1", svg)
    for colour, variable in _PAGE_COLOURS.items():
        svg = svg.replace(colour, f"var({variable})")
    head = f'<svg role="img" aria-label="{escape(alt)}"'
    svg = re.sub(r'<svg(.*?) width="[^"]*"', rf"{head}\1", svg, count=1, flags=re.DOTALL)
    svg = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg, count=1, flags=re.DOTALL)
    return Markup(svg)  # noqa: S704 - drawn here; the only text from outside, alt, is escaped above
