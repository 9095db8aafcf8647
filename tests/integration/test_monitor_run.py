"""The command `monitor` from end to end, on both database engines: findings, alarms and roll backs."""

import json
import logging
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Engine
from support.running_service import another, name_champion, put_in_store, settings_for
from support.stored_mobilisations import StoredMobilisation, store_mobilisations
from typer.testing import CliRunner

from londonpump.cli import app
from londonpump.domain.bundle_card import BundleCard
from londonpump.domain.columns import WeatherHour
from londonpump.domain.json_values import to_document
from londonpump.lifecycle.monitor import ExternalCalls, MonitoringResult, MonitorRequest, monitor
from londonpump.lifecycle.monitor.checks import drift_conditions, drift_of, station_conditions
from londonpump.lifecycle.monitor.outcomes import join_outcomes
from londonpump.lifecycle.prepared_examples import Examples
from londonpump.persistence.database import reading, writing
from londonpump.persistence.database.schema import predictions
from londonpump.persistence.repositories.alarms import standing_alarms
from londonpump.persistence.repositories.context import store_weather
from londonpump.persistence.repositories.decisions import (
    KEEP,
    Decision,
    active_champion,
    append_decision,
    read_decisions,
)
from londonpump.presentation.texts.monitor import OutcomesView, format_monitoring

NOW = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
DAY = timedelta(days=1)


@pytest.fixture
def models(engine: Engine, small_brigade: Any, tmp_path: Path) -> tuple[str, str]:
    """(active model, model before it), in the ledger and in the store."""
    before = put_in_store(small_brigade.bundle, tmp_path).name
    champion = another(small_brigade.bundle, tmp_path, seed=2).name
    name_champion(engine, before)
    name_champion(engine, champion)
    return champion, before


def look(
    url: str, folder: Path, at: datetime = NOW, data: Path | None = None, **more: object
) -> MonitoringResult:
    return monitor(settings_for(url, folder, **more), MonitorRequest(at, data))


def alarm_types(seen: MonitoringResult) -> set[str]:
    return {alarm.alarm_type for alarm in seen.changes.standing}


def arrivals(model: str, late_s: float, days: int = 20, a_day: int = 60) -> list[StoredMobilisation]:
    """Arrivals announced as 300 s that are 60 s early or late, and later by `late_s`."""
    rng = np.random.default_rng(1)
    return [
        StoredMobilisation(
            model=model,
            pump=f"{'ABC'[number % 3]}21{1 + number // 3 % 2}",
            at=NOW - DAY * day - timedelta(minutes=30 + number),
            actual_s=float(300 + late_s + 60 * rng.normal()),
        )
        for day in range(days)
        for number in range(a_day)
    ]


def weather(engine: Engine, at: datetime) -> None:
    hour = at.replace(minute=0, second=0)
    store_weather(engine, [WeatherHour(hour, hour, 10.0, 0.0, 50.0, 20.0, 10.0, "cloudy", "open-meteo")])


def test_no_model_is_an_urgent_alarm(engine: Engine, database_url: str, tmp_path: Path) -> None:
    (alarm,) = (
        each for each in look(database_url, tmp_path).changes.standing if each.alarm_type == "no_model"
    )
    assert alarm.severity == "urgent"


def test_a_second_look_at_the_same_moment_changes_nothing(
    models: tuple[str, str], database_url: str, tmp_path: Path
) -> None:
    first = look(database_url, tmp_path)
    second = look(database_url, tmp_path)
    assert (second.changes.raised, second.changes.cleared, second.changes.standing) == (
        (),
        (),
        first.changes.standing,
    )


def test_a_model_learnt_long_ago_is_told(models: tuple[str, str], database_url: str, tmp_path: Path) -> None:
    assert "model_old" in alarm_types(look(database_url, tmp_path))


def test_weather_of_now_is_no_alarm(
    models: tuple[str, str], engine: Engine, database_url: str, tmp_path: Path
) -> None:
    weather(engine, NOW - timedelta(hours=1))
    assert "weather_silent" not in alarm_types(look(database_url, tmp_path))


