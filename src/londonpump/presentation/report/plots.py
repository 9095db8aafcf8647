"""The plots of the report: the four answers with which it opens, then calibration, error and intervals in detail."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, replace
from textwrap import fill

import numpy as np
from matplotlib import dates as mdates
from matplotlib.axes import Axes

from londonpump.evaluation.curves import Curve, level_calibration, median_calibration, reliability
from londonpump.evaluation.evaluate import SliceMetrics, evaluate_models
from londonpump.evaluation.evaluation_rows import Floats
from londonpump.evaluation.slices import SliceDifference, worse_slices
from londonpump.presentation.report.inputs import Drawing, ReportInputs, WorkedCall
from londonpump.presentation.report.style import (
    DASHES,
    INK,
    MARKERS,
    MUTED,
    SERIES,
    format_slice,
    inline_svg,
    model_label,
    plot,
)

RESAMPLES = 400
FAR_SHARE = 0.97
"""Plots of errors end at this quantile: the rest would stretch them to twenty minutes."""
MAX_SLICES = 10
SLICE_AXES = (
    ("distance_decile", "Tenth by distance (1 is nearest)"),
    ("hour", "Hour of the day in London"),
    ("incident_type", "Incident type"),
)
NAMES_OF_SLICES = {"distance_decile": "tenth by distance", "hour": "hour", "incident_type": "incident type"}
DAYS_OF_WEEK = 7


def draw_answers(
    inputs: ReportInputs, found: Sequence[SliceDifference], texts: Mapping[str, str]
) -> list[Drawing]:
    """Draw one plot per question of a reader. found: of `slice_differences` of the error. texts: the answer by question."""
    questions: tuple[tuple[str, Callable[[], Drawing | None]], ...] = (
        ("How far off?", lambda: _error_shares(inputs)),
        ("How sure?", lambda: _level_calibration(inputs)),
        ("Where worst?", lambda: _differences(found)),
        ("Against what?", lambda: _models(inputs)),
    )
    drawn = [(question, draw()) for question, draw in questions]
    return [
        replace(one, title=question, answer=texts[question]) for question, one in drawn if one is not None
    ]


def draw_curves(inputs: ReportInputs) -> list[Drawing]:
    """Draw every further plot that the forecasts and the slices of the rows allow, in the order of the page."""
    drawings = [
        _actual_against_announced(inputs),
        _error_over_time(inputs),
        _error_by(inputs, "distance_band", "Distance from the pump's station, km", "Error by distance"),
        _error_by(inputs, "hour", "Hour of the day in London", "Error by hour"),
        _intervals_by_slice(inputs),
        _width(inputs),
        _reliability(inputs, 360),
        _reliability(inputs, 600),
    ]
    return [drawing for drawing in drawings if drawing is not None]


def curve_of(values: Mapping[str, SliceMetrics], metric: str) -> Curve:
    """Return a metric over the values of a slice, sorted by name; x is their rank."""
    table = np.array([(*astuple(one.metrics[metric]), one.n) for one in values.values()], np.float64)
    return Curve(np.arange(len(table), dtype=np.float64), *table.T)


def _bars(axes: Axes, curve: Curve, colour: str, label: str | None = None) -> None:
    """Draw points with their intervals."""
    axes.errorbar(
        curve.x,
        curve.value,
        yerr=_ends(curve),
        fmt="o",
        color=colour,
        elinewidth=1.4,
        capsize=2,
        label=label,
    )


def _ends(curve: Curve) -> Floats:
    return np.nan_to_num(np.abs(np.stack([curve.value - curve.low, curve.high - curve.value])))


def _error_shares(inputs: ReportInputs) -> Drawing:
    """Draw the share of mobilisations within each error, of every model."""
    shares = np.linspace(0, 1, 201)
    with plot() as (figure, axes):
        # Our model without the incident type would cover the line of our model.
        shown = [inputs.ours, *(name for name in inputs.others if not name.startswith("ours"))]
        for number, name in enumerate(shown[: len(SERIES)]):
            error_s = np.abs(inputs.forecasts[name].median_s - inputs.rows.actual_s)
            axes.plot(
                np.quantile(error_s, shares),
                100 * shares,
                color=SERIES[number],
                linestyle=DASHES[number],
                linewidth=2.2 if number == 0 else 1.3,
                label=model_label(name),
            )
        ours = np.abs(inputs.forecast.median_s - inputs.rows.actual_s)
        axes.axvline(60, color=MUTED, linewidth=1, linestyle=DASHES[2])
        axes.set(xlabel="Error of the announced time, s", ylabel="Mobilisations within it, %", ylim=(0, 100))
        axes.set_xlim(0, max(float(np.quantile(ours, FAR_SHARE)), 61.0))
        axes.legend(loc="lower right")
        alt = f"Share of mobilisations within each error; nine in ten are within {np.quantile(ours, 0.9):.0f} s."
        svg = inline_svg(figure, "error-shares", alt)
    return Drawing("", svg, f"Nine in ten are within {np.quantile(ours, 0.9):.0f} s. Dotted line: 60 s.")


def _level_calibration(inputs: ReportInputs) -> Drawing | None:
    curve = level_calibration(inputs.rows, inputs.forecast)
    if curve is None:
        return None
    gap = float(np.abs(curve.value - curve.x).max())
    with plot() as (figure, axes):
        axes.plot([0, 100], [0, 100], color=MUTED, linewidth=1, linestyle=DASHES[1])
        _bars(axes, _in_percent(curve), SERIES[0])
        axes.set(xlabel="Claimed share below, %", ylabel="Share found below, %", xlim=(0, 100), ylim=(0, 100))
        alt = f"Share of actual times below each claimed quantile; the largest gap is {100 * gap:.1f} points."
        svg = inline_svg(figure, "levels", alt)
    reading = f"On the dashed line a quantile has the share below it that it claims. Largest gap: {100 * gap:.1f} points."
    return Drawing("", svg, reading)


def _differences(found: Sequence[SliceDifference]) -> Drawing | None:
    """Draw the slices with the largest differences; only those whose whole interval is above 0 are surely worse."""
    worse = worse_slices(found)
    others = sorted((one for one in found if one not in worse), key=lambda one: -(one.difference.value or 0))
    shown = [*worse, *others][:MAX_SLICES]
    if not shown:
        return None
    with plot(5.2, 3.6) as (figure, axes):
        for at, one in enumerate(shown):
            stat = one.difference
            value, low, high = (0.0 if end is None else end for end in (stat.value, stat.low, stat.high))
            colour = SERIES[1] if one in worse else MUTED
            axes.plot([low, high], [at, at], color=colour, linewidth=1.6)
            axes.plot(value, at, "o", color=colour, markerfacecolor=colour if one in worse else "none")
        axes.axvline(0, color=MUTED, linewidth=1, linestyle=DASHES[1])
        axes.set_yticks(
            range(len(shown)), [format_slice(one.slice_name, one.value) for one in shown], fontsize=8
        )
        # The worst is on top, as in the table.
        axes.invert_yaxis()
        axes.set_xlabel("Mean error minus that of all on the same days, s")
        alt = f"Differences of the {len(shown)} slices with the largest; {len(worse)} of {len(found)} are surely worse."
        svg = inline_svg(figure, "slices", alt)
    reading = f"Filled: surely worse. The intervals hold together, for all {len(found)} slices compared."
    return Drawing("", svg, reading)


def _models(inputs: ReportInputs) -> Drawing:
    names = [inputs.ours, *inputs.others]
    stats = [inputs.results.whole(name)["mae_s"] for name in names]
    ends = np.array([astuple(stat) for stat in stats], np.float64)
    with plot() as (figure, axes):
        for at, (value, low, high) in enumerate(ends):
            colour = SERIES[0] if at == 0 else MUTED
            miss = np.nan_to_num([[value - low], [high - value]])
            axes.errorbar(value, at, xerr=miss, fmt=MARKERS[0], color=colour, capsize=3, markersize=6)
            axes.annotate(
                f"{value:.1f}", (value, at), (0, 7), textcoords="offset points", ha="center", fontsize=9
            )
        labels = [model_label(name).replace(", ", ",\n") for name in names]
        axes.set_yticks(range(len(names)), labels, fontsize=9)
        axes.set(xlabel="Mean error, s", ylim=(len(names) - 0.5, -0.7))
        axes.margins(x=0.12)
        alt = "Mean error by model: " + ", ".join(
            f"{model_label(name)} {value:.1f} s" for name, value in zip(names, ends[:, 0], strict=True)
        )
        svg = inline_svg(figure, "models", f"{alt}.")
    return Drawing("", svg, "Bars are 95 % intervals; differences on the same rows are in the table.")


def _actual_against_announced(inputs: ReportInputs) -> Drawing:
    """Draw all mobilisations as density, with the actual median and middle half by announced time."""
    curve = median_calibration(inputs.rows, inputs.forecast)
    announced_s, actual_s = inputs.forecast.median_s, inputs.rows.actual_s
    far_s = max(float(np.quantile(np.append(announced_s, actual_s), 0.995)), 60.0)
    with plot() as (figure, axes):
        hexagons = axes.hexbin(
            announced_s,
            actual_s,
            gridsize=38,
            extent=(0, far_s, 0, far_s),
            bins="log",
            mincnt=1,
            cmap="Greys",
        )
        # Without a lower limit of the scale single mobilisations would be nearly white.
        hexagons.set(alpha=0.55, clim=(0.3, None), edgecolor="none")
        axes.plot([0, far_s], [0, far_s], color=MUTED, linewidth=1, linestyle=DASHES[1], label="as announced")
        axes.plot(curve.x, curve.value, color=SERIES[0], marker="o", label="actual, median")
        for ends, label in ((curve.low, "actual, middle half"), (curve.high, None)):
            axes.plot(curve.x, ends, color=SERIES[0], linewidth=1, linestyle=DASHES[2], label=label)
        axes.set(xlabel="Announced time, s", ylabel="Actual time, s", xlim=(0, far_s), ylim=(0, far_s))
        axes.legend(loc="upper left")
        gap_s = float(np.abs(curve.value - curve.x).max())
        alt = f"Actual against announced time; in {len(curve.x)} groups the median differs by {gap_s:.0f} s at most."
        svg = inline_svg(figure, "median", alt)
    reading = f"Stronger shading: more mobilisations. Points on the dashed line come out as announced; largest gap of a group: {gap_s:.0f} s."
    return Drawing("Actual against announced", svg, reading)


def _error_over_time(inputs: ReportInputs) -> Drawing | None:
    """Draw mean error and bias by week of the evaluation."""
    week = (inputs.rows.day - inputs.rows.day.min()) // DAYS_OF_WEEK
    # The last week is shown only if it is whole: a day or two of it would look like a change.
    n_weeks = (int(np.ptp(inputs.rows.day)) + 1) // DAYS_OF_WEEK
    if n_weeks < 2:
        return None
    whole = week < n_weeks
    rows = replace(inputs.rows, slices={"week": np.char.zfill(week.astype(np.str_), 4)}).take(whole)
    forecast = inputs.forecast.take(whole)
    found = evaluate_models(rows, {inputs.ours: forecast}, RESAMPLES, inputs.results.seed)
    weeks = found.models[inputs.ours]["week"]
    starts = np.array([int(name) for name in weeks]) * DAYS_OF_WEEK + int(inputs.rows.day.min())
    days = starts.astype("datetime64[D]")
    with plot() as (figure, axes):
        for number, (metric, label) in enumerate((("mae_s", "mean error"), ("bias_s", "bias"))):
            curve = curve_of(weeks, metric)
            axes.errorbar(
                days,
                curve.value,
                yerr=_ends(curve),
                fmt=f"{MARKERS[number]}-",
                color=SERIES[number],
                elinewidth=1.2,
                capsize=2,
                label=label,
            )
        axes.axhline(0, color=MUTED, linewidth=1, linestyle=DASHES[1])
        axes.set(xlabel="Week from", ylabel="Seconds")
        locator = axes.xaxis.get_major_locator()
        axes.xaxis.set_major_formatter(mdates.ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
        axes.legend(loc="center right")
        errors = curve_of(weeks, "mae_s").value
        alt = f"Mean error by week: {np.nanmin(errors):.0f} to {np.nanmax(errors):.0f} s over {len(weeks)} weeks."
        svg = inline_svg(figure, "weeks", alt)
    return Drawing(
        "Error over time", svg, f"{alt} Bias is announced minus actual: below 0, pumps come later."
    )


def _error_by(inputs: ReportInputs, slice_name: str, label: str, title: str) -> Drawing | None:
    by_slice = {name: inputs.results.models[name].get(slice_name, {}) for name in inputs.forecasts}
    names = list(by_slice[inputs.ours])
    if not names:
        return None
    unit = " h" if slice_name == "hour" else ""
    with plot() as (figure, axes):
        drawn = [inputs.ours, *[name for name in inputs.others if not name.startswith("ours")][-2:]]
        for number, model in enumerate(drawn):
            curve = curve_of(by_slice[model], "mae_s")
            is_ours = model == inputs.ours
            if is_ours:
                axes.fill_between(curve.x, curve.low, curve.high, color=SERIES[0], alpha=0.22, linewidth=0)
            axes.plot(
                curve.x,
                curve.value,
                color=SERIES[number],
                linestyle=DASHES[number],
                marker=MARKERS[number],
                linewidth=2.2 if is_ours else 1.2,
                markersize=4.5 if is_ours else 3,
                label=model_label(model),
                zorder=3 if is_ours else 2,
            )
        _name_ticks(axes, names)
        axes.set(xlabel=label, ylabel="Mean error, s", ylim=(0, None))
        axes.legend(loc="upper left", ncols=2)
        axes.set_ylim(top=axes.get_ylim()[1] * 1.2)
        ours = curve_of(by_slice[inputs.ours], "mae_s").value
        worst = int(np.nanargmax(ours))
        alt = f"Mean error {np.nanmin(ours):.0f} to {np.nanmax(ours):.0f} s, largest at {names[worst]}{unit}."
        svg = inline_svg(figure, f"error-{slice_name.replace('_', '-')}", f"{title}. {alt}")
    return Drawing(title, svg, f"The band is the 95 % interval of {model_label(inputs.ours)}. {alt}")


def _name_ticks(axes: Axes, names: list[str]) -> None:
    step = 3 if len(names) > 12 else 1
    shown = range(0, len(names), step)
    axes.set_xticks(list(shown), [names[at].removesuffix(" km").replace("-", "–") for at in shown])
    if max(map(len, names)) > 3:
        axes.tick_params(axis="x", labelsize=8)


def _in_percent(curve: Curve) -> Curve:
    def percent(values: Floats) -> Floats:
        return 100 * values

    return Curve(percent(curve.x), percent(curve.value), percent(curve.low), percent(curve.high), curve.n)


def _intervals_by_slice(inputs: ReportInputs) -> Drawing | None:
    """Draw coverage and width of the 80 % interval by distance, hour and incident type."""
    ours = inputs.results.models[inputs.ours]
    shown = [(name, label) for name, label in SLICE_AXES if ours.get(name)]
    if "cover_80_share" not in inputs.whole or not shown:
        return None
    widths = [max(len(ours[name]), 6) for name, _ in shown]
    gaps = []
    with plot(8.2, 4.6) as (figure, single):
        single.remove()
        grid = figure.subplots(2, len(shown), sharex="col", sharey="row", squeeze=False, width_ratios=widths)
        for (name, label), (cover, width) in zip(shown, grid.T, strict=True):
            curve = curve_of(ours[name], "cover_80_share")
            cover.axhspan(75, 85, color=SERIES[0], alpha=0.1, linewidth=0)
            cover.axhline(80, color=MUTED, linewidth=1, linestyle=DASHES[1])
            _bars(cover, replace(_in_percent(curve), x=curve.x), SERIES[0])
            _bars(width, curve_of(ours[name], "width_80_s"), SERIES[2])
            gaps.append((float(np.nanmax(np.abs(curve.value - 0.8))), NAMES_OF_SLICES[name]))
            names = [
                # two lines of an incident type have the width of a bar
                text.lstrip("0") or "0" if text.isdecimal() else fill(text.removesuffix(" km"), 20)
                for text in ours[name]
            ]
            step = 3 if len(names) > 12 else 1
            width.set_xticks(range(0, len(names), step), names[::step])
            if any(len(text) > 3 for text in names):
                # Slanted names of incident types took a third of the width.
                width.tick_params(axis="x", labelsize=8, rotation=90)
            width.set_xlabel(label, fontsize=9)
        grid[0, 0].set_ylabel("80 % interval holds, %")
        grid[1, 0].set(ylabel="Mean width, s", ylim=(0, None))
        largest, where = max(gaps)
        alt = f"Coverage of the 80 % interval is off by {100 * largest:.1f} points at most, by {where}."
        svg = inline_svg(figure, "intervals", alt)
    reading = f"Above: the share of actual times inside; shaded 75 to 85 %. Below: the width. {alt}"
    return Drawing("The 80 % interval by distance, hour and incident type", svg, reading, is_wide=True)


def _width(inputs: ReportInputs) -> Drawing | None:
    low, high = inputs.forecast.quantile_at(0.1), inputs.forecast.quantile_at(0.9)
    if low is None or high is None:
        return None
    width_s = high - low
    far_s = float(np.quantile(width_s, 0.995))
    middle_s, p10_s, p90_s = (float(np.quantile(width_s, q)) for q in (0.5, 0.1, 0.9))
    with plot() as (figure, axes):
        edges = np.linspace(float(width_s.min()), max(far_s, float(width_s.min()) + 1), 41)
        counts, _ = np.histogram(width_s, edges)
        axes.stairs(100 * counts / len(width_s), edges, fill=True, color=SERIES[0], alpha=0.75)
        axes.axvline(middle_s, color=INK, linewidth=1.2, linestyle=DASHES[1])
        axes.annotate(
            f"median {middle_s:.0f} s",
            (middle_s, 1),
            (5, -2),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            va="top",
            fontsize=9,
        )
        axes.set(xlabel="P90 minus P10, s", ylabel="Share of mobilisations, %")
        alt = f"Width of the 80 % interval: median {middle_s:.0f} s, eight in ten between {p10_s:.0f} and {p90_s:.0f} s."
        svg = inline_svg(figure, "width", alt)
    return Drawing("How wide are the intervals?", svg, alt)


def _reliability(inputs: ReportInputs, threshold_s: int) -> Drawing | None:
    curve = reliability(inputs.rows, inputs.forecast, threshold_s)
    if curve is None:
        return None
    minutes = threshold_s // 60
    shown = _in_percent(curve)
    end = (
        max(10.0, float(np.nanmax([shown.x.max(), np.nanmax(shown.high)])) * 1.05) if len(curve.x) else 100.0
    )
    with plot() as (figure, axes):
        axes.plot([0, end], [0, end], color=MUTED, linewidth=1, linestyle=DASHES[1])
        _bars(axes, shown, SERIES[0])
        axes.set(xlabel=f"Chance given of passing {minutes} min, %", ylabel="Share that did, %")
        axes.set(xlim=(0, end), ylim=(0, end))
        gap = float(np.nanmax(np.abs(curve.value - curve.x)))
        alt = f"Share of mobilisations over {minutes} min against the chance given; the largest gap is {100 * gap:.1f} points."
        svg = inline_svg(figure, f"reliability-{threshold_s}", alt)
    reading = f"Ten groups of equal size, 95 % intervals. Largest gap: {100 * gap:.1f} points."
    return Drawing(f"Chance of passing {minutes} minutes", svg, reading)


def draw_worked_call(call: WorkedCall) -> Drawing:
    """Draw how the announced time of one call adds up, with its interval and the actual time."""
    *parts, typical = call.contributions
    steps = [(typical.description, typical.seconds), *((one.description, one.seconds) for one in parts)]
    with plot(8.2, 0.42 * (len(steps) + 2) + 0.9) as (figure, axes):
        reached = 0.0
        for at, (_, seconds) in enumerate(steps):
            colour = MUTED if at == 0 else SERIES[1] if seconds > 0 else SERIES[0]
            axes.barh(at, seconds, 0.6, reached, color=colour)
            text = f"{seconds:.0f} s" if at == 0 else f"{seconds:+.0f} s".replace("-", "\u2212")
            axes.annotate(
                text,
                (max(reached, reached + seconds), at),
                (4, 0),
                textcoords="offset points",
                va="center",
                fontsize=9,
            )
            reached += seconds
        end = len(steps)
        axes.plot([call.p10_s, call.p90_s], [end, end], color=SERIES[2], linewidth=5, alpha=0.5)
        axes.plot(call.p50_s, end, "o", color=SERIES[2], markersize=7)
        axes.plot(call.actual_s, end + 1, MARKERS[3], color=INK, markersize=8)
        for at, seconds in ((end, call.p90_s), (end + 1, call.actual_s)):
            shown = call.p50_s if at == end else seconds
            axes.annotate(
                f"{shown:.0f} s", (seconds, at), (8, 0), textcoords="offset points", va="center", fontsize=9
            )
        labels = [*(text for text, _ in steps), "announced, with P10 to P90", "actual"]
        axes.set_yticks(range(len(labels)), labels, fontsize=9)
        axes.invert_yaxis()
        axes.set(
            xlabel="Seconds from mobilisation to arrival",
            xlim=(0, 1.12 * max(call.p90_s, call.actual_s, reached)),
        )
        alt = f"Steps to the announced {call.p50_s:.0f} s; P10 to P90 is {call.p10_s:.0f} to {call.p90_s:.0f} s, actual {call.actual_s:.0f} s."
        svg = inline_svg(figure, "call", alt)
    return Drawing(
        "How the announced time adds up", svg, "Orange adds seconds, blue takes them off.", is_wide=True
    )
