"""A question that is sent twice under one key is answered once. Every function runs in a transaction of the caller's.

A key is claimed in the transaction that stores the answer: of two that arrive at once both work out an answer, and the
one that stores second stores nothing and gives the answer of the first.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

from sqlalchemy import Connection, delete, select

from londonpump.service.errors import Conflict
from londonpump.storage.database.engine import dialect_insert
from londonpump.storage.database.schema import idempotency_keys

KEY_LIFETIME = timedelta(hours=24)
_MINE = idempotency_keys.c


@dataclass(frozen=True, slots=True)
class Key:
    """A key as a request gives it. digest: of route and body."""

    user_id: str
    key: str
    digest: str
    now: datetime

    @classmethod
    def of(cls, user_id: str, key: str, route: str, body: Any, now: datetime) -> "Key":
        """body: as it was understood, so that blanks in it do not matter."""
        # a question that is none can hold what the stored spelling has no way to say: NaN, half a surrogate pair
        digest = hashlib.sha256(f"{route}\n{json.dumps(body)}".encode()).hexdigest()
        return cls(user_id, key, digest, now)


def find_answer(connection: Connection, key: Key) -> Any | None:
    """What was answered under a key; None if nothing was in the last 24 hours. Raises: Conflict for another body."""
    query = select(_MINE.body_digest, _MINE.answer).where(
        _MINE.user_id == key.user_id, _MINE.key == key.key, _MINE.created_at > key.now - KEY_LIFETIME
    )
    found = connection.execute(query).one_or_none()
    if found is None:
        return None
    if found.body_digest != key.digest:
        raise Conflict(
            "This Idempotency-Key came with another question before. Use a new key for a new question."
        )
    return found.answer


def claim(connection: Connection, key: Key, answer: Sequence[Any]) -> Any | None:
    """Take a key for an answer. Returns: None, or what another request has answered under it.

    Raises: Conflict if that had another body.
    """
    outdated = (
        _MINE.user_id == key.user_id,
        _MINE.key == key.key,
        _MINE.created_at <= key.now - KEY_LIFETIME,
    )
    connection.execute(delete(idempotency_keys).where(*outdated))
    # on PostgreSQL this waits until another transaction that took the key has ended
    taken = connection.execute(
        dialect_insert(connection, idempotency_keys)
        .values(
            user_id=key.user_id,
            key=key.key,
            body_digest=key.digest,
            created_at=key.now,
            status=HTTPStatus.OK.value,
            answer=list(answer),
        )
        .on_conflict_do_nothing()
        .returning(_MINE.key)
    )
    return find_answer(connection, key) if taken.scalar_one_or_none() is None else None


def forget(connection: Connection, now: datetime) -> int:
    """Drop keys that are older than a day. Returns: how many."""
    return connection.execute(delete(idempotency_keys).where(_MINE.created_at <= now - KEY_LIFETIME)).rowcount
