"""Gains of records of both years, slower boosting, the year as a feature and roads, step by step on the same later rows."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from benchmarks.accuracy.records import BOTH, LAST_QUARTER, STREAM_2017, examples_of, road_tables
from benchmarks.accuracy.splits import some
from londonpump.domain.json_values import to_json
from londonpump.evaluation.evaluate import evaluate_models, paired_difference
from londonpump.evaluation.evaluation_rows import Forecast
from londonpump.features.catalogue import FEATURES, Feature
from londonpump.features.roads import RoadLookUp
from londonpump.lifecycle.prepared_examples import (
    Columns,
    Examples,
    build_judged_rows,
    first_us_of_incident,
    forecast_of,
    incident_codes,
    midnight_us,
)
from londonpump.lifecycle.progress import silent
from londonpump.models import response_training
from londonpump.models.bundle import Bundle, TrainingFacts
from londonpump.models.response_training import SMALL, Hyperparameters
from londonpump.models.train import TrainingPlan, TrainingSet, fit_bundle, with_workload
from londonpump.roads.store import current_table

BEFORE = replace(SMALL, seeds=3, trees=60, rate=0.08)
"""Settings of version 0.1."""
WITHOUT_YEAR = tuple(feature for feature in FEATURES if feature.name != "year")
AS_BEFORE = tuple(feature for feature in WITHOUT_YEAR if feature.name != "hour_by_day_type")
NEXT_YEAR = 2018
"""Records before this year are those of 2017."""


@dataclass(frozen=True, slots=True)
class Step:
    """A training, given as what it changes of the one before."""

    label: str
    all_years: bool = True
    hyperparameters: Hyperparameters = SMALL
    features: tuple[Feature, ...] = FEATURES
    with_roads: bool = True


STEPS = (
    Step("version 0.1, records of the same year", False, BEFORE, AS_BEFORE, with_roads=False),
    Step("+ records of the other year", True, BEFORE, AS_BEFORE, with_roads=False),
    Step("+ slower boosting, working day × hour", features=WITHOUT_YEAR, with_roads=False),
    Step("+ year", with_roads=False),
    Step("+ roads"),
)


@dataclass(frozen=True, slots=True)
class Period:
    """The evaluated rows: those of incidents that began in [first, end)."""

    name: str
    label: str
    first_us: int
    end_us: int


PERIODS = (
    Period("last_quarter", "October to December 2023", midnight_us(LAST_QUARTER), 2**62),
    Period(
        "february_2017", "February 2017", midnight_us(STREAM_2017.until), midnight_us(date(NEXT_YEAR, 1, 1))
    ),
)


def step_by_step(source: Path, work: Path, show_progress: Callable[[str], None]) -> dict[str, Any]:
    """Return MAE and gain of each step on each period, over all rows and where the way by road is known or not."""
    examples, roads = examples_of(BOTH, source, work), current_table(road_tables(source, work))
    found: dict[str, Any] = {"map": roads.attribution}
    for period in PERIODS:
        first_us = first_us_of_incident(examples.rows)
        is_test = (first_us >= period.first_us) & (first_us < period.end_us)
        test = some(examples.rows, is_test & np.isfinite(examples.rows["attendance_s"]))
        bundles: list[Bundle] = []
        for step in STEPS:
            show_progress(f"{period.label}: {step.label}")
            bundles.append(_fitted(step, period, examples, ~is_test, roads))
        forecasts = [_forecast(bundle, examples, test) for bundle in bundles]
        bundle = bundles[-1]
        rows = build_judged_rows(bundle, test).without_slices()
        has_way = bundle.dispatches(test).has_way
        entries = [
            _entry(step.label, rows, has_way, before, after)
            for step, before, after in zip(STEPS, (None, *forecasts), forecasts, strict=False)
        ]
        no_table = _forecast(replace(bundle, roads=None), examples, test)
        missing = _entry(
            "the table of roads is missing, compared with a model without roads",
            rows,
            has_way,
            forecasts[-2],
            no_table,
        )
        found[period.name] = {
            "label": period.label,
            "rows": len(rows),
            "known_share": float(has_way.mean()),
            "steps": entries,
            "missing_table": missing,
        }
    return found


def _fitted(step: Step, period: Period, examples: Examples, is_training: Any, roads: RoadLookUp) -> Bundle:
    keep, call_us = is_training, examples.calls["call_us"]
    keep_call = (call_us < period.first_us) | (call_us >= period.end_us)
    if not step.all_years:
        split_us = midnight_us(date(NEXT_YEAR, 1, 1))
        is_late = period.first_us >= split_us
        keep = keep & ((examples.rows["mobilised_us"] >= split_us) == is_late)
        keep_call &= (call_us >= split_us) == is_late
    rows = examples.take(keep & np.isfinite(examples.rows["attendance_s"]))
    training = TrainingSet(
        rows,
        some(examples.calls, keep_call),
        incident_codes(rows),
        examples.stations,
        examples.complete,
        roads if step.with_roads else None,
    )
    plan = TrainingPlan(features=step.features)
    with patch.object(response_training, "SMALL", step.hyperparameters):
        return fit_bundle(training, plan, TrainingFacts(trained_until=LAST_QUARTER), silent)


def _forecast(bundle: Bundle, examples: Examples, test: Columns) -> Forecast:
    counted = with_workload(test, examples.calls, bundle.ground, examples.complete)
    return forecast_of(bundle.response_times(bundle.dispatches(counted)))


def _entry(label: str, rows: Any, has_way: Any, before: Forecast | None, after: Forecast) -> dict[str, Any]:
    entry: dict[str, Any] = {"step": label}
    for name, mask in (("all", np.ones(len(rows), np.bool_)), ("known", has_way), ("unknown", ~has_way)):
        some_rows, some_after = rows.take(mask), after.take(mask)
        entry[name] = {
            "mae_s": float(np.abs(some_after.median_s - some_rows.actual_s).mean()),
            "crps_s": to_json(evaluate_models(some_rows, {label: some_after}).whole(label)["crps_s"]),
            "gain_s": None
            if before is None
            else to_json(paired_difference(some_rows, before.take(mask), some_after, "mae_s")),
        }
    return entry
