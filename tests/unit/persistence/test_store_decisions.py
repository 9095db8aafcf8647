"""The ledger of decisions is only appended to, and of two concurrent decisions one is rejected."""

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text
from support.postgres import ENGINES

from londonpump.domain.errors import DatabaseFailed
from londonpump.persistence.database import reading, writing
from londonpump.persistence.repositories.decisions import (
    PROMOTE,
    ChampionChanged,
    Decision,
    active_champion,
    append_decision,
    read_decisions,
)

AT = datetime(2025, 6, 2, 9, 30, tzinfo=UTC)


def line(before: str | None, after: str | None) -> Decision:
    return Decision(AT, PROMOTE, before, after, after, "by hand", "better", {"rows": 5}, "me")


def append(engine, before: str | None, after: str | None) -> int:
    with writing(engine) as connection:
        return append_decision(connection, line(before, after))


def active_model(engine) -> str | None:
    with reading(engine) as connection:
        return active_champion(connection)


def test_nobody_is_on_duty_at_first(engine) -> None:
    assert active_model(engine) is None


def test_the_newest_line_names_the_champion(engine) -> None:
    append(engine, None, "a")
    append(engine, "a", "b")
    assert active_model(engine) == "b"


def test_a_line_can_take_every_model_off_duty(engine) -> None:
    append(engine, None, "a")
    append(engine, "a", None)
    assert active_model(engine) is None


def test_who_decides_on_an_old_state_is_told(engine) -> None:
    append(engine, None, "a")
    with pytest.raises(ChampionChanged, match="is now a, not none"):
        append(engine, None, "b")
    assert active_model(engine) == "a"


def test_lines_come_back_newest_first_and_by_pages(engine) -> None:
    append(engine, None, "a")
    second = append(engine, "a", "b")
    append(engine, "b", "c")
    with reading(engine) as connection:
        assert [found.champion_after for found in read_decisions(connection, 2)] == ["c", "b"]
        earlier = read_decisions(connection, 2, before_id=second)
    assert [(found.decided_at, found.evidence, found.actor) for found in earlier] == [(AT, {"rows": 5}, "me")]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE decisions SET reason = 'another'",
        "UPDATE decisions SET champion_after = NULL WHERE id = 1",
        "DELETE FROM decisions",
    ],
)
def test_no_line_can_be_changed_or_removed(statement, engine) -> None:
    append(engine, None, "a")
    with pytest.raises(DatabaseFailed), writing(engine) as connection:
        connection.execute(text(statement))
    with reading(engine) as connection:
        assert read_decisions(connection, 9) == [Decision(**{**_fields(line(None, "a")), "id": 1})]


@pytest.mark.parametrize("database_url", [ENGINES[0]], indirect=True)
def test_no_line_can_be_replaced_in_sqlite(engine) -> None:
    append(engine, None, "a")
    with pytest.raises(DatabaseFailed), writing(engine) as connection:
        connection.execute(text("INSERT OR REPLACE INTO decisions SELECT * FROM decisions"))


@pytest.mark.parametrize("database_url", [ENGINES[1]], indirect=True)
def test_postgresql_cannot_empty_the_ledger(engine) -> None:
    append(engine, None, "a")
    with pytest.raises(DatabaseFailed), writing(engine) as connection:
        connection.execute(text("TRUNCATE decisions"))


def test_a_line_without_a_reason_is_refused(engine) -> None:
    with pytest.raises(DatabaseFailed), writing(engine) as connection:
        append_decision(connection, Decision(AT, PROMOTE, None, "a", "a", "by hand", "", {}, "me"))


def _fields(decision: Decision) -> dict[str, Any]:
    return {name: getattr(decision, name) for name in decision.__slots__}
