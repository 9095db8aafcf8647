"""Plots of the report on the Brigade: months since the first record, boroughs by year, and changes at a date."""

from collections.abc import Mapping, Sequence
from dataclasses import astuple, replace
from datetime import date

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from londonpump.evaluation.attendance import FIRST_MEAN, Figure, Figures
from londonpump.evaluation.day_sums import Changes
from londonpump.evaluation.lateness import Level
from londonpump.evaluation.map_layers import Smoothed, borough_shapes, map_layer
from londonpump.presentation.brigade.records import BrigadeRecords
from londonpump.presentation.brigade.tables import estimates_by
from londonpump.presentation.monthly.plots import CLOCK, CLOCK_OF_S, FIRST_PUMP, draw_target, in_minutes
from londonpump.presentation.report.inputs import Drawing
from londonpump.presentation.report.maps import SMOOTHED_NOTE, map_drawing
from londonpump.presentation.report.style import MUTED, SERIES, inline_svg, plot, plots
from londonpump.presentation.texts.places import format_borough

MIN_MONTHS = 3
MIN_YEARS = 3
MAX_MONTH_LABELS = 12
COLUMNS = 6


def draw_months(records: BrigadeRecords) -> Drawing | None:
    """Draw the averages of London by month since the first record; None for fewer than three months."""
    found = [
        (month, each.figures(0)) for month, each in estimates_by(records, records.month_of_day, Level.LONDON)
    ]
    if len(found) < MIN_MONTHS:
        return None
    at = np.array([1970 + month / 12 for month, _ in found])
    with plot(8.2, 3.2) as (figure, axes):
        for number, which in enumerate((0, -1)):
            value, low, high = in_minutes([figures[which] for _, figures in found])
            label = ("first pump", "second pump")[number]
            axes.plot(at, value, color=SERIES[number], label=label, marker="o", markersize=2.5)
            axes.fill_between(at, low, high, color=SERIES[number], alpha=0.2, linewidth=0)
            draw_target(
                axes, found[0][1][which].target.limit_s / 60, None if number else "targets, 6 and 8 min"
            )
        axes.yaxis.set_major_formatter(CLOCK)
        _label_months(axes, [month for month, _ in found], at)
        axes.set(ylabel="On average, min")
        axes.margins(x=0.02)
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, 1.16), ncols=3)
        value = in_minutes([figures[0] for _, figures in found])[0]
        low_s, high_s = 60 * float(np.nanmin(value)), 60 * float(np.nanmax(value))
        alt = f"First pump: {CLOCK(low_s / 60)} to {CLOCK(high_s / 60)} over {len(found)} months."
        svg = inline_svg(figure, "months", f"Averages by month since the first record. {alt}")
    return Drawing("By month since the first record", svg, f"Bands are 95 % intervals. {alt}", is_wide=True)


