"""What is done to the board: each act is one transaction that looks, refuses or stores. The database is the truth."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection

from londonpump.domain.stations import Station, known_stations
from londonpump.service.board import event_checks, repository
from londonpump.service.board.prediction_defaults import with_prediction
from londonpump.service.board.rules import (
    Event,
    Mobilisation,
    PumpRow,
    PumpState,
    Report,
    State,
    state_of,
)
from londonpump.service.board.schemas import (
    Announced,
    Conflicting,
    MobilisationShown,
    NewMobilisation,
    OutcomeShown,
    Place,
    PumpReport,
    PumpShown,
    Snapshot,
    StillOut,
)
from londonpump.service.board.view import BoardView, Fleet, london_day
from londonpump.service.errors import Conflict, NotFound, Unprocessable
from londonpump.storage.database.audit_repository import append_audit, json_of
from londonpump.storage.database.context_repository import select_stations

OVERRIDE = "override"
MOBILISED, EVENT, PUMP, BOARD = "pump_mobilised", "event_reported", "pump_reported", "board_reported"
"""Kinds of line in the audit: every act on the board has one, with who did it."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, when, with which list of stations: of the model on duty; empty for the imported one.

    is_feed: an account of the role service, which may report what is older than 4 hours.
    """

    user_id: str
    now: datetime
    stations: Sequence[Station] = ()
    is_feed: bool = False


def fleet_on(connection: Connection, stations: Sequence[Station], now: datetime) -> Fleet:
    """The pumps of today, of the given list, else of the imported one, else of the product's own."""
    return Fleet.of(stations or select_stations(connection) or known_stations(), london_day(now))


def view_board(connection: Connection, stations: Sequence[Station], now: datetime) -> BoardView:
    """The board as it is: two questions to the database, three where no model is on duty."""
    fleet = fleet_on(connection, stations, now)
    return BoardView.of(
        repository.read_pumps(connection), fleet, now, repository.recent_incidents(connection, now)
    )


def mobilise(connection: Connection, actor: Actor, new: NewMobilisation) -> tuple[MobilisationShown, bool]:
    """Send a pump. Returns: the mobilisation, and whether it is new; the same one again is answered as it is stored.

    What it does not state is taken from the prediction that it names.
    Raises: Conflict if the pump cannot go. Unprocessable if it is not in the fleet.
    """
    new = with_prediction(connection, new)
    fleet = fleet_on(connection, actor.stations, actor.now)
    home = fleet.homes.get(new.pump)
    if home is None:
        raise Unprocessable(("pump", f"{new.pump} is no pump of today's fleet"))
    row = repository.lock_pump(connection, new.pump)
    at = new.at or actor.now
    before = repository.mobilisation_before(connection, new.pump, at)
    if before is not None and _is_duplicate(before, new, actor.now):
        return mobilisation_response(connection, before.id, actor.now), False
    then = event_checks.state_then(new.pump, row.report, before, home, at)
    present = state_of(row, home, actor.now)
    state = Conflicting(pump=PumpShown.model_validate(present)).as_json()
    event_checks.check_time(at, actor.now, state, is_feed=actor.is_feed)
    after = repository.mobilisation_after(connection, new.pump, at)
    problem = event_checks.sending_problem(then, before, present if after else None, at)
    if problem:
        raise Conflict(problem, state)
    new_id = repository.add_mobilisation(connection, _values(actor, new, then, at), is_newest=after is None)
    about = {"mobilisation": new_id, "incident": new.incident_number, "pump": new.pump}
    append_audit(connection, actor.now, MOBILISED, actor.user_id, about | {"at": at.isoformat()})
    # another pump without a reason is the second or third of several: no override
    if new.is_override and new.override_reason is not None:
        why = {"recommended": new.recommended_pump, "reason": new.override_reason}
        append_audit(connection, actor.now, OVERRIDE, actor.user_id, about | why)
    return mobilisation_response(connection, new_id, actor.now), True


def report_event(
    connection: Connection, actor: Actor, mobilisation_id: str, event: Event, at: datetime | None
) -> MobilisationShown:
    """Say when something became of a mobilisation. The same again changes nothing. Raises: NotFound, Conflict."""
    dispatch = _find(connection, mobilisation_id)
    repository.lock_pump(connection, dispatch.pump)
    dispatch = _find(connection, mobilisation_id)
    known, timestamp = dispatch.timestamp(event), at or actor.now
    stored = mobilisation_response(connection, mobilisation_id, actor.now)
    if known is not None and at in {None, known}:
        return stored
    state = Conflicting(mobilisation=stored).as_json()
    if known is not None:
        raise Conflict(f"{event} is stored already, with another time.", state)
    event_checks.check_time(timestamp, actor.now, state, is_feed=actor.is_feed)
    after = repository.mobilisation_after(connection, dispatch.pump, dispatch.mobilised_at)
    problem = event_checks.event_problem(event, timestamp, dispatch, after.mobilised_at if after else None)
    if problem:
        raise Conflict(problem, state)
    repository.set_event_time(connection, mobilisation_id, event, timestamp, actor.user_id)
    if event is Event.ARRIVED:
        repository.add_outcome(connection, mobilisation_id)
    _audit_event(connection, actor, dispatch, event, timestamp)
    return mobilisation_response(connection, mobilisation_id, actor.now)


