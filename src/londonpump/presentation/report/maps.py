"""The maps of reports, drawn from the layers of `evaluation.map_layers`: boroughs, the Thames, and figures with their names."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.colors import CenteredNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.path import Path
from matplotlib.ticker import FuncFormatter, MaxNLocator
from matplotlib.transforms import Bbox

from londonpump.domain.london_map import MAP_ATTRIBUTION, GeoJson, borough_outlines, thames_outline
from londonpump.domain.national_grid import to_grid
from londonpump.evaluation.map_layers import (
    MapLayer,
    borough_shapes,
    cell_names,
    cell_shapes,
    map_layer,
    smooth,
    station_shapes,
)
from londonpump.presentation.report.inputs import Drawing, ReportInputs
from londonpump.presentation.report.style import INK, MUTED, inline_svg, plot

SMOOTHED_NOTE = "Figures of few mobilisations are moved towards the mean of all (empirical Bayes)."
MAX_NAMED, MAX_VECTOR_AREAS = 6, 100
LAND, BORDER, WATER, HATCH = "#eef1f4", "#9aa4af", "#a9cbe6", "/////"
AROUND = ((0, 5, "bottom"), (0, -5, "top"), (6, 0, "center"), (-6, 0, "center"))
"""Where the name of a station may be: points from its dot, and vertical alignment."""
INSIDE = tuple((0, dy, "center") for dy in (0, 6, -6, 11, -11))
MIN_FAR_SHARE, COLOUR_SHARE = 0.1, 0.6
"""Colours reach at least a tenth of the limit to either side, so that small differences look small, and keep to the lighter
part of the scale, on which names can be read."""


def evaluation_layers(inputs: ReportInputs) -> list[MapLayer]:
    """Return the layers of an evaluation: mean error by borough and station, and bias by square kilometre."""
    rows, error_s = inputs.rows, inputs.forecast.median_s - inputs.rows.actual_s
    mean_s = float(np.abs(error_s).mean())
    cells = smooth(error_s, cell_names(rows.easting_m, rows.northing_m))
    # The bias of London is below 0 (a median lies below a mean): the map shows where it differs from that.
    layers = [
        map_layer(
            (f"error-by-{name}", f"Mean error by {name}{place}", "Mean error, s"),
            shapes,
            smooth(np.abs(error_s), area),
            mean_s,
        )
        for name, place, shapes, area in (
            ("borough", " of the incident", borough_shapes(), rows.slices.get("borough")),
            ("station", " that the pump left from", station_shapes(), rows.station_code),
        )
        if area is not None
    ]
    bias = ("bias-by-cell", "Bias by square kilometre", "Bias (announced minus actual), s")
    layers.append(map_layer(bias, cell_shapes(cells), cells, float(error_s.mean()), is_more_worse=False))
    return [layer for layer in layers if layer.collection["features"]]


def draw_maps(inputs: ReportInputs) -> list[Drawing]:
    """Draw every layer of an evaluation."""
    return [map_drawing(layer) for layer in evaluation_layers(inputs)]


def map_drawing(layer: MapLayer, ticks: FuncFormatter | None = None) -> Drawing:
    """Return a map for a page, with a sentence that names the areas beyond the limit."""
    worse = layer.worse
    names = [name for name in worse if name][:MAX_NAMED]
    rest = f" and {len(worse) - MAX_NAMED} more" if names and len(worse) > MAX_NAMED else ""
    listed = f" ({', '.join(names)}{rest})" if names else ""
    found = f"{len(worse) or 'None'} of {len(layer.collection['features'])} surely {_limit_text(layer, ticks)}{listed}."
    with map_figure(layer, ticks) as figure:
        image = inline_svg(figure, f"map-{layer.key}", f"{layer.title}. {found}")
    return Drawing(
        layer.title, image, f"Orange is worse, purple better. {found} {SMOOTHED_NOTE}", is_wide=True
    )


def _limit_text(layer: MapLayer, ticks: FuncFormatter | None) -> str:
    limit = ticks(layer.limit) if ticks else f"{layer.limit:.0f}".replace("-", "\u2212")
    return f"{'above' if layer.is_more_worse else 'below'} {limit}"


def map_png(layer: MapLayer, ticks: FuncFormatter | None = None) -> bytes:
    """Return the map as a PNG of 1,640 pixels in width, with title and attribution, to be used alone."""
    content = BytesIO()
    with map_figure(layer, ticks) as figure:
        figure.text(0.5, 0.98, layer.title, ha="center", va="top", fontsize=11)
        figure.text(0.5, 0.01, MAP_ATTRIBUTION, ha="center", fontsize=5.5, color=MUTED)
        figure.savefig(content, format="png", dpi=200, facecolor="white", metadata={"Software": None})
    return content.getvalue()


@contextmanager
def map_figure(layer: MapLayer, ticks: FuncFormatter | None = None) -> Iterator[Figure]:
    """Draw a layer on the boroughs and the Thames, with as many names as fit without overlap."""
    features = layer.collection["features"]
    values = np.array([each["properties"]["smoothed"] for each in features])
    far = float(np.quantile(np.abs(values - layer.limit), 0.97))
    far = max(far, MIN_FAR_SHARE * abs(layer.limit), 1e-6) / COLOUR_SHARE
    colours: Mapping[str, Any] = {
        "cmap": "PuOr_r" if layer.is_more_worse else "PuOr",
        "norm": CenteredNorm(layer.limit, far),
    }
    is_point = bool(features) and features[0]["geometry"]["type"] == "Point"
    with plot(8.2, 6.2) as (figure, axes):
        # Boroughs that the layer fills are not drawn below it: their outlines are half of the size of a map.
        filled = {each["properties"]["code"] for each in features}
        land = [each for each in borough_outlines()["features"] if each["properties"]["code"] not in filled]
        _areas(axes, land, facecolor=LAND, edgecolor=BORDER, linewidth=0.5)
        draw = _points if is_point else _filled
        mapped, sign = draw(axes, features, values, colours)
        _areas(axes, thames_outline()["features"], facecolor=WATER, edgecolor="none")
        _frame(axes)
        # of times, ticks are whole minutes and halves of them
        steps = MaxNLocator(nbins=8, steps=[1, 3, 6, 10]) if ticks else None
        bar = figure.colorbar(mapped, ax=axes, shrink=0.7, pad=0.01, extend="both", format=ticks, ticks=steps)
        bar.set_label(layer.label)
        bar.outline.set_visible(False)
        if layer.worse:
            sign.set_label(f"95 % interval wholly {_limit_text(layer, ticks)}")
            axes.legend(handles=[sign], loc="lower right", fontsize=8)
        # Names are placed by their drawn extents, which exist only once the layout is known.
        figure.draw_without_rendering()
        # Names must not move the layout again: it would be solved with a hundred texts.
        figure.set_layout_engine("none")
        _name_stations(axes, features, layer.limit) if is_point else _name_boroughs(axes)
        yield figure


def _rings(geometry: GeoJson) -> Path:
    """Return the outline of a polygon, or of several, on the national grid."""
    polygons = geometry["coordinates"] if geometry["type"] == "MultiPolygon" else [geometry["coordinates"]]
    rings = [np.array(ring) for polygon in polygons for ring in polygon]
    grids = [to_grid(ring[:, 1], ring[:, 0]) for ring in rings]
    return Path.make_compound_path(*(Path(np.stack(grid, axis=1), closed=True) for grid in grids))


def _areas(axes: Axes, features: list[GeoJson], **style: Any) -> PathCollection:
    """Draw features as areas in one style."""
    drawn = PathCollection([_rings(each["geometry"]) for each in features], **style)
    axes.add_collection(drawn)
    return drawn


def _filled(
    axes: Axes, features: list[GeoJson], values: Any, colours: Mapping[str, Any]
) -> tuple[PathCollection, Patch]:
    """Fill areas with the colours of their values; what is worse than the limit is hatched too."""
    is_many = len(features) > MAX_VECTOR_AREAS
    # The outlines of boroughs must show through squares, of which a thousand would be half a megabyte of paths.
    style = {"linewidth": 0.0 if is_many else 0.5, "alpha": 0.85, "rasterized": is_many}
    filled = _areas(axes, features, edgecolor=MUTED, **style, **colours)
    filled.set_array(values)
    worse = [each for each in features if each["properties"]["is_worse"]]
    _areas(axes, worse, facecolor="none", edgecolor=INK, linewidth=0.0, hatch=HATCH)
    return filled, Patch(facecolor="none", edgecolor=INK, linewidth=0.5, hatch=HATCH)


def _points(
    axes: Axes, features: list[GeoJson], values: Any, colours: Mapping[str, Any]
) -> tuple[PathCollection, Line2D]:
    """Draw stations as dots with more area for more rows; what is worse than the limit is a triangle."""
    east, north = _grid(features)
    n = np.array([each["properties"]["n"] for each in features], np.float64)
    is_worse = np.array([each["properties"]["is_worse"] for each in features])
    size = 18 + 110 * n / n.max()
    for shown, marker in ((~is_worse, "o"), (is_worse, "^")):
        drawn = axes.scatter(
            east[shown],
            north[shown],
            size[shown],
            values[shown],
            marker=marker,
            edgecolors=INK,
            linewidths=0.5,
            **colours,
        )
    return drawn, Line2D([], [], linestyle="none", marker="^", color=INK, fillstyle="none", markersize=7)


def _grid(features: list[GeoJson]) -> tuple[Any, Any]:
    spots = np.array([each["geometry"]["coordinates"] for each in features])
    return to_grid(spots[:, 1], spots[:, 0])


def _frame(axes: Axes) -> None:
    """Set equal scales and the limits of London, with a bar of 10 km instead of axes."""
    axes.set_aspect("equal")
    axes.set_axis_off()
    axes.autoscale_view()
    axes.margins(0.01)
    left, bottom = axes.get_xlim()[0], axes.get_ylim()[0]
    axes.plot([left + 1000, left + 11_000], [bottom + 900] * 2, color=INK, linewidth=1.5)
    axes.annotate("10 km", (left + 6000, bottom + 1300), ha="center", va="bottom", fontsize=8)


def _name_boroughs(axes: Axes) -> None:
    names = []
    for each in borough_outlines()["features"]:
        # The largest part of a borough bears its name; long names take two lines in the small ones.
        parts = [np.asarray(part) for part in _rings(each["geometry"]).to_polygons()]
        part = max(parts, key=lambda ring: float(np.ptp(ring[:, 0])))
        words = each["properties"]["name"].replace(" and ", "\nand ").replace(" upon ", "\nupon ")
        words = words.replace("City of London", "City").replace("Tower Hamlets", "Tower\nHamlets")
        names.append((words, _middle(part), INSIDE))
    _place(axes, names, [], fontsize=6.3, color=INK)


def _middle(ring: Any) -> tuple[float, float]:
    """Return the centre of mass of a ring."""
    x, y = (ring - ring[0]).T
    cross = x[:-1] * y[1:] - x[1:] * y[:-1]
    east, north = (float(((axis[:-1] + axis[1:]) * cross).sum() / (3 * cross.sum())) for axis in (x, y))
    return float(ring[0][0]) + east, float(ring[0][1]) + north


def _name_stations(axes: Axes, features: list[GeoJson], limit: float) -> None:
    """Name the stations that are farthest from the limit first."""
    spots = np.stack(_grid(features), axis=1)
    ranked = np.argsort([-abs(each["properties"]["smoothed"] - limit) for each in features])
    names = [(features[at]["properties"]["name"], tuple(spots[at]), AROUND) for at in ranked]
    dots = [Bbox.from_extents(x - 4, y - 4, x + 4, y + 4) for x, y in axes.transData.transform(spots)]
    _place(axes, names, dots, fontsize=6.0, color=INK)


def _place(axes: Axes, names: Any, taken: list[Any], **style: Any) -> None:
    """Draw each name at the first of its places where it overlaps nothing; without one it is left out."""
    placed = list(taken)
    for text, spot, places in names:
        for dx, dy, alignment in places:
            drawn = axes.annotate(
                text,
                spot,
                (dx, dy),
                textcoords="offset points",
                ha="left" if dx > 0 else "right" if dx < 0 else "center",
                va=alignment,
                linespacing=0.9,
                # a name lies over hatching and dark fillings
                bbox={"boxstyle": "square,pad=0.1", "facecolor": "white", "edgecolor": "none", "alpha": 0.55},
                **style,
            )
            box = drawn.get_window_extent()
            if not box.count_overlaps(placed):
                placed.append(box)
                break
            drawn.remove()
