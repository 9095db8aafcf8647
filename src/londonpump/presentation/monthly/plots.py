"""The curves and maps of the page: by month, by hour of the day, by station ground and by location."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from londonpump.evaluation.evaluation_rows import Floats
from londonpump.evaluation.lateness import Level
from londonpump.evaluation.map_layers import MapLayer, borough_shapes, map_layer, smooth, station_shapes
from londonpump.presentation.monthly.attendance_tables import format_clock
from londonpump.presentation.monthly.inputs import (
    EPOCH_DATE,
    FIRST_MEAN,
    AttendanceRows,
    Figure,
    Figures,
    Month,
    MonthInputs,
    figures,
    figures_by,
)
from londonpump.presentation.report.inputs import Drawing
from londonpump.presentation.report.maps import map_drawing
from londonpump.presentation.report.style import DASHES, MUTED, SERIES, format_day, inline_svg, plot
from londonpump.presentation.texts.places import format_place

MAX_MONTHS = 13
MIN_MONTHS = 3
"""The table of London already shows two months."""
LATE_SHARES = (0.90, 0.95)
CLOCK = FuncFormatter(lambda minutes, _: format_clock(60 * minutes))
DAY = FuncFormatter(lambda days, _: f"{EPOCH_DATE + timedelta(days=int(days)):%d %b}")


def draw_curves(inputs: MonthInputs) -> list[Drawing]:
    """Draw the curves by hour, and by month if there are three or more."""
    drawings = [_by_hour(inputs), *_by_month(inputs)]
    return [drawing for drawing in drawings if drawing is not None]


def _by_hour(inputs: MonthInputs) -> Drawing | None:
    if inputs.rows is None:
        return None
    firsts = inputs.rows.firsts
    found = figures_by(firsts, firsts.hour)
    hours = sorted(int(hour) for hour in found if found[hour][0].n)
    if not hours:
        return None
    shown = [found[str(hour)][0] for hour in hours]
    means = _table(shown)[0]
    slowest, fastest = int(np.argmax(means)), int(np.argmin(means))
    alt = (
        f"Slowest from {hours[slowest]:02d} h ({format_clock(60 * means[slowest])}), "
        f"fastest from {hours[fastest]:02d} h ({format_clock(60 * means[fastest])})."
    )
    with plot(8.2, 3.1) as (figure, axes):
        _points(axes, np.array(hours, np.float64), shown, 0)
        _draw_target(axes, FIRST_MEAN.limit_s / 60, "target 6 min")
        axes.set(xlabel="Hour of the day in London", ylabel="First pump on average, min")
        axes.yaxis.set_major_locator(MaxNLocator(8, steps=[2.5, 5, 10]))
        axes.yaxis.set_major_formatter(CLOCK)
        axes.set_xticks(range(0, 24, 3))
        axes.margins(x=0.02)
        axes.legend(loc="upper right")
        svg = inline_svg(figure, "hours", f"First pump on average by hour of the day. {alt}")
    return Drawing("By hour of the day", svg, f"Bars are 95 % intervals. {alt}", is_wide=True)


def _by_month(inputs: MonthInputs) -> list[Drawing]:
    found = _months(inputs)
    if len(found) < MIN_MONTHS:
        return []
    return [_averages(found), _late(found)]


def _months(inputs: MonthInputs) -> dict[Month, Figures]:
    """Return the figures of the months until this one, at most thirteen, the oldest first."""
    found: dict[Month, Figures] = {}
    month = inputs.month
    for _ in range(MAX_MONTHS):
        rows = inputs.rows_of(month)
        if rows is not None:
            found[month] = figures(rows)
        month = month.before
    return dict(sorted(found.items()))


def _averages(found: Mapping[Month, Figures]) -> Drawing:
    firsts, seconds = [each[0] for each in found.values()], [each[-1] for each in found.values()]
    with plot() as (figure, axes):
        x = np.arange(len(found), dtype=np.float64)
        _points(axes, x, firsts, 0, "first pump")
        _points(axes, x, seconds, 1, "second pump")
        _draw_target(axes, firsts[0].target.limit_s / 60, "targets, 6 and 8 min")
        _draw_target(axes, seconds[0].target.limit_s / 60, None)
        _month_ticks(axes, list(found))
        axes.yaxis.set_major_formatter(CLOCK)
        axes.set(ylabel="On average, min", ylim=(min(4.5, axes.get_ylim()[0]), max(8.8, axes.get_ylim()[1])))
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, 1.14), ncols=3)
        alt = _from_to("First pump", firsts)
        svg = inline_svg(figure, "months", f"Averages by month. {alt}")
    return Drawing("Averages by month", svg, alt)


def _late(found: Mapping[Month, Figures]) -> Drawing:
    with plot() as (figure, axes):
        x = np.arange(len(found), dtype=np.float64)
        for number, at in enumerate((1, 2)):
            shown = [each[at] for each in found.values()]
            minutes = shown[0].target.limit_s // 60
            _points(axes, x, shown, number, f"within {minutes} min")
            _draw_target(axes, 100 * LATE_SHARES[number], None)
        _month_ticks(axes, list(found))
        axes.set(ylabel="First pumps, %", ylim=(88, 100))
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, 1.14), ncols=2)
        alt = _from_to("Within 10 min", [each[1] for each in found.values()])
        svg = inline_svg(figure, "late", f"Share of first pumps within 10 and 12 min by month. {alt}")
    return Drawing("Late first pumps by month", svg, f"Dashed: the targets, 90 and 95 %. {alt}")


def draw_lateness(inputs: MonthInputs) -> list[Drawing]:
    """Draw the sums of London, and of the slow places or else those nearest to their limits, as shares of the limit."""
    if inputs.lateness is None:
        return []
    first, last = inputs.month.before.first_date, inputs.month.last_date
    slow = [place for place in inputs.lateness.slow if place.level is not Level.LONDON]
    shown = [inputs.lateness.places[0], *(slow or inputs.lateness.places[1:])][: len(SERIES)]
    with plot(8.2, 3.1) as (figure, axes):
        n_days = 0
        for number, place in enumerate(shown):
            days = [day for day in place.days if first <= day.day <= last]
            n_days = max(n_days, len(days))
            axes.plot(
                [(day.day - EPOCH_DATE).days for day in days],
                # Sums of places of different levels are comparable only as shares of their limits.
                [day.sum / place.limit for day in days],
                color=SERIES[number],
                linestyle=DASHES[number],
                label=format_place(place.level, place.name),
            )
        if not n_days:
            return []
        _draw_target(axes, 1.0, "limit")
        axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
        axes.xaxis.set_major_formatter(DAY)
        axes.set(ylabel="Sum / limit", ylim=(0, max(1.2, axes.get_ylim()[1])))
        axes.legend(loc="upper left")
        names = ", ".join(format_place(place.level, place.name) for place in inputs.lateness.slow) or "none"
        reading = f"Slow on {format_day(inputs.lateness.until)}: {names}."
        svg = inline_svg(figure, "lateness", f"Sums of lateness by day. {reading}")
    text = (
        "Seconds that pumps came later than announced, beyond what is usual there, summed up; a place is slow from the day on "
        f"which its sum reaches the limit. {reading}"
    )
    return [Drawing("Slower than announced", svg, text, is_wide=True)]


def _table(shown: Sequence[Figure]) -> Floats:
    """Return (3, k) value, low and high, in minutes or per cent; NaN where unknown."""
    scale = np.array([1 / 60 if each.target.share is None else 100.0 for each in shown])
    ends = np.array(
        [[getattr(each.stat, end) for each in shown] for end in ("value", "low", "high")], np.float64
    )
    return np.asarray(ends * scale)


def _points(axes: Axes, x: Floats, shown: Sequence[Figure], number: int, label: str | None = None) -> None:
    value, low, high = _table(shown)
    ends = np.nan_to_num(np.abs(np.stack([value - low, high - value])))
    marker = "o" if number == 0 else "s"
    axes.errorbar(
        x, value, yerr=ends, fmt=f"{marker}-", color=SERIES[number], elinewidth=1.4, capsize=2, label=label
    )


def _draw_target(axes: Axes, at: float, label: str | None) -> None:
    axes.axhline(at, color=MUTED, linewidth=1, linestyle=DASHES[1], label=label)


def _month_ticks(axes: Axes, months: Sequence[Month]) -> None:
    step = 1 if len(months) <= 7 else 2
    shown = range(len(months) - 1, -1, -step)
    axes.set_xticks(list(shown), [f"{months[at].first_date:%b %y}" for at in shown])


def _from_to(what: str, shown: Sequence[Figure]) -> str:
    value = _table(shown)[0]
    if shown[0].target.share is None:
        ends = (format_clock(60 * float(np.nanmin(value))), format_clock(60 * float(np.nanmax(value))))
    else:
        ends = (f"{np.nanmin(value):.1f}", f"{np.nanmax(value):.1f} %")
    return f"{what}: {ends[0]} to {ends[1]} over {len(shown)} months."


FIRST_PUMP = "First pump on average, min"
CLOCK_OF_S = FuncFormatter(lambda seconds, _: format_clock(seconds))


def attendance_layers(rows: AttendanceRows) -> list[MapLayer]:
    """Return the layers of a month: first pumps by borough and by station ground, with colours that part at the target."""
    firsts = rows.firsts
    layers = [
        map_layer(
            (key, title, FIRST_PUMP), shapes, smooth(firsts.attendance_s, area), float(FIRST_MEAN.limit_s)
        )
        for key, title, shapes, area in (
            ("first-pump-by-borough", "First pump by borough", borough_shapes(), firsts.borough),
            ("first-pump-by-ground", "First pump by station ground", station_shapes(), firsts.ground_code),
        )
    ]
    return [layer for layer in layers if layer.collection["features"]]


def draw_maps(rows: AttendanceRows) -> list[Drawing]:
    """Draw every layer of a month."""
    return [map_drawing(layer, CLOCK_OF_S) for layer in attendance_layers(rows)] if len(rows.firsts) else []
