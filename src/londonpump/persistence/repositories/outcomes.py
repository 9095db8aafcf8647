"""Outcomes of announced times: the comparison with the arrival, its figures, and lists of it."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, case, func, insert, select, tuple_

from londonpump.domain.attendance_targets import MAX_PUBLISHED_S
from londonpump.persistence.database.schema import mobilisations, outcomes, users


class AnnouncedTime(NamedTuple):
    """An announced time, and the time of the arrival on the board if there is one."""

    id: str
    """Id of the mobilisation."""
    incident_number: str
    pump_code: str
    station_code: str
    easting_m: float | None
    northing_m: float | None
    mobilised_at: datetime
    model: str
    announced_p10_s: float
    announced_p50_s: float
    announced_p90_s: float
    prediction_id: str | None
    actual_s: float | None


class AnnouncedCounts(NamedTuple):
    """Number of announced times, and of those with a plausible and with an implausible arrival on the board."""

    announced: int
    plausible: int
    implausible: int


@dataclass(frozen=True, slots=True)
class LiveFigures:
    """Live error of one model over the arrivals since a time."""

    model: str
    arrivals: int
    implausible: int
    """Arrivals after more than 1,200 s, which the other figures leave out."""
    mae_s: float | None
    """None if there are no plausible arrivals, as `inside_80_share`."""
    inside_80_share: float | None


@dataclass(frozen=True, slots=True)
class OutcomeQuery:
    """Filters of a list of outcomes; None means no filter."""

    username_folded: str | None = None
    """Who sent the pump."""
    first_at: datetime | None = None
    """Earliest arrival."""
    end_at: datetime | None = None
    """Arrivals before this time."""
    station_code: str | None = None
    is_flagged: bool | None = None
    """Whether a warning came with the announced time."""
    is_inside_80: bool | None = None
    before: str | None = None
    """Id of a mobilisation with an outcome: only those of earlier arrivals match."""


class OutcomeRow(NamedTuple):
    """One announced time with its outcome. The names are those of the API and of the columns in CSV."""

    mobilisation_id: str
    incident_number: str
    pump: str
    station_code: str
    user: str | None
    """Name of the user who sent the pump."""
    model: str
    mobilised_at: datetime
    arrived_at: datetime
    p10_s: float
    p50_s: float
    p90_s: float
    actual_s: float
    error_s: float
    is_inside_80: bool
    has_warning: bool | None
    chance_within_s: dict[str, float] | None


_ROWS = (
    select(
        *(outcomes.c[name] for name in ("mobilisation_id", "incident_number", "pump_code", "station_code")),
        users.c.username,
        *(outcomes.c.model, mobilisations.c.mobilised_at, outcomes.c.arrived_at),
        *(outcomes.c[f"announced_{name}"] for name in ("p10_s", "p50_s", "p90_s")),
        *(outcomes.c[name] for name in ("actual_s", "error_s", "is_inside_80")),
        *(mobilisations.c.is_flagged, mobilisations.c.announced_chances),
    )
    .join_from(outcomes, mobilisations)
    .join(users, users.c.id == mobilisations.c.user_id, isouter=True)
)
_is_plausible = outcomes.c.actual_s <= MAX_PUBLISHED_S


def add_outcome(connection: Connection, mobilisation_id: str) -> None:
    """Store the error of an announced time after arrival. Nothing is stored if no time was announced."""
    row = connection.execute(select(mobilisations).where(mobilisations.c.id == mobilisation_id)).one()
    if row.announced_p50_s is None:
        return
    actual_s = (row.arrived_at - row.mobilised_at).total_seconds()
    copied = ("incident_number", "pump_code", "model", "station_code", "arrived_at")
    announced = {
        f"announced_{name}": getattr(row, f"announced_{name}") for name in ("p10_s", "p50_s", "p90_s")
    }
    values = {
        "mobilisation_id": mobilisation_id,
        **{name: getattr(row, name) for name in copied},
        **announced,
        "actual_s": actual_s,
        # milliseconds, without the noise of floating point in the stored value
        "error_s": round(actual_s - row.announced_p50_s, 3),
        "is_inside_80": row.announced_p10_s <= actual_s <= row.announced_p90_s,
    }
    connection.execute(insert(outcomes).values(values))


def announced_times(connection: Connection, after: datetime, until: datetime) -> list[AnnouncedTime]:
    """Return the times announced in a period, with their arrivals until its end, in order of mobilisation."""
    mine = mobilisations.c
    # an outer join: announced times without an outcome count too
    has_arrived = (outcomes.c.mobilisation_id == mine.id) & (outcomes.c.arrived_at <= until)
    query = (
        select(*(mine[name] for name in AnnouncedTime._fields[:-1]), outcomes.c.actual_s)
        .outerjoin(outcomes, has_arrived)
        .where(
            mine.model.is_not(None),
            mine.withdrawn_at.is_(None),
            mine.mobilised_at <= until,
            mine.mobilised_at > after,
        )
        .order_by(mine.mobilised_at, mine.id)
    )
    return [AnnouncedTime._make(row) for row in connection.execute(query)]


def count_announced(
    connection: Connection, first_at: datetime, end_at: datetime, arrived_until: datetime
) -> AnnouncedCounts:
    """Count the times announced from `first_at` until before `end_at`."""
    mine = mobilisations.c
    has_arrived = (outcomes.c.mobilisation_id == mine.id) & (outcomes.c.arrived_at <= arrived_until)
    counts = (
        func.count(mine.id),
        *(func.count(case((which, 1))) for which in (_is_plausible, ~_is_plausible)),
    )
    query = select(*counts).select_from(mobilisations.outerjoin(outcomes, has_arrived))
    inside = (mine.mobilised_at >= first_at, mine.mobilised_at < end_at, mine.model.is_not(None))
    is_sent = mine.withdrawn_at.is_(None)
    return AnnouncedCounts._make(connection.execute(query.where(*inside, is_sent)).one())


def live_figures(connection: Connection, since: datetime, max_models: int) -> list[LiveFigures]:
    """Return the live error per model, the models with most arrivals first."""
    mine = outcomes.c
    # a case without an else is null for implausible times, and averages and counts ignore nulls
    arrivals = func.count(case((_is_plausible, 1)))
    error_s = case((_is_plausible, func.abs(mine.error_s)))
    is_inside = case((_is_plausible & mine.is_inside_80, 1.0), (_is_plausible, 0.0))
    query = (
        select(mine.model, arrivals, func.count() - arrivals, func.avg(error_s), func.avg(is_inside))
        .where(mine.arrived_at > since)
        .group_by(mine.model)
        .order_by(func.count().desc(), mine.model)
        .limit(max_models)
    )
    return [
        LiveFigures(model, n, left_out, *(None if value is None else float(value) for value in averages))
        for model, n, left_out, *averages in connection.execute(query)
    ]


def list_outcomes(connection: Connection, query: OutcomeQuery, at_most: int) -> list[OutcomeRow]:
    """Return matching outcomes, the newest arrival first; none if the cursor is not that of an outcome."""
    mine, statement = outcomes.c, _ROWS
    filters = {
        column.name: column for column in (mine.station_code, mobilisations.c.is_flagged, mine.is_inside_80)
    }
    for name, column in filters.items():
        if (value := getattr(query, name)) is not None:
            statement = statement.where(column == value)
    if query.username_folded is not None:
        statement = statement.where(users.c.username_folded == query.username_folded)
    if query.first_at is not None:
        statement = statement.where(mine.arrived_at >= query.first_at)
    if query.end_at is not None:
        statement = statement.where(mine.arrived_at < query.end_at)
    # the id breaks ties, so that pages neither repeat nor lose arrivals of the same time
    order = tuple_(mine.arrived_at, mine.mobilisation_id)
    if query.before is not None:
        last = select(mine.arrived_at, mine.mobilisation_id).where(mine.mobilisation_id == query.before)
        statement = statement.where(order < last.scalar_subquery())
    newest_first = statement.order_by(mine.arrived_at.desc(), mine.mobilisation_id.desc())
    return [OutcomeRow._make(row) for row in connection.execute(newest_first.limit(at_most))]
