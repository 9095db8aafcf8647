"""Simulate, decide on the real records, write benchmarks/results/promotion.json and the tables of the page."""

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.accuracy.pages import filled
from benchmarks.accuracy.records import SHARED
from benchmarks.machine import commit, machine
from benchmarks.processes import ROOT
from benchmarks.promotion import tables
from benchmarks.promotion.error_rates import measured
from benchmarks.promotion.interval_coverage import interval_coverage
from benchmarks.promotion.model_pairs import HALF, OTHER_HALF, OTHER_SEED, WHOLE, RealMonth, real_month
from benchmarks.promotion.real_records import on_real_records
from benchmarks.promotion.scenarios import Scenario, scenarios
from benchmarks.promotion.simulated_months import Population, population
from benchmarks.promotion.tradeoff import tradeoff
from londonpump.domain.errors import LondonPumpError
from londonpump.persistence.atomic_files import read_json, write_json, write_text

RESULTS = ROOT / "benchmarks" / "results" / "promotion.json"
PAGE = ROOT / "docs" / "explanation" / "promotion.md"
REPEATS = 1_000
TWICE = ("equal",)
"""Run twice as often, because this rate is nearest to its bound."""
TRADED = ("equal", "better", "worse_too_short", "better_quarter", "worse_too_short_quarter")
TRADED_REPEATS = 500
SIGNIFICANT = 6
Results = dict[str, Any]


def main() -> int:
    """Run the command. Returns: its exit code."""
    command_line = _arguments()
    if not command_line.pages_only:
        try:
            with tempfile.TemporaryDirectory(prefix="londonpump-promotion-") as folder:
                results = measure(command_line.data, command_line.work or Path(folder), command_line.repeats)
        except LondonPumpError as error:
            print(error, file=sys.stderr)
            return 2
        write_json(command_line.out, _rounded(results))
        show_progress(f"written: {command_line.out}")
    if command_line.out == RESULTS:
        write_text(PAGE, filled(PAGE.read_text(encoding="utf-8"), tables.TABLES, read_json(RESULTS), PAGE))
    return 0


def show_progress(doing: str) -> None:
    """Print the present step."""
    print(f"{time.process_time():7.1f} CPU s  {doing}", file=sys.stderr, flush=True)


def measure(source: Path, work: Path, repeats: int) -> Results:
    """Measure every figure. source: the folder of real records."""
    show_progress("deciding on the real records")
    real = on_real_records(source, work)
    show_progress("learning the pairs of models")
    known = real_month(source, work)
    found, traded = {}, {}
    for scenario in all_scenarios(known):
        n = repeats * (2 if scenario.name in TWICE else 1)
        show_progress(f"{scenario.name}: {scenario.summary}, {n} times {scenario.truth.days} days")
        found[scenario.name] = measured(scenario, n)
        if scenario.name in TRADED:
            traded[scenario.name] = tradeoff(scenario, min(repeats, TRADED_REPEATS))
    show_progress("intervals with few days")
    coverage = interval_coverage()
    head, is_changed = commit()
    return {
        "schema": 1,
        "commit": head,
        "has_changes_since": is_changed,
        "machine": machine(),
        "pairs": _pairs(known),
        "scenarios": found,
        "tradeoff": {"months": min(repeats, TRADED_REPEATS), "by_scenario": traded},
        "intervals_held": coverage,
        "real_records": real,
        "cpu_s": round(time.process_time()),
    }


def all_scenarios(known: RealMonth) -> list[Scenario]:
    """Run every scenario with models that were trained separately."""
    return list(scenarios(_population(known, HALF, OTHER_HALF), _population(known, WHOLE, OTHER_SEED)))


def _population(known: RealMonth, a: str, b: str) -> Population:
    return population(known.rows, known.forecasts[WHOLE], known.forecasts[a], known.forecasts[b])


def _pairs(known: RealMonth) -> Results:
    """Measure the similarity of the pairs from which months are drawn."""
    actual_s = known.rows.actual_s
    pairs: Results = {"rows": len(known.rows), "mae_s": {}}
    for name, forecast in known.forecasts.items():
        pairs["mae_s"][name] = float(np.abs(forecast.median_s - actual_s).mean())
    for name, (one, other) in {"halves": (HALF, OTHER_HALF), "seeds": (WHOLE, OTHER_SEED)}.items():
        a, b = (known.forecasts[which].median_s for which in (one, other))
        errors = np.abs(a - actual_s), np.abs(b - actual_s)
        pairs[name] = {
            "forecast_gap_sd_s": float((b - a).std()),
            "difference_sd_s": float((errors[1] - errors[0]).std()),
            "error_correlation": float(np.corrcoef(*errors)[0, 1]),
        }
    return pairs


def _rounded(value: Any) -> Any:
    """Return the figures with six significant digits, more than any interval needs."""
    if isinstance(value, dict):
        return {name: _rounded(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(one) for one in value]
    return float(f"{value:.{SIGNIFICANT}g}") if isinstance(value, float) else value


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.promotion", description=__doc__)
    parser.add_argument("--data", type=Path, default=SHARED, help="folder of the real records")
    parser.add_argument("--work", type=Path, help="keep prepared data here (else thrown away)")
    parser.add_argument("--repeats", type=int, default=REPEATS, help="months of a scenario")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where the json goes")
    parser.add_argument("--pages-only", action="store_true", help="write the tables again from the json")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