def report_pump(connection: Connection, actor: Actor, code: str, pump_report: PumpReport) -> PumpShown:
    """Say what a pump does. Returns: its state now, by whatever is the newest.

    Raises: NotFound, Unprocessable, Conflict if it is out and the report does not say that it has returned.
    """
    fleet = fleet_on(connection, actor.stations, actor.now)
    home = fleet.homes.get(code)
    if home is None:
        raise NotFound(f"There is no pump {code} in today's fleet.")
    _check_station(fleet, "station_code", pump_report.station_code)
    row = repository.lock_pump(connection, code)
    at = pump_report.at or actor.now
    present = state_of(row, home, actor.now)
    state = Conflicting(pump=PumpShown.model_validate(present)).as_json()
    event_checks.check_time(at, actor.now, state, is_feed=actor.is_feed)
    report = Report(at, State(pump_report.state), pump_report.station_code, None, pump_report.reason)
    dispatch = _ended_by(row, has_returned=pump_report.has_returned)
    problem = _report_problem(row, report, dispatch, present, actor.now)
    if problem:
        raise Conflict(problem, state)
    repository.put_reports(
        connection, [(code, report)], actor.user_id, {dispatch.id: at} if dispatch else None
    )
    after = PumpShown.model_validate(state_of(repository.lock_pump(connection, code), home, actor.now))
    if dispatch is not None:
        _audit_event(connection, actor, dispatch, Event.RETURNED, at)
    about = {
        "pump": code,
        "state": pump_report.state,
        "station": pump_report.station_code,
        "reason": pump_report.reason,
    }
    append_audit(connection, actor.now, PUMP, actor.user_id, about | {"at": at.isoformat()})
    return after


@dataclass(frozen=True, slots=True)
class SnapshotResult:
    """What became of a snapshot. ignored: pumps not in the fleet. not_told: pumps of the fleet that it does not name."""

    ignored: list[str]
    not_told: list[str]
    still_out: list[StillOut]
    board: BoardView


def take_snapshot(connection: Connection, actor: Actor, snapshot: Snapshot) -> SnapshotResult:
    """Store what a feed sees. A pump that is out stays out unless the snapshot says that it has returned.

    One line of the audit names all mobilisations that it ends: a line for each would take longer than a feed waits.
    """
    fleet = fleet_on(connection, actor.stations, actor.now)
    event_checks.check_time(snapshot.at, actor.now, is_feed=actor.is_feed)
    for number, pump in enumerate(snapshot.pumps):
        _check_station(fleet, f"pumps.{number}.station_code", pump.station_code)
    ours = {pump.pump: pump for pump in snapshot.pumps if pump.pump in fleet.homes}
    reports: dict[str, Report] = {}
    ended: dict[str, Mobilisation] = {}
    still_out: list[StillOut] = []
    for code, row in repository.lock_pumps(connection, ours).items():
        pump = ours[code]
        report = Report(snapshot.at, State(pump.state), pump.station_code, pump.incident_number)
        dispatch = _ended_by(row, has_returned=pump.has_returned)
        problem = _report_problem(
            row, report, dispatch, state_of(row, fleet.homes[code], actor.now), actor.now
        )
        if problem and row.mobilisation is not None:
            still_out.append(StillOut(pump=code, mobilisation_id=row.mobilisation.id, problem=problem))
        elif dispatch is not None:
            ended[code] = dispatch
        reports[code] = report
    returned = {dispatch.id: snapshot.at for dispatch in ended.values()}
    repository.put_reports(connection, reports.items(), actor.user_id, returned)
    append_audit(connection, actor.now, BOARD, actor.user_id, _snapshot_fields(snapshot, ended))
    ignored = {pump.pump for pump in snapshot.pumps} - ours.keys()
    board = view_board(connection, actor.stations, actor.now)
    return SnapshotResult(sorted(ignored), sorted(fleet.homes.keys() - ours.keys()), still_out, board)


def _ended_by(row: PumpRow, *, has_returned: bool) -> Mobilisation | None:
    """The mobilisation that a report ends; None if it does not say that the pump is back, or the pump was not away."""
    dispatch = row.mobilisation
    return dispatch if has_returned and dispatch is not None and dispatch.returned_at is None else None


def _report_problem(
    row: PumpRow, report: Report, ended: Mobilisation | None, present: PumpState, now: datetime
) -> str | None:
    """Why a report cannot be; None if it can. ended: by `_ended_by`. present: what the pump does now."""
    if ended is not None:
        return event_checks.event_problem(Event.RETURNED, report.at, ended, None)
    contradicted = event_checks.contradicting_mobilisation(row, report, now)
    return None if contradicted is None else event_checks.still_out_text(present, contradicted)


