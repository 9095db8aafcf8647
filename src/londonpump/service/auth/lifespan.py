"""Objects of sign-in that all requests share."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

from londonpump.persistence.repositories.users import Session, find_sessions
from londonpump.service.auth.passwords import SERVICE_COST, HashCost, Passwords
from londonpump.service.auth.throttle import Turns, Waits
from londonpump.service.auth.tokens import Tokens, load_secret
from londonpump.service.micro_batching import MicroBatcher
from londonpump.service.state import Services
from londonpump.settings import Settings


@dataclass(frozen=True, slots=True)
class Auth:
    """Shared state of sign-in."""

    tokens: Tokens
    passwords: Passwords
    is_open: bool
    """Whether anybody may create an account."""
    password_min: int
    n_proxies: int
    """Number of our proxies in front of the service."""
    waits: Waits = field(default_factory=Waits)
    turns: Turns = field(default_factory=Turns)

    def close(self) -> None:
        """Stop the hashing threads."""
        self.passwords.close()


def open_auth(settings: Settings, cost: HashCost | None = None) -> Auth:
    """Load the secret and create the shared state. A new secret needs a restart. Raises: BadFile as `load_secret`."""
    is_open = settings.is_embedded if settings.registration is None else settings.registration
    tokens = Tokens(load_secret(settings), timedelta(minutes=settings.token_minutes))
    return Auth(tokens, Passwords(cost), is_open, settings.password_min, settings.proxies)


# `find_sessions` takes some dozens of ids at most
MAX_SESSIONS_PER_QUERY = 32


async def _sessions_of(state: Services, session_ids: Sequence[str]) -> list[Session | None]:
    # several requests of one client share a session
    unique_ids = frozenset(session_ids)
    found = await state.store.read(lambda connection: find_sessions(connection, unique_ids))
    return [found.get(session_id) for session_id in session_ids]


@asynccontextmanager
async def auth_lifespan(state: Services) -> AsyncIterator[None]:
    """Provide sign-in and the look-up of sessions inside the block."""
    state.auth = open_auth(state.settings, state.options.hash_cost or SERVICE_COST)
    state.sessions = MicroBatcher(partial(_sessions_of, state), MAX_SESSIONS_PER_QUERY)
    try:
        yield
    finally:
        state.auth.close()
