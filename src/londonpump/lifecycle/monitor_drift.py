"""Which inputs are watched for drift, out of prepared examples: what calls are like, what runs are like, and context."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import numpy as np

from londonpump.domain.london_clock import LONDON, london_us
from londonpump.evaluation.drift import (
    DriftResult,
    MonitoredInput,
    Span,
    StationChange,
    changed_stations,
    find_drift,
)
from londonpump.evaluation.drift_bins import DriftMeasure
from londonpump.evaluation.evaluation_rows import Floats, Ints
from londonpump.features.calendars import EPOCH, london_days
from londonpump.features.catalogue import FEATURES
from londonpump.features.dispatches import DAY_US, HOUR_US
from londonpump.lifecycle.prepared_examples import Columns, Examples

OF_CALLS = {
    "incident_type": DriftMeasure.MIX,
    "property_category": DriftMeasure.MIX,
    "property_type": DriftMeasure.MIX,
    "address_qualifier": DriftMeasure.MIX,
    "easting_m": DriftMeasure.SPREAD,
    "northing_m": DriftMeasure.SPREAD,
    "hour": DriftMeasure.SPREAD,
}
OF_RUNS = {
    "borough_name": DriftMeasure.MIX,
    "deployed_from": DriftMeasure.MIX,
    "appliance": DriftMeasure.MIX,
    "is_exact_place": DriftMeasure.SPREAD,
    "distance_m": DriftMeasure.SPREAD,
    "wave": DriftMeasure.SPREAD,
    "pumps_out": DriftMeasure.SPREAD,
    "ground_pumps_available": DriftMeasure.SPREAD,
}
CONTEXT_TEXTS = (
    "temp_c",
    "precip_mm",
    "visibility_km",
    "wind_kmh",
    "congestion_rate",
    "is_school_holiday",
    "is_working_day",
)
"""Watched for being known and within what was learnt, if the model reads them: weather is meant to change."""


def drift_of(
    examples: Examples, card: Mapping[str, Any], at: datetime
) -> tuple[DriftResult, list[StationChange]]:
    """What came after the training of a bundle with this card until a moment, compared with what it learnt from.

    The newest day may still be coming in: it has few rows and little weight.
    Raises: TooFewRows as `find_drift`.
    """
    run_day = london_days(examples.rows["mobilised_us"])
    today = (at.astimezone(LONDON).date() - EPOCH).days
    last = min(int(run_day.max()), today)
    span = Span(_day(card["trained_from"]), _day(card["trained_until"]) - 1, last)
    found = find_drift(watched_inputs(examples, card), span)
    return found, changed_stations(examples.rows["station_code"], run_day, span)


def watched_inputs(examples: Examples, card: Mapping[str, Any]) -> list[MonitoredInput]:
    """Every input that is watched. card: of the bundle, whose features say which context it reads."""
    named = card.get("features") or ()
    read = {name for feature in FEATURES if feature.name in named for name in feature.reads}
    calls = {**examples.calls, "hour": _hour(examples.calls["call_us"])}
    rows = {**examples.rows, "distance_m": _distance_m(examples.rows)}
    call_day, run_day = london_days(calls["call_us"]), london_days(rows["mobilised_us"])
    return [
        *(MonitoredInput(name, how, calls[name], call_day) for name, how in OF_CALLS.items()),
        *(MonitoredInput(name, how, rows[name], run_day) for name, how in OF_RUNS.items()),
        *(
            MonitoredInput(name, DriftMeasure.KNOWN, rows[name], run_day)
            for name in CONTEXT_TEXTS
            if name in read
        ),
    ]


def _hour(at_us: Ints) -> Floats:
    return np.asarray(london_us(at_us) % DAY_US / HOUR_US, np.float64)


def _distance_m(rows: Columns) -> Floats:
    east_m, north_m = (rows[f"{axis}_m"] - rows[f"station_{axis}_m"] for axis in ("easting", "northing"))
    return np.asarray(np.hypot(east_m, north_m), np.float64)


def _day(text: str) -> int:
    return (date.fromisoformat(text) - EPOCH).days
