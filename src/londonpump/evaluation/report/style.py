"""The style of plots: light axes, colours that follow the page (light, dark, print), small inline SVG."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from typing import Any

import matplotlib as mpl
from markupsafe import Markup, escape
from matplotlib.axes import Axes
from matplotlib.figure import Figure

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
