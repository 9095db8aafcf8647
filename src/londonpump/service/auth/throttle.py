"""Limits on password guessing: three leaky counts of attempts.

- Per account and source: a few mistakes are free, then the waits double.
- Per source, over all accounts: stops a password list tried on many names.
- Per account, over sources that never signed in to it: stops many sources that try one name.

Wrong old passwords during a password change have a separate count: a stolen token cannot be used to guess the
password, or to keep the owner from signing in.

Only the first count limits a source that signed in to the account within 90 days, for at most 30 s: other sources
cannot lock its users out, and an attacker behind the same address can only slow them down. Open sessions stay open.
An attempt is counted before the password is checked and taken back if it succeeds, so that concurrent attempts do not
evade the limit.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from ipaddress import IPv6Address, ip_address, ip_network
from math import ceil

from starlette.requests import HTTPConnection

from londonpump.persistence.database import Connection
from londonpump.persistence.repositories import users
from londonpump.persistence.repositories.users import Count

KNOWN_SOURCE_LIFETIME = timedelta(days=90)
FORGOTTEN_AFTER = timedelta(days=1)
MAX_WAITS = 4096
ATTEMPTS_TOGETHER = 2
NETWORK_BITS = 64
"""IPv6 network of one customer."""
SITE_BITS = 56
"""Many providers give one customer 256 networks: connections and slots are counted per site."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Limits of one count."""

    free: int
    """Attempts without a wait."""
    leak_s: float
    """Time after which one attempt is forgotten."""
    longest_s: int
    """Longest wait."""

    def wait_s(self, count: Count | None, now: datetime) -> int:
        """Return the whole seconds until the next attempt is allowed; 0 if it is allowed now."""
        if count is None or count.level < self.free:
            return 0
        if (count.at - now).total_seconds() > self.longest_s:
            # the clock was set back by more than any wait, which would otherwise last until the clock catches up
            return 0
        # 30 doublings exceed every longest wait, and keep the shift small for huge counts
        doublings = min(ceil(count.level - self.free), 30)
        left_s = min(1 << doublings, self.longest_s) - _since_s(count, now)
        return max(0, ceil(left_s))

    def after(self, count: Count | None, now: datetime) -> Count:
        """Return the count after one more attempt."""
        if count is None:
            return Count(1.0, now)
        return Count(max(0.0, count.level - _since_s(count, now) / self.leak_s) + 1.0, now)


class Turns:
    """Queue that lets two attempts per account and source run at a time.

    An attempt counts as wrong until it succeeds. Without the queue, a dozen concurrent correct attempts would exceed
    the limit.
    """

    def __init__(self, max_size: int = ATTEMPTS_TOGETHER) -> None:
        self._max_size = max_size
        self._by_pair: dict[tuple[str, str], tuple[asyncio.Semaphore, int]] = {}

    @asynccontextmanager
    async def of(self, pair: tuple[str, str]) -> AsyncIterator[None]:
        """Wait for a turn and hold it inside the block."""
        turns, n = self._by_pair.get(pair) or (asyncio.Semaphore(self._max_size), 0)
        self._by_pair[pair] = turns, n + 1
        try:
            async with turns:
                yield
        finally:
            n = self._by_pair[pair][1] - 1
            self._by_pair[pair] = turns, n
            # delete unused semaphores, or each guessed name would stay in memory
            if not n:
                del self._by_pair[pair]


