"""Changes of the board. Each runs in one transaction that checks and stores; the database is the source of truth."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import uuid4

from londonpump.domain.json_values import JsonObject
from londonpump.domain.mobilisations import RANKED, Event, Mobilisation, PumpRow, Report, State
from londonpump.domain.stations import Station, known_stations
from londonpump.persistence.database import Connection
from londonpump.persistence.repositories import mobilisations
from londonpump.persistence.repositories.audit import append_audit, json_of
from londonpump.persistence.repositories.context import select_stations
from londonpump.persistence.repositories.outcomes import add_outcome
from londonpump.persistence.repositories.predictions import CALL, PredictionRecord, find_prediction
from londonpump.persistence.stored_json import rename_answer
from londonpump.service.board import rules, schemas
from londonpump.service.board.responses import mobilisation_response
from londonpump.service.board.view import BoardView, Fleet, london_day
from londonpump.service.errors import Conflict, NotFound, Unprocessable

OVERRIDE = "override"
MOBILISED, EVENT, PUMP, BOARD = "pump_mobilised", "event_reported", "pump_reported", "board_reported"
"""Types of audit lines: every change of the board writes one, with the user who made it."""


@dataclass(frozen=True, slots=True)
class Actor:
    """User who changes the board, and the context of the change."""

    user_id: str
    now: datetime
    stations: Sequence[Station] = ()
    """Stations of the active model; empty for the imported list."""
    is_feed: bool = False
    """Whether the account has the role service and may report times more than 4 hours ago."""


def fleet_on(connection: Connection, stations: Sequence[Station], now: datetime) -> Fleet:
    """Return today's pumps, from the given stations, else the imported ones, else the built-in list."""
    return Fleet.of(stations or select_stations(connection) or known_stations(), london_day(now))


def view_board(connection: Connection, stations: Sequence[Station], now: datetime) -> BoardView:
    """Return the present board, with two database queries, or three if no model is active."""
    fleet = fleet_on(connection, stations, now)
    return BoardView.of(
        mobilisations.read_pumps(connection), fleet, now, mobilisations.recent_incidents(connection, now)
    )


def mobilise(
    connection: Connection, actor: Actor, new: schemas.NewMobilisation
) -> tuple[schemas.MobilisationResponse, bool]:
    """Send a pump. Returns: the mobilisation, and whether it is new; a repeated one is returned as stored.

    Values that are left out are taken from the named prediction.
    Raises: Conflict if the pump cannot be sent; Unprocessable if it is not in the fleet.
    """
    new = with_prediction(connection, new)
    fleet = fleet_on(connection, actor.stations, actor.now)
    home = fleet.homes.get(new.pump)
    if home is None:
        raise Unprocessable(("pump", f"{new.pump} is not a pump of today's fleet"))
    # the lock serialises two control rooms that send the same pump: the second one sees the first mobilisation
    row = mobilisations.lock_pump(connection, new.pump)
    at = new.at or actor.now
    while (withdrawn := mobilisations.withdrawn_mobilisation(connection, new.pump, at)) is not None:
        if new.at is not None:
            return _repeat_withdrawn(connection, withdrawn, new, actor.now), False
        # whoever gives no time means now and repeats nothing, and the exact time is taken
        at += timedelta(microseconds=1)
    before = mobilisations.mobilisation_before(connection, new.pump, at)
    # checked before the rules: a repeated request would otherwise fail because its own pump is out
    if before is not None and _is_duplicate(before, new, actor.now):
        return mobilisation_response(connection, before.id, actor.now), False
    then = rules.state_then(new.pump, row.report, before, home, at)
    present = rules.state_of(row, home, actor.now)
    state = schemas.ConflictState(pump=schemas.PumpResponse.model_validate(present)).as_json()
    _check_time(at, actor.now, state, is_feed=actor.is_feed)
    after = mobilisations.mobilisation_after(connection, new.pump, at)
    problem = rules.sending_problem(then, before, present if after else None, at)
    if problem:
        raise Conflict(problem, state)
    new_id = uuid4().hex
    # drawn after everything was checked: a pump that cannot go uses up no number
    number = new.incident_number or mobilisations.draw_incident_number(connection, london_day(at))
    mobilisations.add_mobilisation(
        connection,
        Mobilisation(new_id, number, new.pump, at),
        _details(new, then),
        actor.user_id,
        is_newest=after is None,
    )
    about = {"mobilisation": new_id, "incident": number, "pump": new.pump}
    append_audit(connection, actor.now, MOBILISED, actor.user_id, about | {"at": at.isoformat()})
    # another pump without a reason is the second or third of several, so it is no override
    if new.is_override and new.override_reason is not None:
        why = {"recommended": new.recommended_pump, "reason": new.override_reason}
        append_audit(connection, actor.now, OVERRIDE, actor.user_id, about | why)
    return mobilisation_response(connection, new_id, actor.now), True


