"""Queries to the ledger: which model was active when, which came before, which pairs were judged."""

from datetime import UTC, datetime, timedelta

import pytest

from londonpump.persistence.database import reading, writing
from londonpump.persistence.repositories.decisions import (
    KEEP,
    PROMOTE,
    ROLL_BACK,
    ActivePeriod,
    Decision,
    active_periods_of,
    append_decision,
    decision_at,
    decision_of,
    decisions_about,
    named_bundles,
    previous_champion,
    was_active,
)
from londonpump.registry.ledger import find_earlier_decision

FIRST_AT = datetime(2026, 11, 1, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)
STORY = (
    (PROMOTE, None, "a", "a"),
    (PROMOTE, "a", "b", "b"),
    (KEEP, "b", "b", "x"),
    (PROMOTE, "b", "c", "c"),
    (ROLL_BACK, "c", "b", None),
)
"""Action, champion before and after, challenger; an hour apart."""


@pytest.fixture
def engine_with_lines(engine):
    for hours, (action, before, after, challenger) in enumerate(STORY):
        append(engine, FIRST_AT + hours * HOUR, action, before, after, challenger)
    return engine


def append(engine, at, action, before, after, challenger, verdict="by hand", **evidence: object) -> int:
    line = Decision(at, action, before, after, challenger, verdict, "why not", evidence, "me")
    with writing(engine) as connection:
        return append_decision(connection, line)


def ask(engine, question, *arguments):
    with reading(engine) as connection:
        return question(connection, *arguments)


def test_before_the_first_line_nobody_was_on_duty(engine_with_lines) -> None:
    assert ask(engine_with_lines, decision_at, FIRST_AT - timedelta(microseconds=1)) is None


@pytest.mark.parametrize(
    ("hours", "champion"), [(0, "a"), (0.99, "a"), (1, "b"), (2.5, "b"), (3, "c"), (4, "b"), (99, "b")]
)
def test_the_line_that_held_at_an_instant(hours, champion, engine_with_lines) -> None:
    assert ask(engine_with_lines, decision_at, FIRST_AT + hours * HOUR).champion_after == champion


def test_a_line_by_its_number(engine_with_lines) -> None:
    assert ask(engine_with_lines, decision_of, 4).champion_after == "c"
    assert ask(engine_with_lines, decision_of, 6) is None


def test_a_model_that_came_back_was_on_duty_twice(engine_with_lines) -> None:
    first, second = ask(engine_with_lines, active_periods_of, "b")
    assert first == ActivePeriod(FIRST_AT + HOUR, FIRST_AT + 3 * HOUR)
    assert second == ActivePeriod(FIRST_AT + 4 * HOUR, None)


def test_a_duty_begins_with_its_earliest_line_where_a_clock_was_behind(engine_with_lines) -> None:
    append(engine_with_lines, FIRST_AT - HOUR, KEEP, "b", "b", "y")
    assert ask(engine_with_lines, active_periods_of, "b")[-1] == ActivePeriod(FIRST_AT - HOUR, None)


def test_a_model_that_was_kept_away_was_never_on_duty(engine_with_lines) -> None:
    assert ask(engine_with_lines, active_periods_of, "x") == []
    assert not ask(engine_with_lines, was_active, "x")
    assert ask(engine_with_lines, was_active, "c")


def test_the_lines_about_a_model(engine_with_lines) -> None:
    assert [line.id for line in ask(engine_with_lines, decisions_about, "x")] == [3]
    assert [line.id for line in ask(engine_with_lines, decisions_about, "a")] == [1, 2]


def test_every_model_that_any_line_names(engine_with_lines) -> None:
    assert ask(engine_with_lines, named_bundles) == {"a", "b", "c", "x"}


def test_rolling_back_twice_goes_back_two_models_not_to_and_fro(engine_with_lines) -> None:
    assert ask(engine_with_lines, previous_champion, "b") == "a"


def test_the_first_model_took_nobodys_place(engine_with_lines) -> None:
    assert ask(engine_with_lines, previous_champion, "a") is None


@pytest.mark.parametrize("champion", ["b", "c"])
def test_a_pair_was_judged_whether_the_challenger_won_or_not(champion, engine) -> None:
    append(engine, FIRST_AT, PROMOTE, None, "b", "b")
    after = "c" if champion == "c" else "b"
    action = PROMOTE if champion == "c" else KEEP
    number = append(engine, FIRST_AT, action, "b", after, "c", judged_by="challenge", data_hash="d")
    assert ask(engine, find_earlier_decision, champion, "c", "d").id == number


@pytest.mark.parametrize(
    ("champion", "challenger", "data"), [("a", "c", "d"), ("b", "x", "d"), ("b", "c", "other")]
)
def test_another_pair_or_other_data_was_not_judged(champion, challenger, data, engine) -> None:
    append(engine, FIRST_AT, PROMOTE, None, "b", "b")
    append(engine, FIRST_AT, KEEP, "b", "b", "c", judged_by="challenge", data_hash="d")
    assert ask(engine, find_earlier_decision, champion, challenger, data) is None


def test_a_promotion_by_hand_is_no_judgement(engine) -> None:
    append(engine, FIRST_AT, PROMOTE, None, "b", "b", data_hash="d")
    assert ask(engine, find_earlier_decision, None, "b", "d") is None


@pytest.mark.parametrize("found", [None, "tie"])
def test_a_bundle_that_could_not_be_used_may_have_been_mended_since(found, engine) -> None:
    append(engine, FIRST_AT, PROMOTE, None, "b", "b")
    append(engine, FIRST_AT, KEEP, "b", "b", "c", "champion_unusable", judged_by="challenge", data_hash="d")
    assert ask(engine, find_earlier_decision, "b", "c", "d", found) is None


def test_one_that_still_cannot_be_used_was_judged_before(engine) -> None:
    append(engine, FIRST_AT, PROMOTE, None, "b", "b")
    judged = {"judged_by": "challenge", "data_hash": "d"}
    number = append(engine, FIRST_AT, KEEP, "b", "b", "c", "champion_unusable", **judged)
    assert ask(engine, find_earlier_decision, "b", "c", "d", "champion_unusable").id == number
