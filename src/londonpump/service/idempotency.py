"""Idempotency keys: a request sent twice under one key is answered once, with the answer of the first time.

A key is claimed in the transaction that stores the answer. If two requests with the same key arrive together, both compute
an answer; the one that stores second stores nothing and returns the answer of the first.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Header

from londonpump.persistence.database import Connection
from londonpump.persistence.repositories.predictions import StoredKey, claim_key, delete_keys, find_key
from londonpump.service.errors import Conflict
from londonpump.service.field_formats import IDEMPOTENCY_KEY, Responses

KEY_LIFETIME = timedelta(hours=24)
REPLAY = "Idempotent-Replay"
REPLAY_HEADERS = {
    REPLAY: {
        "description": "`true` if this is the stored answer to an earlier request.",
        "schema": {"type": "string"},
    }
}
OTHER_BODY: Responses = {409: {"description": "The key was sent with another question before."}}
IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=128,
        pattern=IDEMPOTENCY_KEY,
        description="If the same key is sent again with the same question within 24 hours, the same answer is returned.",
    ),
]


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
