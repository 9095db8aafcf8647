"""Password hashing with argon2id in two low-priority threads.

A hash takes 32 MiB and about 0.1 s of CPU. More concurrent hashes, or threads of normal priority, would slow down
predictions; a sign-in can wait. Hashes of an earlier cost (64 MiB, four lanes) and the bcrypt hashes of accounts
imported from the original are replaced at the next sign-in.
"""

import asyncio
import os
import secrets
import sys
from base64 import b64encode
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from threading import get_native_id
from typing import TypeVar
from unicodedata import normalize

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from pwdlib.hashers.bcrypt import BcryptHasher

from londonpump.service.auth.errors import HashingBusy

N_THREADS = 2
MAX_QUEUED = 40
"""About 2 s of work for two threads."""
MAX_QUEUED_PER_SOURCE = 16
"""Leaves room for other sources, while a dozen people can sign in at once from one address."""
NICENESS, MAX_NICENESS = 5, 19
MAX_PASSWORD_LENGTH = 128
SALT_BYTES, DIGEST_BYTES = 16, 32
BCRYPT_BYTES = 72
"""bcrypt reads only this much of a password; today's library rejects longer ones, the original's cut them."""
DUMMY_BCRYPT = "$2b$12$" + "." * 53
"""Hash at the original's cost, without a known password."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class HashCost:
    """Cost of one argon2id hash: by default 1.7 times OWASP's minimum (19 MiB, 2 rounds, 1 lane)."""

    time: int = 2
    memory_kib: int = 32_768
    lanes: int = 1
    refusal_step_s: float = 0.0
    """A wrong password is answered after a whole multiple of this time, so that the time does not reveal whether the
    account exists or has a hash of another cost."""


SERVICE_COST = HashCost(refusal_step_s=0.5)
"""Cost in production; tests use less."""


class Passwords:
    """Maker and checker of password hashes. `close` stops its threads."""

    def __init__(self, cost: HashCost | None = None) -> None:
        cost = cost or SERVICE_COST
        hasher = Argon2Hasher(
            cost.time, cost.memory_kib, cost.lanes, hash_len=DIGEST_BYTES, salt_len=SALT_BYTES
        )
        self._hasher = PasswordHash((hasher,))
        self._bcrypt = BcryptHasher()
        # argon2 releases the GIL, so threads suffice and the event loop is not blocked
        self._threads = ThreadPoolExecutor(
            N_THREADS, thread_name_prefix="passwords", initializer=_lower_priority
        )
        self._refusal_step_s = cost.refusal_step_s
        self._dummy_hash = _make_dummy_hash(cost)
        self._waiting: Counter[str | None] = Counter()

    async def make(self, password: str, *, source: str | None = None) -> str:
        """Return a hash that includes its salt and cost. source: see `check`. Raises: HashingBusy."""
        return await self._in_turn(lambda: self.make_now(password), source)

    async def check(
        self,
        password: str,
        stored: str | None,
        *,
        is_bcrypt_in_use: bool = False,
        source: str | None = None,
    ) -> tuple[bool, str | None]:
        """Return whether the password is right, and a new hash if the stored one has another cost or is bcrypt.

        stored: None for an unknown account: the check takes the same time and fails. is_bcrypt_in_use: whether some
        account has a bcrypt hash; every check then computes one bcrypt and one argon2id hash, so that its time does not
        reveal which accounts were imported. source: source of an anonymous request; None for signed-in people.
        Raises: HashingBusy.
        """
        return await self._in_turn(
            lambda: self.check_now(password, stored, is_bcrypt_in_use=is_bcrypt_in_use), source
        )

    async def delay_refusal(self, received_s: float) -> None:
        """Wait so that all rejections take the same time. received_s: arrival of the request by the loop's clock."""
        if self._refusal_step_s > 0:
            took_s = asyncio.get_running_loop().time() - received_s
            await asyncio.sleep(refusal_delay_s(took_s, self._refusal_step_s))

    def make_now(self, password: str) -> str:
        """Return a hash, computed in the caller's thread."""
        return self._hasher.hash(_bytes_of(password))

    def check_now(
        self, password: str, stored: str | None, *, is_bcrypt_in_use: bool = False
    ) -> tuple[bool, str | None]:
        """Check a password in the caller's thread; see `check`."""
        if stored is not None and self._bcrypt.identify(stored):
            return self._check_bcrypt(password, stored)
        if is_bcrypt_in_use:
            # the result does not matter; the time does
            self._verify_bcrypt(password, DUMMY_BCRYPT)
        is_right, new_hash = self._hasher.verify_and_update(_bytes_of(password), stored or self._dummy_hash)
        return is_right and stored is not None, new_hash

    def _check_bcrypt(self, password: str, stored: str) -> tuple[bool, str | None]:
        if self._verify_bcrypt(password, stored):
            # the new hash covers the whole password: bcrypt used only its first 72 bytes
            return True, self.make_now(password)
        # a wrong password for an imported account costs the same two hashes as for any other
        self._hasher.verify(_bytes_of(password), self._dummy_hash)
        return False, None

    def _verify_bcrypt(self, password: str, stored: str) -> bool:
        # without normalisation, because the original did not normalise passwords
        return self._bcrypt.verify(password.encode("utf-8", "surrogatepass")[:BCRYPT_BYTES], stored)

    def close(self) -> None:
        """Stop the threads: running work is finished, waiting work is cancelled."""
        self._threads.shutdown(cancel_futures=True)

    async def _in_turn(self, work: Callable[[], T], source: str | None = None) -> T:
        is_too_many = source is not None and self._waiting[source] >= MAX_QUEUED_PER_SOURCE
        if is_too_many or self._waiting.total() >= MAX_QUEUED:
            raise HashingBusy
        self._waiting[source] += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting[source] -= 1
            if not self._waiting[source]:
                del self._waiting[source]


def refusal_delay_s(took_s: float, every_s: float) -> float:
    """Return the time from `took_s` to the next whole multiple of `every_s`."""
    return every_s - took_s % every_s


def _lower_priority() -> None:
    """Lower the priority of the current thread; only Linux has priorities per thread."""
    if sys.platform == "linux":
        # a sandbox may forbid it; if the initialiser failed, no sign-in would work
        with suppress(OSError, AttributeError):
            own = get_native_id()
            niceness = os.getpriority(os.PRIO_PROCESS, own) + NICENESS
            os.setpriority(os.PRIO_PROCESS, own, min(niceness, MAX_NICENESS))


def _bytes_of(password: str) -> bytes:
    # two keyboards can produce the same password as different code points
    return normalize("NFKC", password).encode("utf-8", "surrogatepass")


def _make_dummy_hash(cost: HashCost) -> str:
    """Return a random hash that takes as long to check as a real one. Computing a real one would delay the start."""
    salt, digest = (
        b64encode(secrets.token_bytes(n)).decode().rstrip("=") for n in (SALT_BYTES, DIGEST_BYTES)
    )
    return f"$argon2id$v=19$m={cost.memory_kib},t={cost.time},p={cost.lanes}${salt}${digest}"
