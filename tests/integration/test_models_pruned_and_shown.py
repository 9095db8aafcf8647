"""`models prune` keeps what is needed; `show`, `as-of` and `list` print what happened."""

import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from support.running_service import another, name_champion, put_in_store, settings_for
from typer.testing import CliRunner

from londonpump.cli import app
from londonpump.domain.errors import BadFile, BadValue
from londonpump.domain.json_values import to_document
from londonpump.lifecycle.stored_models import as_of, format_bundles, prune, show
from londonpump.persistence.bundles import CARD, CURRENT, load_bundle
from londonpump.persistence.database import writing
from londonpump.persistence.repositories.decisions import KEEP, Decision
from londonpump.presentation.texts.bundles import format_entry
from londonpump.registry.ledger import open_registry

AT = datetime(2026, 11, 1, 10, tzinfo=UTC)


@pytest.fixture
def settings(database_url, tmp_path):
    return settings_for(database_url, tmp_path)


@pytest.fixture
def store(settings, small_brigade, tmp_path):
    """Folders by the role of their bundle; all are days old."""
    made = [put_in_store(small_brigade.bundle, tmp_path)]
    made += [another(small_brigade.bundle, tmp_path, seed=seed) for seed in range(2, 7)]
    was, judged, lost, other_lost, active_name, newest = made
    with open_registry(settings) as registry:
        name_champion(registry.engine, was.name)
        name_champion(registry.engine, active_name.name)
        line = Decision(
            AT,
            KEEP,
            active_name.name,
            active_name.name,
            judged.name,
            "tie",
            "no better",
            {"judged_by": "x"},
            "me",
        )
        with writing(registry.engine) as connection:
            registry.record(connection, line)
    for days, folder in enumerate(reversed(made), start=1):
        os.utime(folder, (time.time() - 86_400 * days,) * 2)
    return {
        "was": was, "judged": judged, "lost": lost, "other": other_lost, "on_duty": active_name, "newest": newest
    }  # fmt: skip


def test_what_a_decision_names_and_the_newest_stay(settings, store) -> None:
    done = prune(settings)
    assert {bundle.name for bundle in done.removed} == {store["lost"].name, store["other"].name}
    left = {entry.name for entry in settings.bundle.iterdir()}
    assert left == {CURRENT, *(store[name].name for name in ("was", "judged", "on_duty", "newest"))}


def test_a_dry_run_removes_nothing(settings, store) -> None:
    done = prune(settings, is_dry=True)
    assert (len(done.removed), "would be removed" in done.to_text()) == (2, True)
    assert all(folder.is_dir() for folder in store.values())


def test_what_is_less_than_an_hour_old_stays(settings, store) -> None:
    os.utime(store["lost"])
    assert {bundle.name for bundle in prune(settings).removed} == {store["other"].name}


def test_many_of_the_newest_may_be_kept(settings, store) -> None:
    assert prune(settings, keep=6).removed == ()


def test_a_damaged_bundle_hides_no_other_and_goes_like_them(settings, store) -> None:
    (store["lost"] / CARD).write_text("{")
    shown_text = format_bundles(settings)
    assert (len(shown_text.splitlines()), f"{store['lost'].name}  trained until -" in shown_text) == (6, True)
    assert "damaged: is not json" in shown_text
    assert {bundle.name for bundle in prune(settings).removed} == {store["lost"].name, store["other"].name}


def test_a_damaged_bundle_that_a_decision_names_stays(settings, store) -> None:
    (store["judged"] / CARD).write_text("{")
    prune(settings)
    assert store["judged"].is_dir()


def test_two_that_prune_at_once_remove_each_bundle_once(settings, store) -> None:
    with ThreadPoolExecutor(2) as at_once:
        for done in [at_once.submit(prune, settings) for _ in range(2)]:
            done.result()
    assert not store["lost"].exists()
    assert load_bundle(store["on_duty"])[0] == store["on_duty"].name


def test_a_bundle_that_was_pruned_meanwhile_does_not_go_on_duty(settings, store) -> None:
    line = Decision(AT, "promote", store["on_duty"].name, store["lost"].name, None, "better", "y", {}, "me")
    prune(settings)
    with (
        open_registry(settings) as registry,
        pytest.raises(BadFile, match="was removed meanwhile"),
        writing(registry.engine) as connection,
    ):
        registry.record(connection, line)


def test_a_bundle_tells_its_card_its_duties_and_its_decisions(settings, store) -> None:
    shown_text = format_entry(show(settings, store["was"].name))
    assert all(
        expected in shown_text for expected in ("SIMULATED", "Trained on", "Active: ", "#1", "features")
    )
    assert "Never active" in format_entry(show(settings, store["newest"].name))


def test_without_a_name_the_model_on_duty_is_shown(settings, store) -> None:
    value = to_document(show(settings, None))
    assert json.loads(json.dumps(value))["bundle"] == store["on_duty"].name
    assert value["active_periods"][-1]["until_at"] is None


def test_a_decision_is_shown_by_its_number(settings, store) -> None:
    assert "none -> " in format_entry(show(settings, "1"))
    with pytest.raises(BadValue, match="is not in the ledger"):
        show(settings, "99")


def test_what_was_on_duty_at_an_instant(settings, store) -> None:
    now = datetime.now(UTC)
    assert store["on_duty"].name in as_of(settings, now)
    assert "no model was active" in as_of(settings, now - timedelta(days=900))


def test_what_was_on_duty_is_told_where_a_clock_was_behind(settings, store) -> None:
    name, at = store["on_duty"].name, datetime(2020, 1, 1, tzinfo=UTC)
    line = Decision(at, KEEP, name, name, store["judged"].name, "tie", "no better", {}, "me")
    with open_registry(settings) as registry, writing(registry.engine) as connection:
        registry.record(connection, line)
    assert f"{name} was active: 2020-01-01 00:00Z to now" in as_of(settings, at + timedelta(days=1))


def test_the_bundles_of_the_store_are_listed(settings, store) -> None:
    lines = format_bundles(settings).splitlines()
    assert len(lines) == 6
    assert sum("active" in line for line in lines) == sum("newest" in line for line in lines) == 1


@pytest.mark.parametrize("text", ["yesterday", "2026-11-01", "2026-11-01T10:00"])
def test_an_instant_without_its_zone_is_refused(text, own_home) -> None:
    shown_text = CliRunner().invoke(app, ["models", "as-of", text])
    assert (shown_text.exit_code, "is not a time with a zone" in shown_text.stderr) == (2, True)
