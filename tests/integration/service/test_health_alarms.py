"""Alarms of monitor where people and Prometheus look: /statusz and /metrics, on both engines."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine
from support.signing_in import Desk

from londonpump.storage.database import writing
from londonpump.storage.database.monitoring_rows import Condition, bring_to

AT = datetime(2025, 3, 1, 6, tzinfo=UTC)
SILENT = Condition("weather_silent", "", "warning", "The weather source is silent.")
STANDS = 'londonpump_alarms{kind="weather_silent"} 1.0'


def look(engine: Engine, *conditions: Condition) -> None:
    with writing(engine) as connection:
        bring_to(connection, AT, {"weather_silent"}, conditions)


@pytest.fixture
def alarmed(desk: Desk, engine: Engine) -> Desk:
    """A service over a database in which an alarm stands."""
    look(engine, SILENT)
    return desk


def test_metrics_count_standing_alarms_by_kind(alarmed: Desk) -> None:
    assert STANDS in alarmed.client.get("/metrics").text


def test_an_alarm_that_was_cleared_goes_to_nought(alarmed: Desk, engine: Engine) -> None:
    alarmed.client.get("/metrics")
    look(engine)
    alarmed.clock.move(minutes=2)
    assert 'londonpump_alarms{kind="weather_silent"} 0.0' in alarmed.client.get("/metrics").text


def test_the_database_is_asked_once_a_minute_at_most(alarmed: Desk, engine: Engine) -> None:
    alarmed.client.get("/metrics")
    look(engine)
    alarmed.clock.move(seconds=30)
    assert STANDS in alarmed.client.get("/metrics").text


def test_statusz_tells_what_stands_in_words(alarmed: Desk) -> None:
    (alarm,) = alarmed.client.get("/statusz", headers=alarmed.bearer("amira")).json()["alarms"]
    assert (alarm["kind"], alarm["words"]) == ("weather_silent", "The weather source is silent.")


def test_statusz_without_alarms_has_none(desk: Desk) -> None:
    assert desk.client.get("/statusz", headers=desk.bearer("amira")).json()["alarms"] == []


def test_a_clock_that_was_put_back_does_not_keep_old_figures(alarmed: Desk, engine: Engine) -> None:
    alarmed.client.get("/metrics")
    look(engine)
    alarmed.clock.move(hours=-3)
    assert 'londonpump_alarms{kind="weather_silent"} 0.0' in alarmed.client.get("/metrics").text
