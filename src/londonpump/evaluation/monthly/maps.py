"""The maps of the page: how soon the first pump came, by station ground and by place."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize

from londonpump.domain.stations import by_code, known_stations
from londonpump.domain.thames import river_line
from londonpump.evaluation.curves import GridCells, grid_cells
from londonpump.evaluation.evaluation_rows import EvaluationRows, Floats, Forecast
from londonpump.evaluation.monthly.attendance import FEW, AttendanceRows, Figures
from londonpump.evaluation.monthly.plots import CLOCK
from londonpump.evaluation.monthly.text_formats import format_clock
from londonpump.evaluation.report.maps import draw_cells, draw_ground, frame_map, label_stations
from londonpump.evaluation.report.plots import Drawing
from londonpump.evaluation.report.style import MUTED, SERIES, inline_svg, plot

MIN_IN_CELL = 15
COLOURS = "cividis"
LABEL = "First pump on average, min"


def draw_maps(rows: AttendanceRows, by_ground: Mapping[str, Figures]) -> list[Drawing]:
    """Station grounds as dots at their stations; square cells of the grid where enough pumps came."""
    cells = _cells(rows.firsts)
    drawings = [_ground_map(by_ground, cells)]
    if np.isfinite(cells.mae_s).any():
        drawings.append(_cell_map(cells))
    return [drawing for drawing in drawings if drawing is not None]


def _cells(firsts: AttendanceRows) -> GridCells:
    """Mean times by cell: the error of announcing 0 s is the time itself."""
    n = len(firsts)
    evaluated = EvaluationRows(
        actual_s=firsts.attendance_s,
        day=firsts.day,
        incident=np.arange(n),
        slices={},
        station_code=firsts.ground_code,
        distance_m=np.zeros(n),
        hour=firsts.hour,
        easting_m=firsts.easting_m,
        northing_m=firsts.northing_m,
    )
    return grid_cells(evaluated, Forecast(np.zeros(n)), MIN_IN_CELL)


def _ground_map(by_ground: Mapping[str, Figures], cells: GridCells) -> Drawing | None:
    stations = by_code(known_stations())
    known = [code for code in by_ground if code in stations and by_ground[code][0].n]
    ranked = sorted(known, key=lambda code: -(by_ground[code][0].stat["value"] or 0))
    evaluated = [code for code in ranked if by_ground[code][0].n >= FEW]
    if not evaluated:
        return None
    locations = np.array([(stations[code].easting_m, stations[code].northing_m) for code in evaluated])
    minutes, n = _numbers(by_ground, evaluated)
    few = [(stations[code].easting_m, stations[code].northing_m) for code in ranked if code not in evaluated]
    alt = (
        f"Slowest on the ground of {evaluated[0]} {stations[evaluated[0]].name} ({format_clock(60 * minutes[0])}), fastest on that "
        f"of {evaluated[-1]} {stations[evaluated[-1]].name} ({format_clock(60 * minutes[-1])})."
    )
    with plot(8.2, 6.4) as (figure, axes):
        _land(axes, cells)
        if few:
            _hollow(axes, np.array(few))
        dots = axes.scatter(
            locations[:, 0],
            locations[:, 1],
            c=minutes,
            s=25 + 150 * n / n.max(),
            cmap=COLOURS,
            norm=_norm(minutes),
            edgecolors=MUTED,
            linewidths=0.7,
            zorder=3,
        )
        label_stations(axes, evaluated, locations[:, 0], locations[:, 1])
        frame_map(figure, axes, dots, LABEL, CLOCK)
        svg = inline_svg(figure, "grounds", f"Map of {len(evaluated)} station grounds by first pump. {alt}")
    hollow = f" Hollow: fewer than {FEW} first pumps." if few else ""
    reading = f"Each dot is a station; its colour is how soon a pump from anywhere came to its ground, its size how often.{hollow} {alt}"
    return Drawing("First pump by station ground", svg, reading, is_wide=True)


def _hollow(axes: Axes, locations: Floats) -> None:
    axes.scatter(
        locations[:, 0], locations[:, 1], s=25, facecolors="none", edgecolors=MUTED, linewidths=0.9, zorder=3
    )


def _numbers(by_ground: Mapping[str, Figures], codes: list[str]) -> tuple[Floats, Floats]:
    minutes = np.array([(by_ground[code][0].stat["value"] or 0) / 60 for code in codes])
    return minutes, np.array([by_ground[code][0].n for code in codes], np.float64)


def _cell_map(cells: GridCells) -> Drawing:
    minutes = cells.mae_s / 60
    low, high = (60 * float(end) for end in np.nanquantile(minutes, (0.05, 0.95)))
    with plot(8.2, 6.4) as (figure, axes):
        _land(axes, cells)
        image = draw_cells(axes, cells, minutes, COLOURS, _norm(minutes))
        frame_map(figure, axes, image, LABEL, CLOCK)
        alt = f"First pump on average in cells of {cells.cell_m:.0f} m: nine in ten between {format_clock(low)} and {format_clock(high)}."
        svg = inline_svg(figure, "cells", alt)
    return Drawing(
        "First pump by place", svg, f"{alt} Grey: fewer than {MIN_IN_CELL} first pumps.", is_wide=True
    )


def _norm(minutes: Floats) -> Normalize:
    low, high = np.nanquantile(minutes, (0.03, 0.97))
    return Normalize(low, max(high, low + 0.1))


def _land(axes: Axes, cells: GridCells) -> None:
    """Where pumps came to, and the Thames."""
    draw_ground(axes, cells)
    limits = (cells.easting_m[0], cells.easting_m[-1], cells.northing_m[0], cells.northing_m[-1])
    river = np.array([(point.easting_m, point.northing_m) for point in river_line()])
    axes.plot(river[:, 0], river[:, 1], color=SERIES[0], alpha=0.45, linewidth=1.6, zorder=1)
    axes.set(xlim=limits[:2], ylim=limits[2:])
