"""Slow-downs in the command `monitor`, on both database engines: their alarms, and what they need."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Engine
from support.running_service import name_champion, put_in_store, settings_for
from support.stored_mobilisations import StoredMobilisation, store_mobilisations

from londonpump.domain.json_values import to_document
from londonpump.lifecycle.monitor import MonitoringResult, MonitorRequest, monitor
from londonpump.lifecycle.prepared_examples import Examples
from londonpump.models.bundle import USUAL_ERRORS, Bundle
from londonpump.presentation.texts.monitor import format_monitoring

NOW = datetime.now(UTC).replace(hour=20, minute=0, second=0, microsecond=0)
DAY = timedelta(days=1)
DAYS, SLOW_FOR, PER_DAY = 45, 15, 60
Late = Callable[[int, str], float]
"""Seconds added, given how many days ago and the borough."""


@pytest.fixture
def model(engine: Engine, small_brigade: Any, tmp_path: Path) -> str:
    """The active model."""
    name = put_in_store(small_brigade.bundle, tmp_path).name
    name_champion(engine, name)
    return name


@pytest.fixture
def store(engine: Engine, model: str, small_examples: Examples, small_bundle: Bundle) -> Callable[..., None]:
    """Store outcomes at locations of the small Brigade's dispatches, later than announced by the usual error and more."""

    def store_late(late: Late, has_locations: bool = True) -> None:
        rng = np.random.default_rng(3)
        rows, usual_s = small_examples.rows, small_bundle.usual_errors.london_s
        at = rng.integers(0, small_examples.n, DAYS * PER_DAY)
        runs = [
            StoredMobilisation(
                model=model,
                pump=f"{'ABC'[number % 3]}21{1 + number // 3 % 2}",
                at=NOW - DAY * (number // PER_DAY) - timedelta(minutes=30 + number % PER_DAY),
                actual_s=float(
                    300 + usual_s + rng.normal(0, 50) + late(number // PER_DAY, rows["borough_name"][row])
                ),
                location_m=(float(rows["easting_m"][row]), float(rows["northing_m"][row]))
                if has_locations
                else (None, None),
            )
            for number, row in enumerate(at)
        ]
        store_mobilisations(engine, runs)

    return store_late


def everywhere(seconds: float) -> Late:
    return lambda days_ago, _borough: seconds if days_ago < SLOW_FOR else 0.0


def slow_and_quick_again(days_ago: int, _borough: str) -> float:
    """60 s late from 40 to 30 days ago, and as usual since then."""
    return 60.0 if 30 <= days_ago < 40 else 0.0


def look(url: str, folder: Path, at: datetime = NOW) -> MonitoringResult:
    return monitor(settings_for(url, folder), MonitorRequest(at))


def slow(seen: MonitoringResult) -> list[str]:
    return [alarm.subject for alarm in seen.changes.standing if alarm.alarm_type == "slower"]


def test_outcomes_as_usual_are_no_alarm(store: Any, database_url: str, tmp_path: Path) -> None:
    store(everywhere(0.0))
    seen = look(database_url, tmp_path)
    assert (slow(seen), seen.slow_downs.left_out, seen.slow_downs.lateness is None) == ([], 0, False)


def test_seconds_in_all_london_are_one_alarm_that_names_it_and_since_when(
    store: Any, database_url: str, tmp_path: Path
) -> None:
    store(everywhere(40.0))
    (alarm,) = (each for each in look(database_url, tmp_path).changes.standing if each.alarm_type == "slower")
    since = date.fromisoformat(alarm.evidence["since"])
    first_slow = (NOW - DAY * (SLOW_FOR - 1)).date()
    assert (alarm.subject, alarm.severity, alarm.message.startswith("All London: pumps")) == (
        "London",
        "warning",
        True,
    )
    assert abs((since - first_slow).days) <= 2
    assert 25 < alarm.evidence["excess_s"]["value"] < 45
    assert sum(day["n"] for day in alarm.evidence["days"]) == alarm.evidence["n"]


def test_seconds_in_one_borough_are_an_alarm_of_that_borough(
    store: Any, database_url: str, tmp_path: Path, small_examples: Examples, small_bundle: Bundle
) -> None:
    names, counts = np.unique(small_examples.rows["borough_name"].astype(str), return_counts=True)
    busiest = str(names[counts.argmax()])
    store(lambda days_ago, borough: 300.0 if borough == busiest and days_ago < SLOW_FOR else 0.0)
    found = slow(look(database_url, tmp_path))
    assert (busiest in found, [name for name in found if name in set(names) - {busiest}]) == (True, [])


def test_a_second_look_at_the_same_time_changes_nothing(
    store: Any, database_url: str, tmp_path: Path
) -> None:
    store(everywhere(40.0))
    first, second = (look(database_url, tmp_path) for _ in range(2))
    assert (second.changes.raised, second.changes.cleared, second.changes.standing) == (
        (),
        (),
        first.changes.standing,
    )


def test_an_alarm_is_cleared_once_pumps_come_as_usual_again(
    store: Any, database_url: str, tmp_path: Path
) -> None:
    store(slow_and_quick_again)
    before = slow(look(database_url, tmp_path, NOW - 30 * DAY))
    after = look(database_url, tmp_path)
    assert (before, slow(after), "slower" in {alarm.alarm_type for alarm in after.changes.cleared}) == (
        ["London"],
        [],
        True,
    )


def test_without_locations_london_alone_is_checked(store: Any, database_url: str, tmp_path: Path) -> None:
    store(everywhere(40.0), has_locations=False)
    seen = look(database_url, tmp_path)
    assert seen.slow_downs.lateness is not None
    assert (slow(seen), seen.slow_downs.lateness.n_places) == (["London"], 1)


@pytest.mark.parametrize("content", [None, "", "[]", '{"london_s": 3}'])
def test_a_model_without_usual_errors_is_left_out_and_its_alarm_stays(
    content: str | None, store: Any, model: str, database_url: str, tmp_path: Path
) -> None:
    store(everywhere(40.0))
    look(database_url, tmp_path)
    path = tmp_path / "bundles" / model / USUAL_ERRORS
    path.unlink()
    if content is not None:
        path.write_text(content)
    seen = look(database_url, tmp_path)
    text = format_monitoring(seen.view, seen.ages.view)
    assert (slow(seen), seen.slow_downs.left_out) == (["London"], DAYS * PER_DAY)
    assert f"Slow-downs: not checked: {DAYS * PER_DAY:,} outcomes" in text


def test_what_it_found_is_json_and_text(store: Any, database_url: str, tmp_path: Path) -> None:
    store(everywhere(40.0))
    seen = look(database_url, tmp_path)
    document = json.loads(json.dumps(to_document(seen.view), allow_nan=False))
    london = document["lateness"]["places"][0]
    assert (london["name"], london["level"], london["is_slow"], len(london["days"])) == (
        "London",
        "london",
        True,
        DAYS,
    )
    assert "Slow-downs: 1 of " in format_monitoring(seen.view, seen.ages.view)
