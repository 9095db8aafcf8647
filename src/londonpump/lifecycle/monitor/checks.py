"""Checks of `monitor` and their alarms: drift of the inputs in prepared examples, silent stations, and outdated data or models."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np

from londonpump.domain.bundle_card import BundleCard
from londonpump.domain.columns import EXAMPLES, WEATHER_NUMBERS
from londonpump.domain.errors import BadFile
from londonpump.domain.json_values import to_json
from londonpump.domain.london_clock import LONDON, london_us
from londonpump.evaluation.drift.detection import (
    Drift,
    DriftResult,
    MonitoredInput,
    Span,
    StationChange,
    changed_stations,
    find_drift,
)
from londonpump.evaluation.drift.thresholds import DriftMeasure
from londonpump.evaluation.evaluation_rows import Floats, Ints
from londonpump.features.catalogue import FEATURES
from londonpump.features.dispatches import DAY_US, HOUR_US
from londonpump.features.observations import FIRST_DAY, london_days
from londonpump.lifecycle.prepared_examples import Columns, Examples
from londonpump.persistence.database import Connection
from londonpump.persistence.repositories.alarms import Condition
from londonpump.persistence.repositories.context import FetchRecord, newest_weather, select_last_fetches
from londonpump.persistence.repositories.decisions import Decision, first_decided_at, read_decisions
from londonpump.presentation.texts.monitor import AgesView, format_shifted_bins
from londonpump.registry.ledger import has_comparison

# Calls and dispatches are counted apart: a call with five pumps must not count five times.
CALL_INPUTS = {
    "incident_type": DriftMeasure.MIX,
    "property_category": DriftMeasure.MIX,
    "property_type": DriftMeasure.MIX,
    "address_qualifier": DriftMeasure.MIX,
    "easting_m": DriftMeasure.SPREAD,
    "northing_m": DriftMeasure.SPREAD,
    "hour": DriftMeasure.SPREAD,
}
MOBILISATION_INPUTS = {
    "borough_name": DriftMeasure.MIX,
    "deployed_from": DriftMeasure.MIX,
    "appliance": DriftMeasure.MIX,
    "is_exact_location": DriftMeasure.SPREAD,
    "distance_m": DriftMeasure.SPREAD,
    "wave": DriftMeasure.SPREAD,
    "pumps_out": DriftMeasure.SPREAD,
    "ground_pumps_available": DriftMeasure.SPREAD,
}
CONTEXT_INPUTS = tuple(column.name for column in EXAMPLES if column.group)
"""Context that the model reads is only checked for missing values, because weather is meant to change."""


def drift_of(examples: Examples, card: BundleCard, at: datetime) -> tuple[DriftResult, list[StationChange]]:
    """Compare the rows after the training of a bundle, until a time, with its training data. Raises: TooFewRows."""
    mobilised_day = london_days(examples.rows["mobilised_us"])
    today = (at.astimezone(LONDON).date() - FIRST_DAY).days
    # The newest day may be incomplete, but it has few rows and therefore little weight.
    last = min(int(mobilised_day.max()), today)
    span = Span(_day(card.trained_from), _day(card.trained_until) - 1, last)
    found = find_drift(watched_inputs(examples, card), span)
    return found, changed_stations(examples.rows["station_code"], mobilised_day, span)


def watched_inputs(examples: Examples, card: BundleCard) -> list[MonitoredInput]:
    """Return every monitored input. card: of the bundle; its features determine which context it reads."""
    named = card.features or ()
    # A context column that the model does not read cannot make it wrong.
    read = {name for feature in FEATURES if feature.name in named for name in feature.reads}
    calls = {**examples.calls, "hour": _hour(examples.calls["call_us"])}
    rows = {**examples.rows, "distance_m": _distance_m(examples.rows)}
    call_day, mobilised_day = london_days(calls["call_us"]), london_days(rows["mobilised_us"])
    return [
        *(MonitoredInput(name, measure, calls[name], call_day) for name, measure in CALL_INPUTS.items()),
        *(
            MonitoredInput(name, measure, rows[name], mobilised_day)
            for name, measure in MOBILISATION_INPUTS.items()
        ),
        *(
            MonitoredInput(name, DriftMeasure.KNOWN, rows[name], mobilised_day)
            for name in CONTEXT_INPUTS
            if name in read
        ),
    ]


def _hour(at_us: Ints) -> Floats:
    return np.asarray(london_us(at_us) % DAY_US / HOUR_US, np.float64)


def _distance_m(rows: Columns) -> Floats:
    east_m, north_m = (rows[f"{axis}_m"] - rows[f"station_{axis}_m"] for axis in ("easting", "northing"))
    return np.asarray(np.hypot(east_m, north_m), np.float64)


def require_days(card: BundleCard, path: Path) -> BundleCard:
    """Return a card that names the days of its training. Raises: BadFile."""
    try:
        _day(card.trained_from), _day(card.trained_until)
    except ValueError as error:
        raise BadFile(path, "does not name the days of its training", "Promote another model.") from error
    return card


def _day(text: str | None) -> int:
    return (date.fromisoformat(text or "") - FIRST_DAY).days


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


def _drift(one: Drift) -> Condition:
    share = (
        "too few rows" if one.effect is None else f"{one.effect:.1%} of rows lie in other bins than expected"
    )
    message = (
        f"{one.name} differs from the training data since {one.since}: {share} ({format_shifted_bins(one)}). Check whether the "
        "records or the world changed; if the world did, train and challenge on newer records."
    )
    return Condition(DRIFT, one.name, "warning", message, {**to_json(one), "starts": None})


def _station(change: StationChange) -> Condition:
    if change.is_new:
        message = (
            f"{change.dispatches} mobilisations in {change.window_days} days from {change.station}, a station that the model "
            "does not know."
        )
        return Condition(NEW, change.station, "warning", message, to_json(change))
    message = (
        f"Station {change.station} has fallen silent: {change.dispatches} mobilisations in {change.window_days} days, "
        f"{change.usual_dispatches:g} are usual. If it is closed, update the station list; if not, records are missing."
    )
    return Condition(SILENT, change.station, "warning", message, to_json(change))


MAX_RECORDS_AGE = timedelta(days=100)
"""Records are published monthly, about eight weeks late: 56 + 31 days are normal."""
MAX_WEATHER_AGE = timedelta(hours=6)
"""Weather is refreshed hourly; beyond this age the current weather is imputed."""
MAX_MODEL_AGE = timedelta(days=210)
"""A model trained until 28 days before the newest records is normally at most 115 days old."""
MAX_COMPARISON_AGE = timedelta(days=40)
"""A challenge runs every month; the rest is time to repair one that failed."""
RECORDS, WEATHER, MODEL, NO_MODEL, EVALUATION = (
    "records_old",
    "weather_silent",
    "model_old",
    "no_model",
    "no_evaluation",
)


@dataclass(frozen=True, slots=True)
class Ages:
    """Newest data, model and decision at a time."""

    at: datetime
    records_at: datetime | None  # newest prepared mobilisation
    weather_at: datetime | None  # newest hour of weather that was known then
    fetches: Sequence[FetchRecord]
    champion: str | None  # None if no model is active
    since_at: datetime | None
    decided: Decision | None  # newest decision by comparison
    first_decided_at: datetime | None  # None if the ledger is empty
    card: BundleCard | None = None  # of the champion; None if it cannot be read

    @property
    def trained_until(self) -> str | None:
        """Return the first day after the training data of the champion, if it is known."""
        return None if self.card is None else self.card.trained_until

    @property
    def view(self) -> AgesView:
        """Return what the text of the command shows."""
        decided = self.decided
        return AgesView(
            trained_until=self.trained_until,
            since_at=self.since_at,
            compared_at=None if decided is None else decided.decided_at,
            comparison=None if decided is None else decided.action,
            records_at=self.records_at,
            weather_at=self.weather_at,
        )

    @property
    def reads_weather(self) -> bool:
        """True if the active model reads weather."""
        named = (self.card and self.card.features) or ()
        return any(set(feature.reads) & set(WEATHER_NUMBERS) for feature in FEATURES if feature.name in named)


def last_comparison(connection: Connection, at: datetime) -> tuple[Decision | None, datetime | None]:
    """Return the newest decision by comparison until a time, and the time of the first decision.

    A decision about a bundle that could not be used, or with too few rows, compared nothing.
    """
    first_at = first_decided_at(connection, at)
    before: int | None = None
    while lines := read_decisions(connection, 100, before):
        for line in lines:
            if line.decided_at <= at and has_comparison(line):
                return line, first_at
        before = lines[-1].id
    return None, first_at


def latest_weather(connection: Connection, at: datetime) -> tuple[datetime | None, list[FetchRecord]]:
    """Return the newest hour of weather that was known at a time, and the last fetches."""
    return newest_weather(connection, at)[0], select_last_fetches(connection)


def age_conditions(ages: Ages) -> list[Condition]:
    """Return one alarm per thing that is too old."""
    found = (_records(ages), _weather(ages), _model(ages), _evaluation(ages))
    return [condition for condition in found if condition is not None]


def _records(ages: Ages) -> Condition | None:
    if ages.records_at is None or ages.at - ages.records_at <= MAX_RECORDS_AGE:
        return None
    days = (ages.at - ages.records_at).days
    message = (
        f"The newest prepared mobilisation is {days} days old ({ages.records_at:%Y-%m-%d}); eight weeks to three months are "
        "normal. Run londonpump fetch records, then londonpump prepare."
    )
    return Condition(
        RECORDS, "", "warning", message, {"age_days": days, "newest_at": ages.records_at.isoformat()}
    )


def _weather(ages: Ages) -> Condition | None:
    if ages.weather_at is None and not ages.fetches and not ages.reads_weather:
        return None
    if ages.weather_at is not None and ages.at - ages.weather_at <= MAX_WEATHER_AGE:
        return None
    note = next((note for note in ages.fetches if note.source == "weather"), None)
    problem = f" The last attempt failed: {note.problem}" if note is not None and note.problem else ""
    since = (
        "no weather is stored"
        if ages.weather_at is None
        else f"the newest hour is {ages.weather_at:%Y-%m-%d %H:%MZ}"
    )
    age_h = None if ages.weather_at is None else round((ages.at - ages.weather_at) / timedelta(hours=1), 1)
    message = f"The weather source is silent: {since}. Run londonpump refresh context.{problem}"
    return Condition(WEATHER, "", "warning", message, {"age_h": age_h})


def _model(ages: Ages) -> Condition | None:
    if ages.champion is None:
        message = "No model is active, so calls cannot be answered. Run londonpump models promote BUNDLE --why TEXT."
        return Condition(NO_MODEL, "", "urgent", message)
    until = ages.trained_until
    if until is None:
        return None
    days = (ages.at.astimezone(UTC).date() - date.fromisoformat(until)).days
    if days <= MAX_MODEL_AGE.days:
        return None
    message = (
        f"The training data of the active model ends {days} days ago ({until}). Run londonpump train and londonpump "
        "challenge."
    )
    return Condition(MODEL, ages.champion, "warning", message, {"age_days": days, "trained_until": until})


def _evaluation(ages: Ages) -> Condition | None:
    last_at = ages.first_decided_at if ages.decided is None else ages.decided.decided_at
    if last_at is None or ages.at - last_at <= MAX_COMPARISON_AGE:
        return None
    days = (ages.at - last_at).days
    subject = (
        "No comparison was ever recorded"
        if ages.decided is None
        else f"The last comparison was {days} days ago"
    )
    message = (
        f"{subject}; {MAX_COMPARISON_AGE.days} days are allowed. The monthly run failed, or it could compare nothing. Check "
        "its log and londonpump models list, then run londonpump challenge."
    )
    return Condition(EVALUATION, "", "urgent", message, {"age_days": days, "last_at": last_at.isoformat()})
