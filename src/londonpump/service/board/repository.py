"""The board in the database. Every function runs inside the caller's transaction."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, Row, RowMapping, Select, bindparam, exists, insert, or_, select, update

from londonpump.persistence.database.engine import dialect_insert
from londonpump.persistence.database.schema import board_pumps, board_version, mobilisations, outcomes
from londonpump.service.board.rules import Event, Mobilisation, PumpRow, Report, State
from londonpump.service.board.view import RECENT_WINDOW, RecentIncident

_MOBILISATION = tuple(
    mobilisations.c[name]
    for name in (
        "id",
        "incident_number",
        "pump_code",
        "mobilised_at",
        "mobile_at",
        "arrived_at",
        "left_at",
        "returned_at",
    )
)
_REPORT = tuple(
    board_pumps.c[name]
    for name in (
        "report_at",
        "report_state",
        "report_station_code",
        "report_incident_number",
        "report_reason",
    )
)
_PUMPS = select(board_pumps.c.pump_code, *_REPORT, *_MOBILISATION).join_from(
    board_pumps, mobilisations, board_pumps.c.mobilisation_id == mobilisations.c.id, isouter=True
)
_earlier, _later = mobilisations.alias("earlier"), mobilisations.alias("later")
_is_followed = exists().where(
    _later.c.pump_code == mobilisations.c.pump_code, _later.c.mobilised_at > mobilisations.c.mobilised_at
)
_MOBILISATION_WITH_OUTCOME = select(
    mobilisations,
    outcomes.c.actual_s,
    outcomes.c.error_s,
    outcomes.c.is_inside_80,
    _is_followed.label("is_followed"),
).join_from(mobilisations, outcomes, isouter=True)
_FIRST_REPORT, _FIRST_MOBILISATION = 1, 1 + len(_REPORT)
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
    version = connection.execute(select(board_version.c.version)).scalar_one()
    if known is not None and known.version == version and known.read_at <= at:
        return known
    return StoredBoard(version, at, read_pumps(connection), recent_incidents(connection, at))


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


def add_mobilisation(connection: Connection, values: Mapping[str, Any], *, is_newest: bool) -> str:
    """Insert a mobilisation. is_newest: whether it is the newest of its pump and sets its state. Returns: its id."""
    new_id = uuid4().hex
    connection.execute(insert(mobilisations).values(id=new_id, **values))
    if is_newest:
        # a mobilisation that is reported late must not replace a newer one
        pump = update(board_pumps).where(board_pumps.c.pump_code == values["pump_code"])
        connection.execute(pump.values(mobilisation_id=new_id))
    _note_change(connection)
    return new_id


def find_mobilisation(connection: Connection, mobilisation_id: str) -> Mobilisation | None:
    """Return a mobilisation by its id."""
    return _one(connection, select(*_MOBILISATION).where(mobilisations.c.id == mobilisation_id))


def mobilisation_before(connection: Connection, pump: str, at: datetime) -> Mobilisation | None:
    """Return the newest mobilisation of a pump that began at or before a time."""
    newest = mobilisations.c.mobilised_at.desc()
    query = select(*_MOBILISATION).where(
        mobilisations.c.pump_code == pump, mobilisations.c.mobilised_at <= at
    )
    return _one(connection, query.order_by(newest).limit(1))


def mobilisation_after(connection: Connection, pump: str, at: datetime) -> Mobilisation | None:
    """Return the first mobilisation of a pump that began after a time."""
    query = select(*_MOBILISATION).where(mobilisations.c.pump_code == pump, mobilisations.c.mobilised_at > at)
    return _one(connection, query.order_by(mobilisations.c.mobilised_at).limit(1))


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


def read_mobilisation(connection: Connection, mobilisation_id: str) -> RowMapping | None:
    """Read a mobilisation with its outcome, which exists if the pump arrived and its time was announced."""
    return (
        connection.execute(_MOBILISATION_WITH_OUTCOME.where(mobilisations.c.id == mobilisation_id))
        .mappings()
        .one_or_none()
    )


def read_mobilisations_shown(connection: Connection, incident_number: str, at_most: int) -> list[RowMapping]:
    """Read the mobilisations of an incident, in order of mobilisation."""
    query = _MOBILISATION_WITH_OUTCOME.where(mobilisations.c.incident_number == incident_number)
    ordered = query.order_by(mobilisations.c.mobilised_at, mobilisations.c.id).limit(at_most)
    return list(connection.execute(ordered).mappings())


def add_outcome(connection: Connection, mobilisation_id: str) -> None:
    """Store the error of an announced time after arrival. Nothing is stored if no time was announced."""
    row = connection.execute(select(mobilisations).where(mobilisations.c.id == mobilisation_id)).one()
    if row.announced_p50_s is None:
        return
    actual_s = (row.arrived_at - row.mobilised_at).total_seconds()
    copied = ("incident_number", "pump_code", "model", "station_code", "arrived_at")
    announced = {name: getattr(row, name) for name in row._fields if name.startswith("announced_")}
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


def recent_incidents(connection: Connection, at: datetime) -> list[RecentIncident]:
    """Return incidents whose first pump was mobilised in the last 30 minutes, by number."""
    since = at - RECENT_WINDOW
    mine = mobilisations.c
    # an incident counts by its first pump: reinforcements do not make an old incident recent
    is_older = exists().where(
        _earlier.c.incident_number == mine.incident_number, _earlier.c.mobilised_at < since
    )
    query = select(mine.incident_number, mine.mobilised_at, mine.easting_m, mine.northing_m).where(
        mine.mobilised_at >= since, ~is_older
    )
    found: dict[str, RecentIncident] = {}
    # newest first: the earliest mobilisation of each incident is kept, with the earliest known location
    for row in connection.execute(query.order_by(mine.mobilised_at.desc())):
        known = found.get(row.incident_number)
        named = row if known is None or row.easting_m is not None else known
        location = (named.easting_m, named.northing_m)
        found[row.incident_number] = RecentIncident(row.incident_number, row.mobilised_at, *location)
    return [found[number] for number in sorted(found)]


def _write_timestamps(
    connection: Connection, event: Event, timestamps: Mapping[str, datetime], reported_by: str | None
) -> None:
    """Store an event time per mobilisation id, in one database call."""
    row = update(mobilisations).where(mobilisations.c.id == bindparam("mobilisation"))
    written = row.values({f"{event}_at": bindparam("moment"), "reported_by": reported_by})
    given = [{"mobilisation": each, "moment": at} for each, at in sorted(timestamps.items())]
    connection.execute(written, given)


def _note_change(connection: Connection) -> None:
    """Increment the version after a change, so that all caches read the board again.

    On PostgreSQL it waits until other changes of the board are committed. Only the head of the audit is locked after it.
    """
    connection.execute(_CHANGED)


def _one(connection: Connection, query: Select[Any]) -> Mobilisation | None:
    found = connection.execute(query).one_or_none()
    return None if found is None else Mobilisation(*found)


def _pump(row: Row[Any]) -> PumpRow:
    at, state, *rest = row[_FIRST_REPORT:_FIRST_MOBILISATION]
    last = row[_FIRST_MOBILISATION:]
    report = None if at is None else Report(at, State(state), *rest)
    return PumpRow(row[0], report, None if last[0] is None else Mobilisation(*last))