def test_a_weather_source_that_is_silent_for_six_hours_is_told(
    models: tuple[str, str], engine: Engine, database_url: str, tmp_path: Path
) -> None:
    weather(engine, NOW - timedelta(hours=8))
    assert "weather_silent" in alarm_types(look(database_url, tmp_path))


def test_forty_days_without_a_comparison_are_told(
    models: tuple[str, str], database_url: str, tmp_path: Path
) -> None:
    assert "no_evaluation" in alarm_types(look(database_url, tmp_path, NOW + 41 * DAY))


def test_a_promotion_by_hand_is_no_comparison(
    models: tuple[str, str], engine: Engine, database_url: str, tmp_path: Path
) -> None:
    _decide(engine, models[0], NOW + 30 * DAY, {})
    assert "no_evaluation" in alarm_types(look(database_url, tmp_path, NOW + 41 * DAY))


def test_a_challenge_that_kept_the_champion_is_one(
    models: tuple[str, str], engine: Engine, database_url: str, tmp_path: Path
) -> None:
    _decide(engine, models[0], NOW + 30 * DAY, {"judged_by": "challenge"})
    assert "no_evaluation" not in alarm_types(look(database_url, tmp_path, NOW + 41 * DAY))


@pytest.mark.parametrize("verdict", ["champion_unusable", "challenger_unusable", "few_rows"])
def test_a_challenge_that_could_compare_nothing_is_no_comparison(
    verdict: str, models: tuple[str, str], engine: Engine, database_url: str, tmp_path: Path
) -> None:
    _decide(engine, models[0], NOW + 30 * DAY, {"judged_by": "challenge"}, verdict)
    assert "no_evaluation" in alarm_types(look(database_url, tmp_path, NOW + 41 * DAY))


def _decide(
    engine: Engine, champion: str, at: datetime, evidence: dict[str, str], verdict: str = "tie"
) -> None:
    line = Decision(at, KEEP, champion, champion, "f" * 16, verdict, "a test", evidence, "tester")
    with writing(engine) as connection:
        append_decision(connection, line)


def test_old_records_are_told(
    models: tuple[str, str], database_url: str, tmp_path: Path, small_data: Path
) -> None:
    assert "records_old" in alarm_types(look(database_url, tmp_path, data=small_data))


def test_without_prepared_records_their_alarm_stays(
    models: tuple[str, str], database_url: str, tmp_path: Path, small_data: Path
) -> None:
    look(database_url, tmp_path, data=small_data)
    assert "records_old" in alarm_types(look(database_url, tmp_path))


@pytest.mark.parametrize("card", [None, "", "{}", "[]", '{"trained_from": 5}'])
def test_a_bundle_that_cannot_be_read_is_told(
    card: str | None, models: tuple[str, str], database_url: str, tmp_path: Path
) -> None:
    path = tmp_path / "bundles" / models[0] / "bundle.json"
    path.unlink()
    if card is not None:
        path.write_text(card)
    assert "model_unreadable" in alarm_types(look(database_url, tmp_path))


def test_published_records_stand_in_for_arrivals_nobody_reported(
    engine: Engine,
    models: tuple[str, str],
    database_url: str,
    tmp_path: Path,
    small_brigade: Any,
    small_examples: Examples,
) -> None:
    rows, at = small_examples.rows, datetime(2023, 4, 5, tzinfo=UTC)
    runs = [
        StoredMobilisation(
            models[0],
            rows["resource_code"][i],
            _timestamp(rows["mobilised_us"][i]),
            None,
            rows["incident_number"][i],
        )
        for i in np.unique(rows["resource_code"].astype(str), return_index=True)[1]
    ]
    unknown_pump = StoredMobilisation(
        models[0], "Z991", datetime(2023, 3, 20, tzinfo=UTC), None, "999999-20032023"
    )
    store_mobilisations(engine, [*runs, unknown_pump])
    joined = look(database_url, tmp_path, at, small_brigade.data).joined
    assert (joined.announced, joined.from_board, joined.from_records) == (len(runs) + 1, 0, len(runs))


