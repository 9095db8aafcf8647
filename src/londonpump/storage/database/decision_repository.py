"""Decisions about models in and out of the ledger. All work inside a transaction of the caller's."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, text

from londonpump.domain.errors import LondonPumpError
from londonpump.storage.database.schema import decisions

PROMOTE, ROLL_BACK, KEEP = "promote", "roll_back", "keep"


class ChampionChanged(LondonPumpError):
    """Somebody else decided meanwhile."""


@dataclass(frozen=True, slots=True)
class Decision:
    """One line of the ledger. Champions and challenger are hashes of bundles; champion_after None: none on duty."""

    decided_at: datetime
    action: str
    champion_before: str | None
    champion_after: str | None
    challenger: str | None
    verdict: str
    reason: str
    evidence: Mapping[str, Any]
    actor: str
    id: int | None = None


def active_champion(connection: Connection) -> str | None:
    """The model that the ledger names; None if it names none."""
    newest = select(decisions.c.champion_after).order_by(decisions.c.id.desc()).limit(1)
    name: str | None = connection.execute(newest).scalar()
    return name


def lock_decisions(connection: Connection) -> None:
    """Nobody else adds a line until this transaction ends. SQLite has one writer anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("LOCK TABLE decisions IN SHARE ROW EXCLUSIVE MODE"))


def append_decision(connection: Connection, decision: Decision) -> int:
    """Add a line; nobody else can meanwhile. Returns: its id.

    Raises: ChampionChanged if the model on duty is not `champion_before` any more.
    """
    lock_decisions(connection)
    now = active_champion(connection)
    if now != decision.champion_before:
        raise ChampionChanged(
            f"The model on duty is {now or 'none'} by now, not {decision.champion_before or 'none'}. "
            "Look again (londonpump models list), then decide again."
        )
    row = {field.name: getattr(decision, field.name) for field in fields(decision) if field.name != "id"}
    inserted = connection.execute(insert(decisions).values(row).returning(decisions.c.id))
    number: int = inserted.scalar_one()
    return number


def read_decisions(connection: Connection, max_rows: int, before_id: int | None = None) -> list[Decision]:
    """The newest lines first, those before a line if one is named."""
    query = select(decisions).order_by(decisions.c.id.desc()).limit(max_rows)
    if before_id is not None:
        query = query.where(decisions.c.id < before_id)
    return [Decision(**row) for row in connection.execute(query).mappings()]
