"""The tables of the report."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from londonpump.evaluation.arrival_order import NEAREST, OURS, OWN_THEN_NEAREST
from londonpump.evaluation.evaluate import WHOLE, sliced_differences
from londonpump.evaluation.intervals import Stat
from londonpump.evaluation.slices import SliceDifference, slice_differences, worse_slices
from londonpump.presentation.report.inputs import ReportInputs
from londonpump.presentation.report.style import (
    NOT_DEFINED,
    format_count,
    format_interval,
    format_number,
    format_slice,
    model_in_sentence,
    model_label,
)

POINT_METRICS = {
    "mae_s": ("Mean error, s", "s"),
    "median_ae_s": ("Median error, s", "s"),
    "within_60_share": ("Within 60 s, %", "%"),
    "rmse_s": ("Root mean square error, s", "s"),
    "bias_s": ("Bias, s", "s"),
    "bias_of_mean_s": ("Bias of the mean, s", "s"),
    "r2": ("R²", ""),
}
SPREAD_METRICS = {
    "cover_80_share": ("80 % interval holds, %", "%"),
    "width_80_s": ("80 % width, s", "s"),
    "cover_90_share": ("90 % interval holds, %", "%"),
    "width_90_s": ("90 % width, s", "s"),
    "below_80_share": ("earlier than P10, %", "%"),
    "above_80_share": ("later than P90, %", "%"),
    "crps_s": ("CRPS, s", "s"),
}
LATE_METRICS = {
    "over_360_auc": ("AUC, over 6 min", ""),
    "over_360_brier": ("Brier, 6 min", ""),
    "over_360_log_loss": ("Log loss, 6 min", ""),
    "over_360_ece": ("Calibration error, 6 min", ""),
    "over_480_brier": ("Brier, 8 min", ""),
    "over_600_brier": ("Brier, 10 min", ""),
    "over_720_brier": ("Brier, 12 min", ""),
}
PUMP_METRICS = {"accuracy": ("Accuracy, %", "%"), "macro_f1": ("Macro F1", ""), "log_loss": ("Log loss", "")}
DIFFERENCES = {
    "mae_s": ("Mean error, s", "s", -1),
    "median_ae_s": ("Median error, s", "s", -1),
    "rmse_s": ("Root mean square error, s", "s", -1),
    "within_60_share": ("Within 60 s, points", "points", 1),
}
WARNINGS = {
    "warning_600": ("Most likely to pass 10 min", "10 min"),
    "station_list_600": ("List of stations", "10 min"),
    "warning_underestimate": ("Chance of 120 s later than announced", "120 s more"),
    "station_list_underestimate": ("List of stations", "120 s more"),
}
CLAIMED_COVER = 0.8
ORDER_RULES = {
    OURS: "londonpump",
    NEAREST: "Nearest station first",
    OWN_THEN_NEAREST: "Own ground first, then the nearest",
}


@dataclass(frozen=True)
class Cell:
    """One cell: a value, its interval (may be empty) and whether the interval favours the model."""

    value: str
    interval: str = ""
    verdict: str = ""
    note: str = ""
    """Meaning of the verdict, unless it is that the interval does not contain 0."""


@dataclass(frozen=True)
class Table:
    """A table with a heading, and rows that begin with their name."""

    caption: str
    head: Sequence[str]
    rows: Sequence[tuple[str, Sequence[Cell]]]


def metric_table(inputs: ReportInputs, caption: str, metrics: Mapping[str, tuple[str, str]]) -> Table | None:
    """Return the table of models and metrics, without empty rows and columns."""
    models = [
        name for name in inputs.forecasts if any(metric in inputs.results.whole(name) for metric in metrics)
    ]
    shown = {
        key: label
        for key, label in metrics.items()
        if any(key in inputs.results.whole(name) for name in models)
    }
    if not shown:
        return None
    ordered = sorted(models, key=lambda name: name != inputs.ours)
    rows = [
        (model_label(name), [_cell(inputs.results.whole(name), key, shown[key][1]) for key in shown])
        for name in ordered
    ]
    return Table(caption, ["Model", *(label for label, _ in shown.values())], rows)


def _cell(found: Mapping[str, Stat], metric: str, unit: str) -> Cell:
    if metric not in found:
        return Cell(format_number(None, unit))
    is_signed = metric.startswith("bias")
    stat = found[metric]
    return Cell(format_number(stat.value, unit, is_signed), format_interval(stat, unit, is_signed))


def differences(inputs: ReportInputs) -> dict[str, Mapping[str, Stat]]:
    """Return our metrics minus those of each other model over all rows, by model and metric."""
    rows = inputs.rows.without_slices()
    results = inputs.results
    return {
        name: sliced_differences(
            rows,
            (inputs.forecast, inputs.forecasts[name]),
            list(DIFFERENCES),
            results.resamples,
            results.seed,
        )[WHOLE][WHOLE].metrics
        for name in inputs.others
    }


def difference_table(found: Mapping[str, Mapping[str, Stat]]) -> Table | None:
    """Return the table of paired differences to the other models."""
    if not found:
        return None
    rows = [
        (
            f"against {model_in_sentence(name)}",
            [_difference_cell(gaps[key], unit, sign) for key, (_, unit, sign) in DIFFERENCES.items()],
        )
        for name, gaps in found.items()
    ]
    caption = (
        "Difference to the other models on the same mobilisations: ours minus theirs, with 95 % intervals"
    )
    return Table(caption, ["Ours", *(label for label, _, _ in DIFFERENCES.values())], rows)


def _difference_cell(stat: Stat, unit: str, sign: int) -> Cell:
    verdict = ""
    text = format_number(stat.value, unit, True)
    if is_visible(stat, unit):
        verdict = "better" if (stat.value or 0) * sign > 0 else "worse"
    return Cell(text, format_interval(stat, unit, True), verdict)


def is_visible(stat: Stat, unit: str) -> bool:
    """Return True if the whole interval is on one side of 0, and the difference is not 0.0 as it is shown."""
    if stat.value is None or stat.low is None or stat.high is None:
        return False
    # With enough rows a difference of 0.01 s is sure too, and of no use to anybody.
    return stat.low * stat.high > 0 and float(format_number(abs(stat.value), unit)) > 0


def warning_table(inputs: ReportInputs) -> Table | None:
    """Return the precision and recall of each warning, of our model and of the lists of stations."""
    rows = []
    for key, (label, due) in WARNINGS.items():
        for name in sorted(inputs.forecasts, key=lambda name: name != inputs.ours):
            found = inputs.results.whole(name)
            if f"{key}_precision" in found:
                cells = [
                    _cell(found, f"{key}_{part}", "%") for part in ("flagged_share", "precision", "recall")
                ]
                rows.append((f"{label} ({model_label(name)})", [Cell(due), *cells]))
    if not rows:
        return None
    head = ["Warning", "of", "Flagged, %", "Precision, %", "Recall, %"]
    return Table(
        "Warnings: of the flagged mobilisations how many came true, and how many of those due were flagged",
        head,
        rows,
    )


def order_table(inputs: ReportInputs) -> Table | None:
    """Return how often the pumps of one call arrived in the order of our model and of two simple rules."""
    found = inputs.order
    if found is None:
        return None
    rows = []
    for rule, label in ORDER_RULES.items():
        share, lost = found.right_share[rule], found.regret_s[rule]
        cells = [
            Cell(format_number(share.value, "%"), format_interval(share, "%")),
            Cell(format_number(lost.value, "s"), format_interval(lost, "s")),
        ]
        if rule == OURS:
            cells += [Cell(NOT_DEFINED), Cell(NOT_DEFINED)]
        else:
            cells += [
                _difference_cell(found.right_share_difference[rule], "points", 1),
                _difference_cell(found.regret_difference_s[rule], "s", -1),
            ]
        rows.append((label, cells))
    head = ["Rule", "Right, %", "Lost, s", "Ours minus it, points", "Ours minus it, s lost"]
    return Table(f"{format_count(found.pairs)} pairs of pumps from different stations", head, rows)


def compared_slices(inputs: ReportInputs) -> tuple[list[SliceDifference], list[SliceDifference]]:
    """Return the differences of every slice from all rows of the same days: of the error, and of the coverage of the 80 % interval."""
    # The same seed as in the evaluation: the days of the tables are those of the metrics.
    rows, forecast, seed = inputs.rows, inputs.forecast, inputs.results.seed
    resamples = inputs.results.resamples
    error_s = np.abs(forecast.median_s - rows.actual_s)
    by_error = slice_differences(rows, error_s, inputs.min_rows, resamples, seed)
    low, high = forecast.quantile_at(0.1), forecast.quantile_at(0.9)
    if low is None or high is None:
        return by_error, []
    is_held = ((rows.actual_s >= low) & (rows.actual_s <= high)).astype(np.float64)
    return by_error, slice_differences(rows, is_held, inputs.min_rows, resamples, seed)


def worst_by_error(
    inputs: ReportInputs, found: Sequence[SliceDifference], max_rows: int = 15
) -> Table | None:
    """Return the slices whose mean error is surely above that of all mobilisations of the same days."""
    return _slice_table(
        inputs, "Mean error surely larger than elsewhere", worse_slices(found)[:max_rows], "s"
    )


def worst_by_cover(
    inputs: ReportInputs, found: Sequence[SliceDifference], max_rows: int = 10
) -> Table | None:
    """Return the slices whose 80 % interval holds less than 80 %, and surely less than elsewhere."""
    picked = [one for one in worse_slices(found, -1) if one.mean < CLAIMED_COVER]
    return _slice_table(inputs, "80 % interval surely holds less than elsewhere", picked[:max_rows], "points")


def _slice_table(
    inputs: ReportInputs, caption: str, picked: Sequence[SliceDifference], unit: str
) -> Table | None:
    if not picked:
        return None
    metrics = {"mae_s": "s", "bias_s": "s", "within_60_share": "%"}
    head = ["Slice", "Mobilisations", f"Difference, {unit}", "Mean error, s", "Bias, s", "Within 60 s, %"]
    if "cover_80_share" in inputs.whole:
        metrics["cover_80_share"] = "%"
        head.append("80 % holds, %")
    evaluated = inputs.results.models[inputs.ours]
    rows = [
        (
            format_slice(one.slice_name, one.value),
            [
                Cell(format_count(one.n)),
                _difference_cell(one.difference, unit, -1 if unit == "s" else 1),
                *(
                    _cell(evaluated[one.slice_name][one.value].metrics, key, of)
                    for key, of in metrics.items()
                ),
            ],
        )
        for one in picked
    ]
    return Table(caption, head, rows)


def feature_table(inputs: ReportInputs) -> Table | None:
    """Return the features with their labels, and how many seconds each moves the announced time on average."""
    if not inputs.about.features:
        return None
    rows = [
        (
            one.label,
            [Cell(format_number(one.importance_s, "s")), Cell(one.unit), Cell(one.known), Cell(one.name)],
        )
        for one in inputs.about.features
    ]
    return Table(
        "Features, the most important first", ["Feature", "Moves it by, s", "Unit", "Known at", "Name"], rows
    )


def pump_tables(inputs: ReportInputs) -> list[Table]:
    """Return the metrics of the number of pumps and its confusion matrix; empty without them."""
    if inputs.pumps is None:
        return []
    names = ["1", "2", "3", "4", "5 or more"]
    n = format_count(inputs.pumps.n)
    stats = {key: getattr(inputs.pumps, key) for key in PUMP_METRICS}
    cells = [_cell(stats, key, unit) for key, (_, unit) in PUMP_METRICS.items()]
    metrics = Table(
        f"Number of pumps, on {n} incidents",
        ["Incidents", *(label for label, _ in PUMP_METRICS.values())],
        [("All", cells)],
    )
    rows = [
        (f"{name} attended", [Cell(format_count(count)) for count in counts])
        for name, counts in zip(names, inputs.pumps.confusion, strict=True)
    ]
    return [
        metrics,
        Table(
            "Pumps that attended against pumps predicted",
            ["Incidents with", *(f"{name} predicted" for name in names)],
            rows,
        ),
    ]