def test_implausible_arrivals_are_left_out_of_live_error_and_their_number_is_told(
    engine: Engine, models: tuple[str, str], database_url: str, tmp_path: Path
) -> None:
    """Issue 11, A13."""
    times = [330.0] * 40 + [1_201.0, 86_000.0]
    runs = [
        StoredMobilisation(models[0], "A211", NOW - DAY - timedelta(hours=n), s) for n, s in enumerate(times)
    ]
    store_mobilisations(engine, runs)
    seen = look(database_url, tmp_path)
    assert seen.view.outcomes == OutcomesView(
        announced=42, from_board=40, from_records=0, in_both=0, share=round(40 / 42, 4), implausible=2
    )
    assert seen.live is not None
    assert seen.live.whole.mae_s.value == 30
    assert "Left out as implausible: 2 arrivals" in format_monitoring(seen.view, seen.ages.view)


def test_a_published_record_stands_in_for_an_implausible_arrival(engine: Engine) -> None:
    """Issue 11, A13."""
    store_mobilisations(engine, [StoredMobilisation("m", "A211", NOW - DAY, 5_000.0)])
    with reading(engine) as connection:
        joined = join_outcomes(connection, NOW, {("000001-01012025", "A211"): 310.0})
    assert (joined.rows.actual_s.tolist(), joined.from_records, joined.implausible) == ([310.0], 1, 1)


def _timestamp(us: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(us))


def test_the_promised_chance_comes_from_the_stored_prediction(
    engine: Engine, models: tuple[str, str], database_url: str, tmp_path: Path
) -> None:
    answer = {"candidates": [{"pump": "A211", "chance_within_s": {"360": 0.75}}]}
    with writing(engine) as connection:
        row = {
            "id": "p1",
            "created_at": NOW,
            "endpoint": "call",
            "response_time_s": 300.0,
            "inputs": {},
            "answer": answer,
        }
        connection.execute(predictions.insert().values(row))
    store_mobilisations(engine, [StoredMobilisation(models[0], "A211", NOW - DAY, 400.0, prediction_id="p1")])
    assert look(database_url, tmp_path).joined.rows.predicted_late_share.tolist() == [0.25]


def test_a_model_that_keeps_its_promises_has_no_alarm(
    engine: Engine, models: tuple[str, str], database_url: str, tmp_path: Path
) -> None:
    store_mobilisations(engine, arrivals(models[0], late_s=0))
    assert "live_error" not in alarm_types(look(database_url, tmp_path))


def test_one_that_has_left_its_band_is_an_alarm_with_the_command(
    engine: Engine, models: tuple[str, str], database_url: str, tmp_path: Path
) -> None:
    store_mobilisations(engine, arrivals(models[0], late_s=200))
    (alarm,) = (
        each for each in look(database_url, tmp_path).changes.standing if each.alarm_type == "live_error"
    )
    assert "londonpump models roll-back" in alarm.message


def test_proposing_changes_nothing(
    engine: Engine, models: tuple[str, str], database_url: str, tmp_path: Path
) -> None:
    store_mobilisations(engine, arrivals(models[0], late_s=200))
    look(database_url, tmp_path)
    assert _active_model(engine) == models[0]


def test_by_setting_it_is_taken_back(
    engine: Engine, models: tuple[str, str], database_url: str, tmp_path: Path
) -> None:
    store_mobilisations(engine, arrivals(models[0], late_s=200))
    look(database_url, tmp_path, roll_back="auto")
    assert _active_model(engine) == models[1]


