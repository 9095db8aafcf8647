"""State of the running service, and the dependency through which an endpoint reaches it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar, cast

from fastapi import Depends
from starlette.requests import HTTPConnection

from londonpump.persistence.database.store import Store, StoreLimits
from londonpump.service.champion import ChampionWatch
from londonpump.service.telemetry import Metrics
from londonpump.settings import Settings

T = TypeVar("T")
Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the present time in UTC; tests use another clock."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class ServiceOptions:
    """Options that only `create_app` takes, never the environment: for tests, and for limits that nobody tunes."""

    clock: Clock = utc_now
    store_limits: StoreLimits | None = None
    champion_poll_s: float = 1.0
    body_limit_bytes: int = 1_000_000
    parts: tuple[object, ...] = ()
    """Options of single domains, found by their type, such as the cost of a password hash."""


@dataclass(slots=True)
class ServiceState:
    """Shared state of all requests."""

    settings: Settings
    options: ServiceOptions
    store: Store
    # the bundle inside changes while serving: read `champion.current` once per request
    champion: ChampionWatch
    metrics: Metrics
    started_at: datetime
    _parts: dict[type, Any] = field(default_factory=dict)

    @property
    def clock(self) -> Clock:
        """Clock of the service, in UTC; the only clock that its code reads for timestamps."""
        return self.options.clock

    def keep(self, part: object) -> None:
        """Store a domain's shared object under its type."""
        self._parts[type(part)] = part

    def part(self, part_type: type[T]) -> T:
        """Return the object stored under a type. Raises: KeyError if there is none."""
        return cast("T", self._parts[part_type])

    def option(self, part_type: type[T], default: Callable[[], T]) -> T:
        """Return the options of a type that `create_app` was given, else the default."""
        return (
            next(
                (part_options for part_options in self.options.parts if isinstance(part_options, part_type)),
                None,
            )
            or default()
        )


def state_of(connection: HTTPConnection) -> ServiceState:
    """Return the state that serves a request."""
    state: ServiceState = connection.app.state.service
    return state


async def _get_state(connection: HTTPConnection) -> ServiceState:
    # async, because FastAPI would run a plain function in a thread on every request
    return state_of(connection)


State = Annotated[ServiceState, Depends(_get_state)]
"""State of the service, as a parameter of an endpoint."""
