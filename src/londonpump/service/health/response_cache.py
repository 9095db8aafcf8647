"""What `/readyz` and `/metrics` answer, worked out once a second at most, however many ask."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from londonpump.service.health.schemas import Readiness
from londonpump.service.state import ServiceState

T = TypeVar("T")
MAX_AGE_S = 1.0


class OncePerSecond(Generic[T]):
    """Answers that everybody who asks within a second shares."""

    def __init__(self) -> None:
        self._task: asyncio.Task[T] | None = None
        self._subject: Hashable = None
        self._began_s = 0.0
        self._began_at: datetime | None = None

    async def get(self, work: Callable[[], Awaitable[T]], now: datetime, subject: Hashable = None) -> T:
        """The answer of `work`, which begins anew after a second, or when the answer would be about something else.

        Both the machine's clock and `now` are looked at, so that an answer never outlives a second of either.
        """
        if self._task is None or self._is_old(now, subject):
            self._subject, self._began_at = subject, now
            self._began_s = asyncio.get_running_loop().time()
            self._task = asyncio.ensure_future(work())
        # one who goes away must not end it for the others
        return await asyncio.shield(self._task)

    def _is_old(self, now: datetime, subject: Hashable) -> bool:
        age_s = asyncio.get_running_loop().time() - self._began_s
        max_age = timedelta(seconds=MAX_AGE_S)
        is_fresh = self._began_at is not None and timedelta(0) <= now - self._began_at < max_age
        return age_s >= MAX_AGE_S or not is_fresh or subject != self._subject


@dataclass(frozen=True, slots=True)
class HealthCache:
    """The last answers of the two routes."""

    readiness: OncePerSecond[Readiness] = field(default_factory=OncePerSecond)
    metrics: OncePerSecond[bytes] = field(default_factory=OncePerSecond)


@asynccontextmanager
async def health_lifespan(state: ServiceState) -> AsyncIterator[None]:
    """For the lifespan of the service: `state.part(HealthCache)` in the block."""
    state.keep(HealthCache())
    yield
