"""Delays and false alarms of the check for slow-downs, on real days with seconds added: `python -m benchmarks.lateness`.

The errors are out of fold, of the product's own model with roads on all of January and February 2017. The usual error of each month is that of
the other one, as in use it comes from earlier rows. Years are drawn from blocks of four whole weeks, and each
quarter of a year has one of the biases that a good model had on real records. Two months hold eight weeks: what a year can do beyond
them is not in these figures.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.accuracy.records import SHARED, STREAM_2017, examples_of, road_tables
from benchmarks.page import write_between
from londonpump.domain.errors import LondonPumpError
from londonpump.evaluation.evaluation_rows import Bools, Floats, Ints
from londonpump.evaluation.lateness import (
    LONDON,
    RULES,
    DailyExcess,
    LatenessRows,
    LatenessRule,
    Level,
    daily_excess,
    sum_up,
)
from londonpump.features.catalogue import FEATURES, usable
from londonpump.features.dispatches import Dispatches
from londonpump.features.observations import london_days
from londonpump.lifecycle.prepared_examples import incident_codes
from londonpump.models.fitted_context import fit_context
from londonpump.models.response_training import LOCATION_FOLDS, TrainingDispatches, fit_with_errors, fold_of
from londonpump.models.train import fit_ground_lookup, with_workload
from londonpump.models.usual_error import clip_errors, fit_usual_errors
from londonpump.roads.store import current_table

PAGE = Path(__file__).resolve().parents[1] / "docs" / "explanation" / "monitoring.md"
MARKS = ("<!-- measured: lateness -->", "<!-- end: lateness -->")
QUARTER_BIASES_S = (1.0, 9.0, -3.0, -4.0)
QUARTER_DAYS, WEEK_DAYS, BLOCK_DAYS, N_DAYS = 91, 7, 28, 56
N_YEARS, YEAR_BLOCKS, WARM_UP_DAYS = 400, 14, 28
YEARS_AT_ONCE = 50
DELAY_BLOCKS = 10
START_DAYS = (91, 182)
"""A slow-down begins on a random day of a quarter, after a quarter in which the usual error has settled."""
SHARES_OF_LIMIT = (0.5, 0.75, 1.0, 1.25, 1.5)


@dataclass(frozen=True, eq=False)
class RealDays:
    """Eight weeks of errors, n rows, with the places and usual errors of each row."""

    rows: LatenessRows
    """Errors as they are: neither shifted nor clipped."""

    def shifted(self, seconds: Floats | float) -> DailyExcess:
        """Return the daily excess with seconds added to the actual times, (n,) or one number."""
        return daily_excess(replace(self.rows, error_s=clip_errors(self.rows.error_s + seconds)))


def real_days(source: Path, work: Path) -> RealDays:
    """Return the out-of-fold errors of the product's model on the complete stream of 2017."""
    examples = examples_of(STREAM_2017, source, work)
    ground = fit_ground_lookup(examples.calls, examples.stations)
    roads = current_table(road_tables(source, work))
    rows = examples.take(np.isfinite(examples.rows["attendance_s"]))
    rows = with_workload(rows, examples.calls, ground, examples.complete)
    incident = incident_codes(rows)
    context, whole = fit_context(Dispatches(rows, ground, roads), fold_of(incident, LOCATION_FOLDS, 1))
    features = usable(whole, FEATURES)
    context = context.of(frozenset(name for feature in features for name in feature.reads))
    training = TrainingDispatches(whole, rows["attendance_s"], incident, rows["mobilised_us"], context)
    error_s = fit_with_errors(training, features, 1, lambda _doing, _share: None)[1]
    day = london_days(rows["mobilised_us"])
    is_used = day < day.min() + N_DAYS
    is_early = day < day.min() + N_DAYS // 2
    # In use the rows of a usual error are earlier ones, never those that are checked.
    fitted = [
        fit_usual_errors(np.where(is_other, error_s, np.nan), whole, rows["borough_name"])
        for is_other in (is_used & ~is_early, is_early)
    ]
    easting_m, northing_m = whole.number("easting_m"), whole.number("northing_m")
    ground_code = np.array(ground.codes, np.str_)[whole.ground]
    borough = fitted[0].borough_of(easting_m, northing_m, ground_code)
    early, late = (each.at(borough, ground_code) for each in fitted)
    usual_s = {
        level: np.where(is_early, *both)
        for level, both in zip(Level, zip(early, late, strict=True), strict=True)
    }
    places = {Level.LONDON: np.full(len(day), LONDON), Level.BOROUGH: borough, Level.GROUND: ground_code}
    return RealDays(
        LatenessRows(
            day[is_used],
            error_s[is_used],
            {level: values[is_used] for level, values in places.items()},
            {level: values[is_used] for level, values in usual_s.items()},
        )
    )


