"""Replicas that change one pump concurrently, and the database cost of the board."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
from sqlalchemy import event, func, select

from londonpump.domain.mobilisations import Event, Report, State
from londonpump.domain.stations import known_stations
from londonpump.persistence.database import connect, reading, writing
from londonpump.persistence.database.schema import board_pumps, mobilisations, outcomes
from londonpump.persistence.repositories.mobilisations import put_reports
from londonpump.persistence.repositories.users import User, add_user
from londonpump.service.board import updates
from londonpump.service.board.schemas import Announced, GridLocation, NewMobilisation
from londonpump.service.errors import Conflict

NOW = datetime(2025, 6, 2, 9, 30, tzinfo=UTC)
REPLICAS = 6
ANNOUNCED = Announced(model="m", p10_s=100, p50_s=200, p90_s=300)


@pytest.fixture
def replicas(database_url):
    engines = [connect(database_url) for _ in range(REPLICAS)]
    yield engines
    for engine in engines:
        engine.dispose()


@pytest.fixture
def user_id(replicas) -> str:
    with writing(replicas[0]) as connection:
        add_user(connection, User("o", "o", "operator", NOW))
    return "o"


def all_at_once(replicas, act) -> list[object]:
    """Run a transaction of each replica concurrently. Returns: their results."""
    ready = Barrier(len(replicas))

    def one(numbered):
        number, engine = numbered
        ready.wait()
        try:
            with writing(engine) as connection:
                return act(connection, number)
        except Conflict as error:
            return error

    with ThreadPoolExecutor(len(replicas)) as threads:
        return list(threads.map(one, enumerate(replicas)))


def send(user_id, incident: str = "1", pump: str = "A211", **more):
    new = NewMobilisation(incident_number=incident, pump=pump, **more)
    return lambda connection: updates.mobilise(connection, updates.Actor(user_id, NOW), new)


def test_a_pump_that_several_mobilise_at_once_goes_to_one_incident(replicas, user_id) -> None:
    report_values = all_at_once(replicas, lambda connection, number: send(user_id, str(number))(connection))
    assert sum(isinstance(outcome, Conflict) for outcome in report_values) == REPLICAS - 1
    with reading(replicas[0]) as connection:
        assert connection.execute(select(func.count()).select_from(mobilisations)).scalar() == 1


def test_clocks_that_differ_a_little_do_not_send_a_pump_twice(replicas, user_id) -> None:
    def act(connection, number):
        return send(user_id, str(number), at=NOW - timedelta(seconds=number))(connection)

    report_values = all_at_once(replicas, act)
    assert sum(isinstance(outcome, Conflict) for outcome in report_values) == REPLICAS - 1


def test_one_event_told_by_all_at_once_is_stored_once(replicas, user_id) -> None:
    with writing(replicas[0]) as connection:
        sent = send(user_id, announced=ANNOUNCED)(connection)[0].id
        updates.report_event(connection, updates.Actor(user_id, NOW), sent, Event.MOBILE, NOW)

    def act(connection, number):
        at = NOW + timedelta(seconds=200 + number)
        return updates.report_event(connection, updates.Actor(user_id, NOW), sent, Event.ARRIVED, at)

    report_values = all_at_once(replicas, act)
    assert sum(isinstance(outcome, Conflict) for outcome in report_values) == REPLICAS - 1
    with reading(replicas[0]) as connection:
        assert connection.execute(select(func.count()).select_from(outcomes)).scalar() == 1


def test_of_snapshots_at_once_the_newest_stands_for_every_pump(replicas) -> None:
    codes = [f"A{number}" for number in range(200, 260)]

    def act(connection, number):
        report = Report(NOW + timedelta(seconds=number), State.AVAILABLE)
        put_reports(connection, [(code, report) for code in codes[:: 1 if number % 2 else -1]])

    all_at_once(replicas, act)
    with reading(replicas[0]) as connection:
        stood = set(connection.execute(select(board_pumps.c.report_at)).scalars())
    assert stood == {NOW + timedelta(seconds=REPLICAS - 1)}


def test_the_board_of_a_busy_night_is_read_in_two_statements(replicas, user_id) -> None:
    stations = known_stations()
    with writing(replicas[0]) as connection:
        fleet = updates.fleet_on(connection, stations, NOW)
        for number, pump in enumerate(fleet.homes):
            place = GridLocation(easting_m=530_000, northing_m=180_000)
            send(user_id, str(number), pump, location=place)(connection)
    requests = []
    event.listen(replicas[1], "after_cursor_execute", lambda *about: requests.append(about[2]))
    with reading(replicas[1]) as connection:
        view = updates.view_board(connection, stations, NOW)
    assert (len(view.recent), view.pumps_out()) == (len(fleet.homes), len(fleet.homes))
    assert sum(statement.startswith("SELECT") for statement in requests) == 2


def test_an_incident_is_recent_by_its_first_pump(replicas, user_id) -> None:
    with writing(replicas[0]) as connection:
        send(user_id, "1", "A211", at=NOW - timedelta(minutes=31))(connection)
        send(user_id, "1", "A212", at=NOW - timedelta(minutes=1))(connection)
        send(user_id, "2", "A241", at=NOW - timedelta(minutes=2))(connection)
        placed = GridLocation(easting_m=530_000, northing_m=180_000)
        send(user_id, "2", "A242", at=NOW - timedelta(minutes=1), location=placed)(connection)
        view = updates.view_board(connection, (), NOW)
    assert [(each.incident_number, each.mobilised_at, each.easting_m) for each in view.recent] == [
        ("2", NOW - timedelta(minutes=2), 530_000)
    ]