def _audit_event(
    connection: Connection, actor: Actor, dispatch: Mobilisation, event: Event, at: datetime
) -> None:
    about = {"mobilisation": dispatch.id, "incident": dispatch.incident_number, "pump": dispatch.pump}
    event_fields = {"event": str(event), "at": at.isoformat()}
    append_audit(connection, actor.now, EVENT, actor.user_id, about | event_fields)


def _snapshot_fields(snapshot: Snapshot, ended: Mapping[str, Mobilisation]) -> dict[str, Any]:
    """A snapshot, as the audit keeps it. returned: {pump: id of the mobilisation that the snapshot ends}."""
    seen = {"at": snapshot.at.isoformat(), "pumps": len(snapshot.pumps), "sha256": _digest_of(snapshot)}
    return seen | ({"returned": {code: dispatch.id for code, dispatch in ended.items()}} if ended else {})


def _digest_of(snapshot: Snapshot) -> str:
    """sha256 of what was sent, as json with sorted keys and without blanks."""
    return sha256(json_of(snapshot.model_dump(mode="json", exclude_unset=True)).encode()).hexdigest()


def mobilisation_response(connection: Connection, mobilisation_id: str, now: datetime) -> MobilisationShown:
    """A mobilisation as it is stored. Raises: NotFound."""
    row = repository.read_mobilisation(connection, mobilisation_id)
    if row is None:
        raise NotFound(f"There is no mobilisation {mobilisation_id}.")
    return _to_response(row, now)


def incident_response(
    connection: Connection, incident_number: str, at_most: int, now: datetime
) -> list[MobilisationShown]:
    """Those of an incident; none is no error."""
    return [
        _to_response(row, now)
        for row in repository.read_mobilisations_shown(connection, incident_number, at_most)
    ]


def _find(connection: Connection, mobilisation_id: str) -> Mobilisation:
    dispatch = repository.find_mobilisation(connection, mobilisation_id)
    if dispatch is None:
        raise NotFound(f"There is no mobilisation {mobilisation_id}.")
    return dispatch


def _is_duplicate(before: Mobilisation, new: NewMobilisation, now: datetime) -> bool:
    """Whether it was sent already: to the same incident, at the same moment; without one, if it is still under way."""
    if before.incident_number != new.incident_number:
        return False
    if new.at is not None:
        return before.mobilised_at == new.at
    return before.state_at(now) in {State.MOBILISED, State.MOBILE, State.AT_INCIDENT}


def _values(actor: Actor, new: NewMobilisation, then: PumpState, at: datetime) -> dict[str, Any]:
    location, announced = new.place, new.announced
    is_from_road = then.state is State.RETURNING
    return {
        "incident_number": new.incident_number,
        "pump_code": new.pump,
        "mobilised_at": at,
        "station_code": then.home_station_code if is_from_road else then.station_code,
        "is_from_road": is_from_road,
        "easting_m": location and location.easting_m,
        "northing_m": location and location.northing_m,
        "prediction_id": new.prediction_id,
        "announced_p10_s": announced and announced.p10_s,
        "announced_p50_s": announced and announced.p50_s,
        "announced_p90_s": announced and announced.p90_s,
        "model": announced and announced.model,
        "recommended_pump": new.recommended_pump,
        "override_reason": new.override_reason,
        "user_id": actor.user_id,
    }


def _check_station(fleet: Fleet, field: str, code: str | None) -> None:
    if code is not None and code not in fleet.station_codes:
        raise Unprocessable((field, f"{code} is no station with pumps today"))


def _to_response(row: Any, now: datetime) -> MobilisationShown:
    same = ("id", "incident_number", "mobilised_at", "mobile_at", "arrived_at", "left_at", "returned_at")
    timestamps = {name: row[name] for name in same}
    dispatch = Mobilisation(pump=row["pump_code"], **timestamps)
    copied_columns = ("station_code", "is_from_road", "prediction_id", "recommended_pump", "override_reason")
    has_outcome, is_announced = row["actual_s"] is not None, row["model"] is not None
    times = {name: row[f"announced_{name}"] for name in ("p10_s", "p50_s", "p90_s")}
    outcome = {name: row[name] for name in ("actual_s", "error_s", "is_inside_80")}
    is_placed = row["easting_m"] is not None
    # it never came back from here as far as anybody said, and is elsewhere now
    is_left_open = row["is_followed"] and dispatch.returned_at is None
    return MobilisationShown(
        pump=dispatch.pump,
        state=State.UNKNOWN if is_left_open else dispatch.state_at(now),
        place=Place(easting_m=row["easting_m"], northing_m=row["northing_m"]) if is_placed else None,
        announced=Announced(model=row["model"], **times) if is_announced else None,
        outcome=OutcomeShown.of(**outcome) if has_outcome else None,
        **timestamps,
        **{name: row[name] for name in copied_columns},
    )
