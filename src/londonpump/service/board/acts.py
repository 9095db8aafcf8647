"""What is done to the board: each act is one transaction that looks, refuses or stores. The database is the truth."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection

from londonpump.brigade.stations import Station, known_stations
from londonpump.service.board import order, rows
from londonpump.service.board.announced import with_prediction
from londonpump.service.board.rules import (
    Event,
    Mobilisation,
    PumpRow,
    PumpState,
    Report,
    State,
    state_of,
)
from londonpump.service.board.shapes import (
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
from londonpump.storage.database.audit_rows import append_audit, json_of
from londonpump.storage.database.station_rows import stations_stored

OVERRIDE = "override"
MOBILISED, EVENT, PUMP, BOARD = "pump_mobilised", "event_reported", "pump_reported", "board_reported"
"""Kinds of line in the audit: every act on the board has one, with who did it."""


@dataclass(frozen=True, slots=True)
class Who:
    """Who acts, when, with which list of stations: of the model on duty; empty for the imported one.

    is_feed: an account of the role service, which may report what is older than 4 hours.
    """

    user_id: str
    now: datetime
    stations: Sequence[Station] = ()
    is_feed: bool = False


def fleet_on(connection: Connection, stations: Sequence[Station], now: datetime) -> Fleet:
    """The pumps of today, of the given list, else of the imported one, else of the product's own."""
    return Fleet.of(stations or stations_stored(connection) or known_stations(), london_day(now))


def view_board(connection: Connection, stations: Sequence[Station], now: datetime) -> BoardView:
    """The board as it is: two questions to the database, three where no model is on duty."""
    fleet = fleet_on(connection, stations, now)
    return BoardView.of(rows.read_pumps(connection), fleet, now, rows.recent_incidents(connection, now))


def mobilise(connection: Connection, who: Who, new: NewMobilisation) -> tuple[MobilisationShown, bool]:
    """Send a pump. Returns: the mobilisation, and whether it is new; the same one again is answered as it is stored.

    What it does not state is taken from the prediction that it names.
    Raises: Conflict if the pump cannot go. Unprocessable if it is not in the fleet.
    """
    new = with_prediction(connection, new)
    fleet = fleet_on(connection, who.stations, who.now)
    home = fleet.homes.get(new.pump)
    if home is None:
        raise Unprocessable(("pump", f"{new.pump} is no pump of today's fleet"))
    row = rows.lock_pump(connection, new.pump)
    at = new.at or who.now
    before = rows.mobilisation_before(connection, new.pump, at)
    if before is not None and _is_the_same(before, new, who.now):
        return show(connection, before.id, who.now), False
    then = order.state_then(new.pump, row.report, before, home, at)
    present = state_of(row, home, who.now)
    state = Conflicting(pump=PumpShown.model_validate(present)).as_json()
    order.check_moment(at, who.now, state, is_feed=who.is_feed)
    after = rows.mobilisation_after(connection, new.pump, at)
    problem = order.problem_with_sending(then, before, present if after else None, at)
    if problem:
        raise Conflict(problem, state)
    new_id = rows.add_mobilisation(connection, _values(who, new, then, at), is_newest=after is None)
    about = {"mobilisation": new_id, "incident": new.incident_number, "pump": new.pump}
    append_audit(connection, who.now, MOBILISED, who.user_id, about | {"at": at.isoformat()})
    # another pump without a reason is the second or third of several: no override
    if new.is_override and new.override_reason is not None:
        why = {"recommended": new.recommended_pump, "reason": new.override_reason}
        append_audit(connection, who.now, OVERRIDE, who.user_id, about | why)
    return show(connection, new_id, who.now), True


def report_event(
    connection: Connection, who: Who, mobilisation_id: str, event: Event, at: datetime | None
) -> MobilisationShown:
    """Say when something became of a mobilisation. The same again changes nothing. Raises: NotFound, Conflict."""
    run = _find(connection, mobilisation_id)
    rows.lock_pump(connection, run.pump)
    run = _find(connection, mobilisation_id)
    known, moment = run.moment(event), at or who.now
    stored = show(connection, mobilisation_id, who.now)
    if known is not None and at in {None, known}:
        return stored
    state = Conflicting(mobilisation=stored).as_json()
    if known is not None:
        raise Conflict(f"{event} is stored already, with another time.", state)
    order.check_moment(moment, who.now, state, is_feed=who.is_feed)
    after = rows.mobilisation_after(connection, run.pump, run.mobilised_at)
    problem = order.problem_with(event, moment, run, after.mobilised_at if after else None)
    if problem:
        raise Conflict(problem, state)
    rows.set_moment(connection, mobilisation_id, event, moment, who.user_id)
    if event is Event.ARRIVED:
        rows.add_outcome(connection, mobilisation_id)
    _audit_event(connection, who, run, event, moment)
    return show(connection, mobilisation_id, who.now)


