"""Weather, traffic and calendar of a moment as the database knows them, asked at most once a minute for calls of now.

A database that does not answer in time is no reason not to answer a call: the model's own usual values stand in then,
and the answer says so.
"""

from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from londonpump.domain.errors import DatabaseFailed
from londonpump.features.context import ContextSnapshot
from londonpump.service.state import ServiceState
from londonpump.storage.database.context_lookup import select_context

MAX_AGE = timedelta(minutes=1)
TIMEOUT_SHARE = 0.5
"""Of the store's patience, for what an answer can do without: the rest is for storing it."""
MAX_CACHED = 4
FIRST_WITHIN_S = 5.0


@dataclass(slots=True)
class ContextCache:
    """What was read last of moments near now: (read_at, context) by the minute that it is about."""

    by_minute: dict[datetime, tuple[datetime, ContextSnapshot]] = field(default_factory=dict)

    def find(self, at: datetime, now: datetime) -> ContextSnapshot | None:
        """The context of the moment's minute, if it was read within the last minute."""
        read_at, context = self.by_minute.get(_minute(at), (None, None))
        if read_at is None or context is None or not timedelta(0) <= now - read_at < MAX_AGE:
            return None
        return replace(context, at=at)

    def keep(self, context: ContextSnapshot, now: datetime) -> None:
        """Keep what was read now, if it is about now."""
        if abs(context.at - now) >= MAX_AGE:
            return
        if len(self.by_minute) >= MAX_CACHED:
            self.by_minute.clear()
        self.by_minute[_minute(context.at)] = (now, context)


async def read_context(state: ServiceState, at: datetime) -> ContextSnapshot | None:
    """The context of a moment as it was known then; None if the database does not answer in time."""
    now = state.clock()
    cache = state.part(ContextCache)
    known = cache.find(at, now)
    if known is not None:
        return known
    within_s = state.store.limits.patience_s * TIMEOUT_SHARE
    try:
        read = await state.store.read(lambda connection: select_context(connection, at), within_s=within_s)
    except DatabaseFailed:
        return None
    cache.keep(read, now)
    return read


async def warm_up_context(state: ServiceState) -> None:
    """Read one and keep nothing: the first time loads the library of holidays, which takes longer than a call may wait."""
    now = state.clock()
    with suppress(DatabaseFailed):
        await state.store.read(lambda connection: select_context(connection, now), within_s=FIRST_WITHIN_S)


def _minute(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)