def test_the_ledger_says_that_monitor_took_it_back_and_why(
    engine: Engine, models: tuple[str, str], database_url: str, tmp_path: Path
) -> None:
    store_mobilisations(engine, arrivals(models[0], late_s=200))
    look(database_url, tmp_path, roll_back="auto")
    with reading(engine) as connection:
        newest = read_decisions(connection, 1)[0]
    assert (newest.action, newest.actor, "P10 and P90" in newest.reason) == ("roll_back", "monitor", True)


def test_a_look_at_the_past_shows_alarms_and_changes_nothing(
    engine: Engine, models: tuple[str, str], database_url: str, tmp_path: Path
) -> None:
    store_mobilisations(engine, arrivals(models[0], late_s=200))
    sent: list[object] = []
    seen = monitor(
        settings_for(database_url, tmp_path, roll_back="auto", alarm_webhook="http://localhost:1/"),
        MonitorRequest(NOW, is_stored=False),
        external_calls=ExternalCalls(post=lambda *call: sent.append(call)),
    )
    assert "live_error" in alarm_types(seen)
    assert (_active_model(engine), sent, seen.sent) == (models[0], [], 0)
    with reading(engine) as connection:
        assert standing_alarms(connection) == []


def test_two_looks_take_back_once(
    engine: Engine, models: tuple[str, str], database_url: str, tmp_path: Path
) -> None:
    store_mobilisations(engine, arrivals(models[0], late_s=200) + _later(arrivals(models[1], late_s=200)))
    look(database_url, tmp_path, roll_back="auto")
    look(database_url, tmp_path, roll_back="auto")
    assert _active_model(engine) == models[1]


def _later(runs: list[StoredMobilisation]) -> list[StoredMobilisation]:
    return [
        StoredMobilisation(
            run.model, run.pump, run.at + timedelta(seconds=7), run.actual_s, run.incident_number
        )
        for run in runs
    ]


def test_a_model_before_that_does_not_load_is_not_put_on_duty(
    engine: Engine, models: tuple[str, str], database_url: str, tmp_path: Path
) -> None:
    store_mobilisations(engine, arrivals(models[0], late_s=200))
    (tmp_path / "bundles" / models[1] / "scale.txt").write_bytes(b"no tree")
    seen = look(database_url, tmp_path, roll_back="auto")
    shown_alarms = next(alarm.message for alarm in seen.changes.standing if alarm.alarm_type == "live_error")
    assert (_active_model(engine), "could not be rolled back" in shown_alarms) == (models[0], True)


def _active_model(engine: Engine) -> str | None:
    with reading(engine) as connection:
        return active_champion(connection)


def test_what_it_saw_is_json_and_words(
    engine: Engine, models: tuple[str, str], database_url: str, tmp_path: Path
) -> None:
    store_mobilisations(engine, arrivals(models[0], late_s=0))
    seen = look(database_url, tmp_path)
    shown_alarms = json.loads(json.dumps(to_document(seen.view), allow_nan=False))
    assert (
        shown_alarms["outcomes"]["share"],
        "not every pump that was ranked" in format_monitoring(seen.view, seen.ages.view),
    ) == (1.0, True)


def test_a_raised_alarm_is_a_line_in_the_log_once(
    database_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "londonpump.monitor"):
        look(database_url, tmp_path)
        look(database_url, tmp_path)
    assert [record.message.split(" (")[0] for record in caplog.records] == ["alarm raised: no_model "]


def test_the_command_ends_well_with_alarms(own_home: Path) -> None:
    done = CliRunner().invoke(app, ["monitor"])
    assert (done.exit_code, "no_model" in done.stdout) == (0, True)


def test_a_time_in_the_past_stores_nothing_and_says_so(own_home: Path) -> None:
    done = CliRunner().invoke(app, ["monitor", "--at", "2024-01-01T00:00Z"])
    assert "no_model" in done.stdout
    assert "Nothing was stored, sent or rolled back: --at is in the past." in done.stdout
    assert "1 new" in CliRunner().invoke(app, ["monitor"]).stdout
    assert "0 new" in CliRunner().invoke(app, ["monitor"]).stdout


