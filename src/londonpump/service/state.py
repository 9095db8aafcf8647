"""Services that all requests share, and the dependency through which an endpoint reaches them."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from londonpump.persistence.database.store import Store, StoreLimits
from londonpump.service.champion import ChampionWatch
from londonpump.service.telemetry import Metrics
from londonpump.settings import Settings

# the domains import this module, so that their types are known to the type checker alone
if TYPE_CHECKING:
    from londonpump.persistence.repositories.audit import AuditBatch
    from londonpump.persistence.repositories.users import Session
    from londonpump.roads.table import RoadTable
    from londonpump.service.auth.lifespan import Auth
    from londonpump.service.auth.passwords import HashCost
    from londonpump.service.board.cache import BoardCache, BoardLimits
    from londonpump.service.console.tiles import Tiles
    from londonpump.service.health.lifespan import AlarmFigures, HealthCache, Live
    from londonpump.service.imported_tables import ImportedTable
    from londonpump.service.micro_batching import MicroBatcher
    from londonpump.service.places.lookup import PlaceLookup
    from londonpump.service.predictions.batching import BatchTurn
    from londonpump.service.predictions.request_context import ContextCache, StationIndexCache
    from londonpump.service.predictions.service import StoredAnswers, UserQuestion

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the present time in UTC; tests use another clock."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class ServiceOptions:
    """Options that only `assembly.create_app` takes, never the environment: for tests, and for limits that nobody tunes."""

    clock: Clock = utc_now
    store_limits: StoreLimits | None = None
    champion_poll_s: float = 1.0
    body_limit_bytes: int = 1_000_000
    hash_cost: "HashCost | None" = None
    """Cost of a password hash; None for that of production."""
    board_limits: "BoardLimits | None" = None


@dataclass(slots=True)
class Services:
    """Services that all requests share. The lifespan of a domain sets its fields before the first request."""

    settings: Settings
    options: ServiceOptions
    store: Store
    # the bundle inside changes while serving: read `champion.current` once per request
    champion: ChampionWatch
    metrics: Metrics
    started_at: datetime
    roads: "ImportedTable[RoadTable]"
    places: "PlaceLookup"
    is_draining: bool = False
    """Whether the service answers for a last moment before it stops."""
    auth: "Auth" = field(init=False)
    sessions: "MicroBatcher[str, Session | None]" = field(init=False)
    """Look-up of sessions by their ids, with one query for concurrent requests."""
    board: "BoardCache" = field(init=False)
    alarms: "AlarmFigures" = field(init=False)
    live: "Live" = field(init=False)
    health: "HealthCache" = field(init=False)
    contexts: "ContextCache" = field(init=False)
    station_indexes: "StationIndexCache" = field(init=False)
    questions: "MicroBatcher[UserQuestion, StoredAnswers]" = field(init=False)
    """Questions with exact locations: those that arrive together share one read of the board and one model pass."""
    large_questions: "MicroBatcher[UserQuestion, StoredAnswers]" = field(init=False)
    """Expensive questions, answered one by one: a named area has many points, and each explanation takes 1 ms."""
    batch_turn: "BatchTurn" = field(init=False)
    audit: "AuditBatch" = field(init=False)
    tiles: "Tiles | None" = field(init=False)
    """Streets of the console's map."""
    model_change: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while the active model is being changed by a request."""

    @property
    def clock(self) -> Clock:
        """Clock of the service, in UTC; the only clock that its code reads for timestamps."""
        return self.options.clock


def state_of(connection: HTTPConnection) -> Services:
    """Return the services that answer a request."""
    state: Services = connection.app.state.service
    return state


async def _get_state(connection: HTTPConnection) -> Services:
    # async, because FastAPI would run a plain function in a thread on every request
    return state_of(connection)


State = Annotated[Services, Depends(_get_state)]
"""Services, as a parameter of an endpoint."""