def report_event(
    connection: Connection, actor: Actor, mobilisation_id: str, event: Event, at: datetime | None
) -> schemas.MobilisationResponse:
    """Store the time of an event of a mobilisation. A repeated report changes nothing. Raises: NotFound, Conflict."""
    dispatch = _find(connection, mobilisation_id)
    mobilisations.lock_pump(connection, dispatch.pump)
    # read again: another transaction may have changed it before the lock was granted
    dispatch = _find(connection, mobilisation_id)
    known, timestamp = dispatch.timestamp(event), at or actor.now
    stored = mobilisation_response(connection, mobilisation_id, actor.now)
    state = schemas.ConflictState(mobilisation=stored).as_json()
    # first of all: the stored return of a withdrawn mobilisation was never reported
    if dispatch.withdrawn_at is not None:
        raise Conflict(
            f"The mobilisation was withdrawn: {dispatch.pump} was not sent by it. Record a new one.", state
        )
    if known is not None and at in {None, known}:
        return stored
    if known is not None:
        raise Conflict(f"{event} was already reported with another time.", state)
    _check_time(timestamp, actor.now, state, is_feed=actor.is_feed)
    after = mobilisations.mobilisation_after(connection, dispatch.pump, dispatch.mobilised_at)
    problem = rules.event_problem(event, timestamp, dispatch, after.mobilised_at if after else None)
    if problem:
        raise Conflict(problem, state)
    mobilisations.set_event_time(connection, mobilisation_id, event, timestamp, actor.user_id)
    if event is Event.ARRIVED:
        # in the same transaction, so that no arrival lacks its outcome
        add_outcome(connection, mobilisation_id)
    _audit_event(connection, actor, dispatch, event, timestamp)
    return mobilisation_response(connection, mobilisation_id, actor.now)


def withdraw(
    connection: Connection, actor: Actor, mobilisation_id: str, reason: str
) -> schemas.MobilisationResponse:
    """Withdraw a mobilisation that was recorded by mistake. Its row stays; a repeated request changes nothing.

    Raises: NotFound; Conflict once the pump has arrived or returned.
    """
    mobilisations.lock_pump(connection, _find(connection, mobilisation_id).pump)
    # read after the lock: the pump may have arrived meanwhile
    dispatch = _find(connection, mobilisation_id)
    stored = mobilisation_response(connection, mobilisation_id, actor.now)
    if dispatch.withdrawn_at is not None:
        return stored
    last, _ = dispatch.last
    if last not in {None, Event.MOBILE}:
        raise Conflict(
            f"{dispatch.pump} has {last} already, so that this is no mistake. Only a pump that has not arrived can be "
            "withdrawn.",
            schemas.ConflictState(mobilisation=stored).as_json(),
        )
    mobilisations.withdraw_mobilisation(connection, dispatch, actor.now, reason, actor.user_id)
    about = {"mobilisation": dispatch.id, "incident": dispatch.incident_number, "pump": dispatch.pump}
    why = {"event": mobilisations.WITHDRAWN, "at": actor.now.isoformat(), "reason": reason}
    append_audit(connection, actor.now, EVENT, actor.user_id, about | why)
    return mobilisation_response(connection, mobilisation_id, actor.now)


def report_pump(
    connection: Connection, actor: Actor, code: str, pump_report: schemas.PumpReport
) -> schemas.PumpResponse:
    """Store a report about a pump. Returns: its present state.

    Raises: NotFound, Unprocessable; Conflict if the pump is out and the report does not say that it has returned.
    """
    fleet = fleet_on(connection, actor.stations, actor.now)
    home = fleet.homes.get(code)
    if home is None:
        raise NotFound(f"There is no pump {code} in today's fleet.")
    _check_station(fleet, "station_code", pump_report.station_code)
    row = mobilisations.lock_pump(connection, code)
    at = pump_report.at or actor.now
    present = rules.state_of(row, home, actor.now)
    state = schemas.ConflictState(pump=schemas.PumpResponse.model_validate(present)).as_json()
    _check_time(at, actor.now, state, is_feed=actor.is_feed)
    report = Report(at, State(pump_report.state), pump_report.station_code, None, pump_report.reason)
    dispatch = _ended_by(row, has_returned=pump_report.has_returned)
    problem = _report_problem(row, report, dispatch, present, actor.now)
    if problem:
        raise Conflict(problem, state)
    mobilisations.put_reports(
        connection, [(code, report)], actor.user_id, {dispatch.id: at} if dispatch else None
    )
    after = schemas.PumpResponse.model_validate(
        rules.state_of(mobilisations.lock_pump(connection, code), home, actor.now)
    )
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
    """Result of a snapshot."""

    unknown_pumps: list[str]
    """Pumps that are not in the fleet."""
    not_reported: list[str]
    """Pumps of the fleet that the snapshot does not name."""
    still_out: list[schemas.StillOut]
    board: BoardView
    board_version: int