def report_pump(connection: Connection, who: Who, code: str, told: PumpReport) -> PumpShown:
    """Say what a pump does. Returns: its state now, by whatever is the newest.

    Raises: NotFound, Unprocessable, Conflict if it is out and the report does not say that it has returned.
    """
    fleet = fleet_on(connection, who.stations, who.now)
    home = fleet.homes.get(code)
    if home is None:
        raise NotFound(f"There is no pump {code} in today's fleet.")
    _check_station(fleet, "station_code", told.station_code)
    row = rows.lock_pump(connection, code)
    at = told.at or who.now
    present = state_of(row, home, who.now)
    state = Conflicting(pump=PumpShown.model_validate(present)).as_json()
    order.check_moment(at, who.now, state, is_feed=who.is_feed)
    report = Report(at, State(told.state), told.station_code, None, told.reason)
    run = _ended_by(row, has_returned=told.has_returned)
    problem = _problem_with(row, report, run, present, who.now)
    if problem:
        raise Conflict(problem, state)
    rows.put_reports(connection, [(code, report)], who.user_id, {run.id: at} if run else None)
    after = PumpShown.model_validate(state_of(rows.lock_pump(connection, code), home, who.now))
    if run is not None:
        _audit_event(connection, who, run, Event.RETURNED, at)
    about = {"pump": code, "state": told.state, "station": told.station_code, "reason": told.reason}
    append_audit(connection, who.now, PUMP, who.user_id, about | {"at": at.isoformat()})
    return after


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a snapshot. ignored: pumps not in the fleet. not_told: pumps of the fleet that it does not name."""

    ignored: list[str]
    not_told: list[str]
    still_out: list[StillOut]
    board: BoardView


def take_snapshot(connection: Connection, who: Who, told: Snapshot) -> Taken:
    """Store what a feed sees. A pump that is out stays out unless the snapshot says that it has returned.

    One line of the audit names all mobilisations that it ends: a line for each would take longer than a feed waits.
    """
    fleet = fleet_on(connection, who.stations, who.now)
    order.check_moment(told.at, who.now, is_feed=who.is_feed)
    for number, pump in enumerate(told.pumps):
        _check_station(fleet, f"pumps.{number}.station_code", pump.station_code)
    ours = {pump.pump: pump for pump in told.pumps if pump.pump in fleet.homes}
    reports: dict[str, Report] = {}
    ended: dict[str, Mobilisation] = {}
    still_out: list[StillOut] = []
    for code, row in rows.lock_pumps(connection, ours).items():
        pump = ours[code]
        report = Report(told.at, State(pump.state), pump.station_code, pump.incident_number)
        run = _ended_by(row, has_returned=pump.has_returned)
        problem = _problem_with(row, report, run, state_of(row, fleet.homes[code], who.now), who.now)
        if problem and row.mobilisation is not None:
            still_out.append(StillOut(pump=code, mobilisation_id=row.mobilisation.id, problem=problem))
        elif run is not None:
            ended[code] = run
        reports[code] = report
    returned = {run.id: told.at for run in ended.values()}
    rows.put_reports(connection, reports.items(), who.user_id, returned)
    append_audit(connection, who.now, BOARD, who.user_id, _seen(told, ended))
    ignored = {pump.pump for pump in told.pumps} - ours.keys()
    board = view_board(connection, who.stations, who.now)
    return Taken(sorted(ignored), sorted(fleet.homes.keys() - ours.keys()), still_out, board)


def _ended_by(row: PumpRow, *, has_returned: bool) -> Mobilisation | None:
    """The mobilisation that a report ends; None if it does not say that the pump is back, or the pump was not away."""
    run = row.mobilisation
    return run if has_returned and run is not None and run.returned_at is None else None


def _problem_with(
    row: PumpRow, report: Report, ended: Mobilisation | None, present: PumpState, now: datetime
) -> str | None:
    """Why a report cannot be; None if it can. ended: by `_ended_by`. present: what the pump does now."""
    if ended is not None:
        return order.problem_with(Event.RETURNED, report.at, ended, None)
    contradicted = order.out_by(row, report, now)
    return None if contradicted is None else order.still_out(present, contradicted)


def _audit_event(connection: Connection, who: Who, run: Mobilisation, event: Event, at: datetime) -> None:
    about = {"mobilisation": run.id, "incident": run.incident_number, "pump": run.pump}
    said = {"event": str(event), "at": at.isoformat()}
    append_audit(connection, who.now, EVENT, who.user_id, about | said)


def _seen(told: Snapshot, ended: Mapping[str, Mobilisation]) -> dict[str, Any]:
    """A snapshot, as the audit keeps it. returned: {pump: id of the mobilisation that the snapshot ends}."""
    seen = {"at": told.at.isoformat(), "pumps": len(told.pumps), "sha256": _digest_of(told)}
    return seen | ({"returned": {code: run.id for code, run in ended.items()}} if ended else {})


def _digest_of(told: Snapshot) -> str:
    """sha256 of what was sent, as json with sorted keys and without blanks."""
    return sha256(json_of(told.model_dump(mode="json", exclude_unset=True)).encode()).hexdigest()


def show(connection: Connection, mobilisation_id: str, now: datetime) -> MobilisationShown:
    """A mobilisation as it is stored. Raises: NotFound."""
    row = rows.shown(connection, mobilisation_id)
    if row is None:
        raise NotFound(f"There is no mobilisation {mobilisation_id}.")
    return _shown(row, now)


def show_incident(
    connection: Connection, incident_number: str, at_most: int, now: datetime
) -> list[MobilisationShown]:
    """Those of an incident; none is no error."""
    return [_shown(row, now) for row in rows.shown_of_incident(connection, incident_number, at_most)]


def _find(connection: Connection, mobilisation_id: str) -> Mobilisation:
    run = rows.find_mobilisation(connection, mobilisation_id)
    if run is None:
        raise NotFound(f"There is no mobilisation {mobilisation_id}.")
    return run


def _is_the_same(before: Mobilisation, new: NewMobilisation, now: datetime) -> bool:
    """Whether it was sent already: to the same incident, at the same moment; without one, if it is still under way."""
    if before.incident_number != new.incident_number:
        return False
    if new.at is not None:
        return before.mobilised_at == new.at
    return before.state_at(now) in {State.MOBILISED, State.MOBILE, State.AT_INCIDENT}


def _values(who: Who, new: NewMobilisation, then: PumpState, at: datetime) -> dict[str, Any]:
    place, announced = new.place, new.announced
    is_from_road = then.state is State.RETURNING
    return {
        "incident_number": new.incident_number,
        "pump_code": new.pump,
        "mobilised_at": at,
        "station_code": then.home_station_code if is_from_road else then.station_code,
        "is_from_road": is_from_road,
        "easting_m": place and place.easting_m,
        "northing_m": place and place.northing_m,
        "prediction_id": new.prediction_id,
        "announced_p10_s": announced and announced.p10_s,
        "announced_p50_s": announced and announced.p50_s,
        "announced_p90_s": announced and announced.p90_s,
        "model": announced and announced.model,
        "recommended_pump": new.recommended_pump,
        "override_reason": new.override_reason,
        "user_id": who.user_id,
    }


def _check_station(fleet: Fleet, field: str, code: str | None) -> None:
    if code is not None and code not in fleet.station_codes:
        raise Unprocessable((field, f"{code} is no station with pumps today"))


def _shown(row: Any, now: datetime) -> MobilisationShown:
    same = ("id", "incident_number", "mobilised_at", "mobile_at", "arrived_at", "left_at", "returned_at")
    moments = {name: row[name] for name in same}
    run = Mobilisation(pump=row["pump_code"], **moments)
    kept = ("station_code", "is_from_road", "prediction_id", "recommended_pump", "override_reason")
    has_outcome, is_announced = row["actual_s"] is not None, row["model"] is not None
    times = {name: row[f"announced_{name}"] for name in ("p10_s", "p50_s", "p90_s")}
    outcome = {name: row[name] for name in ("actual_s", "error_s", "is_inside_80")}
    is_placed = row["easting_m"] is not None
    # it never came back from here as far as anybody said, and is elsewhere now
    is_left_open = row["is_followed"] and run.returned_at is None
    return MobilisationShown(
        pump=run.pump,
        state=State.UNKNOWN if is_left_open else run.state_at(now),
        place=Place(easting_m=row["easting_m"], northing_m=row["northing_m"]) if is_placed else None,
        announced=Announced(model=row["model"], **times) if is_announced else None,
        outcome=OutcomeShown.of(**outcome) if has_outcome else None,
        **moments,
        **{name: row[name] for name in kept},
    )
