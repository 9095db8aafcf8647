"""What health answers."""

from datetime import datetime

from pydantic import ConfigDict

from londonpump.service.field_formats import ApiModel


class Alive(ApiModel):
    """The process serves."""

    status: str
    """Always `alive`."""


class Check(ApiModel):
    """One thing the service needs. advice: what to do where it is not well."""

    is_well: bool
    """Whether it works."""
    told: str
    """What was found, and what to do if it does not work."""


class Readiness(ApiModel):
    """Whether calls can be answered now."""

    status: str
    """`ready` or `not ready`."""
    model: Check
    """Whether a model is in production and answers."""
    database: Check
    """Whether the database answers."""


class ModelState(ApiModel):
    """The model that answers, and the one the ledger names; they differ while `problem` says why."""

    name: str | None
    """Name of the model that answers; null if there is none."""
    named: str | None
    """Name of the model that the ledger names."""
    is_simulated: bool | None
    """Whether the model was trained on simulated records."""
    on_duty_since_at: datetime | None
    """Since when this model answers."""
    made_at: str | None
    """When the model was trained."""
    trained_from: str | None
    """First day of its training records."""
    trained_until: str | None
    """Day from which it has seen no records."""
    data_age_days: int | None
    """Days since `trained_until`."""
    problem: str | None
    """Why the named model does not answer."""


class SourceState(ApiModel):
    """The last time a source was asked. good_age_s: since it last went well; null for never."""

    source: str
    """Name of the publisher."""
    asked_age_s: float | None
    """Seconds since the source was last asked; null if never."""
    good_age_s: float | None
    """Seconds since the source last answered well; null if never."""
    problem: str | None
    """What was wrong the last time; null if nothing was."""


class ContextStatus(ApiModel):
    """How new weather and calendars are."""

    weather_age_s: float | None
    """Age of the newest hour of weather."""
    weather_fetched_age_s: float | None
    """Seconds since weather was last fetched."""
    school_years: list[int]
    """Years whose school holidays are known."""
    bank_holiday_years: list[int]
    """Years whose bank holidays are known."""
    sources: list[SourceState]
    """Each publisher with its last answers."""


class AlarmShown(ApiModel):
    """An alarm that stands. subject: what it is about; empty for the whole."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    """Id of the alarm."""
    raised_at: datetime
    """When the alarm was raised."""
    kind: str
    """Kind of the alarm, as docs/reference/alarms.md lists them."""
    subject: str
    """What it is about, such as an input or a source; empty for the whole."""
    severity: str
    """Severity of the alarm."""
    words: str
    """The alarm in a sentence, with what to do."""


class Status(ApiModel):
    """Everything that has an age, and the alarms of `monitor` that stand.

    context, alarms: null while the database does not answer, and `database` says so.
    """

    version: str
    """Version of the service."""
    now_at: datetime
    """Time of the service's clock."""
    uptime_s: float
    """Seconds since the service started."""
    model: ModelState
    """The model that answers."""
    database: Check
    """Whether the database answers."""
    context: ContextStatus | None
    """Ages of weather and calendars; null while the database does not answer."""
    alarms: list[AlarmShown] | None
    """Open alarms of `monitor`; null while the database does not answer."""