@dataclass(frozen=True, eq=False)
class Years:
    """Drawn years: positions of days, and the quarter of each day, both (t, years)."""

    day: Ints
    quarter: Ints

    @classmethod
    def drawn(cls, years: int, blocks: int, seed: int) -> "Years":
        """Draw years in blocks of four whole weeks; the first quarter is any of them."""
        rng = np.random.default_rng(seed)
        starts = rng.integers(0, (N_DAYS - BLOCK_DAYS) // WEEK_DAYS + 1, (blocks, years)) * WEEK_DAYS
        day = (starts[:, None] + np.arange(BLOCK_DAYS)[:, None]).reshape(-1, years)
        first = rng.integers(0, len(QUARTER_BIASES_S), years)
        quarter = (np.arange(len(day))[:, None] // QUARTER_DAYS + first) % len(QUARTER_BIASES_S)
        return cls(day, quarter)

    def of(self, by_quarter: Sequence[DailyExcess], places: slice | Ints) -> tuple[Floats, Floats]:
        """Return (t, years, places) dispatches and excess."""
        excess_s = np.stack([each.excess_s[:, places] for each in by_quarter])
        return by_quarter[0].n[:, places][self.day], excess_s[self.quarter, self.day]


def with_biases(days: RealDays, seconds: Floats | float = 0.0) -> list[DailyExcess]:
    """Return the daily excess in each quarter, with seconds added."""
    return [days.shifted(bias_s + seconds) for bias_s in QUARTER_BIASES_S]


def rules_at(share: float) -> dict[Level, LatenessRule]:
    """Return the rules with their limits multiplied."""
    return {level: replace(rule, limit=share * rule.limit) for level, rule in RULES.items()}


def false_alarms(days: RealDays, share: float) -> dict[Level, float]:
    """Return the alarms per year of each level without any slow-down."""
    by_quarter = with_biases(days)
    levels = by_quarter[0].levels
    rules = [rules_at(share)[level] for level in levels]
    raised = np.zeros(len(levels))
    for seed in range(N_YEARS // YEARS_AT_ONCE):
        years = Years.drawn(YEARS_AT_ONCE, YEAR_BLOCKS, seed)
        is_slow = sum_up(*years.of(by_quarter, slice(None)), rules).is_slow
        raised += np.diff(is_slow[WARM_UP_DAYS - 1 :].astype(np.int8), axis=0).clip(0).sum(axis=(0, 1))
    per_year = raised / N_YEARS * 365 / (YEAR_BLOCKS * BLOCK_DAYS - WARM_UP_DAYS)
    return {
        level: float(sum(n for n, of in zip(per_year, levels, strict=True) if of is level)) for level in Level
    }


@dataclass(frozen=True)
class SlowDown:
    """Seconds added in one place."""

    level: Level
    name: str
    seconds: float
    per_day: float

    @property
    def label(self) -> str:
        """Return what the table calls it."""
        place = "all London" if self.level is Level.LONDON else f"{self.level} {self.name}"
        return f"+{self.seconds:.0f} s in {place} ({self.per_day:.0f} a day)"


def delays_days(days: RealDays, slow_down: SlowDown, share: float) -> Floats:
    """Return (k,) days until it is found in drawn years, infinite if it is not; years with a false alarm before are left out."""
    rule = rules_at(share)[slow_down.level]
    usual = with_biases(days)
    at = np.array([usual[0].names.index(slow_down.name)])
    slowed = with_biases(
        days, slow_down.seconds * (days.rows.place[slow_down.level] == slow_down.name).astype(np.float64)
    )
    years = Years.drawn(N_YEARS, DELAY_BLOCKS, seed=1000)
    start = np.random.default_rng(2000).integers(*START_DAYS, N_YEARS)
    n, excess_s = years.of(usual, at)
    t = np.arange(len(n))[:, None]
    excess_s = np.where((t >= start)[..., None], years.of(slowed, at)[1], excess_s)
    is_slow = sum_up(n, excess_s, [rule]).is_slow[..., 0]
    return _first(is_slow, t, start)


def _first(is_slow: Bools, t: Ints, start: Ints) -> Floats:
    is_usable = ~is_slow[start - 1, np.arange(len(start))]
    found = is_slow & (t >= start)
    delay = np.where(found.any(axis=0), found.argmax(axis=0) - start + 1.0, np.inf)
    return delay[is_usable]


def slow_downs(days: RealDays) -> list[SlowDown]:
    """Return the slow-downs of the table: London, a borough of 20 dispatches a day, and usual and quiet places."""
    daily = days.shifted(0.0)
    per_day = daily.n.mean(axis=0)

    def nearest(level: Level, wanted: float) -> tuple[str, float]:
        of_level = [at for at, of in enumerate(daily.levels) if of is level]
        at = min(of_level, key=lambda each: abs(per_day[each] - wanted))
        return daily.names[at], float(per_day[at])

    def median_of(level: Level) -> float:
        return float(np.median([n for n, of in zip(per_day, daily.levels, strict=True) if of is level]))

    usual_borough = nearest(Level.BOROUGH, median_of(Level.BOROUGH))
    usual_ground = nearest(Level.GROUND, median_of(Level.GROUND))
    return [
        SlowDown(Level.LONDON, LONDON, 15, float(per_day[0])),
        SlowDown(Level.LONDON, LONDON, 30, float(per_day[0])),
        *(SlowDown(Level.BOROUGH, name, 30, n) for name, n in (nearest(Level.BOROUGH, 20), usual_borough)),
        SlowDown(Level.BOROUGH, usual_borough[0], 120, usual_borough[1]),
        *(SlowDown(Level.GROUND, name, 120, n) for name, n in (nearest(Level.GROUND, 1e9), usual_ground)),
        SlowDown(Level.GROUND, usual_ground[0], 60, usual_ground[1]),
    ]


def table_of(days: RealDays) -> str:
    """Return the tables of false alarms and of delays, by share of the limits."""
    wrong = {share: false_alarms(days, share) for share in SHARES_OF_LIMIT}
    head = "| Limits | " + " | ".join(_limits(share) for share in SHARES_OF_LIMIT) + " |"
    lines = [head, "| --- |" + " --- |" * len(SHARES_OF_LIMIT)]
    for label, levels in (
        ("False alarms per year, all places", tuple(Level)),
        *((f"of them: {level}", (level,)) for level in Level),
    ):
        lines.append(_row(label, (f"{sum(wrong[share][level] for level in levels):.2f}" for share in wrong)))
    for slow_down in slow_downs(days):
        delays = (delays_days(days, slow_down, share) for share in SHARES_OF_LIMIT)
        lines.append(_row(slow_down.label, map(_delay, delays)))
    return "\n".join(lines)


def _limits(share: float) -> str:
    return "**chosen**" if share == 1 else f"x {share:g}"


def _row(label: str, cells: Iterable[str]) -> str:
    return f"| {label} | {' | '.join(cells)} |"


def _delay(days: Floats) -> str:
    ends = np.quantile(days, (0.1, 0.5, 0.9), method="nearest")
    return ", ".join("never" if np.isinf(end) else f"{end:.0f}" for end in ends)


def main() -> int:
    """Run the command. Returns: its exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lateness", description=__doc__)
    parser.add_argument("--data", type=Path, default=SHARED, help="folder of the real records")
    parser.add_argument("--work", type=Path, help="keep prepared data here (else thrown away)")
    command_line = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory(prefix="londonpump-lateness-") as folder:
            table = table_of(real_days(command_line.data, command_line.work or Path(folder)))
    except LondonPumpError as error:
        print(error, file=sys.stderr)
        return 2
    write_between(PAGE, MARKS, table)
    print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
