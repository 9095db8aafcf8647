"""Response models of the health routes."""

from datetime import datetime
from typing import Literal

from pydantic import ConfigDict

from londonpump.domain.json_values import JsonObject
from londonpump.service.field_formats import ApiModel


class Alive(ApiModel):
    """The process serves."""

    status: str
    """Always `alive`."""


class Check(ApiModel):
    """Check of one thing that the service needs."""

    status: Literal["pass", "warn", "fail"]
    """`pass` if it works; `warn` if it works less well."""
    output: str
    """What was found, and what to do if it does not work."""


class Readiness(ApiModel):
    """State of the service for load balancers."""

    status: Literal["pass", "warn", "fail"]
    """`pass` if all checks pass; `warn` if calls are answered, but less accurately than they could be."""
    model: Check
    """Whether a model is active and passes its self-test; `warn` if its table of roads is missing."""
    database: Check
    """Whether the database answers and can be written."""
    process: Check
    """Whether the process keeps running; it fails while the service waits before it stops (`LONDONPUMP_DRAIN_S`)."""


class ModelState(ApiModel):
    """The active model, and the one that the ledger names; if they differ, `problem` says why."""

    name: str | None
    """Name of the active model; null if there is none."""
    ledger_model: str | None
    """Name of the model that the ledger names."""
    is_simulated: bool | None
    """Whether the model was trained on simulated records."""
    active_since_at: datetime | None
    """When this process activated the model."""
    made_at: str | None
    """When the model was trained."""
    trained_from: str | None
    """First day of its training records."""
    trained_until: str | None
    """First day that is not in its training records."""
    data_age_days: int | None
    """Days since `trained_until`."""
    problem: str | None
    """Why the model that the ledger names is not active."""


class SourceState(ApiModel):
    """Last requests to a source."""

    source: str
    """Name of the publisher."""
    last_fetch_age_s: float | None
    """Seconds since the last request to the source; null if never."""
    last_success_age_s: float | None
    """Seconds since the last successful request; null if never."""
    problem: str | None
    """Problem of the last request; null if there was none."""


class ContextStatus(ApiModel):
    """Age of weather and calendars."""

    weather_age_s: float | None
    """Age of the newest hour of weather."""
    weather_fetched_age_s: float | None
    """Seconds since weather was last fetched."""
    school_years: list[int]
    """Years whose school holidays are known."""
    bank_holiday_years: list[int]
    """Years whose bank holidays are known."""
    sources: list[SourceState]
    """Each publisher with its last requests."""


class AlarmResponse(ApiModel):
    """An open alarm."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    """Id of the alarm."""
    raised_at: datetime
    """When the alarm was raised."""
    alarm_type: str
    """Type of the alarm; docs/reference/alarms.md lists them."""
    subject: str
    """Subject of the alarm, such as an input or a source; empty for the whole service."""
    severity: str
    """Severity of the alarm."""
    message: str
    """Description of the alarm, with advice."""


class ListedAlarmResponse(AlarmResponse):
    """An alarm, open or cleared, and who took note of it."""

    cleared_at: datetime | None
    """When its condition ended; null while the alarm is open."""
    evidence: JsonObject
    """Figures that the alarm is based on."""
    acknowledged_at: datetime | None
    """When a supervisor took note of it; null if nobody has."""
    acknowledged_by: str | None
    """Name of that supervisor."""


class Status(ApiModel):
    """Ages of model and data, and the open alarms of `monitor`."""

    version: str
    """Version of the service."""
    now_at: datetime
    """Time of the service's clock."""
    uptime_s: float
    """Seconds since the service started."""
    model: ModelState
    """The active model."""
    database: Check
    """Whether the database answers."""
    context: ContextStatus | None
    """Ages of weather and calendars; null while the database does not answer."""
    alarms: list[AlarmResponse] | None
    """Open alarms of `monitor`; null while the database does not answer."""
