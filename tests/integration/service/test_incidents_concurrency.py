"""Numbers of ours, batches and acknowledgements that several replicas make at once, on both engines."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import func, select

from londonpump.domain.errors import DatabaseFailed
from londonpump.domain.mobilisations import Event
from londonpump.persistence.database import connect, reading, writing
from londonpump.persistence.database.schema import incident_numbers, mobilisations
from londonpump.persistence.repositories.alarms import Condition, reconcile_alarms
from londonpump.persistence.repositories.audit import read_audit, verify_audit
from londonpump.persistence.repositories.users import User, add_user
from londonpump.service.board import updates
from londonpump.service.board.batch import NewMobilisations, send_pumps
from londonpump.service.board.schemas import Announced, NewMobilisation, PumpToSend
from londonpump.service.errors import Conflict
from londonpump.service.health.lifespan import acknowledge
from londonpump.service.idempotency import Key

NOW = datetime(2025, 6, 2, 9, 30, tzinfo=UTC)
PUMPS = ("A211", "A212", "A241", "A242", "H221", "H211")
ANNOUNCED = Announced(model="m", p10_s=100, p50_s=200, p90_s=300)


@pytest.fixture
def replicas(database_url):
    engines = [connect(database_url) for _ in PUMPS]
    with writing(engines[0]) as connection:
        add_user(connection, User("o", "o", "operator", NOW))
        add_user(connection, User("s", "s", "supervisor", NOW))
    yield engines
    for engine in engines:
        engine.dispose()


def all_at_once(replicas, act) -> list[Any]:
    """Return what `act(connection, number)` returns on each replica, or its error."""
    barrier = Barrier(len(replicas))

    def once(number: int) -> object:
        barrier.wait()
        try:
            with writing(replicas[number]) as connection:
                return act(connection, number)
        except (Conflict, DatabaseFailed) as error:
            return error

    with ThreadPoolExecutor(len(replicas)) as pool:
        return list(pool.map(once, range(len(replicas))))


def test_two_at_once_never_get_the_same_number(replicas) -> None:
    def send(connection, number):
        new = NewMobilisation(pump=PUMPS[number], announced=ANNOUNCED)
        return updates.mobilise(connection, updates.Actor("o", NOW), new)[0].incident_number

    drawn = all_at_once(replicas, send)
    assert sorted(drawn) == [f"L{number:04d}-02062025" for number in range(1, len(PUMPS) + 1)]


def test_a_number_that_was_rolled_back_is_drawn_again(replicas) -> None:
    new = NewMobilisation(pump="A211")

    def fail_after_it() -> None:
        with writing(replicas[0]) as connection:
            updates.mobilise(connection, updates.Actor("o", NOW), new)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_after_it()
    with writing(replicas[0]) as connection:
        number = updates.mobilise(connection, updates.Actor("o", NOW), new)[0].incident_number
    assert number == "L0001-02062025"


def test_one_batch_sent_by_all_at_once_under_one_key_is_recorded_once(replicas) -> None:
    new = NewMobilisations(pumps=[PumpToSend(pump=pump) for pump in PUMPS])

    def send(connection, _):
        key = Key.of("o", "one", "mobilisations/batch", new.model_dump(mode="json"), NOW)
        return send_pumps(connection, updates.Actor("o", NOW), new, key)

    answers = all_at_once(replicas, send)
    assert [answer[0] for answer in answers] == [answers[0][0]] * len(replicas)
    assert sorted(is_replay for _, is_replay in answers) == [False, *[True] * (len(replicas) - 1)]
    with reading(replicas[0]) as connection:
        assert connection.execute(select(func.count()).select_from(mobilisations)).scalar_one() == len(PUMPS)
        assert connection.execute(select(incident_numbers.c.last_number)).scalars().all() == [1]
        assert verify_audit(connection).problem is None


def test_batches_of_the_same_pumps_in_another_order_do_not_lock_each_other_out(replicas) -> None:
    def send(connection, number):
        order = PUMPS if number % 2 else PUMPS[::-1]
        new = NewMobilisations(pumps=[PumpToSend(pump=pump) for pump in order])
        return send_pumps(connection, updates.Actor("o", NOW), new, None)[0]

    answers = all_at_once(replicas, send)
    sent = [entry for answer in answers for entry in answer["pumps"] if entry["is_new"]]
    assert sorted(entry["pump"] for entry in sent) == sorted(PUMPS)
    assert {entry["mobilisation"]["incident_number"] for entry in sent} == {"L0001-02062025"}


def test_a_key_that_two_bodies_use_at_once_is_that_of_one(replicas) -> None:
    def send(connection, number):
        new = NewMobilisations(pumps=[PumpToSend(pump=PUMPS[number])])
        key = Key.of("o", "one", "mobilisations/batch", new.model_dump(mode="json"), NOW)
        return send_pumps(connection, updates.Actor("o", NOW), new, key)

    answers = all_at_once(replicas, send)
    refused = [answer for answer in answers if isinstance(answer, Conflict)]
    assert len(refused) == len(replicas) - 1
    with reading(replicas[0]) as connection:
        assert connection.execute(select(func.count()).select_from(mobilisations)).scalar_one() == 1


def test_a_pump_that_arrives_while_it_is_withdrawn_does_one_of_the_two(replicas) -> None:
    with writing(replicas[0]) as connection:
        new = NewMobilisation(incident_number="1", pump="A211", announced=ANNOUNCED)
        sent = updates.mobilise(connection, updates.Actor("o", NOW), new)[0].id

    def act(connection, number):
        actor = updates.Actor("o", NOW)
        if number % 2:
            return updates.withdraw(connection, actor, sent, "mistake")
        return updates.report_event(connection, actor, sent, Event.ARRIVED, NOW)

    done = all_at_once(replicas, act)
    states = {answer.withdrawn_at is not None for answer in done if not isinstance(answer, Conflict)}
    assert len(states) == 1
    assert sum(isinstance(answer, Conflict) for answer in done) == len(replicas) // 2


def test_of_two_who_acknowledge_at_once_the_first_is_noted(replicas) -> None:
    with writing(replicas[0]) as connection:
        condition = Condition("weather_silent", "", "warning", "The weather source is silent.")
        alarm = reconcile_alarms(connection, NOW, {"weather_silent"}, [condition]).raised[0].id
    noted = all_at_once(replicas, lambda c, number: acknowledge(c, alarm, "os"[number % 2], NOW))
    assert len({each.acknowledged_by for each in noted}) == 1
    with reading(replicas[0]) as connection:
        kept = [row.actor for row in read_audit(connection) if row.event_type == "alarm_acknowledged"]
    assert kept == [noted[0].acknowledged_by]
