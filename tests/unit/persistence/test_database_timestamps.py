"""The storage of timestamps and days."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import insert, select
from sqlalchemy.exc import StatementError

from londonpump.persistence.database import reading, writing
from londonpump.persistence.database.schema import source_fetches

NOON = datetime(2024, 6, 1, 12, 0, 0, 123_456, tzinfo=UTC)


def stored_and_read(engine, at: datetime) -> datetime:
    with writing(engine) as connection:
        connection.execute(insert(source_fetches), {"source": "a", "fetched_at": at, "row_count": 1})
    with reading(engine) as connection:
        return connection.execute(select(source_fetches.c.fetched_at)).scalar_one()


def test_a_moment_comes_back_to_the_microsecond(engine) -> None:
    assert stored_and_read(engine, NOON) == NOON


def test_a_moment_comes_back_in_utc(engine) -> None:
    local_noon = NOON.astimezone(timezone(timedelta(hours=5)))
    assert stored_and_read(engine, local_noon).tzinfo is UTC


def test_a_moment_before_1970_comes_back(engine) -> None:
    early = datetime(1969, 12, 31, 23, 59, 59, 1, tzinfo=UTC)
    assert stored_and_read(engine, early) == early


def test_a_moment_without_a_zone_is_refused(engine) -> None:
    with pytest.raises(StatementError, match="without a time zone"):
        stored_and_read(engine, NOON.replace(tzinfo=None))
