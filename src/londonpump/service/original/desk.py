"""What the original's routes hold for all requests."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from londonpump.service.original.making import MOST_TIMES, Times, make_all
from londonpump.service.original.places import WaysKept
from londonpump.service.original.risk import RiskListKept
from londonpump.service.state import ServiceState


@asynccontextmanager
async def original_opened(state: ServiceState) -> AsyncIterator[None]:
    """Kept under their types."""
    state.keep(WaysKept())
    state.keep(RiskListKept())
    state.keep(Times(partial(make_all, state), MOST_TIMES))
    yield
