"""The tables of the page on accuracy."""

from typing import Any

from benchmarks.accuracy.predictions import NOT_STATED, STATED
from benchmarks.accuracy.text_formats import digits_for, number, table, with_interval

Results = dict[str, Any]
SPLITS = {
    "pooled": "2023, five folds",
    "union": "2023, last quarter",
    "stream_2017": "February 2017",
    "sample_a": "first sample alone, last quarter",
    "sample_b": "second sample alone, last quarter",
}
LATER = {"union": SPLITS["union"], "stream_2017": SPLITS["stream_2017"]}
MEASURES = (
    ("MAE, s", "mae_s", 1),
    ("RMSE, s", "rmse_s", 1),
    ("median absolute error, s", "median_ae_s", 1),
    ("R2 of the mean", "r2", 3),
    ("bias of the mean, s", "bias_of_mean_s", 1),
    ("within 60 s", "within_60_share", 3),
    ("80 % interval covers", "cover_80_share", 3),
    ("80 % width, s", "width_80_s", 0),
    ("90 % interval covers", "cover_90_share", 3),
    ("90 % width, s", "width_90_s", 0),
    ("CRPS, s", "crps_s", 2),
    ("over 360 s: AUC", "over_360_auc", 3),
    ("over 360 s: Brier", "over_360_brier", 4),
    ("over 360 s: log loss", "over_360_log_loss", 4),
    ("over 360 s: calibration error", "over_360_ece", 3),
)
BASELINES = {
    "constant": "constant",
    "distance_median_curve": "distance alone, median curve",
    "distance_mean_curve": "distance alone, mean curve",
    "original_typical": "original recipe, typical seed",
    "original_median": "original recipe, median of 11",
    "original_best": "original recipe, best of 11",
}


def about(results: Results) -> str:
    """Return the text about versions, commit and records."""
    libraries = ", ".join(f"{name} {version}" for name, version in results["libraries"].items())
    return (
        f"Version {results['version']}, built on commit `{(results['commit'] or 'unknown')[:10]}`; {libraries}; data "
        f"`{results['data_hash']}`; {results['cpu_s']} CPU s on one thread."
    )


def reach_pooled(results: Results) -> str:
    """Return the figures of the pooled folds."""
    return _reach_table(results["reach"]["pooled"])


def reach_later(results: Results) -> str:
    """Return the figures of later rows."""
    parts = [f"{label}:\n\n{_reach_table(results['reach'][name])}" for name, label in LATER.items()]
    return "\n\n".join(parts)


def _reach_table(entries: list[dict[str, Any]]) -> str:
    header = ("measure", "target", "kind stated", "verdict", "kind not stated", "verdict", "original recipe")
    return table(header, (_reach_row(entry) for entry in entries))


def _reach_row(entry: dict[str, Any]) -> list[str]:
    digits = _digits(entry)
    return [
        entry["measure"],
        _bounds(entry),
        with_interval(entry[STATED], digits),
        _verdict(entry[STATED]),
        with_interval(entry[NOT_STATED], digits),
        _verdict(entry[NOT_STATED]),
        number(entry["original"]["value"], digits) if entry["original"] else "",
    ]


def _digits(entry: dict[str, Any]) -> int:
    bound = entry["low"] if entry["low"] is not None else entry["high"]
    if "Brier" in entry["measure"] or entry["measure"].startswith("over 360 s: log"):
        return 4
    return digits_for(bound)


def _verdict(found: dict[str, Any]) -> str:
    verdict: str = found["verdict"]
    return f"**{verdict}**" if verdict == "missed" else verdict


def _bounds(entry: dict[str, Any]) -> str:
    low, high = entry["low"], entry["high"]
    if low is not None and high is not None:
        return f"{low:g} to {high:g}"
    return f"{high:g} or less" if high is not None else f"{low:g} or more"


def splits(results: Results) -> str:
    """Tabulate our measures on every split with the incident type stated; below, the MAE without it and of the baselines."""
    found = results["splits"]
    rows = [["dispatches evaluated", *(f"{found[name]['rows']:,}" for name in SPLITS)]]
    rows += [
        [label, *(with_interval(_whole(found[name], "ours")[metric], digits) for name in SPLITS)]
        for label, metric, digits in MEASURES
    ]
    unstated = (_whole(found[name], "ours_incident_type_not_stated")["mae_s"] for name in SPLITS)
    rows.append(["MAE, s, kind not stated", *(with_interval(one, 1) for one in unstated)])
    rows += [
        [f"MAE, s: {label}", *(with_interval(_whole(found[name], model)["mae_s"], 1) for name in SPLITS)]
        for model, label in BASELINES.items()
    ]
    return table(["ours, kind stated", *SPLITS.values()], rows)


