"""Weather, traffic and calendar of a moment as the database knows them, asked at most once a minute for calls of now.

A database that does not answer in time is no reason not to answer a call: the model's own usual values stand in then,
and the answer says so.
"""

from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from londonpump.brigade.errors import DatabaseFailed
from londonpump.features.moment import MomentContext
from londonpump.service.state import ServiceState
from londonpump.storage.database.context_at import context_seen

KEPT_FOR = timedelta(minutes=1)
SHARE_OF_PATIENCE = 0.5
"""Of the store's patience, for what an answer can do without: the rest is for storing it."""
MOST_KEPT = 4
FIRST_WITHIN_S = 5.0


@dataclass(slots=True)
class ContextKept:
    """What was read last of moments near now: (read_at, context) by the minute that it is about."""

    by_minute: dict[datetime, tuple[datetime, MomentContext]] = field(default_factory=dict)

    def find(self, at: datetime, now: datetime) -> MomentContext | None:
        """The context of the moment's minute, if it was read within the last minute."""
        read_at, context = self.by_minute.get(_minute(at), (None, None))
        if read_at is None or context is None or not timedelta(0) <= now - read_at < KEPT_FOR:
            return None
        return replace(context, at=at)

    def keep(self, context: MomentContext, now: datetime) -> None:
        """Keep what was read now, if it is about now."""
        if abs(context.at - now) >= KEPT_FOR:
            return
        if len(self.by_minute) >= MOST_KEPT:
            self.by_minute.clear()
        self.by_minute[_minute(context.at)] = (now, context)


async def moment_context(state: ServiceState, at: datetime) -> MomentContext | None:
    """The context of a moment as it was known then; None if the database does not answer in time."""
    now = state.clock()
    kept = state.part(ContextKept)
    known = kept.find(at, now)
    if known is not None:
        return known
    within_s = state.store.limits.patience_s * SHARE_OF_PATIENCE
    try:
        read = await state.store.read(lambda connection: context_seen(connection, at), within_s=within_s)
    except DatabaseFailed:
        return None
    kept.keep(read, now)
    return read


async def first_context(state: ServiceState) -> None:
    """Read one and keep nothing: the first time loads the library of holidays, which takes longer than a call may wait."""
    now = state.clock()
    with suppress(DatabaseFailed):
        await state.store.read(lambda connection: context_seen(connection, now), within_s=FIRST_WITHIN_S)


def _minute(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)
