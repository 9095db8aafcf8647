"""What the ledger of decisions knows: who was on duty when, and what was decided about a bundle.

Lines are in the order of their numbers, whatever the clocks of those who wrote them said. All work inside a
transaction of the caller's.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Select, or_, select

from londonpump.domain.errors import BadFile
from londonpump.evaluation.promotion.checks import CHALLENGER_UNUSABLE, CHAMPION_UNUSABLE, FEW_ROWS
from londonpump.registry.bundle_store import BundleStore
from londonpump.settings import Settings
from londonpump.storage.database import open_database
from londonpump.storage.database.audit_repository import append_audit
from londonpump.storage.database.decision_repository import (
    KEEP,
    PROMOTE,
    ROLL_BACK,
    Decision,
    append_decision,
    lock_decisions,
)
from londonpump.storage.database.decision_tables import decisions

_NAMES = (decisions.c.champion_before, decisions.c.champion_after, decisions.c.challenger)


@dataclass(frozen=True, slots=True)
class ActivePeriod:
    """A time on duty. until_at None: still."""

    from_at: datetime
    until_at: datetime | None


def decision_of(connection: Connection, number: int) -> Decision | None:
    """One line by its number."""
    return _first(connection, select(decisions).where(decisions.c.id == number))


def decision_at(connection: Connection, at: datetime) -> Decision | None:
    """The line that held at an instant; None before the first."""
    return _first(connection, _newest(decisions.c.decided_at <= at))


def decisions_about(connection: Connection, bundle: str) -> list[Decision]:
    """Lines that name a bundle, the oldest first."""
    about = select(decisions).where(or_(*(column == bundle for column in _NAMES))).order_by(decisions.c.id)
    return _all(connection, about)


def named_bundles(connection: Connection) -> frozenset[str]:
    """Every bundle that any line names."""
    found = connection.execute(select(*_NAMES).distinct())
    return frozenset(name for row in found for name in row if name is not None)


def active_periods_of(connection: Connection, bundle: str) -> list[ActivePeriod]:
    """When a bundle was on duty, the oldest time first."""
    lines = connection.execute(
        select(decisions.c.decided_at, decisions.c.champion_after).order_by(decisions.c.id)
    )
    periods: list[ActivePeriod] = []
    since: datetime | None = None
    for decided_at, champion in lines:
        if champion == bundle:
            # the clock of a later line may have been behind
            since = decided_at if since is None else min(since, decided_at)
        elif since is not None:
            periods.append(ActivePeriod(since, decided_at))
            since = None
    return periods if since is None else [*periods, ActivePeriod(since, None)]


def was_active(connection: Connection, bundle: str) -> bool:
    """Whether a bundle is or ever was on duty."""
    return _first(connection, _newest(decisions.c.champion_after == bundle)) is not None


def previous_champion(connection: Connection, champion: str) -> str | None:
    """What the present champion once took the place of: rolling back twice goes back two models, not to and fro."""
    promotions = _newest(decisions.c.champion_after == champion, decisions.c.action == PROMOTE)
    line = _first(connection, promotions.where(decisions.c.champion_before.is_distinct_from(champion)))
    return None if line is None else line.champion_before


def find_earlier_decision(
    connection: Connection, champion: str | None, challenger: str, data_hash: str, verdict: str | None = None
) -> Decision | None:
    """The decision about this pair on this data, whether the challenger then took the place or not.

    Where a bundle could not be used, it may have been mended since: such a line counts only if `verdict` is the same.
    """
    lines = _all(connection, _newest(decisions.c.challenger == challenger, max_rows=None))
    same = (line for line in lines if line.evidence.get("data_hash") == data_hash and is_by_comparison(line))
    pair = (line for line in same if champion in (line.champion_before, line.champion_after))
    return next((line for line in pair if has_usable_bundles(line) or line.verdict == verdict), None)


def is_by_comparison(line: Decision) -> bool:
    """Whether the rule stands behind a line, not a person's word."""
    return line.evidence.get("judged_by") is not None


def has_usable_bundles(line: Decision) -> bool:
    """Whether the rule also had two bundles that it could use."""
    return is_by_comparison(line) and line.verdict not in (CHAMPION_UNUSABLE, CHALLENGER_UNUSABLE)


def has_comparison(line: Decision) -> bool:
    """Whether it also had rows enough to say anything about them."""
    return has_usable_bundles(line) and line.verdict != FEW_ROWS


def _newest(*conditions: ColumnElement[bool], max_rows: int | None = 1) -> Select[Any]:
    return select(decisions).where(*conditions).order_by(decisions.c.id.desc()).limit(max_rows)


def _first(connection: Connection, query: Select[Any]) -> Decision | None:
    return next(iter(_all(connection, query)), None)


def _all(connection: Connection, query: Select[Any]) -> list[Decision]:
    return [Decision(**row) for row in connection.execute(query).mappings()]


AUDITED_AS = {PROMOTE: "promotion", ROLL_BACK: "roll_back", KEEP: "champion_kept"}


@dataclass(frozen=True, slots=True)
class Registry:
    """engine: of the ledger's database. actor: who decides, as the ledger will name them."""

    engine: Engine
    store: BundleStore
    actor: str

    def record(self, connection: Connection, decision: Decision) -> int:
        """Add a line and its audit to the caller's transaction, which it ends. Returns: its number.

        Raises: ChampionChanged if somebody else decided meanwhile, BadFile if the new champion is gone from the store.
        """
        lock_decisions(connection)
        # `prune` holds the same lock while it takes bundles away
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
                self.store.folder(name), "was taken away meanwhile", "Copy it there again, then decide again."
            )


@contextmanager
def open_registry(settings: Settings) -> Iterator[Registry]:
    """The registry of the settings. Raises: DatabaseFailed."""
    engine = open_database(settings.database)
    try:
        yield Registry(engine, BundleStore(settings.bundle), actor_name(settings.run))
    finally:
        engine.dispose()


def actor_name(run: str | None) -> str:
    """Who runs the command, and which run it is part of if one is named."""
    user = _operating_system_user()
    return user if run is None else f"{user}, run {run}"


def _operating_system_user() -> str:
    """As the machine knows them; not the environment, which anybody may set."""
    try:
        import pwd  # noqa: PLC0415 - not on every platform

        return pwd.getpwuid(os.geteuid()).pw_name
    except (ImportError, KeyError):
        import getpass  # noqa: PLC0415

        return getpass.getuser()
