"""Alarms of monitor in /statusz and /metrics, on both engines."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine
from support.accounts_service import LiveService

from londonpump.persistence.database import writing
from londonpump.persistence.repositories.alarms import Condition, reconcile_alarms

AT = datetime(2025, 3, 1, 6, tzinfo=UTC)
SILENT = Condition("weather_silent", "", "warning", "The weather source is silent.")
STANDS = 'londonpump_alarms{kind="weather_silent"} 1.0'


def look(engine: Engine, *conditions: Condition) -> None:
    with writing(engine) as connection:
        reconcile_alarms(connection, AT, {"weather_silent"}, conditions)


@pytest.fixture
def service_with_alarms(live_service: LiveService, engine: Engine) -> LiveService:
    """Service whose database contains an open alarm."""
    look(engine, SILENT)
    return live_service


def test_metrics_count_standing_alarms_by_kind(service_with_alarms: LiveService) -> None:
    assert STANDS in service_with_alarms.client.get("/metrics").text


def test_an_alarm_that_was_cleared_goes_to_nought(service_with_alarms: LiveService, engine: Engine) -> None:
    service_with_alarms.client.get("/metrics")
    look(engine)
    service_with_alarms.clock.move(minutes=2)
    assert 'londonpump_alarms{kind="weather_silent"} 0.0' in service_with_alarms.client.get("/metrics").text


def test_the_database_is_asked_once_a_minute_at_most(
    service_with_alarms: LiveService, engine: Engine
) -> None:
    service_with_alarms.client.get("/metrics")
    look(engine)
    service_with_alarms.clock.move(seconds=30)
    assert STANDS in service_with_alarms.client.get("/metrics").text


def test_statusz_tells_what_stands_in_words(service_with_alarms: LiveService) -> None:
    (alarm,) = service_with_alarms.client.get("/statusz", headers=service_with_alarms.bearer("amira")).json()[
        "alarms"
    ]
    assert (alarm["alarm_type"], alarm["message"]) == ("weather_silent", "The weather source is silent.")


def test_statusz_without_alarms_has_none(live_service: LiveService) -> None:
    assert live_service.client.get("/statusz", headers=live_service.bearer("amira")).json()["alarms"] == []


def test_a_clock_that_was_put_back_does_not_keep_old_figures(
    service_with_alarms: LiveService, engine: Engine
) -> None:
    service_with_alarms.client.get("/metrics")
    look(engine)
    service_with_alarms.clock.move(hours=-3)
    assert 'londonpump_alarms{kind="weather_silent"} 0.0' in service_with_alarms.client.get("/metrics").text