def _whole(scores: Results, model: str) -> dict[str, Any]:
    whole: dict[str, Any] = scores["models"][model]["all"]["all"]
    return whole


def gains(results: Results) -> str:
    """Tabulate the MAE of each baseline minus ours, on the same dispatches."""
    rows = []
    for name, label in SPLITS.items():
        for input_variant in (STATED, NOT_STATED):
            found = results["splits"][name]["gains"][input_variant]
            cells = [with_interval(found[model], 1) for model in list(BASELINES)[1:]]
            rows.append([label, input_variant.replace("_", " "), *cells])
    return table(["dispatches", "kind", *list(BASELINES.values())[1:]], rows)


def tenths(results: Results) -> str:
    """Tabulate coverage by tenth of distance."""
    table_groups = ("pooled", "union", "stream_2017")
    header = ["tenth of distance"]
    header += [f"{SPLITS[name]}: 80 %, width" for name in table_groups]
    header += [f"{SPLITS[name]}: 90 %" for name in table_groups]
    header.append("five folds, kind not stated: 80 %")
    found = {name: results["splits"][name]["models"]["ours"]["distance_decile"] for name in table_groups}
    unstated = results["splits"]["pooled"]["models"]["ours_incident_type_not_stated"]["distance_decile"]
    rows = []
    for tenth in sorted(unstated):
        of_80 = (
            f"{number(found[n][tenth]['cover_80_share']['value'], 3)}, "
            f"{number(found[n][tenth]['width_80_s']['value'], 0)} s"
            for n in table_groups
        )
        of_90 = (number(found[n][tenth]["cover_90_share"]["value"], 3) for n in table_groups)
        rows.append([tenth, *of_80, *of_90, number(unstated[tenth]["cover_80_share"]["value"], 3)])
    return table(header, rows)


WARNINGS = (
    ("chance of more than 600 s", "over 600 s", "ours", "warning_600"),
    ("the original's list of stations", "over 600 s", "ours", "station_list_600"),
    (
        "chance of 120 s later than announced",
        "120 s later than announced",
        "ours",
        "warning_underestimate",
    ),
    (
        "`risk_underestimated` as announced",
        "120 s later than announced",
        "risk_underestimated",
        "station_list_underestimate",
    ),
    ("the original's list of stations", "120 s later than announced", "ours", "station_list_underestimate"),
)


def warnings(results: Results) -> str:
    """Tabulate each warning against the late dispatches that it should flag."""
    rows = []
    for name in ("pooled", "union", "stream_2017"):
        scores = results["splits"][name]
        for label, due, model, warning in WARNINGS:
            whole = _whole(scores, model)
            cells = [with_interval(whole[f"{warning}_{part}"], 3) for part in ("precision", "recall")]
            flagged = number(whole[f"{warning}_flagged_share"]["value"], 3)
            rows.append([SPLITS[name], label, due, flagged, *cells])
    return table(["dispatches", "warning", "warns of", "flags", "precision", "recall"], rows)


def pumps(results: Results) -> str:
    """Tabulate the number of pumps on every call whose number was published."""
    rows = []
    for name, label in SPLITS.items():
        for input_variant in (STATED, NOT_STATED):
            found = results["splits"][name]["pumps"][input_variant]
            cells = [with_interval(found[metric], 3) for metric in ("accuracy", "macro_f1", "log_loss")]
            rows.append([label, input_variant.replace("_", " "), f"{found['n']:,}", *cells])
    return table(["calls", "kind and property", "number", "accuracy", "macro F1", "log loss"], rows)


def named_places(results: Results) -> str:
    """Tabulate the same dispatches with exact location, with a name, and with the central point of the name."""
    input_variant = {
        "exact": "the exact location",
        "named": "only its name",
        "middle": "the central point of the name",
    }
    header = (
        "dispatches",
        "given",
        "number",
        "MAE, s",
        "80 % interval covers",
        "80 % width, s",
        "bias of the mean, s",
    )
    rows = []
    for name, label in LATER.items():
        for kind, of_kind in (("district", "by postcode district"), ("ground", "by station ground")):
            found = results["named_places"][name][kind]
            for answer, answer_text in input_variant.items():
                one = found[answer]
                rows.append(
                    (
                        f"{label}, {of_kind}",
                        answer_text,
                        f"{one['n']:,}",
                        with_interval(one["mae_s"], 1),
                        with_interval(one["cover_80_share"], 3),
                        with_interval(one["width_80_s"], 0),
                        with_interval(one["bias_of_mean_s"], 1),
                    )
                )
    return table(header, rows)


