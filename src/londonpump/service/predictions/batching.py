"""What a batch shares: its turn, the slices of its calls, and the idempotency key under which its answers are stored.

A batch runs on the event loop in slices of a few milliseconds and pauses after each slice for as long as the slice
took, so that other requests and the database threads get half of the time. A worker thread would not help: a busy
thread holds the interpreter's lock for 5 ms at a time. One batch runs at a time.

A question sent twice under one idempotency key is answered once. A key is claimed in the transaction that stores the
answer. If two requests with the same key arrive together, both compute an answer; the one that stores second stores
nothing and returns the answer of the first.
"""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

from londonpump.persistence.database import Connection
from londonpump.persistence.repositories.predictions import StoredKey, claim_key, delete_keys, find_key
from londonpump.service.errors import Conflict, TooMany
from londonpump.service.predictions.forecast import Call

ROWS_PER_SLICE = 210
"""Rows that go through the model at once, about as many as two calls have. A named area has more rows and goes alone."""
# a waiting batch holds megabytes, and a batch of 1,000 questions takes half a minute
MAX_BATCHES, FREE_IN_S = 4, 30
KEY_LIFETIME = timedelta(hours=24)


@dataclass(slots=True)
class BatchTurn:
    """A lock that one batch holds while a limited number of others wait."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    n_waiting: int = 0

    @asynccontextmanager
    async def taken(self) -> AsyncIterator[None]:
        """Hold the lock. Raises: TooMany if MAX_BATCHES hold it or wait for it."""
        if self.n_waiting >= MAX_BATCHES:
            raise TooMany(
                f"{MAX_BATCHES} batches are being worked on. Try again in {FREE_IN_S} s.", FREE_IN_S
            )
        self.n_waiting += 1
        try:
            async with self.lock:
                yield
        finally:
            self.n_waiting -= 1


def slices_of(calls: Sequence[Call]) -> Iterator[list[Call]]:
    """Split calls into slices of at most ROWS_PER_SLICE rows, with at least one call each."""
    part: list[Call] = []
    rows = 0
    for call in calls:
        size = ROWS_PER_SLICE if call.location.is_area else len(call.starts)
        if part and rows + size > ROWS_PER_SLICE:
            yield part
            part, rows = [], 0
        part.append(call)
        rows += size
    if part:
        yield part


@dataclass(frozen=True, slots=True)
class Key:
    """An idempotency key of a request."""

    user_id: str
    key: str
    digest: str
    """SHA-256 of the route and the body."""
    now: datetime

    @classmethod
    def of(cls, user_id: str, key: str, route: str, body: Any, now: datetime) -> "Key":
        """Build a key from the parsed body, so that whitespace in the body does not matter."""
        # not `as_text`: an invalid question may hold NaN or half a surrogate pair, which that rejects
        digest = hashlib.sha256(f"{route}\n{json.dumps(body)}".encode()).hexdigest()
        return cls(user_id, key, digest, now)


def find_answer(connection: Connection, key: Key) -> Any | None:
    """Return the answer stored under a key in the last 24 hours, or None. Raises: Conflict if its body was another."""
    found = find_key(connection, key.user_id, key.key, key.now - KEY_LIFETIME)
    if found is None:
        return None
    if found.body_digest != key.digest:
        raise Conflict(
            "This Idempotency-Key was sent with another question before. Use a new key for a new question."
        )
    return found.answer


def claim(connection: Connection, key: Key, answer: Sequence[Any]) -> Any | None:
    """Claim a key for an answer and return None, or return the answer that another request stored under it.

    Raises: Conflict if the other request had another body.
    """
    new = StoredKey(key.user_id, key.key, key.digest, key.now, HTTPStatus.OK.value, list(answer))
    is_claimed = claim_key(connection, new, key.now - KEY_LIFETIME)
    return None if is_claimed else find_answer(connection, key)


def forget(connection: Connection, now: datetime) -> int:
    """Delete keys older than 24 hours and return their number."""
    return delete_keys(connection, now - KEY_LIFETIME)
