"""Hashing passwords: argon2id, two at a time, away from the event loop and behind it.

A hash takes 32 MiB and about 0.1 s of CPU, in one thread. More than two at once, or threads of the same priority as those
that answer, would slow down the control room; a sign-in can wait. Hashes of an earlier cost (64 MiB, four lanes) are
checked as they are and made anew at the next sign-in.

Accounts imported from the original have bcrypt hashes until their next sign-in, which replaces them by argon2id.
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
"""So that one source leaves room for others; a dozen people can sign in at once from one address."""
NICENESS, MAX_NICENESS = 5, 19
MAX_PASSWORD_LENGTH = 128
SALT_BYTES, DIGEST_BYTES = 16, 32
BCRYPT_BYTES = 72
"""The original's bcrypt read no more of a password; today's library refuses longer ones."""
DUMMY_BCRYPT = "$2b$12$" + "." * 53
"""A hash at the original's cost that no password is known for."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class HashCost:
    """Of one argon2id hash: by default 1.7 times OWASP's minimum (19 MiB, 2 rounds, 1 lane).

    refused_in_s: a wrong password is answered at a whole number of these after its request came, so that the time does
    not say whether an account has a hash of another cost, or is there at all.
    """

    time: int = 2
    memory_kib: int = 32_768
    lanes: int = 1
    refusal_step_s: float = 0.0


SERVICE_COST = HashCost(refusal_step_s=0.5)
"""What the service takes unless a test asks for less."""


class Passwords:
    """Makes and checks hashes. `close` ends its threads."""

    def __init__(self, cost: HashCost | None = None) -> None:
        cost = cost or SERVICE_COST
        hasher = Argon2Hasher(
            cost.time, cost.memory_kib, cost.lanes, hash_len=DIGEST_BYTES, salt_len=SALT_BYTES
        )
        self._hasher = PasswordHash((hasher,))
        self._bcrypt = BcryptHasher()
        self._threads = ThreadPoolExecutor(
            N_THREADS, thread_name_prefix="passwords", initializer=_lower_priority
        )
        self._refusal_step_s = cost.refusal_step_s
        self._dummy_hash = _make_dummy_hash(cost)
        self._waiting: Counter[str | None] = Counter()

    async def make(self, password: str, *, source: str | None = None) -> str:
        """A hash with its salt and cost in it. source: as `check` needs it. Raises: HashingBusy."""
        return await self._in_turn(lambda: self.make_now(password), source)

    async def check(
        self,
        password: str,
        stored: str | None,
        *,
        is_bcrypt_in_use: bool = False,
        source: str | None = None,
    ) -> tuple[bool, str | None]:
        """Whether it is the password, and a new hash if the stored one was made at another cost or with bcrypt.

        stored: None for nobody's: that takes the same time and is never right. is_bcrypt_in_use: some account has a
        bcrypt hash. Every check then costs one bcrypt and one argon2id hash, so that nobody can measure which account
        was imported. source: where a stranger's request comes from; None for people who are signed in. Raises:
        HashingBusy.
        """
        return await self._in_turn(
            lambda: self.check_now(password, stored, is_bcrypt_in_use=is_bcrypt_in_use), source
        )

    async def delay_refusal(self, received_s: float) -> None:
        """Let a refusal take as long as every other. came_s: when the request came, by the loop's clock."""
        if self._refusal_step_s > 0:
            took_s = asyncio.get_running_loop().time() - received_s
            await asyncio.sleep(refusal_delay_s(took_s, self._refusal_step_s))

    def make_now(self, password: str) -> str:
        """As `make`, in the caller's thread."""
        return self._hasher.hash(_bytes_of(password))

    def check_now(
        self, password: str, stored: str | None, *, is_bcrypt_in_use: bool = False
    ) -> tuple[bool, str | None]:
        """As `check`, in the caller's thread."""
        if stored is not None and self._bcrypt.identify(stored):
            return self._check_bcrypt(password, stored)
        if is_bcrypt_in_use:
            self._verify_bcrypt(password, DUMMY_BCRYPT)
        is_right, new_hash = self._hasher.verify_and_update(_bytes_of(password), stored or self._dummy_hash)
        return is_right and stored is not None, new_hash

    def _check_bcrypt(self, password: str, stored: str) -> tuple[bool, str | None]:
        if self._verify_bcrypt(password, stored):
            # of the whole password: bcrypt has seen its beginning only
            return True, self.make_now(password)
        self._hasher.verify(_bytes_of(password), self._dummy_hash)
        return False, None

    def _verify_bcrypt(self, password: str, stored: str) -> bool:
        # the text as it was typed: the original did not normalise it
        return self._bcrypt.verify(password.encode("utf-8", "surrogatepass")[:BCRYPT_BYTES], stored)

    def close(self) -> None:
        """End the threads; what runs is waited for, what waits is not begun."""
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
    """How long a refusal waits for the next whole number of `every_s`."""
    return every_s - took_s % every_s


def _lower_priority() -> None:
    """Lower the priority of this thread: Linux has one for each, other systems keep theirs."""
    if sys.platform == "linux":
        # where a sandbox or the platform refuses it: a thread that fails to begin would end all signing in
        with suppress(OSError, AttributeError):
            own = get_native_id()
            niceness = os.getpriority(os.PRIO_PROCESS, own) + NICENESS
            os.setpriority(os.PRIO_PROCESS, own, min(niceness, MAX_NICENESS))


def _bytes_of(password: str) -> bytes:
    # the same password typed on two keyboards can be two texts
    return normalize("NFKC", password).encode("utf-8", "surrogatepass")


def _make_dummy_hash(cost: HashCost) -> str:
    """A hash that no password has, which takes as long to check as a real one. Making a real one would delay starts."""
    salt, digest = (
        b64encode(secrets.token_bytes(n)).decode().rstrip("=") for n in (SALT_BYTES, DIGEST_BYTES)
    )
    return f"$argon2id$v=19$m={cost.memory_kib},t={cost.time},p={cost.lanes}${salt}${digest}"
