"""How fast guessing may go. Three counts, each of which leaks away with time:

- of an account from one source: a few mistakes are free, then the waits double;
- of a source, over all accounts: against one list of passwords tried on many names;
- of an account, from sources that never signed in to it: against many sources at work on one name.

Wrong old passwords of somebody who changes their own have a count of their own: whoever has taken a token cannot guess
on with it, and cannot keep the owner from signing in.

A source that signed in to the account within 90 days is held by the first alone, and for at most 30 s: a stranger
elsewhere cannot lock its people out, and one behind the same address can only slow them down. Whoever is signed in
stays so. An attempt is counted before the password is looked at and taken back when it was right, so that many at
once are no way round.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address, ip_network
from math import ceil

from starlette.requests import HTTPConnection

KNOWN_SOURCE_LIFETIME = timedelta(days=90)
FORGOTTEN_AFTER = timedelta(days=1)
MAX_WAITS = 4096
ATTEMPTS_TOGETHER = 2


@dataclass(frozen=True, slots=True)
class Count:
    """How many attempts are remembered, and when the last one was."""

    level: float
    at: datetime


@dataclass(frozen=True, slots=True)
class Pace:
    """free: attempts without a wait. leak_s: one is forgotten in this time. longest_s: the longest wait."""

    free: int
    leak_s: float
    longest_s: int

    def wait_s(self, count: Count | None, now: datetime) -> int:
        """Whole seconds until the next attempt may come; 0 for now."""
        if count is None or count.level < self.free:
            return 0
        if (count.at - now).total_seconds() > self.longest_s:
            # the clock was put back by more than any wait: this one would last until it is there again
            return 0
        doublings = min(ceil(count.level - self.free), 30)
        left_s = min(1 << doublings, self.longest_s) - _since_s(count, now)
        return max(0, ceil(left_s))

    def after(self, count: Count | None, now: datetime) -> Count:
        """The count with one attempt more."""
        if count is None:
            return Count(1.0, now)
        return Count(max(0.0, count.level - _since_s(count, now) / self.leak_s) + 1.0, now)


class Turns:
    """Attempts of one account from one source, two at a time.

    A count cannot know yet that an attempt is right: of a dozen that come together, the last would wait for the first.
    """

    def __init__(self, max_size: int = ATTEMPTS_TOGETHER) -> None:
        self._max_size = max_size
        self._by_pair: dict[tuple[str, str], tuple[asyncio.Semaphore, int]] = {}

    @asynccontextmanager
    async def of(self, pair: tuple[str, str]) -> AsyncIterator[None]:
        """Wait for a turn, and hold it in the block."""
        turns, n = self._by_pair.get(pair) or (asyncio.Semaphore(self._max_size), 0)
        self._by_pair[pair] = turns, n + 1
        try:
            async with turns:
                yield
        finally:
            n = self._by_pair[pair][1] - 1
            self._by_pair[pair] = turns, n
            if not n:
                del self._by_pair[pair]


class Waits:
    """Waits that were announced, kept in this process: until they end the same attempt is refused without the database.

    A wait can only become longer meanwhile, as whoever waits is not looked at; but an attempt that began before the wait
    may turn out right and end it (`forget`). Replicas find it in the database.
    """

    def __init__(self, max_size: int = MAX_WAITS) -> None:
        self._until: dict[tuple[str, ...], tuple[datetime, datetime]] = {}
        self._max_size = max_size

    def note(self, key: tuple[str, ...], wait_s: int, now: datetime) -> None:
        """Somebody has to wait."""
        self._until.pop(key, None)
        self._until[key] = now, now + timedelta(seconds=wait_s)
        if len(self._until) > self._max_size:
            del self._until[next(iter(self._until))]

    def forget(self, key: tuple[str, ...]) -> None:
        """Whoever had to wait is known now."""
        self._until.pop(key, None)

    def left_s(self, key: tuple[str, ...], now: datetime) -> int:
        """Whole seconds that are left; 0 if nothing is known of it."""
        noted_at, until_at = self._until.get(key, (now, now))
        if now < noted_at or now >= until_at:
            # over, or the clock was put back
            self._until.pop(key, None)
            return 0
        return ceil((until_at - now).total_seconds())


FROM_SOURCE = Pace(free=5, leak_s=300, longest_s=900)
FROM_KNOWN_SOURCE = Pace(free=5, leak_s=300, longest_s=30)
SOURCE = Pace(free=30, leak_s=30, longest_s=900)
ACCOUNT = Pace(free=50, leak_s=60, longest_s=60)
REGISTRATION = Pace(free=50, leak_s=60, longest_s=900)


def _since_s(count: Count, now: datetime) -> float:
    # a clock that was put back must not make waits longer
    return max(0.0, (now - count.at).total_seconds())


NETWORK_BITS = 64
"""One customer of a provider has a whole such network of IPv6."""
SITE_BITS = 56
"""Many providers give one customer 256 of them: connections and turns are counted by site."""


def source_of(request: HTTPConnection, n_proxies: int, ipv6_bits: int = NETWORK_BITS) -> str:
    """The address of the client: the peer, or what the outermost of `n_proxies` proxies of ours saw.

    Each proxy adds its peer at the right end of X-Forwarded-For; what stands further left anybody can write.
    """
    peer = request.client.host if request.client else ""
    if n_proxies:
        forwarded = [
            part.strip() for line in request.headers.getlist("x-forwarded-for") for part in line.split(",")
        ]
        if len(forwarded) >= n_proxies:
            return network_of(forwarded[-n_proxies], ipv6_bits) or network_of(peer, ipv6_bits) or peer
    return network_of(peer, ipv6_bits) or peer


def network_of(address: str, ipv6_bits: int = NETWORK_BITS) -> str | None:
    """An address as it is counted: itself, or its network of IPv6; None if it is no address."""
    try:
        known = ip_address(address)
    except ValueError:
        return None
    if isinstance(known, IPv6Address):
        if known.ipv4_mapped:
            return str(known.ipv4_mapped)
        return str(ip_network(f"{known.packed.hex(':', 2)}/{ipv6_bits}", strict=False))
    return str(known)
