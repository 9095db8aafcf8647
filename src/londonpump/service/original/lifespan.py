"""What the original's routes hold for all requests."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from londonpump.service.original.ground_paths import GroundPathCache
from londonpump.service.original.risk import RiskListCache
from londonpump.service.original.service import MAX_TIMES_PER_BATCH, TimeBatcher, predict_times
from londonpump.service.state import ServiceState


@asynccontextmanager
async def original_lifespan(state: ServiceState) -> AsyncIterator[None]:
    """Kept under their types."""
    state.keep(GroundPathCache())
    state.keep(RiskListCache())
    state.keep(TimeBatcher(partial(predict_times, state), MAX_TIMES_PER_BATCH))
    yield
