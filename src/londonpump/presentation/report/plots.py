"""The curves of the report: calibration, error by distance and hour, coverage, width, reliability."""

from collections.abc import Mapping
from dataclasses import astuple, dataclass, replace

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes

from londonpump.evaluation.curves import Curve, level_calibration, median_calibration, reliability
from londonpump.evaluation.evaluate import SliceMetrics, Slices, evaluate_models
from londonpump.evaluation.evaluation_rows import Floats, distance_band, distance_decile
from londonpump.presentation.report.inputs import ReportInputs
from londonpump.presentation.report.style import (
    DASHES,
    INK,
    MARKERS,
    MUTED,
    SERIES,
    inline_svg,
    model_label,
    plot,
)

RESAMPLES = 400


@dataclass(frozen=True)
class Drawing:
    """A plot for the page; `reading` explains how to read it, and `is_wide` gives it the full width."""

    title: str
    svg: Markup
    reading: str
    is_wide: bool = False


def draw_curves(inputs: ReportInputs) -> list[Drawing]:
    """Draw every curve that the forecasts allow, in the order of the page."""
    by_slice = _evaluated_slices(inputs)
    drawings = [
        _median_calibration(inputs),
        _error_by(
            by_slice, inputs, "distance_band", "Distance from the pump's station, km", "Error by distance"
        ),
        _error_by(by_slice, inputs, "hour", "Hour of the day in London", "Error by hour"),
        _level_calibration(inputs),
        _cover_by_distance(by_slice[inputs.ours], inputs),
        _width(inputs),
        _reliability(inputs, 360),
        _reliability(inputs, 600),
    ]
    return [drawing for drawing in drawings if drawing is not None]


def _evaluated_slices(inputs: ReportInputs) -> Mapping[str, Slices]:
    rows = inputs.rows
    slices = {
        "distance_band": distance_band(rows.distance_m),
        "distance_decile": distance_decile(rows.distance_m),
        "hour": np.char.zfill(rows.hour.astype(np.str_), 2),
    }
    sliced = replace(rows, slices=slices)
    return evaluate_models(sliced, inputs.forecasts, RESAMPLES, inputs.results.seed).models


def curve_of(values: Mapping[str, SliceMetrics], metric: str) -> Curve:
    """Return a metric over the values of a slice, sorted by name; x is their rank."""
    table = np.array([(*astuple(one.metrics[metric]), one.n) for one in values.values()], np.float64)
    return Curve(np.arange(len(table), dtype=np.float64), *table.T)


def _bars(axes: Axes, curve: Curve, colour: str, label: str | None = None) -> None:
    """Draw points with their intervals."""
    ends = np.abs(np.stack([curve.value - curve.low, curve.high - curve.value]))
    axes.errorbar(
        curve.x,
        curve.value,
        yerr=np.nan_to_num(ends),
        fmt="o",
        color=colour,
        elinewidth=1.4,
        capsize=2,
        label=label,
    )


def _median_calibration(inputs: ReportInputs) -> Drawing:
    curve = median_calibration(inputs.rows, inputs.forecast)
    with plot() as (figure, axes):
        ends = [float(min(curve.x.min(), curve.low.min())), float(max(curve.x.max(), curve.high.max()))]
        axes.plot(ends, ends, color=MUTED, linewidth=1, linestyle=DASHES[1], label="as announced")
        axes.fill_between(
            curve.x,
            curve.low,
            curve.high,
            color=SERIES[0],
            alpha=0.18,
            linewidth=0,
            label="actual, middle half",
        )
        axes.plot(curve.x, curve.value, color=SERIES[0], marker="o", label="actual, median")
        axes.set(xlabel="Announced median, s", ylabel="Actual time, s")
        axes.legend(loc="upper left")
        gap_s = float(np.abs(curve.value - curve.x).max())
        alt = f"Actual against announced median in {len(curve.x)} groups of mobilisations; the largest gap is {gap_s:.0f} s."
        svg = inline_svg(figure, "median", alt)
    reading = (
        f"Points on the dashed line are announced as they come out. Largest gap of a group: {gap_s:.0f} s."
    )
    return Drawing("Is the announced time the middle of what happens?", svg, reading)


def _error_by(
    by_slice: Mapping[str, Slices], inputs: ReportInputs, slice_name: str, label: str, title: str
) -> Drawing:
    names = list(by_slice[inputs.ours][slice_name])
    unit = " h" if slice_name == "hour" else ""
    with plot() as (figure, axes):
        drawn = [inputs.ours, *inputs.others[-2:]]
        for number, model in enumerate(drawn):
            curve = curve_of(by_slice[model][slice_name], "mae_s")
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
        ours = curve_of(by_slice[inputs.ours][slice_name], "mae_s").value
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
    reading = f"P10 should have 10 % of the times below it, P90 90 %. Largest gap: {100 * gap:.1f} points."
    return Drawing("Do the quantiles hold what they claim?", svg, reading)


def _in_percent(curve: Curve) -> Curve:
    def percent(values: Floats) -> Floats:
        return 100 * values

    return Curve(percent(curve.x), percent(curve.value), percent(curve.low), percent(curve.high), curve.n)


def _cover_by_distance(by_slice: Slices, inputs: ReportInputs) -> Drawing | None:
    if "cover_80_share" not in inputs.whole:
        return None
    values = by_slice["distance_decile"]
    curve = curve_of(values, "cover_80_share")
    with plot() as (figure, axes):
        axes.axhspan(75, 85, color=SERIES[0], alpha=0.1, linewidth=0)
        axes.axhline(80, color=MUTED, linewidth=1, linestyle=DASHES[1])
        _bars(axes, replace(_in_percent(curve), x=curve.x), SERIES[0])
        axes.set_xticks(curve.x, [str(int(name)) for name in values])
        low = min(70.0, float(np.nanmin(100 * np.append(curve.low, curve.value))) - 1)
        high = max(90.0, float(np.nanmax(100 * np.append(curve.high, curve.value))) + 1)
        axes.set(
            xlabel="Tenth of the mobilisations by distance (1 is nearest)",
            ylabel="80 % interval holds, %",
            ylim=(low, high),
        )
        alt = f"80 % interval holds {100 * np.nanmin(curve.value):.1f} to {100 * np.nanmax(curve.value):.1f} % over the tenths."
        svg = inline_svg(figure, "cover", alt)
    return Drawing("Coverage by distance", svg, f"The shaded band is 75 to 85 %. {alt}")


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