def _label_months(axes: Axes, months: Sequence[int], at: np.ndarray) -> None:
    if at[-1] - at[0] > MIN_YEARS:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.xaxis.set_major_formatter("{x:.0f}")
        return
    # records of a year or two: whole months, as many as have room
    step = -(-len(months) // MAX_MONTH_LABELS)
    labels = [f"{date(1970 + month // 12, month % 12 + 1, 1):%b %y}" for month in months[::step]]
    axes.set_xticks(at[::step], labels)


def draw_borough_map(found: Mapping[str, Figures]) -> Drawing | None:
    """Draw the first pump on average by borough on the map; None if no borough has enough arrivals."""
    known = {
        name: Smoothed(row[0].n, *[end or 0.0 for end in (row[0].stat.value, *astuple(row[0].stat))])
        for name, row in found.items()
        if row[0].stat.low is not None
    }
    about = ("first-pump-by-borough", "First pump by borough", FIRST_PUMP)
    layer = map_layer(about, borough_shapes(), known, float(FIRST_MEAN.limit_s))
    if not layer.collection["features"]:
        return None
    drawing = map_drawing(layer, CLOCK_OF_S)
    # A year of a borough is thousands of arrivals with an interval by day, so nothing is smoothed here.
    return replace(drawing, reading=drawing.reading.removesuffix(SMOOTHED_NOTE).strip())


def draw_boroughs_by_year(records: BrigadeRecords) -> Drawing | None:
    """Draw one small plot per borough of the first pump by calendar year; None for fewer than three years."""
    found = list(estimates_by(records, records.year_of_day, Level.BOROUGH))
    if len(found) < MIN_YEARS:
        return None
    years = np.array([year for year, _ in found])
    names = [name for level, name in records.sums.places if level is Level.BOROUGH and name]
    places = [name for level, name in records.sums.places if level is Level.BOROUGH]
    # A row of six leaves each plot wide enough for its two years.
    n_rows = -(-len(names) // COLUMNS)
    with plots(8.2, 1.15 * n_rows, n_rows, COLUMNS) as (figure, grid):
        for axes in grid[len(names) :]:
            axes.set_visible(False)
        for name, axes in zip(names, grid, strict=False):
            shown: list[Figure] = [each.figures(places.index(name))[0] for _, each in found]
            value, low, high = in_minutes(shown)
            axes.plot(years, value, color=SERIES[0], linewidth=1.2)
            axes.fill_between(years, low, high, color=SERIES[0], alpha=0.25, linewidth=0)
            draw_target(axes, FIRST_MEAN.limit_s / 60, None)
            axes.set_title(
                format_borough(name).replace("Kensington and Chelsea", "Kens. and Chelsea"), fontsize=8
            )
            axes.yaxis.set_major_formatter(CLOCK)
            axes.tick_params(labelsize=7)
            axes.set_xticks([years[0], years[-1]])
        alt = f"First pump on average in {len(names)} boroughs, {years[0]} to {years[-1]}."
        svg = inline_svg(figure, "borough-years", alt)
    reading = f"{alt} All plots have the same scale; dashed: 6 min. Bands are 95 % intervals."
    return Drawing("Boroughs by year", svg, reading, is_wide=True)


def draw_changes(records: BrigadeRecords) -> Drawing | None:
    """Draw the change of the first pump in each borough at the split date, with intervals."""
    found = records.split_change
    if found is None:
        return None
    shown = _known_boroughs(records, found)
    if not shown:
        return None
    names = ["All London", *(format_borough(name) for name, _ in shown)]
    # London comes first, as what the boroughs are compared with.
    index = [0, *(at for _, at in shown)]
    value, low, high = (
        table[index, 0] for table in (found.change.value, found.change.low, found.change.high)
    )
    y = -np.arange(len(index))
    with plot(8.2, 0.9 + 0.17 * len(index)) as (figure, axes):
        axes.axvline(0, color=MUTED, linewidth=1)
        ends = np.nan_to_num(np.stack([value - low, high - value]))
        axes.errorbar(value, y, xerr=ends, fmt="none", ecolor=SERIES[0], elinewidth=1.4, capsize=2)
        axes.scatter(value, y, c=[SERIES[1], *[SERIES[0]] * len(shown)], s=22, zorder=3)
        axes.set_yticks(y, names, fontsize=8)
        axes.set(xlabel="First pump, seconds after minus before")
        axes.margins(y=0.02)
        alt = f"Change of the first pump in {len(shown)} boroughs with 95 % intervals, the largest increase first."
        svg = inline_svg(figure, "changes", alt)
    return Drawing("Change by borough", svg, alt, is_wide=True)


def _known_boroughs(records: BrigadeRecords, found: Changes) -> list[tuple[str, int]]:
    known = [
        (name, at)
        for at, (level, name) in enumerate(records.sums.places)
        if level is Level.BOROUGH and name and found.change.stat(at, 0).low is not None
    ]
    return sorted(known, key=lambda one: -found.change.value[one[1], 0])