def roads(results: Results) -> str:
    """Tabulate the results of the commands for each set of files."""
    names = {name: label for name, label in SPLITS.items() if name in results["roads"]}
    rows = []
    for name, label in names.items():
        road = results["roads"][name]
        counts = (f"{road[key]:,}" for key in ("examples", "learnt_from", "judged"))
        mae = (number(road[key], 1) for key in ("evaluate_mae_s", "predict_mae_s"))
        rows.append([label, *counts, next(mae), f"{road['answered']:,} of {road['predicted']:,}", next(mae)])
    header = (
        "files, evaluated on",
        "examples",
        "trained on",
        "evaluated",
        "`evaluate` MAE, s",
        "predicted by `predict`",
        "`predict` MAE, s",
    )
    return table(header, rows)


def leaks(results: Results) -> str:
    """Tabulate the checks that would show a leak."""
    found, pooled = results["leaks"], _whole(results["splits"]["pooled"], "ours")
    mixed, twins = found["shuffled"], found["twins"]
    rows = [
        ["MAE, five folds", "under 58 s is an alarm", f"{number(pooled['mae_s']['value'], 1)} s"],
        ["R2 of the mean, five folds", "above 0.57 is an alarm", number(pooled["r2"]["value"], 3)],
        [
            "trained on shuffled times: gain over a constant, last quarter",
            "none",
            f"{with_interval(mixed['gain_s'], 2)} s",
        ],
        [
            "twin dispatches: same station, same square of 100 m, other incident",
            f"{twins['pairs']:,.0f} pairs here",
            f"{number(twins['mean_gap_s'], 1)} s apart: the error of a perfect prediction would be {number(twins['floor_s'], 1)} s",
        ],
    ]
    return table(["check", "expected", "found"], rows)


def steps(results: Results) -> str:
    """Tabulate what more records and roads are worth, and what is lost where the table of roads is missing."""
    found = results["steps"]
    return "\n\n".join(_steps_of(found[name]) for name in ("last_quarter", "february_2017"))


def _steps_of(found: Results) -> str:
    header = (
        "trained on",
        "MAE, s",
        "gain, s",
        "way known: MAE, s",
        "gain, s",
        "way unknown: MAE, s",
        "gain, s",
    )
    rows = [
        [
            entry["step"],
            *(
                cell
                for part in ("all", "known", "unknown")
                for cell in (number(entry[part]["mae_s"], 2), with_interval(entry[part]["gain_s"], 2))
            ),
        ]
        for entry in (*found["steps"], found["missing_table"])
    ]
    title = f"{found['label']}, {found['rows']:,} dispatches, {found['known_share']:.0%} with a known way by road:"
    return f"{title}\n\n{table(header, rows)}"


ORDER_LABELS = {
    "ours": "londonpump",
    "nearest": "nearest station first",
    "own_ground_then_nearest": "own ground first, then the nearest",
}


def cover_by_hour_and_type(results: Results) -> str:
    """Tabulate how many arrivals the intervals hold, by three-hour band and by incident type."""
    found = results["folds"]
    rows = [
        [
            entry["value"],
            f"{entry['rows']:,}",
            *(with_interval(entry[f"cover_{share}_share"], 3) for share in (80, 90)),
        ]
        for entry in found["cover"]
        if entry["slice"] in {"all", "hours", "incident type"}
    ]
    return table(("dispatches", "rows", "80 % interval covers", "90 % interval covers"), rows)


def pairs(results: Results) -> str:
    """Tabulate the order of arrival against two simple rules, and what is predicted of two pumps together."""
    found = results["folds"]
    order = found["order"]
    rules = [
        [
            label,
            with_interval(order["right_share"][rule], 3),
            with_interval(order["regret_s"][rule], 1),
            *(
                with_interval(order[name][rule], digits) if rule in order[name] else "–"
                for name, digits in (("right_share_difference", 3), ("regret_difference_s", 1))
            ),
        ]
        for rule, label in ORDER_LABELS.items()
    ]
    head = ("rule", "right", "lost, s", "ours minus it: right", "ours minus it: lost, s")
    together = [
        [
            name,
            f"{entry['pairs']:,}",
            number(entry["rank_correlation"], 2),
            number(entry["before_p50_share"], 3),
            number(entry["p50_minus_median_s"], 1),
            number(entry["cover_80_share"], 3),
            number(entry["before_ece"], 3) if "before_ece" in entry else "–",
        ]
        for name, entry in found["pairs"].items()
    ]
    heads = (
        "two pumps from",
        "calls",
        "rank correlation",
        "both there by P50",
        "median of P50 minus actual, s",
        "P10 to P90 covers",
        "calibration error of the chance to be first",
    )
    return f"{order['pairs']:,} pairs from two stations:\n\n{table(head, rules)}\n\n{table(heads, together)}"
