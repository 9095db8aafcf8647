"""When each source was asked, and what came of it. All raise DatabaseFailed."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, func, insert, select

from londonpump.storage.database.engine import reading, writing
from londonpump.storage.database.schema import fetch_notes


@dataclass(frozen=True, slots=True)
class FetchRecord:
    """The last time a source was asked.

    problem: None when all went well. rows: how many it brought. good_at: when it last went well; None for never.
    """

    source: str
    at: datetime
    problem: str | None
    rows: int
    succeeded_at: datetime | None


def record_fetch(engine: Engine, source: str, at: datetime, problem: str | None, rows: int) -> None:
    """Keep that a source was asked. No problem may hold a key."""
    row = {"source": source, "fetched_at": at, "problem": problem, "row_count": rows}
    with writing(engine) as connection:
        connection.execute(insert(fetch_notes), row)


def last_fetches(engine: Engine) -> list[FetchRecord]:
    """The newest note of each source, by source."""
    with reading(engine) as connection:
        return select_last_fetches(connection)


def select_last_fetches(connection: Connection) -> list[FetchRecord]:
    """As `last_fetches`, inside a transaction of the caller's."""
    notes = fetch_notes.c
    good = (
        select(notes.source, func.max(notes.fetched_at).label("succeeded_at"))
        .where(notes.problem.is_(None))
        .group_by(notes.source)
        .subquery()
    )
    # the id breaks a tie of two notes at one moment
    rank = func.row_number().over(
        partition_by=notes.source, order_by=(notes.fetched_at.desc(), notes.id.desc())
    )
    ranked = select(fetch_notes, rank.label("rank")).subquery()
    query = (
        select(ranked, good.c.succeeded_at)
        .outerjoin(good, good.c.source == ranked.c.source)
        .where(ranked.c.rank == 1)
        .order_by(ranked.c.source)
    )
    return [
        FetchRecord(row.source, row.fetched_at, row.problem, row.row_count, row.succeeded_at)
        for row in connection.execute(query)
    ]
