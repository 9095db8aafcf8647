"""The board: pumps, mobilisations with who reported them, and numbers of incidents."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import (
    Connection,
    Row,
    Select,
    and_,
    bindparam,
    case,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)

from londonpump.domain.mobilisations import (
    RECENT_WINDOW,
    Event,
    Mobilisation,
    PumpRow,
    RecentIncident,
    Report,
    Reporter,
    State,
)
from londonpump.persistence.database.engine import as_row, dialect_insert
from londonpump.persistence.database.schema import (
    board_pumps,
    board_version,
    incident_numbers,
    mobilisation_events,
    mobilisations,
    outcomes,
    users,
)

FEED = "service"
"""Role of the accounts of machines."""
MOBILISED, WITHDRAWN = "mobilised", "withdrawn"
"""Events of the history beside those of `Event`."""


@dataclass(frozen=True, slots=True)
class DispatchDetails:
    """Facts that were known when a pump was sent. Announced times are stored with their model, or not at all."""

    station_code: str
    """The station it left, or its home station if it was sent from the road."""
    is_from_road: bool
    easting_m: float | None
    northing_m: float | None
    prediction_id: str | None
    announced_p10_s: float | None
    announced_p50_s: float | None
    announced_p90_s: float | None
    model: str | None
    recommended_pump: str | None
    override_reason: str | None
    announced_chances: dict[str, float] | None = None
    """{seconds: announced chance of arriving within them}."""
    is_flagged: bool | None = None
    """Whether the announced time came with a warning; None if no prediction was named."""
    withdrawn_reason: str | None = None


class Outcome(NamedTuple):
    """Comparison of an announced time with the arrival."""

    actual_s: float
    error_s: float
    is_inside_80: bool


@dataclass(frozen=True, slots=True)
class StoredMobilisation:
    """A mobilisation with its outcome, which exists if the pump arrived and its time was announced."""

    dispatch: Mobilisation
    details: DispatchDetails
    outcome: Outcome | None
    is_followed: bool
    """Whether the pump has a later mobilisation."""


_MOBILISATION = tuple(
    mobilisations.c["pump_code" if name == "pump" else name] for name in Mobilisation.__slots__
)
_REPORT = tuple(board_pumps.c[f"report_{name}"] for name in Report.__slots__)
_reporter, _sender = users.alias("reporter"), users.alias("sender")
_USERS = tuple(each.c[name] for each in (_reporter, _sender) for name in ("username", "role"))
_newest = mobilisation_events.alias("newest")
_own = mobilisations.c
_newest_event = case(
    *((_own[f"{event}_at"].is_not(None), event.value) for event in (Event.LEFT, Event.ARRIVED, Event.MOBILE))
)
_PUMPS = (
    select(board_pumps.c.pump_code, *_REPORT, *_MOBILISATION, *_USERS)
    .join_from(board_pumps, mobilisations, board_pumps.c.mobilisation_id == mobilisations.c.id, isouter=True)
    .join(_reporter, _reporter.c.id == board_pumps.c.reported_by, isouter=True)
    # the event that decides the state, not the last writer: a feed may deliver an earlier event late
    .join(_newest, and_(_newest.c.mobilisation_id == _own.id, _newest.c.event == _newest_event), isouter=True)
    .join(
        _sender,
        _sender.c.id == case((_newest_event.is_(None), _own.user_id), else_=_newest.c.user_id),
        isouter=True,
    )
)
_earlier, _later = mobilisations.alias("earlier"), mobilisations.alias("later")
_counts = mobilisations.c.withdrawn_at.is_(None)
"""A withdrawn mobilisation decides nothing: its row stays for the history alone."""
_is_followed = exists().where(
    _later.c.pump_code == mobilisations.c.pump_code,
    _later.c.mobilised_at > mobilisations.c.mobilised_at,
    _later.c.withdrawn_at.is_(None),
)
_DETAILS = tuple(mobilisations.c[column.name] for column in fields(DispatchDetails))
_OUTCOME = tuple(outcomes.c[name] for name in Outcome._fields)
_FIRST_OUTCOME = len(_MOBILISATION) + len(_DETAILS)
_STORED: Select[Any] = select(*_MOBILISATION, *_DETAILS, *_OUTCOME, _is_followed).join_from(
    mobilisations, outcomes, isouter=True
)
_FIRST_REPORT, _FIRST_MOBILISATION = 1, 1 + len(_REPORT)
_FIRST_USER = _FIRST_MOBILISATION + len(_MOBILISATION)
_VERSION = select(board_version.c.version)
_CHANGED = update(board_version).values(version=board_version.c.version + 1)


@dataclass(frozen=True, slots=True)
class StoredBoard:
    """Stored board. The states of its pumps depend on the time at which they are asked for."""

    version: int
    read_at: datetime
    """Time for which `recent` was read."""
    pumps: Sequence[PumpRow]
    recent: Sequence[RecentIncident]

    def recent_at(self, at: datetime) -> list[RecentIncident]:
        """Return the recent incidents at a time not before `read_at`."""
        return [each for each in self.recent if each.mobilised_at >= at - RECENT_WINDOW]


def read_board(connection: Connection, at: datetime, known: StoredBoard | None = None) -> StoredBoard:
    """Read the board. Returns: `known` itself, after one statement, if nothing has changed since it was read.

    A transaction that has changed the board reads its own result: on PostgreSQL no other transaction can change it
    before that transaction ends.
    """
    # the version is read first: without a snapshot the rows may be newer than their version, but never older
    version = read_board_version(connection)
    if known is not None and known.version == version and known.read_at <= at:
        return known
    return StoredBoard(version, at, read_pumps(connection), recent_incidents(connection, at))


def read_board_version(connection: Connection) -> int:
    """Return the number that every change of a pump or a mobilisation raises."""
    version: int = connection.execute(_VERSION).scalar_one()
    return version


def read_pumps(connection: Connection) -> list[PumpRow]:
    """Read all pumps with a report or a mobilisation."""
    return [_pump(row) for row in connection.execute(_PUMPS)]


def lock_pump(connection: Connection, code: str) -> PumpRow:
    """Read a pump and lock it against other transactions until this one ends."""
    return lock_pumps(connection, (code,))[code]


def lock_pumps(connection: Connection, codes: Iterable[str]) -> dict[str, PumpRow]:
    """Read and lock several pumps. Returns: {code: pump}."""
    # one order for all transactions, so that two that lock the same pumps cannot deadlock
    codes_sorted = sorted(codes)
    if not codes_sorted:
        return {}
    # rows must exist before they can be locked
    missing = dialect_insert(connection, board_pumps).on_conflict_do_nothing()
    connection.execute(missing, [{"pump_code": code} for code in codes_sorted])
    mine = board_pumps.c.pump_code
    connection.execute(select(mine).where(mine.in_(codes_sorted)).order_by(mine).with_for_update()).all()
    found = connection.execute(_PUMPS.where(mine.in_(codes_sorted)).order_by(mine))
    return {row[0]: _pump(row) for row in found}


def put_reports(
    connection: Connection,
    reports: Iterable[tuple[str, Report]],
    reported_by: str | None = None,
    returned: Mapping[str, datetime] | None = None,
) -> None:
    """Store reports. The report with the latest time counts; of two with the same time the later one corrects the other.

    returned: {id: time of return} of the mobilisations that the reports end.
    """
    insert_ = dialect_insert(connection, board_pumps)
    names = (*(f"report_{name}" for name in Report.__slots__), "reported_by")
    given = {name: insert_.excluded[name] for name in names}
    # decided inside the statement, so that a late report cannot overwrite a newer one of another replica
    is_newest = or_(board_pumps.c.report_at.is_(None), board_pumps.c.report_at <= insert_.excluded.report_at)
    statement = insert_.on_conflict_do_update(index_elements=["pump_code"], set_=given, where=is_newest)
    # one order for all transactions, so that two snapshots cannot deadlock
    rows = [
        {
            "pump_code": code,
            **{f"report_{name}": getattr(report, name) for name in Report.__slots__},
            "report_state": report.state.value,
            "reported_by": reported_by,
        }
        for code, report in sorted(reports, key=lambda each: each[0])
    ]
    if returned:
        _write_timestamps(connection, Event.RETURNED, returned, reported_by)
    if rows:
        connection.execute(statement, rows)
        _note_change(connection)


def add_mobilisation(
    connection: Connection, dispatch: Mobilisation, details: DispatchDetails, user_id: str, *, is_newest: bool
) -> None:
    """Insert a mobilisation without events. is_newest: whether it is the newest of its pump and sets its state."""
    row = as_row(details) | {
        "id": dispatch.id,
        "incident_number": dispatch.incident_number,
        "pump_code": dispatch.pump,
        "mobilised_at": dispatch.mobilised_at,
        "user_id": user_id,
    }
    connection.execute(insert(mobilisations).values(row))
    if is_newest:
        # a mobilisation that is reported late must not replace a newer one
        pump = update(board_pumps).where(board_pumps.c.pump_code == dispatch.pump)
        connection.execute(pump.values(mobilisation_id=dispatch.id))
    _note_change(connection)


def find_mobilisation(connection: Connection, mobilisation_id: str) -> Mobilisation | None:
    """Return a mobilisation by its id."""
    return _one(connection, select(*_MOBILISATION).where(mobilisations.c.id == mobilisation_id))


def mobilisation_before(connection: Connection, pump: str, at: datetime) -> Mobilisation | None:
    """Return the newest mobilisation of a pump that began at or before a time."""
    newest = mobilisations.c.mobilised_at.desc()
    query = select(*_MOBILISATION).where(
        mobilisations.c.pump_code == pump, mobilisations.c.mobilised_at <= at, _counts
    )
    return _one(connection, query.order_by(newest).limit(1))


def mobilisation_after(connection: Connection, pump: str, at: datetime) -> Mobilisation | None:
    """Return the first mobilisation of a pump that began after a time."""
    query = select(*_MOBILISATION).where(
        mobilisations.c.pump_code == pump, mobilisations.c.mobilised_at > at, _counts
    )
    return _one(connection, query.order_by(mobilisations.c.mobilised_at).limit(1))


def withdrawn_mobilisation(connection: Connection, pump: str, at: datetime) -> Mobilisation | None:
    """Return the withdrawn mobilisation of a pump that began exactly at a time."""
    exactly = (mobilisations.c.pump_code == pump, mobilisations.c.mobilised_at == at)
    return _one(connection, select(*_MOBILISATION).where(*exactly, ~_counts))


def withdraw_mobilisation(
    connection: Connection, dispatch: Mobilisation, at: datetime, reason: str, withdrawn_by: str
) -> None:
    """Mark a mobilisation as recorded by mistake. Its pump is again what it was by its mobilisation before."""
    own, pump = mobilisations.c.id == dispatch.id, board_pumps.c.pump_code == dispatch.pump
    returned_at = max(at, dispatch.last_heard_at)
    values = {"withdrawn_at": at, "withdrawn_reason": reason, "returned_at": returned_at}
    connection.execute(update(mobilisations).where(own).values(**values, reported_by=withdrawn_by))
    _note_reporters(connection, WITHDRAWN, (dispatch.id,), withdrawn_by)
    newest = select(mobilisations.c.id).where(mobilisations.c.pump_code == dispatch.pump, _counts)
    before = newest.order_by(mobilisations.c.mobilised_at.desc()).limit(1).scalar_subquery()
    is_shown = board_pumps.c.mobilisation_id == dispatch.id
    connection.execute(update(board_pumps).where(pump, is_shown).values(mobilisation_id=before))
    _note_change(connection)


def draw_incident_number(connection: Connection, day: date) -> str:
    """Return the next number of ours for an incident of a London day, such as L0042-29112026.

    The row stays locked until the transaction ends, so that two at once never get the same; a rollback returns it.
    """
    drawn = dialect_insert(connection, incident_numbers).values(day=day, last_number=1)
    one_more = {"last_number": incident_numbers.c.last_number + 1}
    statement = drawn.on_conflict_do_update(index_elements=["day"], set_=one_more)
    while True:
        number = connection.execute(statement.returning(incident_numbers.c.last_number)).scalar_one()
        text = f"L{number:04d}-{day:%d%m%Y}"
        # somebody may have typed that number: their incident is another one
        if not mobilisations_of(connection, (text,), 1):
            return text


def set_event_time(
    connection: Connection, mobilisation_id: str, event: Event, at: datetime, reported_by: str
) -> None:
    """Store the time of an event and the user who reported it."""
    _write_timestamps(connection, event, {mobilisation_id: at}, reported_by)
    _note_change(connection)


def is_prediction_referenced(connection: Connection, prediction_id: str) -> bool:
    """Return whether a mobilisation refers to a prediction."""
    query = select(mobilisations.c.id).where(mobilisations.c.prediction_id == prediction_id)
    return connection.execute(query.limit(1)).first() is not None


def read_mobilisation(connection: Connection, mobilisation_id: str) -> StoredMobilisation | None:
    """Read a mobilisation with its details and outcome."""
    found = connection.execute(_STORED.where(mobilisations.c.id == mobilisation_id)).one_or_none()
    return None if found is None else _stored(found)


def mobilisations_of(
    connection: Connection, incident_numbers: Collection[str], at_most: int
) -> list[StoredMobilisation]:
    """Read the newest mobilisations of some incidents, in order of mobilisation."""
    query = _STORED.where(mobilisations.c.incident_number.in_(incident_numbers))
    newest = query.order_by(mobilisations.c.mobilised_at.desc(), mobilisations.c.id.desc()).limit(at_most)
    return [_stored(row) for row in reversed(connection.execute(newest).all())]


def recent_incidents(connection: Connection, at: datetime) -> list[RecentIncident]:
    """Return incidents whose first pump was mobilised in the last 30 minutes, by number."""
    since = at - RECENT_WINDOW
    mine = mobilisations.c
    # an incident counts by its first pump: reinforcements do not make an old incident recent
    is_older = exists().where(
        _earlier.c.incident_number == mine.incident_number,
        _earlier.c.mobilised_at < since,
        _earlier.c.withdrawn_at.is_(None),
    )
    query = select(mine.incident_number, mine.mobilised_at, mine.easting_m, mine.northing_m).where(
        mine.mobilised_at >= since, mine.withdrawn_at.is_(None), ~is_older
    )
    found: dict[str, RecentIncident] = {}
    # newest first: the earliest mobilisation of each incident is kept, with the earliest known location
    for row in connection.execute(query.order_by(mine.mobilised_at.desc())):
        known = found.get(row.incident_number)
        named = row if known is None or row.easting_m is not None else known
        location = (named.easting_m, named.northing_m)
        found[row.incident_number] = RecentIncident(row.incident_number, row.mobilised_at, *location)
    return [found[number] for number in sorted(found)]


def incidents_since(
    connection: Connection, since: datetime, at_most: int, within: tuple[float, float, float] | None = None
) -> list[str]:
    """Return the numbers of the newest incidents to which a pump was sent from a time on.

    within: easting, northing and half the side of a square in which they are.
    """
    values: dict[str, object] = {"since": since, "at_most": at_most}
    if within is not None:
        east, north, half = within
        values |= {"west": east - half, "east": east + half, "south": north - half, "north": north + half}
    return list(connection.execute(_incidents_since(within is not None), values).scalars())


@cache
def _incidents_since(is_in_square: bool) -> Select[Any]:
    # built once, because each list of the console reads it, and building it takes longer than running it
    mine = mobilisations.c
    query = select(mine.incident_number).where(mine.mobilised_at >= bindparam("since"), _counts)
    if is_in_square:
        query = query.where(mine.easting_m.between(bindparam("west"), bindparam("east")))
        query = query.where(mine.northing_m.between(bindparam("south"), bindparam("north")))
    newest = query.group_by(mine.incident_number).order_by(func.max(mine.mobilised_at).desc())
    return newest.limit(bindparam("at_most"))


def reporters_of(connection: Connection, mobilisation_ids: Collection[str]) -> dict[tuple[str, str], str]:
    """Return {(mobilisation, event): name of the user who reported it}, as far as it is known."""
    mine, events = mobilisations.c, mobilisation_events.c
    sent = select(mine.id, users.c.username).join_from(mobilisations, users, users.c.id == mine.user_id)
    reported = select(events.mobilisation_id, events.event, users.c.username).join_from(
        mobilisation_events, users
    )
    found = connection.execute(sent.where(mine.id.in_(mobilisation_ids)))
    senders = {(mobilisation, MOBILISED): username for mobilisation, username in found}
    rows = connection.execute(reported.where(events.mobilisation_id.in_(mobilisation_ids)))
    return senders | {(mobilisation, event): username for mobilisation, event, username in rows}


def _write_timestamps(
    connection: Connection, event: Event, timestamps: Mapping[str, datetime], reported_by: str | None
) -> None:
    """Store an event time per mobilisation id, in one database call."""
    row = update(mobilisations).where(mobilisations.c.id == bindparam("mobilisation"))
    written = row.values({f"{event}_at": bindparam("moment"), "reported_by": reported_by})
    given = [{"mobilisation": each, "moment": at} for each, at in sorted(timestamps.items())]
    connection.execute(written, given)
    _note_reporters(connection, event, timestamps, reported_by)


def _note_reporters(
    connection: Connection, event: str, mobilisation_ids: Iterable[str], user_id: str | None
) -> None:
    """Note who reported an event, once per mobilisation."""
    rows = [
        {"mobilisation_id": each, "event": event, "user_id": user_id} for each in sorted(mobilisation_ids)
    ]
    connection.execute(dialect_insert(connection, mobilisation_events).on_conflict_do_nothing(), rows)


def _note_change(connection: Connection) -> None:
    """Increment the version after a change, so that all caches read the board again.

    On PostgreSQL it waits until other changes of the board are committed. Only the head of the audit is locked after it.
    """
    connection.execute(_CHANGED)


def _one(connection: Connection, query: Select[Any]) -> Mobilisation | None:
    found = connection.execute(query).one_or_none()
    return None if found is None else Mobilisation(*found)


def _stored(row: Sequence[Any]) -> StoredMobilisation:
    sent, details = row[: len(_MOBILISATION)], row[len(_MOBILISATION) : _FIRST_OUTCOME]
    *outcome, is_followed = row[_FIRST_OUTCOME:]
    arrived = None if outcome[0] is None else Outcome(*outcome)
    return StoredMobilisation(Mobilisation(*sent), DispatchDetails(*details), arrived, is_followed)


def _pump(row: Row[Any]) -> PumpRow:
    at, state, *rest = row[_FIRST_REPORT:_FIRST_MOBILISATION]
    last = row[_FIRST_MOBILISATION:_FIRST_USER]
    reporter, reporter_role, sender, sender_role = row[_FIRST_USER:]
    report = None if at is None else Report(at, State(state), *rest)
    return PumpRow(
        row[0],
        report,
        None if last[0] is None else Mobilisation(*last),
        None if reporter is None else Reporter(reporter, reporter_role == FEED),
        None if sender is None else Reporter(sender, sender_role == FEED),
    )
