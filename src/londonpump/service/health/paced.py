"""What `/readyz` and `/metrics` answer, worked out once a second at most, however many ask."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from londonpump.service.health.shapes import Readiness
from londonpump.service.state import ServiceState

T = TypeVar("T")
KEPT_S = 1.0


class OnceASecond(Generic[T]):
    """Answers that everybody who asks within a second shares."""

    def __init__(self) -> None:
        self._task: asyncio.Task[T] | None = None
        self._about: Hashable = None
        self._began_s = 0.0
        self._began_at: datetime | None = None

    async def get(self, work: Callable[[], Awaitable[T]], now: datetime, about: Hashable = None) -> T:
        """The answer of `work`, which begins anew after a second, or when the answer would be about something else.

        Both the machine's clock and `now` are looked at, so that an answer never outlives a second of either.
        """
        if self._task is None or self._is_old(now, about):
            self._about, self._began_at = about, now
            self._began_s = asyncio.get_running_loop().time()
            self._task = asyncio.ensure_future(work())
        # one who goes away must not end it for the others
        return await asyncio.shield(self._task)

    def _is_old(self, now: datetime, about: Hashable) -> bool:
        age_s = asyncio.get_running_loop().time() - self._began_s
        kept_for = timedelta(seconds=KEPT_S)
        is_fresh = self._began_at is not None and timedelta(0) <= now - self._began_at < kept_for
        return age_s >= KEPT_S or not is_fresh or about != self._about


@dataclass(frozen=True, slots=True)
class HealthAnswers:
    """The last answers of the two routes."""

    readiness: OnceASecond[Readiness] = field(default_factory=OnceASecond)
    metrics: OnceASecond[bytes] = field(default_factory=OnceASecond)


@asynccontextmanager
async def health_opened(state: ServiceState) -> AsyncIterator[None]:
    """For the lifespan of the service: `state.part(HealthAnswers)` in the block."""
    state.keep(HealthAnswers())
    yield
