"""Write, read and verify the audit. Append to it last in a transaction: on PostgreSQL it locks the head."""

import json
from collections.abc import Generator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from londonpump.storage.database.schema import audit, audit_head

FIRST_HASH = "0" * 64
"""The previous hash of the first row."""
_ROWS_PER_FETCH = 1000


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One event."""

    seq: int
    at: datetime
    kind: str
    actor: str | None
    about: str
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
    connection: Connection, at: datetime, kind: str, actor: str | None, about: Mapping[str, Any]
) -> None:
    """Add an event inside the transaction of the caller. about: values that JSON can hold; never a secret."""
    # concurrent writers on PostgreSQL wait here until the other commits, so the chain has no forks
    head = connection.execute(select(audit_head).where(audit_head.c.id == 1).with_for_update()).one()
    fields = {
        "seq": head.n_rows + 1,
        "at": at.astimezone(UTC),
        "kind": kind,
        "actor": actor,
        "about": json_of(about),
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


def json_of(about: Mapping[str, Any]) -> str:
    """Return canonical JSON: sorted keys, no spaces, ASCII."""
    return json.dumps(about, sort_keys=True, separators=(",", ":"), allow_nan=False)


def hash_of(fields: Mapping[str, Any]) -> str:
    """Return the hash of a row from all its other fields."""
    shown = {**fields, "at": fields["at"].isoformat(timespec="microseconds")}
    return sha256(json_of(shown).encode()).hexdigest()


def _problem_of(row: AuditRow, expected_seq: int, previous: str) -> str | None:
    if row.seq != expected_seq:
        return f"it is missing (the next one there is {row.seq})"
    if row.previous_hash != previous:
        return "it does not follow from the row before: one of the two was changed"
    fields = {name: getattr(row, name) for name in ("seq", "at", "kind", "actor", "about", "previous_hash")}
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
