"""What the service holds of signing in for as long as it runs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from londonpump.service.auth.passwords import HashCost, Passwords
from londonpump.service.auth.secret import load_secret
from londonpump.service.auth.tokens import Tokens
from londonpump.service.state import ServiceState
from londonpump.settings import Settings


@dataclass(frozen=True, slots=True)
class Auth:
    """is_open: may anybody make an account. n_proxies: of ours, in front."""

    tokens: Tokens
    passwords: Passwords
    is_open: bool
    password_min: int
    n_proxies: int

    def close(self) -> None:
        """End the threads."""
        self.passwords.close()


def open_auth(settings: Settings, cost: HashCost | None = None) -> Auth:
    """With the secret as it is now: another one needs a restart. Raises: BadFile as `load_secret`."""
    is_open = settings.is_embedded if settings.registration is None else settings.registration
    tokens = Tokens(load_secret(settings))
    return Auth(tokens, Passwords(cost), is_open, settings.password_min, settings.proxies)


@asynccontextmanager
async def auth_opened(state: ServiceState) -> AsyncIterator[None]:
    """For the lifespan of the service: `state.part(Auth)` in the block."""
    auth = open_auth(state.settings, state.option(HashCost, HashCost))
    state.keep(auth)
    try:
        yield
    finally:
        auth.close()
