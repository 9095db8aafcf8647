"""Write, read and verify the audit. Append to it last in a transaction: on PostgreSQL it locks the head.

Entries of predictions are written in batches by one task. A prediction is stored before it is returned; its entry
follows within a second, or as soon as 100 entries wait. A killed process loses the entries of that second, but no
prediction; an ordered shutdown loses none. If the connection breaks during a commit, entries can be written twice.
"""

import asyncio
import json
from collections.abc import Callable, Generator
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Protocol, Self, TypeVar

from sqlalchemy import Connection, Row, insert, select, update

from londonpump.domain.errors import DatabaseFailed
from londonpump.domain.json_values import JsonObject
from londonpump.persistence.database.schema import audit, audit_head

# The previous hash of the first row.
FIRST_HASH = "0" * 64
_ROWS_PER_FETCH = 1000
FLUSH_INTERVAL_S = 1.0
FLUSH_AT_ENTRIES = 100
MAX_WAITING = 10_000
# The last write may take longer, because nothing else waits for the database then.
FINAL_FLUSH_TIMEOUT_S = 5.0
EVENT_TYPE = "predictions"
_HASHED_AS = {"event_type": "kind", "details": "about"}
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One event."""

    seq: int
    at: datetime
    event_type: str
    actor: str | None
    details: str
    """Canonical JSON."""
    previous_hash: str
    hash: str
    """SHA-256 over all other fields."""


@dataclass(frozen=True, slots=True)
class AuditVerification:
    """The result of a verification."""

    n_rows: int
    head_hash: str
    seq: int | None = None
    """The row with the problem."""
    problem: str | None = None
    """None if every row is as it was written."""


def append_audit(
    connection: Connection, at: datetime, event_type: str, actor: str | None, details: JsonObject
) -> None:
    """Add an event inside the transaction of the caller. details: values that JSON can hold; never a secret."""
    # concurrent writers on PostgreSQL wait here until the other commits, so the chain has no forks
    head = connection.execute(select(audit_head).where(audit_head.c.id == 1).with_for_update()).one()
    fields = {
        "seq": head.n_rows + 1,
        "at": at.astimezone(UTC),
        "event_type": event_type,
        "actor": actor,
        "details": json_of(details),
        "previous_hash": head.hash,
    }
    hashed = hash_of(fields)
    connection.execute(insert(audit).values(**fields, hash=hashed))
    connection.execute(
        update(audit_head).where(audit_head.c.id == 1).values(n_rows=head.n_rows + 1, hash=hashed)
    )


def read_audit(connection: Connection, since: datetime | None = None) -> Generator[AuditRow, None, None]:
    """Yield events in the order in which they were written, from `since` on."""
    query = select(audit).order_by(audit.c.seq)
    if since is not None:
        query = query.where(audit.c.at >= since)
    with connection.execute(query.execution_options(yield_per=_ROWS_PER_FETCH)) as found:
        for row in found:
            yield AuditRow(*row)


def verify_audit(
    connection: Connection, n_rows: int | None = None, expected_hash: str | None = None
) -> AuditVerification:
    """Walk the chain from its first row to its head.

    Args: n_rows, expected_hash: a head that was noted outside the database, where its writers cannot change it.
    """
    head = connection.execute(select(audit_head)).one_or_none()
    seen, previous = 0, FIRST_HASH
    with closing(read_audit(connection)) as rows:
        for row in rows:
            problem = _problem_of(row, seen + 1, previous)
            if problem is None and row.seq == n_rows and row.hash != expected_hash:
                problem = "it does not match the head that was noted elsewhere: the chain was rewritten"
            if problem is not None:
                return AuditVerification(seen, previous, seen + 1, problem)
            seen, previous = row.seq, row.hash
    return _compare_with_head(head, AuditVerification(seen, previous), n_rows)


def json_of(details: JsonObject) -> str:
    """Return canonical JSON: sorted keys, no spaces, ASCII."""
    return json.dumps(details, sort_keys=True, separators=(",", ":"), allow_nan=False)


def hash_of(fields: JsonObject) -> str:
    """Return the hash of a row from all its other fields."""
    # the names before database version 0009 are part of the hashed text: others would invalidate every audit that exists
    named = {_HASHED_AS.get(name, name): value for name, value in fields.items()}
    shown = {**named, "at": fields["at"].isoformat(timespec="microseconds")}
    return sha256(json_of(shown).encode()).hexdigest()


def _problem_of(row: AuditRow, expected_seq: int, previous: str) -> str | None:
    if row.seq != expected_seq:
        return f"it is missing (the next one there is {row.seq})"
    if row.previous_hash != previous:
        return "it does not follow from the row before: one of the two was changed"
    fields = {
        name: getattr(row, name) for name in ("seq", "at", "event_type", "actor", "details", "previous_hash")
    }
    return None if hash_of(fields) == row.hash else "it was changed"


def _compare_with_head(
    head: Row[Any] | None, found: AuditVerification, n_rows: int | None
) -> AuditVerification:
    after = found.n_rows + 1
    if head is None:
        return AuditVerification(found.n_rows, found.head_hash, after, "the head of the audit is gone")
    if head.n_rows != found.n_rows:
        return AuditVerification(
            found.n_rows, found.head_hash, after, f"it is missing at the end ({head.n_rows} were written)"
        )
    if head.hash != found.head_hash:
        return AuditVerification(
            found.n_rows, found.head_hash, found.n_rows, "the head names another last row"
        )
    if n_rows is not None and n_rows > found.n_rows:
        return AuditVerification(
            found.n_rows, found.head_hash, after, f"it is missing: {n_rows} rows were noted elsewhere"
        )
    return found


class WritableStore(Protocol):
    """The part of `store.Store` that the writer needs."""

    async def write(self, work: Callable[[Connection], T], *, within_s: float | None = None) -> T:
        """Run `work` in a transaction."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A prediction that was returned."""

    prediction_id: str
    user_id: str
    at: datetime
    digest: str
    """SHA-256 of what was stored."""

    def as_json(self) -> dict[str, str]:
        """Return the entry as the audit stores it."""
        at = self.at.astimezone(UTC).isoformat(timespec="microseconds")
        return {"id": self.prediction_id, "user": self.user_id, "at": at, "sha256": self.digest}