def take_snapshot(connection: Connection, actor: Actor, snapshot: schemas.Snapshot) -> SnapshotResult:
    """Store a snapshot of a feed. A pump that is out stays out unless the snapshot says that it has returned.

    One audit line names all mobilisations that it ends: one line each would take longer than a feed waits.
    """
    fleet = fleet_on(connection, actor.stations, actor.now)
    _check_time(snapshot.at, actor.now, is_feed=actor.is_feed)
    # every station is checked before anything is stored: a snapshot is applied completely or not at all
    for number, pump in enumerate(snapshot.pumps):
        _check_station(fleet, f"pumps.{number}.station_code", pump.station_code)
    ours = {pump.pump: pump for pump in snapshot.pumps if pump.pump in fleet.homes}
    reports: dict[str, Report] = {}
    ended: dict[str, Mobilisation] = {}
    still_out: list[schemas.StillOut] = []
    for code, row in mobilisations.lock_pumps(connection, ours).items():
        pump = ours[code]
        report = Report(snapshot.at, State(pump.state), pump.station_code, pump.incident_number)
        dispatch = _ended_by(row, has_returned=pump.has_returned)
        problem = _report_problem(
            row, report, dispatch, rules.state_of(row, fleet.homes[code], actor.now), actor.now
        )
        if problem and row.mobilisation is not None:
            still_out.append(
                schemas.StillOut(pump=code, mobilisation_id=row.mobilisation.id, problem=problem)
            )
        elif dispatch is not None:
            ended[code] = dispatch
        # stored even if the pump is still out: the report applies once the mobilisation ends
        reports[code] = report
    returned = {dispatch.id: snapshot.at for dispatch in ended.values()}
    mobilisations.put_reports(connection, reports.items(), actor.user_id, returned)
    append_audit(connection, actor.now, BOARD, actor.user_id, _snapshot_fields(snapshot, ended))
    unknown = {pump.pump for pump in snapshot.pumps} - ours.keys()
    board = view_board(connection, actor.stations, actor.now)
    version = mobilisations.read_board_version(connection)
    return SnapshotResult(
        sorted(unknown), sorted(fleet.homes.keys() - ours.keys()), still_out, board, version
    )


def _ended_by(row: PumpRow, *, has_returned: bool) -> Mobilisation | None:
    """Return the mobilisation that a report ends; None if it does not say that the pump is back, or none is open."""
    dispatch = row.mobilisation
    return dispatch if has_returned and dispatch is not None and dispatch.returned_at is None else None


def _report_problem(
    row: PumpRow, report: Report, ended: Mobilisation | None, present: rules.PumpState, now: datetime
) -> str | None:
    """Return why a report is impossible; None if it is possible. ended: see `_ended_by`. present: state of the pump."""
    if ended is not None:
        return rules.event_problem(Event.RETURNED, report.at, ended, None)
    contradicted = rules.contradicting_mobilisation(row, report, now)
    return None if contradicted is None else rules.still_out_text(present, contradicted)


def _audit_event(
    connection: Connection, actor: Actor, dispatch: Mobilisation, event: Event, at: datetime
) -> None:
    about = {"mobilisation": dispatch.id, "incident": dispatch.incident_number, "pump": dispatch.pump}
    event_fields = {"event": str(event), "at": at.isoformat()}
    append_audit(connection, actor.now, EVENT, actor.user_id, about | event_fields)


def _snapshot_fields(snapshot: schemas.Snapshot, ended: Mapping[str, Mobilisation]) -> JsonObject:
    """Return a snapshot in the form of its audit line. returned: {pump: id of the mobilisation that it ends}."""
    seen = {"at": snapshot.at.isoformat(), "pumps": len(snapshot.pumps), "sha256": _digest_of(snapshot)}
    return seen | ({"returned": {code: dispatch.id for code, dispatch in ended.items()}} if ended else {})


def _digest_of(snapshot: schemas.Snapshot) -> str:
    """Return the SHA-256 of a snapshot as it was sent, as JSON with sorted keys and without blanks."""
    return sha256(json_of(snapshot.model_dump(mode="json", exclude_unset=True)).encode()).hexdigest()


def _find(connection: Connection, mobilisation_id: str) -> Mobilisation:
    dispatch = mobilisations.find_mobilisation(connection, mobilisation_id)
    if dispatch is None:
        raise NotFound(f"There is no mobilisation {mobilisation_id}.")
    return dispatch


