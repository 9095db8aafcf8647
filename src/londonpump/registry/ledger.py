"""Ledger of decisions: which model was active when, and what was decided about a bundle; and the registry that writes it.

The order of decisions is that of their numbers, because clocks of different machines may differ. The functions that read use the
transaction of the caller.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Select, or_, select

from londonpump.domain.errors import BadFile
from londonpump.evaluation.promotion.evidence import CHALLENGER_UNUSABLE, CHAMPION_UNUSABLE, FEW_ROWS
from londonpump.persistence.database import open_database
from londonpump.persistence.database.audit_repository import append_audit
from londonpump.persistence.database.decision_repository import (
    KEEP,
    PROMOTE,
    ROLL_BACK,
    Decision,
    append_decision,
    lock_decisions,
    select_lines,
)
from londonpump.persistence.database.schema import decisions
from londonpump.registry.bundle_store import BundleStore
from londonpump.settings import Settings

_NAMES = (decisions.c.champion_before, decisions.c.champion_after, decisions.c.challenger)


@dataclass(frozen=True, slots=True)
class ActivePeriod:
    """Period in which a model was active."""

    from_at: datetime
    until_at: datetime | None  # None: it is still active


def decision_of(connection: Connection, number: int) -> Decision | None:
    """Return a decision by its number."""
    return _first(connection, select(decisions).where(decisions.c.id == number))


def decision_at(connection: Connection, at: datetime) -> Decision | None:
    """Return the decision in force at a time; None before the first."""
    return _first(connection, _newest(decisions.c.decided_at <= at))


def decisions_about(connection: Connection, bundle: str) -> list[Decision]:
    """Return the decisions that name a bundle, the oldest first."""
    about = select(decisions).where(or_(*(column == bundle for column in _NAMES))).order_by(decisions.c.id)
    return select_lines(connection, about)


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


def find_earlier_decision(
    connection: Connection, champion: str | None, challenger: str, data_hash: str, verdict: str | None = None
) -> Decision | None:
    """Return the earlier decision about this pair on this data, whether the challenger won or not.

    A bundle that could not be used may have been repaired since: such a decision counts only if `verdict` is the same.
    """
    # The data hash is part of the evidence, which is JSON, so these few lines are filtered here.
    lines = select_lines(connection, _newest(decisions.c.challenger == challenger, max_rows=None))
    same = (line for line in lines if line.evidence.get("data_hash") == data_hash and is_by_comparison(line))
    pair = (line for line in same if champion in (line.champion_before, line.champion_after))
    return next((line for line in pair if has_usable_bundles(line) or line.verdict == verdict), None)


def is_by_comparison(line: Decision) -> bool:
    """True if the promotion rule made the decision, not a person."""
    return line.evidence.get("judged_by") is not None


def has_usable_bundles(line: Decision) -> bool:
    """True if the promotion rule had two usable bundles."""
    return is_by_comparison(line) and line.verdict not in (CHAMPION_UNUSABLE, CHALLENGER_UNUSABLE)


def has_comparison(line: Decision) -> bool:
    """True if the promotion rule had two usable bundles and enough rows to compare them."""
    return has_usable_bundles(line) and line.verdict != FEW_ROWS


def _newest(*conditions: ColumnElement[bool], max_rows: int | None = 1) -> Select[Any]:
    return select(decisions).where(*conditions).order_by(decisions.c.id.desc()).limit(max_rows)


def _first(connection: Connection, query: Select[Any]) -> Decision | None:
    return next(iter(select_lines(connection, query)), None)


AUDITED_AS = {PROMOTE: "promotion", ROLL_BACK: "roll_back", KEEP: "champion_kept"}


@dataclass(frozen=True, slots=True)
class Registry:
    """Ledger, store of bundles, and the actor of new decisions."""

    engine: Engine  # of the database with the ledger
    store: BundleStore
    actor: str

    def record(self, connection: Connection, decision: Decision) -> int:
        """Add a decision and its audit at the end of the caller's transaction. Returns: its number.

        Raises: ChampionChanged if another decision was recorded meanwhile, BadFile if the store lacks the new champion.
        """
        lock_decisions(connection)
        # `prune` holds the same lock while it moves bundles away, so a bundle seen here stays.
        if decision.champion_after is not None and decision.champion_after != decision.champion_before:
            self._require_stored(decision.champion_after)
        number = append_decision(connection, decision)
        about = {
            "decision": number,
            "before": decision.champion_before,
            "after": decision.champion_after,
            "challenger": decision.challenger,
            "reason": decision.reason,
        }
        append_audit(connection, decision.decided_at, AUDITED_AS[decision.action], decision.actor, about)
        return number

    def _require_stored(self, name: str) -> None:
        if not self.store.has(name):
            raise BadFile(
                self.store.folder(name), "was removed meanwhile", "Copy it there again, then decide again."
            )


@contextmanager
def open_registry(settings: Settings) -> Iterator[Registry]:
    """Open the registry of the settings. Raises: DatabaseFailed."""
    engine = open_database(settings.database)
    try:
        yield Registry(engine, BundleStore(settings.bundle), actor_name(settings.run))
    finally:
        engine.dispose()


def actor_name(run: str | None) -> str:
    """Return the user who runs the command, and the pipeline run that it belongs to, if any."""
    user = _operating_system_user()
    return user if run is None else f"{user}, run {run}"


def _operating_system_user() -> str:
    # The user database of the machine, not the environment: any user can set variables.
    try:
        import pwd  # noqa: PLC0415 - not on every platform

        return pwd.getpwuid(os.geteuid()).pw_name
    except (ImportError, KeyError):
        import getpass  # noqa: PLC0415

        return getpass.getuser()
