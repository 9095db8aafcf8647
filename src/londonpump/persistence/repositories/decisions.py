"""The ledger of decisions about models: which was active when, and what was decided about a bundle.

The order of decisions is that of their numbers, because clocks of different machines may differ.
"""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, insert, or_, select, text

from londonpump.domain.errors import LondonPumpError
from londonpump.domain.json_values import JsonObject
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
    evidence: JsonObject
    actor: str
    id: int | None = None


_NAMES = (decisions.c.champion_before, decisions.c.champion_after, decisions.c.challenger)


@dataclass(frozen=True, slots=True)
class ActivePeriod:
    """Period in which a model was active."""

    from_at: datetime
    until_at: datetime | None  # None: it is still active


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
    return _lines(connection, query)


def decision_of(connection: Connection, number: int) -> Decision | None:
    """Return a decision by its number."""
    return _first(connection, select(decisions).where(decisions.c.id == number))


def decision_at(connection: Connection, at: datetime) -> Decision | None:
    """Return the decision in force at a time; None before the first."""
    return _first(connection, _newest(decisions.c.decided_at <= at))


def decisions_about(connection: Connection, bundle: str) -> list[Decision]:
    """Return the decisions that name a bundle, the oldest first."""
    about = select(decisions).where(or_(*(column == bundle for column in _NAMES))).order_by(decisions.c.id)
    return _lines(connection, about)


def named_bundles(connection: Connection) -> frozenset[str]:
    """Return every bundle that any decision names."""
    found = connection.execute(select(*_NAMES).distinct())
    return frozenset(name for row in found for name in row if name is not None)


def active_periods_of(connection: Connection, bundle: str) -> list[ActivePeriod]:
    """Return the periods in which a bundle was active, the oldest first."""
    lines = connection.execute(
        select(decisions.c.decided_at, decisions.c.champion_after).order_by(decisions.c.id)
    )
    periods: list[ActivePeriod] = []
    since: datetime | None = None
    for decided_at, champion in lines:
        if champion == bundle:
            # The clock of the machine that wrote a later decision may have been slow.
            since = decided_at if since is None else min(since, decided_at)
        elif since is not None:
            periods.append(ActivePeriod(since, decided_at))
            since = None
    return periods if since is None else [*periods, ActivePeriod(since, None)]


def was_active(connection: Connection, bundle: str) -> bool:
    """True if a bundle is or ever was active."""
    return _first(connection, _newest(decisions.c.champion_after == bundle)) is not None


def previous_champion(connection: Connection, champion: str) -> str | None:
    """Return the model that the champion replaced when it was promoted.

    Only promotions count, so that two roll backs go back two models instead of there and back.
    """
    promotions = _newest(decisions.c.champion_after == champion, decisions.c.action == PROMOTE)
    line = _first(connection, promotions.where(decisions.c.champion_before.is_distinct_from(champion)))
    return None if line is None else line.champion_before


def decisions_on_challenger(connection: Connection, challenger: str) -> list[Decision]:
    """Return the decisions about a challenger, the newest first."""
    return _lines(connection, _newest(decisions.c.challenger == challenger, max_rows=None))


def decisions_between(connection: Connection, first_at: datetime, until_at: datetime) -> list[Decision]:
    """Return the decisions of a period including its end, the oldest first."""
    inside = (decisions.c.decided_at >= first_at, decisions.c.decided_at <= until_at)
    return _lines(connection, select(decisions).where(*inside).order_by(decisions.c.id))


def first_decided_at(connection: Connection, until_at: datetime) -> datetime | None:
    """Return the time of the earliest decision until a time."""
    first = select(func.min(decisions.c.decided_at)).where(decisions.c.decided_at <= until_at)
    return connection.execute(first).scalar()


def _newest(*conditions: ColumnElement[bool], max_rows: int | None = 1) -> Select[Any]:
    return select(decisions).where(*conditions).order_by(decisions.c.id.desc()).limit(max_rows)


def _first(connection: Connection, query: Select[Any]) -> Decision | None:
    return next(iter(_lines(connection, query)), None)


def _lines(connection: Connection, query: Select[Any]) -> list[Decision]:
    found = connection.execute(query).mappings()
    return [Decision(**{**row, "evidence": rename_evidence(row["evidence"])}) for row in found]
