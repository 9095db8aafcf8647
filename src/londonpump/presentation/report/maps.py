"""The maps of the report: error by station and by location, on the national grid."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize, TwoSlopeNorm
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from londonpump.domain.stations import by_code, known_stations
from londonpump.evaluation.curves import GridCells, grid_cells
from londonpump.evaluation.evaluation_rows import Floats
from londonpump.presentation.report.inputs import ReportInputs
from londonpump.presentation.report.plots import Drawing
from londonpump.presentation.report.style import INK, MUTED, inline_svg, plot

LABEL_WIDTH_M, LABEL_HEIGHT_M = 1900.0, 1050.0
MIN_AT_STATION = 5


@dataclass(frozen=True, eq=False)
class StationErrors:
    """Errors of stations with a known location, worst first; all (k,)."""

    code: tuple[str, ...]
    name: tuple[str, ...]
    easting_m: Floats
    northing_m: Floats
    mae_s: Floats
    n: Floats


def draw_maps(inputs: ReportInputs) -> list[Drawing]:
    """Draw the map of stations, and those of mean error and bias by cell."""
    cells = grid_cells(inputs.rows, inputs.forecast)
    drawings = [_station_map(inputs, cells)]
    if np.isfinite(cells.mae_s).any():
        drawings += [_error_map(cells), _bias_map(cells)]
    return [drawing for drawing in drawings if drawing is not None]


def station_errors(inputs: ReportInputs) -> StationErrors:
    """Return the mean error by station that a pump left from, for listed stations with 5 dispatches or more."""
    stations = by_code(known_stations())
    error = np.abs(inputs.forecast.median_s - inputs.rows.actual_s)
    codes, index = np.unique(inputs.rows.station_code, return_inverse=True)
    n = np.bincount(index, minlength=len(codes)).astype(np.float64)
    mae_s = np.bincount(index, error, minlength=len(codes)) / n
    ranked = [at for at in np.argsort(-mae_s) if str(codes[at]) in stations and n[at] >= MIN_AT_STATION]
    stations_by_error = [stations[str(codes[at])] for at in ranked]
    return StationErrors(
        code=tuple(station.code for station in stations_by_error),
        name=tuple(station.name for station in stations_by_error),
        easting_m=np.array([station.easting_m for station in stations_by_error]),
        northing_m=np.array([station.northing_m for station in stations_by_error]),
        mae_s=mae_s[ranked],
        n=n[ranked],
    )


def _station_map(inputs: ReportInputs, cells: GridCells) -> Drawing | None:
    found = station_errors(inputs)
    if not found.code:
        return None
    with plot(8.2, 6.4) as (figure, axes):
        draw_ground(axes, cells)
        low, high = np.quantile(found.mae_s, (0.03, 0.97))
        dots = axes.scatter(
            found.easting_m,
            found.northing_m,
            c=found.mae_s,
            s=25 + 150 * found.n / found.n.max(),
            cmap="cividis",
            norm=Normalize(low, max(high, low + 1)),
            edgecolors=MUTED,
            linewidths=0.7,
            zorder=3,
        )
        label_stations(axes, found.code, found.easting_m, found.northing_m)
        frame_map(figure, axes, dots, "Mean error, s")
        best, worst = found.name[-1], found.name[0]
        alt = f"Largest at {worst} ({found.mae_s[0]:.0f} s), smallest at {best} ({found.mae_s[-1]:.0f} s)."
        svg = inline_svg(figure, "stations", f"Map of {len(found.code)} stations by mean error. {alt}")
    reading = f"Each dot is a station at its place; a larger dot has more mobilisations, a lighter one more error. {alt}"
    return Drawing("Error by the station the pump left from", svg, reading, is_wide=True)


def draw_ground(axes: Axes, cells: GridCells) -> None:
    """Draw the cells with dispatches in a grey that works on white and on black."""
    shape = np.where(cells.n > 0, 1.0, np.nan)
    tint = np.zeros((*shape.shape, 4))
    tint[..., :3], tint[..., 3] = 0.5, np.where(np.isfinite(shape), 0.16, 0.0)
    extent = (cells.easting_m[0], cells.easting_m[-1], cells.northing_m[0], cells.northing_m[-1])
    axes.imshow(tint, origin="lower", extent=extent, interpolation="nearest", zorder=0)


def label_stations(axes: Axes, codes: Sequence[str], easting_m: Floats, northing_m: Floats) -> None:
    """Draw the codes of stations in the given order, as many as fit without overlap."""
    placed: list[tuple[float, float]] = []
    for code, east, north in zip(codes, easting_m, northing_m, strict=True):
        spot = (float(east), float(north) + 420)
        if all(abs(spot[0] - x) > LABEL_WIDTH_M or abs(spot[1] - y) > LABEL_HEIGHT_M for x, y in placed):
            placed.append(spot)
            axes.annotate(code, spot, ha="center", va="bottom", fontsize=6.5, color=INK, zorder=4)


def _error_map(cells: GridCells) -> Drawing:
    with plot(5.6, 4.6) as (figure, axes):
        draw_ground(axes, cells)
        low, high = np.nanquantile(cells.mae_s, (0.03, 0.97))
        image = draw_cells(axes, cells, cells.mae_s, "cividis", Normalize(low, max(high, low + 1)))
        frame_map(figure, axes, image, "Mean error, s")
        alt = f"Mean error in cells of {cells.cell_m:.0f} m: nine in ten between {low:.0f} and {high:.0f} s."
        svg = inline_svg(figure, "places", alt)
    return Drawing("Error by place", svg, f"{alt} Grey: too few mobilisations to say.")


def _bias_map(cells: GridCells) -> Drawing:
    with plot(5.6, 4.6) as (figure, axes):
        draw_ground(axes, cells)
        far = max(float(np.nanquantile(np.abs(cells.bias_s), 0.95)), 1.0)
        image = draw_cells(axes, cells, cells.bias_s, "PuOr", TwoSlopeNorm(0, -far, far))
        frame_map(figure, axes, image, "Mean announced minus actual, s")
        alt = f"Mean announced minus actual time in cells of {cells.cell_m:.0f} m, coloured from −{far:.0f} to +{far:.0f} s."
        svg = inline_svg(figure, "bias", alt)
    return Drawing("Where pumps come later or earlier than announced", svg, f"{alt} Orange: they come later.")


def draw_cells(axes: Axes, cells: GridCells, values: Floats, colours: str, norm: Normalize) -> object:
    """Draw square cells coloured by their values; NaN stays transparent."""
    extent = (cells.easting_m[0], cells.easting_m[-1], cells.northing_m[0], cells.northing_m[-1])
    return axes.imshow(
        values, origin="lower", extent=extent, cmap=colours, norm=norm, interpolation="nearest"
    )


def frame_map(
    figure: Figure, axes: Axes, mapped: object, label: str, ticks: FuncFormatter | None = None
) -> None:
    """Set equal scales, and draw a bar of 10 km instead of axes, and the colour bar."""
    axes.set_aspect("equal")
    axes.set_axis_off()
    left, bottom = axes.get_xlim()[0], axes.get_ylim()[0]
    axes.plot([left + 1000, left + 11_000], [bottom + 900] * 2, color=INK, linewidth=1.5)
    axes.annotate("10 km", (left + 6000, bottom + 1300), ha="center", va="bottom", fontsize=8, color=INK)
    bar = figure.colorbar(mapped, ax=axes, shrink=0.7, pad=0.01, extend="both", format=ticks)  # type: ignore[arg-type]
    bar.set_label(label)
    bar.outline.set_visible(False)
