"""Metrics that an operator's alarms need: checks, the age of model and weather, room on the disk, answers with gaps."""

from datetime import UTC, date, datetime, timedelta

from prometheus_client.parser import text_string_to_metric_families
from support.accounts_service import LiveService
from support.context_rows import weather

from londonpump.persistence.database import open_database
from londonpump.persistence.repositories.context import store_weather
from londonpump.service.telemetry import Metrics


def series(client, name: str) -> dict[tuple[str, ...], float]:
    """Return the values of a metric by the values of its labels."""
    families = text_string_to_metric_families(client.get("/metrics").text)
    return {
        tuple(sample.labels.values()): sample.value
        for family in families
        for sample in family.samples
        if sample.name == name
    }


def test_checks_are_those_of_readyz(live_service: LiveService) -> None:
    ready = live_service.client.get("/readyz").json()
    checks = series(live_service.client, "londonpump_check_passed")
    assert checks == {
        (name,): float(ready[name]["status"] == "pass") for name in ("model", "database", "process")
    }
    assert checks["model",] == 0, "the service of this test has no model"
    assert checks["database",] == 1


def test_the_end_of_the_training_records_is_that_of_the_active_model(sqlite_api) -> None:
    (model,) = series(sqlite_api.client, "londonpump_model_info")
    trained_until = sqlite_api.prediction()["model"]["trained_until"]
    found = series(sqlite_api.client, "londonpump_model_trained_until_seconds")
    assert found == {model: _midnight_s(trained_until)}


def _midnight_s(day: str) -> float:
    return datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()


def test_the_gauges_of_a_model_end_with_it() -> None:
    metrics = Metrics()
    metrics.note_champion("one", date(2023, 12, 4))
    metrics.note_champion(None)
    assert b"_seconds{model" not in metrics.text()


def test_a_forecast_fetched_long_ago_does_not_make_weather_new(live_service: LiveService) -> None:
    assert series(live_service.client, "londonpump_weather_fetched_seconds") == {}
    hour_at = live_service.clock().replace(minute=0, second=0, microsecond=0)
    engine = open_database(live_service.url)
    fetched_at = hour_at - timedelta(hours=10)
    store_weather(engine, [weather(hour_at, fetched_at)])
    engine.dispose()
    live_service.clock.move(minutes=2)
    assert series(live_service.client, "londonpump_weather_fetched_seconds") == {(): fetched_at.timestamp()}


def test_the_room_left_on_the_disk_of_the_home_is_known(live_service: LiveService) -> None:
    (free,) = series(live_service.client, "londonpump_home_free_bytes").values()
    assert free > 0


def test_answers_with_gaps_are_counted(sqlite_api) -> None:
    before = series(sqlite_api.client, "londonpump_degraded_predictions_total")
    answers = [sqlite_api.prediction(), sqlite_api.prediction(at="2031-01-01T00:00:00Z")]
    sqlite_api.clock.move(seconds=2)
    after = series(sqlite_api.client, "londonpump_degraded_predictions_total")
    for field in ("missing", "warning"):
        assert after[field,] - before[field,] == sum(bool(answer[field]) for answer in answers)
    assert answers[1]["warning"], "a distant time must warn, or this test counts nothing"
