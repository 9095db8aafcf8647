"""The ledger of decisions about models. Every function works inside the transaction of its caller."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, insert, select, text

from londonpump.domain.errors import LondonPumpError
from londonpump.persistence.database.schema import decisions
from londonpump.persistence.stored_json import rename_evidence

PROMOTE, ROLL_BACK, KEEP = "promote", "roll_back", "keep"


class ChampionChanged(LondonPumpError):
    """Another process decided in the meantime."""


@dataclass(frozen=True, slots=True)
class Decision:
    """One line of the ledger. Champions and challenger are hashes of bundles."""

    decided_at: datetime
    action: str
    champion_before: str | None
    champion_after: str | None
    """The active model from now on; None if no model is active."""
    challenger: str | None
    verdict: str
    reason: str
    evidence: Mapping[str, Any]
    actor: str
    id: int | None = None


def active_champion(connection: Connection) -> str | None:
    """Return the active model, or None."""
    newest = select(decisions.c.champion_after).order_by(decisions.c.id.desc()).limit(1)
    name: str | None = connection.execute(newest).scalar()
    return name


def lock_decisions(connection: Connection) -> None:
    """Keep others from adding a line until this transaction ends."""
    # SQLite needs no lock: a transaction that writes is the only writer from its beginning
    if connection.dialect.name == "postgresql":
        connection.execute(text("LOCK TABLE decisions IN SHARE ROW EXCLUSIVE MODE"))


def append_decision(connection: Connection, decision: Decision) -> int:
    """Add a line under the lock and return its id.

    Raises: ChampionChanged if the active model is no longer `champion_before`.
    """
    lock_decisions(connection)
    now = active_champion(connection)
    if now != decision.champion_before:
        raise ChampionChanged(
            f"The active model is now {now or 'none'}, not {decision.champion_before or 'none'}. "
            "Check it (londonpump models list), then decide again."
        )
    row = {field.name: getattr(decision, field.name) for field in fields(decision) if field.name != "id"}
    inserted = connection.execute(insert(decisions).values(row).returning(decisions.c.id))
    number: int = inserted.scalar_one()
    return number


def read_decisions(connection: Connection, max_rows: int, before_id: int | None = None) -> list[Decision]:
    """Return the newest lines first, or those before `before_id`."""
    query = select(decisions).order_by(decisions.c.id.desc()).limit(max_rows)
    if before_id is not None:
        query = query.where(decisions.c.id < before_id)
    return select_lines(connection, query)


def select_lines(connection: Connection, query: Select[Any]) -> list[Decision]:
    """Return the lines of a query on the ledger."""
    found = connection.execute(query).mappings()
    return [Decision(**{**row, "evidence": rename_evidence(row["evidence"])}) for row in found]