def _is_duplicate(before: Mobilisation, new: schemas.NewMobilisation, now: datetime) -> bool:
    """Return whether a mobilisation repeats the previous one: same incident and time, or, without a time, still out."""
    # without a number only the exact time shows that a request is repeated
    if before.incident_number != new.incident_number and (new.incident_number or new.at is None):
        return False
    if new.at is not None:
        return before.mobilised_at == new.at
    return before.state_at(now) in {State.MOBILISED, State.MOBILE, State.AT_INCIDENT}


def _repeat_withdrawn(
    connection: Connection, withdrawn: Mobilisation, new: schemas.NewMobilisation, now: datetime
) -> schemas.MobilisationResponse:
    """Return a withdrawn mobilisation to a request that repeats it. Raises: Conflict for another incident."""
    stored = mobilisation_response(connection, withdrawn.id, now)
    if new.incident_number in {None, withdrawn.incident_number}:
        return stored
    raise Conflict(
        f"A mobilisation of {withdrawn.pump} at this time was withdrawn, and its row stays. Send another time, such as a "
        "second later.",
        schemas.ConflictState(mobilisation=stored).as_json(),
    )


def _details(new: schemas.NewMobilisation, then: rules.PumpState) -> mobilisations.DispatchDetails:
    location, announced = new.location, new.announced
    is_from_road = then.state is State.RETURNING
    return mobilisations.DispatchDetails(
        # a returning pump sets out from an unknown point, so its home is stored and `is_from_road` marks it
        station_code=then.home_station_code if is_from_road else then.station_code,
        is_from_road=is_from_road,
        easting_m=None if location is None else location.easting_m,
        northing_m=None if location is None else location.northing_m,
        prediction_id=new.prediction_id,
        announced_p10_s=None if announced is None else announced.p10_s,
        announced_p50_s=None if announced is None else announced.p50_s,
        announced_p90_s=None if announced is None else announced.p90_s,
        announced_chances=None if announced is None else announced.chance_within_s,
        is_flagged=None if announced is None else announced.has_warning,
        model=None if announced is None else announced.model,
        recommended_pump=new.recommended_pump,
        override_reason=new.override_reason,
    )


def _check_time(
    at: datetime, now: datetime, state: JsonObject | None = None, *, is_feed: bool = False
) -> None:
    problem = rules.time_problem(at, now, is_feed=is_feed)
    if problem:
        raise Conflict(problem, state)


def _check_station(fleet: Fleet, field: str, code: str | None) -> None:
    if code is not None and code not in fleet.station_codes:
        raise Unprocessable((field, f"{code} is not a station with pumps today"))


def with_prediction(connection: Connection, new: schemas.NewMobilisation) -> schemas.NewMobilisation:
    """Complete a mobilisation from the named prediction. Given values take precedence.

    Predictions of other systems add nothing. A pump that was not among the returned candidates has no announced time.
    Raises: Unprocessable if the prediction is about another incident, or if a reason is given without an override.
    """
    record = find_prediction(connection, new.prediction_id) if new.prediction_id else None
    completed = new if record is None or record.endpoint != CALL else _completed(new, record)
    if completed.override_reason is not None and not completed.is_override:
        raise Unprocessable(("override_reason", "is given, but no other pump was recommended"))
    return completed


def _completed(new: schemas.NewMobilisation, record: PredictionRecord) -> schemas.NewMobilisation:
    # a prediction without an incident number may belong to any incident
    if new.incident_number is not None and record.incident_number not in {None, new.incident_number}:
        raise Unprocessable(("prediction_id", f"is about incident {record.incident_number}"))
    answer: JsonObject = rename_answer(record.answer or {})
    candidates = answer["candidates"]
    predicted = {
        "incident_number": record.incident_number,
        "announced": next(
            (_announced(each, record) for each in candidates if each["pump"] == new.pump), None
        ),
        "location": _location(answer["location"]),
        "recommended_pump": next((each["pump"] for each in candidates if each["state"] in RANKED), None),
    }
    return new.model_copy(
        update={name: value for name, value in predicted.items() if getattr(new, name) is None}
    )


def _announced(candidate: JsonObject, record: PredictionRecord) -> schemas.Announced:
    times = {name: candidate[name] for name in ("p10_s", "p50_s", "p90_s")}
    return schemas.Announced(
        model=record.model or "",
        chance_within_s=candidate["chance_within_s"],
        has_warning=candidate["warning"]["risk_underestimated"],
        **times,
    )


def _location(location: JsonObject) -> schemas.GridLocation | None:
    """Return the point of a location; None for an area such as a district, whose point is not exact."""
    if location["area"] is not None:
        # the centre of an area would count as an exact incident location in later features
        return None
    return schemas.GridLocation(easting_m=location["easting_m"], northing_m=location["northing_m"])