class AuditBatch:
    """A batch of audit entries: add entries inside `async with`; leaving the block writes the rest."""

    def __init__(
        self, store: WritableStore, clock: Callable[[], datetime], interval_s: float = FLUSH_INTERVAL_S
    ) -> None:
        self._store, self._clock, self._every_s = store, clock, interval_s
        self._waiting: list[Entry] = []
        self._n_in_flight = 0
        self._due = asyncio.Event()
        self._writer: asyncio.Task[None] | None = None
        self._is_ending = False

    async def __aenter__(self) -> Self:
        """Start the task that writes."""
        self._writer = asyncio.create_task(self._flush_loop(), name="audit of predictions")
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop the task and write the entries that wait. Raises: DatabaseFailed if that fails."""
        # not cancelled, because a write that has started would be repeated
        self._is_ending = True
        self._due.set()
        if self._writer is not None:
            await self._writer
        await self.flush(FINAL_FLUSH_TIMEOUT_S)

    @property
    def n_waiting(self) -> int:
        """Number of entries that are not in the database yet."""
        return len(self._waiting) + self._n_in_flight

    def add(self, prediction_id: str, user_id: str, at: datetime, digest: str) -> None:
        """Add the entry of a stored prediction. Raises: DatabaseFailed if too many entries wait."""
        if self.n_waiting >= MAX_WAITING:
            raise DatabaseFailed("The audit of predictions cannot be written. Check the database.")
        self._waiting.append(Entry(prediction_id, user_id, at, digest))
        if len(self._waiting) >= FLUSH_AT_ENTRIES:
            self._due.set()

    @property
    def waiting(self) -> tuple[Entry, ...]:
        """Return the entries that no write has taken yet."""
        return tuple(self._waiting)

    async def flush(self, within_s: float | None = None) -> None:
        """Write the entries that wait. If that fails they wait for the next write. Raises: as `Store.write`."""
        taken, self._waiting = self._waiting, []
        if not taken:
            return
        self._n_in_flight = len(taken)
        at = self._clock()
        details: JsonObject = {"n": len(taken), "entries": [entry.as_json() for entry in taken]}
        try:
            await self._store.write(
                lambda connection: append_audit(connection, at, EVENT_TYPE, None, details), within_s=within_s
            )
        except BaseException:
            self._waiting = taken + self._waiting
            raise
        finally:
            self._n_in_flight = 0

    async def _flush_loop(self) -> None:
        while not self._is_ending:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._due.wait(), self._every_s)
            self._due.clear()
            # every failure is retried: if the task ended here, later predictions would have no audit until a restart
            with suppress(Exception):
                await self.flush()