class Waits:
    """Cache of announced waits of this process: it rejects repeated attempts without a database query.

    A wait in the database can only become longer, unless an attempt that began before it succeeds and ends it
    (`forget`). Other replicas read the wait from the database.
    """

    def __init__(self, max_size: int = MAX_WAITS) -> None:
        self._until: dict[tuple[str, ...], tuple[datetime, datetime]] = {}
        self._max_size = max_size

    def note(self, key: tuple[str, ...], wait_s: int, now: datetime) -> None:
        """Store a wait."""
        self._until.pop(key, None)
        self._until[key] = now, now + timedelta(seconds=wait_s)
        # bounded memory: the oldest entry goes, and its wait is then read from the database again
        if len(self._until) > self._max_size:
            del self._until[next(iter(self._until))]

    def forget(self, key: tuple[str, ...]) -> None:
        """Remove a wait, because an attempt succeeded."""
        self._until.pop(key, None)

    def left_s(self, key: tuple[str, ...], now: datetime) -> int:
        """Return the remaining whole seconds; 0 if no wait is stored."""
        noted_at, until_at = self._until.get(key, (now, now))
        if now < noted_at or now >= until_at:
            # expired, or the clock was set back
            self._until.pop(key, None)
            return 0
        return ceil((until_at - now).total_seconds())


FROM_SOURCE = Pace(free=5, leak_s=300, longest_s=900)
FROM_KNOWN_SOURCE = Pace(free=5, leak_s=300, longest_s=30)
SOURCE = Pace(free=30, leak_s=30, longest_s=900)
ACCOUNT = Pace(free=50, leak_s=60, longest_s=60)
REGISTRATION = Pace(free=50, leak_s=60, longest_s=900)


def _since_s(count: Count, now: datetime) -> float:
    # a clock that was set back must not make waits longer
    return max(0.0, (now - count.at).total_seconds())


def key_of(count_type: str, *parts: str) -> str:
    """Return the key of a count. It is a hash, because people sometimes type a password into the name field."""
    # names and sources contain no null character, so different parts never join to the same text
    return f"{count_type}:{sha256(chr(0).join(parts).encode('utf-8', 'surrogatepass')).hexdigest()}"


def count_attempt(
    connection: Connection, limiting: dict[str, Pace], counted: dict[str, Pace], now: datetime
) -> int:
    """Count an attempt under the keys of `counted`, unless a count of `limiting` makes it wait. Returns: the wait."""
    # every count has leaked away after a day, so the table stays small without a cleaning job
    users.delete_counts_before(connection, now - FORGOTTEN_AFTER)
    counts = users.read_counts(connection, {*limiting, *counted})
    wait_s = _longest_wait_s(counts, limiting, now)
    if wait_s == 0:
        after = {key: pace.after(counts.get(key), now) for key, pace in counted.items()}
        users.write_counts(connection, after)
    return wait_s


def wait_s_of(connection: Connection, limiting: dict[str, Pace], now: datetime) -> int:
    """Return the wait that `count_attempt` would return, without counting."""
    return _longest_wait_s(users.read_counts(connection, limiting.keys()), limiting, now)


def reset_count(connection: Connection, reset_key: str, decremented: tuple[str, ...]) -> None:
    """Clear one count and decrement others, after a successful attempt."""
    users.delete_count(connection, reset_key)
    decrement(connection, decremented)


def decrement(connection: Connection, keys: tuple[str, ...]) -> None:
    """Decrement counts, because the attempt succeeded or was withdrawn."""
    counts = users.read_counts(connection, keys)
    users.write_counts(
        connection, {key: Count(max(0.0, one.level - 1), one.at) for key, one in counts.items()}
    )


def _longest_wait_s(counts: dict[str, Count], limiting: dict[str, Pace], now: datetime) -> int:
    return max((pace.wait_s(counts.get(key), now) for key, pace in limiting.items()), default=0)


def source_of(request: HTTPConnection, n_proxies: int, ipv6_bits: int = NETWORK_BITS) -> str:
    """Return the address of the client: the peer, or the peer of the outermost of our `n_proxies` proxies.

    Each proxy appends its peer to X-Forwarded-For; entries further left can be forged by the client.
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
    """Return the unit in which an address is counted: itself or its IPv6 network; None if it is not an address."""
    try:
        known = ip_address(address)
    except ValueError:
        return None
    if isinstance(known, IPv6Address):
        # a dual-stack socket reports IPv4 clients in this form
        if known.ipv4_mapped:
            return str(known.ipv4_mapped)
        return str(ip_network(f"{known.packed.hex(':', 2)}/{ipv6_bits}", strict=False))
    return str(known)
