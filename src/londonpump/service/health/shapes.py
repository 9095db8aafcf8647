"""What health answers."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict


class Alive(BaseModel):
    """The process serves."""

    status: str


class Check(BaseModel):
    """One thing the service needs. advice: what to do where it is not well."""

    is_well: bool
    told: str


class Readiness(BaseModel):
    """Whether calls can be answered now."""

    status: str
    model: Check
    database: Check


class ModelState(BaseModel):
    """The model that answers, and the one the ledger names; they differ while `problem` says why."""

    name: str | None
    named: str | None
    is_simulated: bool | None
    on_duty_since_at: datetime | None
    made_at: str | None
    trained_from: str | None
    trained_until: str | None
    data_age_days: int | None
    problem: str | None


class SourceState(BaseModel):
    """The last time a source was asked. good_age_s: since it last went well; null for never."""

    source: str
    asked_age_s: float | None
    good_age_s: float | None
    problem: str | None


class ContextStatus(BaseModel):
    """How new weather and calendars are."""

    weather_age_s: float | None
    weather_fetched_age_s: float | None
    school_years: list[int]
    bank_holiday_years: list[int]
    sources: list[SourceState]


class AlarmShown(BaseModel):
    """An alarm that stands. subject: what it is about; empty for the whole."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    raised_at: datetime
    kind: str
    subject: str
    severity: str
    words: str


class Status(BaseModel):
    """Everything that has an age, and the alarms of `monitor` that stand.

    context, alarms: null while the database does not answer, and `database` says so.
    """

    version: str
    now_at: datetime
    uptime_s: float
    model: ModelState
    database: Check
    context: ContextStatus | None
    alarms: list[AlarmShown] | None
