"""Tables of docs/explanation/promotion.md, from the JSON."""

from collections.abc import Callable
from typing import Any

from benchmarks.promotion.scenarios import BOROUGH_REJECTED, PROMOTED, SLICE

Results = dict[str, Any]
OUTCOME_NAMES = {
    PROMOTED: "promoted",
    SLICE: "rejected for a slice",
    BOROUGH_REJECTED: "rejected for that borough",
}


def about(results: Results) -> str:
    """Return the text about the commit, the machine and the pairs of models."""
    pairs, whole = results["pairs"], results["pairs"]["mae_s"]
    halves, seeds = pairs["halves"], pairs["seeds"]
    libraries = results["machine"]["libraries"]
    return (
        f"Commit `{results['commit']}`{' with changes' if results['has_changes_since'] else ''}, "
        f"numpy {libraries['numpy']}, {results['cpu_s']} CPU s. {pairs['rows']:,} real dispatches of February 2017. "
        f"MAE of the models of January: all of it {whole['whole']:.1f} s, a half of its incidents "
        f"{whole['half']:.1f} s, the other half {whole['other_half']:.1f} s. Two halves announce times "
        f"{halves['forecast_gap_sd_s']:.1f} s apart (standard deviation), their absolute errors are correlated by "
        f"{halves['error_correlation']:.3f} and differ by {halves['difference_sd_s']:.1f} s per dispatch; two seeds "
        f"{seeds['forecast_gap_sd_s']:.1f} s, {seeds['error_correlation']:.3f} and {seeds['difference_sd_s']:.1f} s."
    )


def rates(results: Results) -> str:
    """Tabulate each scenario with its targets and results."""
    lines = [
        "| the challenger | days | dispatches per month | slices evaluated | months | promoted | rejected for a slice, or for that borough | target |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for one in results["scenarios"].values():
        found = one["rates"]
        rejected_shares = found.get(BOROUGH_REJECTED, found[SLICE])
        lines.append(
            f"| {one['words']} | {one['days']} | {one['runs_a_month']:,.0f} | {one['slices_judged']:.0f} | "
            f"{one['months']:,} | {_rate(found[PROMOTED])} | {_rate(rejected_shares)} | {_format_requirements(one['wanted'])} |"
        )
    return "\n".join(lines)


def tradeoff(results: Results) -> str:
    """Tabulate the slices with looser and stricter thresholds."""
    traded = results["tradeoff"]["by_scenario"]
    columns = [(name, part) for name, found in traded.items() for part in found["0.05"]]
    titles = {"any": "any slice rejected", "worse": "the borough detected"}
    heads = [f"{_short(results, name)}: {titles[part]}" for name, part in columns]
    lines = [f"| slices together | {' | '.join(heads)} |", f"| --- |{' --- |' * len(heads)}"]
    for level in next(iter(traded.values())):
        cells = [_rate(traded[name][level][part]) for name, part in columns]
        summary = (
            "each alone at 95 %" if level == "each_alone" else f"{float(level):.0%} wrong".replace("%", " %")
        )
        lines.append(f"| {summary} | {' | '.join(cells)} |")
    return "\n".join(lines)


def interval_coverage(results: Results) -> str:
    """Tabulate how often an interval contains the true value, by number of days."""
    lines = ["| days | in standard errors of its own | by percentiles |", "| --- | --- | --- |"]
    for days, one in results["intervals_held"].items():
        lines.append(f"| {days} | {_rate(one['studentised'])} | {_rate(one['percentile'])} |")
    return "\n".join(lines)


def real_records(results: Results) -> str:
    """Tabulate the verdict of the rule on the last days of February 2017."""
    lines = [
        "| | " + " | ".join(f"challenger until {until}" for until in results["real_records"]) + " |",
        "| --- |" + " --- |" * len(results["real_records"]),
    ]
    table_rows = list(results["real_records"].values())
    rows: dict[str, Callable[[Results], str]] = {
        "trained on, dispatches: champion, challenger": lambda one: (
            f"{one['champion_rows']:,}, {one['challenger_rows']:,}"
        ),
        "evaluated on": lambda one: (
            f"{one['evidence']['rows']:,} dispatches of {one['evidence']['days']} days"
        ),
        "champion: MAE, s": lambda one: _stat(one["evidence"]["champion"]["scores"]["mae_s"], 1),
        "challenger: MAE, s": lambda one: _stat(one["evidence"]["challenger"]["scores"]["mae_s"], 1),
        "challenger minus champion, s": lambda one: _stat(one["evidence"]["difference_s"], 2),
        "challenger: P10 to P90 contains": lambda one: _stat(one["evidence"]["coverage"], 3),
        "challenger: calibration error over 360 s": lambda one: _stat(one["evidence"]["calibration"], 3),
        "slices evaluated, failing": lambda one: (
            f"{len(one['evidence']['slices']['judged'])}, {', '.join(one['evidence']['slices']['failing']) or 'none'}"
        ),
        "slice values not evaluated": lambda one: (
            f"{sum(len(values) for values in one['evidence']['slices']['not_judged'].values())}"
        ),
        "the rule says": lambda one: f"**{one['action']}** ({one['rule']})",
        "its reason": lambda one: one["reason"],
    }
    for summary, say in rows.items():
        lines.append(f"| {summary} | " + " | ".join(say(one) for one in table_rows) + " |")
    return "\n".join(lines)


TABLES: dict[str, Callable[[Results], str]] = {
    "about": about,
    "rates": rates,
    "tradeoff": tradeoff,
    "intervals held": interval_coverage,
    "real records": real_records,
}


def _short(results: Results, name: str) -> str:
    one = results["scenarios"][name]
    summary: str = one["words"].partition(" of 500")[0].partition(",")[0]
    return f"{summary}, {one['days']} days"


def _rate(found: dict[str, float]) -> str:
    return f"{found['share']:.1%} ({found['low']:.1%} to {found['high']:.1%})".replace("%", " %")


def _format_requirements(requirements: list[dict[str, Any]]) -> str:
    table_rows = []
    for one in requirements:
        side = "or less" if one["is_at_most"] else "or more"
        verdict = "met" if one["is_sure"] else "met, not surely" if one["is_met"] else "**missed**"
        table_rows.append(
            f"{OUTCOME_NAMES[one['rate']]} {one['bound']:.0%} {side}: {verdict}".replace("%", " %")
        )
    return "; ".join(table_rows) or "shown only"


def _stat(found: dict[str, float], digits: int) -> str:
    value, low, high = (f"{found[name]:.{digits}f}".replace("-", "−") for name in ("value", "low", "high"))
    return f"{value} ({low} to {high})"
