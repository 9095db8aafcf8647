"""What the service holds while it runs, and how an endpoint reaches it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar, cast

from fastapi import Depends
from starlette.requests import HTTPConnection

from londonpump.service.champion import ChampionWatch
from londonpump.service.telemetry import Metrics
from londonpump.settings import Settings
from londonpump.storage.database.store import Store, StoreLimits

T = TypeVar("T")
Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The clock of the service outside tests."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class ServiceOptions:
    """What only `create_app` is told, never the environment: for tests, and for bounds nobody needs to turn.

    parts: options of the parts by their type, such as the cost of a password's hash.
    """

    clock: Clock = utc_now
    store_limits: StoreLimits | None = None
    champion_poll_s: float = 1.0
    body_limit_bytes: int = 1_000_000
    parts: tuple[object, ...] = ()


@dataclass(slots=True)
class ServiceState:
    """clock: an aware datetime in UTC; nothing in the service asks the machine's clock otherwise."""

    settings: Settings
    options: ServiceOptions
    store: Store
    champion: ChampionWatch
    metrics: Metrics
    started_at: datetime
    _parts: dict[type, Any] = field(default_factory=dict)

    @property
    def clock(self) -> Clock:
        """What time it is."""
        return self.options.clock

    def keep(self, part: object) -> None:
        """Keep what a part of the service holds for all requests, under its type."""
        self._parts[type(part)] = part

    def part(self, part_type: type[T]) -> T:
        """What was kept under a type. Raises: KeyError if nothing was."""
        return cast("T", self._parts[part_type])

    def option(self, part_type: type[T], default: Callable[[], T]) -> T:
        """A part's options as `create_app` was told, or else its own."""
        return (
            next(
                (part_options for part_options in self.options.parts if isinstance(part_options, part_type)),
                None,
            )
            or default()
        )


def state_of(connection: HTTPConnection) -> ServiceState:
    """The state that serves a request."""
    state: ServiceState = connection.app.state.service
    return state


async def _get_state(connection: HTTPConnection) -> ServiceState:
    # a plain function would be sent to a thread on every request
    return state_of(connection)


State = Annotated[ServiceState, Depends(_get_state)]
"""The state, as an endpoint's parameter."""
