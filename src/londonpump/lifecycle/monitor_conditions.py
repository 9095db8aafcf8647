"""What drift and stations mean as alarms."""

from dataclasses import asdict
from datetime import date, timedelta

from londonpump.evaluation.drift import Drift, DriftResult, StationChange
from londonpump.features.calendars import EPOCH
from londonpump.storage.database.alarm_repository import Condition

DRIFT, SILENT, NEW = "input_drift", "station_silent", "station_new"


def drift_conditions(found: DriftResult) -> list[Condition]:
    """An alarm an input that drifts. With less than a year of reference, what differs may be the season: none is raised."""
    if not found.has_season:
        return []
    return [_drift(one) for one in found.inputs if one.is_drifting]


def station_conditions(changes: list[StationChange]) -> list[Condition]:
    """An alarm a station that fell silent or that the model does not know."""
    return [_station(change) for change in changes]


def day_of(day: int) -> date:
    """A London day from days since 1970."""
    return EPOCH + timedelta(days=day)


def format_moved_bins(one: Drift) -> str:
    """The bins that moved most: what they are and what they should be."""
    return "; ".join(
        f"{moved.bin} {moved.share:.1%}, {moved.expected_share:.1%} expected" for moved in one.moved
    )


def _drift(one: Drift) -> Condition:
    since = day_of(one.since or 0)
    share = "too few rows" if one.effect is None else f"{one.effect:.1%} of rows lie elsewhere than expected"
    message = (
        f"{one.name} is not as it was when the model learnt, since {since}: {share} ({format_moved_bins(one)}). Look whether the "
        "records or the world changed; in the second case train and challenge on newer records."
    )
    return Condition(
        DRIFT, one.name, "warning", message, {**asdict(one), "since": since.isoformat(), "starts": None}
    )


def _station(change: StationChange) -> Condition:
    if change.is_new:
        message = f"{change.runs} runs in {change.window_days} days from {change.station}, a station that the model does not know."
        return Condition(NEW, change.station, "warning", message, asdict(change))
    message = (
        f"Station {change.station} has fallen silent: {change.runs} runs in {change.window_days} days, {change.usual_runs:g} "
        "are usual. Is it closed? Then say so in the station list; if not, records are missing."
    )
    return Condition(SILENT, change.station, "warning", message, asdict(change))
