"""Alarms on both database engines are raised once, cleared when their cause is gone, and sent until they are accepted."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine
from support.alarm_receiver import receiving
from support.publisher_server import Sleeper

from londonpump.domain.errors import SourceFailed
from londonpump.lifecycle.monitor.actions import send_unsent
from londonpump.lifecycle.monitor.webhook import post_alarm
from londonpump.persistence.database import reading, writing
from londonpump.persistence.repositories.alarms import (
    AlarmChanges,
    Condition,
    alarms_between,
    reconcile_alarms,
    standing_alarms,
    unsent_notifications,
)
from londonpump.settings import Settings

AT = datetime(2025, 3, 1, 6, tzinfo=UTC)
DAY = timedelta(days=1)
SILENT = Condition("weather_silent", "", "warning", "The weather source is silent.", {"age_h": 7.5})
OLD = Condition("model_old", "abc", "warning", "The model is old.")


def look(
    engine: Engine,
    at: datetime,
    *conditions: Condition,
    kinds: tuple[str, ...] = ("weather_silent", "model_old"),
) -> AlarmChanges:
    with writing(engine) as connection:
        return reconcile_alarms(connection, at, kinds, conditions)


def test_an_alarm_is_raised_with_its_evidence(engine: Engine) -> None:
    (alarm,) = look(engine, AT, SILENT).raised
    assert (alarm.raised_at, alarm.alarm_type, alarm.evidence) == (AT, "weather_silent", {"age_h": 7.5})


def test_what_stands_is_not_raised_again(engine: Engine) -> None:
    look(engine, AT, SILENT)
    assert look(engine, AT + DAY, SILENT).raised == ()


def test_what_stands_keeps_the_moment_it_was_raised(engine: Engine) -> None:
    look(engine, AT, SILENT)
    assert [alarm.raised_at for alarm in look(engine, AT + DAY, SILENT).standing] == [AT]


def test_what_is_gone_is_cleared(engine: Engine) -> None:
    look(engine, AT, SILENT, OLD)
    assert [alarm.alarm_type for alarm in look(engine, AT + DAY, OLD).cleared] == ["weather_silent"]


def test_what_was_not_looked_at_stands(engine: Engine) -> None:
    look(engine, AT, SILENT, OLD)
    changes = look(engine, AT + DAY, kinds=("weather_silent",))
    assert [alarm.alarm_type for alarm in changes.standing] == ["model_old"]


def test_what_comes_back_is_a_new_alarm(engine: Engine) -> None:
    look(engine, AT, SILENT)
    look(engine, AT + DAY)
    assert len(look(engine, AT + 2 * DAY, SILENT).raised) == 1


def test_two_subjects_of_a_kind_are_two_alarms(engine: Engine) -> None:
    other = Condition("model_old", "def", "warning", "The other is old.")
    assert len(look(engine, AT, OLD, other).standing) == 2


def test_alarms_of_a_time_are_those_that_stood_in_it(engine: Engine) -> None:
    look(engine, AT, SILENT)
    look(engine, AT + DAY)
    look(engine, AT + 5 * DAY, OLD)
    with reading(engine) as connection:
        found = alarms_between(connection, AT + 2 * DAY, AT + 9 * DAY)
    assert [alarm.alarm_type for alarm in found] == ["model_old"]


def test_monitors_at_once_raise_one_alarm(engine: Engine) -> None:
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: look(engine, AT, SILENT), range(8)))
    with reading(engine) as connection:
        assert len(standing_alarms(connection)) == 1


def settings_with(url: str) -> Settings:
    return Settings(alarm_webhook=SecretStr(url))


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def send(engine: Engine, url: str, at: datetime = AT) -> tuple[int, str | None]:
    return send_unsent(
        settings_with(url),
        engine,
        at,
        lambda address, alarm_body: post_alarm(address, alarm_body, sleep=Sleeper()),
    )


def test_the_webhook_gets_what_was_raised(engine: Engine) -> None:
    look(engine, AT, SILENT)
    with receiving(200) as receiver:
        send(engine, receiver.url)
    assert [
        (alarm_body["event"], alarm_body["alarm_type"], alarm_body["evidence"]) for alarm_body in receiver.got
    ] == [("raised", "weather_silent", {"age_h": 7.5})]


def test_what_was_sent_is_not_sent_again(engine: Engine) -> None:
    look(engine, AT, SILENT)
    with receiving(200) as receiver:
        send(engine, receiver.url)
        assert send(engine, receiver.url) == (0, None)


def test_a_clearing_is_sent_after_its_raising(engine: Engine) -> None:
    look(engine, AT, SILENT)
    look(engine, AT + DAY)
    with receiving(204) as receiver:
        send(engine, receiver.url, AT + DAY)
    assert [alarm_body["event"] for alarm_body in receiver.got] == ["raised", "cleared"]


def test_a_receiver_with_a_passing_fault_is_asked_again(engine: Engine) -> None:
    look(engine, AT, SILENT)
    with receiving(503, 503, 200) as receiver:
        assert send(engine, receiver.url) == (1, None)


def test_one_that_is_away_fails_nothing_and_the_alarm_waits(engine: Engine) -> None:
    look(engine, AT, SILENT)
    with receiving(200) as receiver:
        gone = receiver.url
    sent, problem = send(engine, gone)
    with reading(engine) as connection:
        waiting = unsent_notifications(connection, AT)
    assert (sent, "1 wait" in str(problem), len(waiting)) == (0, True, 1)


def test_what_waited_is_sent_by_the_next_run(engine: Engine) -> None:
    look(engine, AT, SILENT)
    with receiving(500, 500, 500, 200) as receiver:
        send(engine, receiver.url)
        assert send(engine, receiver.url, AT + DAY) == (1, None)


def test_no_message_shows_the_secret_part_of_the_address(engine: Engine) -> None:
    with receiving(403) as receiver, pytest.raises(SourceFailed) as failed:
        post_alarm(receiver.url, {}, sleep=Sleeper())
    assert "secret-part" not in str(failed.value)


def test_without_a_webhook_nothing_is_sent(engine: Engine) -> None:
    look(engine, AT, SILENT)
    assert send_unsent(Settings(), engine, AT, post_alarm) == (0, None)


@pytest.mark.parametrize("address", ["http://hooks.example.org/x", "ftp://127.0.0.1/x", "hooks"])
def test_an_address_that_would_show_its_key_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="alarm_webhook"):
        settings_with(address)
