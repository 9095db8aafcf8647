"""Drift of the inputs in prepared examples (calls, mobilisations, context), and the alarms that it raises."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np

from londonpump.domain.london_clock import LONDON, london_us
from londonpump.evaluation.drift import Drift, DriftResult, MonitoredInput, Span, find_drift
from londonpump.evaluation.drift_bins import DriftMeasure
from londonpump.evaluation.drift_stations import StationChange, changed_stations
from londonpump.evaluation.evaluation_rows import Floats, Ints
from londonpump.features.calendars import EPOCH, london_days
from londonpump.features.catalogue import FEATURES
from londonpump.features.dispatches import DAY_US, HOUR_US
from londonpump.lifecycle.prepared_examples import Columns, Examples
from londonpump.storage.database.alarm_repository import Condition

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
"""Context that the model reads is only checked for missing values, because weather is meant to change."""


def drift_of(
    examples: Examples, card: Mapping[str, Any], at: datetime
) -> tuple[DriftResult, list[StationChange]]:
    """Compare the rows after the training of a bundle, until a time, with its training data. Raises: TooFewRows."""
    run_day = london_days(examples.rows["mobilised_us"])
    today = (at.astimezone(LONDON).date() - EPOCH).days
    # The newest day may be incomplete, but it has few rows and therefore little weight.
    last = min(int(run_day.max()), today)
    span = Span(_day(card["trained_from"]), _day(card["trained_until"]) - 1, last)
    found = find_drift(watched_inputs(examples, card), span)
    return found, changed_stations(examples.rows["station_code"], run_day, span)


def watched_inputs(examples: Examples, card: Mapping[str, Any]) -> list[MonitoredInput]:
    """Return every monitored input. card: of the bundle; its features determine which context it reads."""
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


DRIFT, SILENT, NEW = "input_drift", "station_silent", "station_new"


def drift_conditions(found: DriftResult) -> list[Condition]:
    """Return one alarm per drifting input."""
    # With less than a year of reference, a difference may be the season, so no alarm is raised.
    if not found.has_season:
        return []
    return [_drift(one) for one in found.inputs if one.is_drifting]


def station_conditions(changes: list[StationChange]) -> list[Condition]:
    """Return one alarm per station that fell silent or that the model does not know."""
    return [_station(change) for change in changes]


def day_of(day: int) -> date:
    """Convert days since 1970 to a London day."""
    return EPOCH + timedelta(days=day)


def format_moved_bins(one: Drift) -> str:
    """Format the bins that moved most, with their share and the expected share."""
    return "; ".join(
        f"{moved.bin} {moved.share:.1%}, {moved.expected_share:.1%} expected" for moved in one.moved
    )


def _drift(one: Drift) -> Condition:
    since = day_of(one.since or 0)
    share = (
        "too few rows" if one.effect is None else f"{one.effect:.1%} of rows lie in other bins than expected"
    )
    message = (
        f"{one.name} differs from the training data since {since}: {share} ({format_moved_bins(one)}). Check whether the "
        "records or the world changed; if the world did, train and challenge on newer records."
    )
    return Condition(
        DRIFT, one.name, "warning", message, {**asdict(one), "since": since.isoformat(), "starts": None}
    )


def _station(change: StationChange) -> Condition:
    if change.is_new:
        message = (
            f"{change.runs} mobilisations in {change.window_days} days from {change.station}, a station that the model "
            "does not know."
        )
        return Condition(NEW, change.station, "warning", message, asdict(change))
    message = (
        f"Station {change.station} has fallen silent: {change.runs} mobilisations in {change.window_days} days, "
        f"{change.usual_runs:g} are usual. If it is closed, update the station list; if not, records are missing."
    )
    return Condition(SILENT, change.station, "warning", message, asdict(change))
