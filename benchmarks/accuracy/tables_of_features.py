"""Tables of the page on features."""

from typing import Any

from benchmarks.accuracy.text_formats import number, table, with_interval

Results = dict[str, Any]


def ablation(results: Results) -> str:
    """Tabulate the steps on the pooled folds and on January 2017."""
    found = results["ablation"]
    pooled = {entry["step"]: entry for entry in found["pooled"]}
    rows = [_steps(pooled.get(one["step"]), one) for one in found["january_2017"]]
    header = ("step", "2023, five folds: MAE, s", "gain, s", "January 2017, five folds: MAE, s", "gain, s")
    return table(header, rows)


def _steps(pooled: dict[str, Any] | None, january: dict[str, Any]) -> list[str]:
    is_same = january["step"] == "with month"
    cells = [
        january["step"]
        if january["is_carried"]
        else f"*{january['step']}* (added to the whole model; not used)"
    ]
    cells += (
        [number(pooled["mae_s"], 2), with_interval(pooled["gain_s"], 2)] if pooled else ["no stream", "–"]
    )
    if is_same:
        return [*cells, "one month", "–"]
    return [*cells, number(january["mae_s"], 2), with_interval(january["gain_s"], 2)]


def workload(results: Results) -> str:
    """Tabulate the gain of the workload: trained on January 2017, evaluated on February."""
    found = results["ablation"]["workload_february_2017"]
    return _where_it_matters(found, "February 2017", "another call on the ground within 30 min")


def thames(results: Results) -> str:
    """Tabulate the gain of the river on the five folds."""
    return _where_it_matters(results["ablation"]["thames_pooled"], "2023, five folds", "across the Thames")


def _where_it_matters(found: dict[str, Any], runs: str, about: str) -> str:
    rows = [
        [
            title,
            f"{found[name]['rows']:,}",
            number(found[name]["mean_s"], 0),
            number(found[name]["without_mae_s"], 2),
            number(found[name]["with_mae_s"], 2),
            with_interval(found[name]["gain_s"], 2),
        ]
        for name, title in (("all", "all"), ("about", about))
    ]
    return table((runs, "dispatches", "mean time, s", "MAE without, s", "MAE with, s", "gain, s"), rows)


def context(results: Results) -> str:
    """Tabulate the gain of simulated context files."""
    found = results["simulated"]["context"]
    return table(
        ["on a simulated stream", "gain, s"],
        ([title, with_interval(gain, 2)] for title, gain in found.items()),
    )


def apart(results: Results) -> str:
    """Tabulate turnout and travel modelled separately and added, against one model."""
    found = results["simulated"]
    names = {"mae_s": ("MAE, s", 2), "crps_s": ("CRPS, s", 2), "over_360_brier": ("over 360 s: Brier", 4)}
    rows = [
        [
            title,
            number(found["models"]["whole"][metric]["value"], digits),
            number(found["models"]["joined"][metric]["value"], digits),
            with_interval(found["joined_less_whole"][metric], digits),
        ]
        for metric, (title, digits) in names.items()
    ]
    note = f"{found['rows']:,} later dispatches, trained on {found['training_rows']:,}."
    return (
        table(["simulated stream", "one model", "apart and joined", "joined less one model"], rows)
        + f"\n\n{note}"
    )


def classifier(results: Results) -> str:
    """Tabulate the separate classifier for 360 s."""
    names = {
        "distribution": "from the distribution",
        "classifier": "a classifier of its own",
        "mean_of_both": "mean of both",
    }
    rows = []
    for name, title in names.items():
        found = results["classifier"][name]
        gap = "" if name == "distribution" else with_interval(found["difference"]["over_360_brier"], 4)
        values = [
            number(found[f"over_360_{metric}"]["value"], 4) for metric in ("brier", "log_loss", "auc", "ece")
        ]
        rows.append([title, *values, gap])
    header = (
        "over 360 s, five folds",
        "Brier",
        "log loss",
        "AUC",
        "calibration error",
        "Brier less the first",
    )
    return table(header, rows)