def test_the_command_can_fail_on_alarms(own_home: Path) -> None:
    assert CliRunner().invoke(app, ["monitor", "--fail-on-alarm"]).exit_code == 4


@pytest.mark.parametrize("text", ["yesterday", "2025-01-01T10:00"])
def test_an_instant_that_is_none_is_refused(own_home: Path, text: str) -> None:
    assert CliRunner().invoke(app, ["monitor", "--at", text]).exit_code == 2


def test_prepared_records_that_are_named_must_be_there(own_home: Path) -> None:
    assert CliRunner().invoke(app, ["monitor", "--data", "nowhere"]).exit_code == 2


@pytest.fixture(scope="module")
def long_examples(small_examples: Examples) -> Examples:
    """Two weeks of the small Brigade, repeated for fourteen months."""
    first = (small_examples.rows["mobilised_us"] >= _us(2023, 3, 14)) & (
        small_examples.rows["mobilised_us"] < _us(2023, 3, 28)
    )
    called = (small_examples.calls["call_us"] >= _us(2023, 3, 14)) & (
        small_examples.calls["call_us"] < _us(2023, 3, 28)
    )
    rows = _again({name: values[first] for name, values in small_examples.rows.items()}, 30)
    calls = _again({name: values[called] for name, values in small_examples.calls.items()}, 30)
    return Examples(rows, calls, small_examples.stations, small_examples.complete, True, "long")


CARD = BundleCard(trained_from="2023-03-14", trained_until="2024-04-09", features=("temp_c",))
AFTER = datetime(2024, 5, 7, 12, tzinfo=UTC)


def _us(*day: int) -> int:
    return int((date(*day) - date(1970, 1, 1)) / timedelta(microseconds=1))


def _again(columns: dict[str, np.ndarray], times: int) -> dict[str, np.ndarray]:
    n = len(next(iter(columns.values())))
    later_us = np.repeat(np.arange(times) * 14 * 86_400_000_000, n)
    return {
        name: np.tile(values, times) + later_us if name.endswith("_us") else np.tile(values, times)
        for name, values in columns.items()
    }


def test_the_same_fortnight_for_ever_has_no_drift(long_examples: Examples) -> None:
    found, stations = drift_of(long_examples, CARD, AFTER)
    assert (drift_conditions(found), stations) == ([], [])


def test_a_station_that_closes_is_an_alarm(long_examples: Examples) -> None:
    rows = long_examples.rows
    busiest = max(set(rows["station_code"]), key=list(rows["station_code"][:5000]).count)
    goes_on = (rows["station_code"] != busiest) | (rows["mobilised_us"] < _us(2024, 4, 20))
    kept_rows = {name: values[goes_on] for name, values in rows.items()}
    closed = Examples(kept_rows, long_examples.calls, (), long_examples.complete, True, "closed")
    (condition,) = station_conditions(drift_of(closed, CARD, AFTER)[1])
    assert (condition.alarm_type, condition.subject) == ("station_silent", busiest)


def test_weather_that_is_not_known_any_more_is_an_alarm(long_examples: Examples) -> None:
    rows = long_examples.rows
    silent = {**rows, "temp_c": np.where(rows["mobilised_us"] > _us(2024, 4, 25), np.nan, rows["temp_c"])}
    examples = Examples(silent, long_examples.calls, (), long_examples.complete, True, "silent")
    assert [each.subject for each in drift_conditions(drift_of(examples, CARD, AFTER)[0])] == ["temp_c"]


def test_what_comes_after_the_moment_is_not_looked_at(long_examples: Examples) -> None:
    rows = long_examples.rows
    silent = {**rows, "temp_c": np.where(rows["mobilised_us"] > _us(2024, 4, 25), np.nan, rows["temp_c"])}
    examples = Examples(silent, long_examples.calls, (), long_examples.complete, True, "silent")
    found, _ = drift_of(examples, CARD, datetime(2024, 4, 24, 12, tzinfo=UTC))
    assert drift_conditions(found) == []
