"""Alarms for what is too old: records, weather, the active model, and its last comparison."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, select

from londonpump.features.catalogue import FEATURES
from londonpump.registry.ledger import has_comparison
from londonpump.storage.database.alarm_repository import Condition
from londonpump.storage.database.decision_repository import Decision, read_decisions
from londonpump.storage.database.decision_tables import decisions
from londonpump.storage.database.fetch_repository import FetchRecord, select_last_fetches
from londonpump.storage.database.schema import weather_hours

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
_WEATHER_COLUMNS = {"temp_c", "precip_mm", "cloudcover_pct", "visibility_km", "wind_kmh"}


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
    card: Mapping[str, Any] = field(default_factory=dict)  # of the champion; empty if it cannot be read

    @property
    def reads_weather(self) -> bool:
        """True if the active model reads weather."""
        named = self.card.get("features") or ()
        return any(set(feature.reads) & _WEATHER_COLUMNS for feature in FEATURES if feature.name in named)


def last_comparison(connection: Connection, at: datetime) -> tuple[Decision | None, datetime | None]:
    """Return the newest decision by comparison until a time, and the time of the first decision.

    A decision about a bundle that could not be used, or with too few rows, compared nothing.
    """
    first_at = connection.execute(
        select(func.min(decisions.c.decided_at)).where(decisions.c.decided_at <= at)
    ).scalar()
    before: int | None = None
    while lines := read_decisions(connection, 100, before):
        for line in lines:
            if line.decided_at <= at and has_comparison(line):
                return line, first_at
        before = lines[-1].id
    return None, first_at


def latest_weather(connection: Connection, at: datetime) -> tuple[datetime | None, list[FetchRecord]]:
    """Return the newest hour of weather that was known at a time, and the last fetches."""
    hours = weather_hours.c
    newest = select(func.max(hours.observed_at)).where(hours.observed_at <= at, hours.available_at <= at)
    return connection.execute(newest).scalar(), select_last_fetches(connection)


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
    until = ages.card.get("trained_until")
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
