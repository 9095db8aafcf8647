"""The audit: what is written stays, and whatever was changed is found, with its row."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from londonpump.domain.errors import DatabaseFailed
from londonpump.persistence.database import reading, writing
from londonpump.persistence.database.store import Store, StoreLimits
from londonpump.persistence.repositories.audit import (
    AuditBatch,
    append_audit,
    read_audit,
    verify_audit,
)

NOW = datetime(2025, 6, 2, 9, 30, 0, 123456, tzinfo=UTC)


def write(engine, n: int) -> None:
    for number in range(n):
        with writing(engine) as connection:
            append_audit(connection, NOW, "override", "amelia", {"why": f"reason {number} é", "n": number})


def verified(engine, *head):
    with reading(engine) as connection:
        return verify_audit(connection, *head)


def break_in(engine, *statements: str) -> None:
    """As somebody who may do anything with the database."""
    if engine.dialect.name == "sqlite":
        names = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'audit%'"
        with writing(engine) as connection:
            for name in connection.execute(text(names)).scalars().all():
                connection.execute(text(f"DROP TRIGGER {name}"))
    with writing(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("ALTER TABLE audit DISABLE TRIGGER ALL"))
            connection.execute(text("ALTER TABLE audit_head DISABLE TRIGGER ALL"))
        for statement in statements:
            connection.execute(text(statement))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET actor = 'nobody' WHERE seq = 2",
        "DELETE FROM audit WHERE seq = 3",
        "DELETE FROM audit",
        "DELETE FROM audit_head",
        "UPDATE audit_head SET n_rows = 1",
        "UPDATE audit_head SET hash = 'x'",
        "INSERT INTO audit_head VALUES (2, 0, 'x')",
    ],
)
def test_the_database_refuses_a_change(engine, statement) -> None:
    write(engine, 3)
    with pytest.raises(DatabaseFailed), writing(engine) as connection:
        connection.execute(text(statement))
    assert verified(engine).problem is None


def test_sqlite_refuses_to_put_a_row_in_the_place_of_another(tmp_path) -> None:
    from londonpump.persistence.database import open_database

    engine = open_database(f"sqlite:///{tmp_path}/a.db")
    write(engine, 2)
    with pytest.raises(DatabaseFailed), writing(engine) as connection:
        connection.execute(
            text("INSERT OR REPLACE INTO audit SELECT 1, at, event_type, 'x', details, '', '' FROM audit")
        )
    engine.dispose()


def test_postgresql_refuses_to_empty_it(postgresql, engine) -> None:
    if engine.dialect.name == "sqlite":
        pytest.skip("SQLite has no TRUNCATE")
    with pytest.raises(DatabaseFailed), writing(engine) as connection:
        connection.execute(text("TRUNCATE audit"))


def test_a_whole_chain_is_whole(engine) -> None:
    write(engine, 5)
    found = verified(engine)
    assert (found.n_rows, found.problem) == (5, None)


def test_an_empty_chain_is_whole(engine) -> None:
    assert (verified(engine).n_rows, verified(engine).problem) == (0, None)


@pytest.mark.parametrize(
    "change",
    [
        "details = REPLACE(details, 'reason 2', 'reason 3')",
        "details = details || ' '",
        "event_type = 'overridE'",
        "actor = NULL",
        "hash = 'b' || SUBSTR(hash, 2)",
    ],
)
def test_a_changed_byte_is_found(engine, change) -> None:
    write(engine, 5)
    break_in(engine, f"UPDATE audit SET {change} WHERE seq = 3")  # noqa: S608
    assert verified(engine).seq in {3, 4}


def test_a_changed_moment_is_found(engine) -> None:
    write(engine, 5)
    more = "at + 1" if engine.dialect.name == "sqlite" else "at + INTERVAL '1 microsecond'"
    break_in(engine, f"UPDATE audit SET at = {more} WHERE seq = 3")  # noqa: S608
    assert (verified(engine).seq, verified(engine).problem) == (3, "it was changed")


def test_a_removed_row_is_found(engine) -> None:
    write(engine, 5)
    break_in(engine, "DELETE FROM audit WHERE seq = 3")
    assert (verified(engine).seq, verified(engine).problem) == (3, "it is missing (the next one there is 4)")


def test_a_removed_tail_is_found(engine) -> None:
    write(engine, 5)
    break_in(engine, "DELETE FROM audit WHERE seq > 3")
    assert (verified(engine).seq, verified(engine).problem) == (
        4,
        "it is missing at the end (5 were written)",
    )


def test_a_removed_head_is_found(engine) -> None:
    write(engine, 2)
    break_in(engine, "DELETE FROM audit_head")
    assert verified(engine).problem == "the head of the audit is gone"


def test_a_tail_removed_with_its_head_is_found_by_a_head_kept_elsewhere(engine) -> None:
    write(engine, 5)
    verification = verified(engine)
    break_in(
        engine,
        "DELETE FROM audit WHERE seq > 3",
        "UPDATE audit_head SET n_rows = 3, hash = (SELECT hash FROM audit WHERE seq = 3)",
    )
    assert verified(engine).problem is None
    assert verified(engine, verification.n_rows, verification.head_hash).seq == 4


def test_a_chain_written_anew_is_found_by_a_head_kept_elsewhere(engine) -> None:
    write(engine, 3)
    verification = verified(engine)
    first = "0" * 64
    break_in(engine, "DELETE FROM audit", f"UPDATE audit_head SET n_rows = 0, hash = '{first}'")  # noqa: S608
    with writing(engine) as connection:
        for _ in range(4):
            append_audit(connection, NOW, "override", "somebody else", {})
    assert verified(engine).problem is None
    assert verified(engine, verification.n_rows, verification.head_hash).seq == 3


def test_a_later_chain_has_the_head_kept_elsewhere(engine) -> None:
    write(engine, 3)
    verification = verified(engine)
    write(engine, 2)
    assert verified(engine, verification.n_rows, verification.head_hash).problem is None


def test_writers_at_once_make_one_chain(engine) -> None:
    with ThreadPoolExecutor(6) as threads:
        list(threads.map(lambda _: write(engine, 10), range(6)))
    found = verified(engine)
    assert (found.n_rows, found.problem) == (60, None)


def test_a_transaction_undone_leaves_no_gap(engine) -> None:
    write(engine, 1)
    with engine.connect() as connection:
        append_audit(connection, NOW, "override", None, {})
        connection.rollback()
    write(engine, 1)
    assert (verified(engine).n_rows, verified(engine).problem) == (2, None)


def test_events_are_read_from_a_moment_on(engine) -> None:
    write(engine, 1)
    later = NOW.replace(hour=10)
    with writing(engine) as connection:
        append_audit(connection, later, "sign_out", "amelia", {})
    with reading(engine) as connection:
        assert [row.event_type for row in read_audit(connection, later)] == ["sign_out"]


def batches(url: str, n: int, every_s: float = 3600.0):
    """The rows in the audit after n predictions and an ordered end."""

    async def predict() -> list[tuple[str, str]]:
        store = Store.open(url, StoreLimits(patience_s=10))
        async with AuditBatch(store, lambda: NOW, every_s) as batch:
            for number in range(n):
                batch.add(f"p{number}", "amelia", NOW, "ab" * 32)
        listed = await store.read(
            lambda connection: [(row.event_type, row.details) for row in read_audit(connection)]
        )
        await store.close()
        return listed

    return asyncio.run(predict())


def test_predictions_are_written_together_at_the_end(database_url) -> None:
    listed = batches(database_url, 30)
    assert [kind for kind, _ in listed] == ["predictions"]
    assert all(f'"p{number}"' in listed[0][1] for number in range(30))


def test_without_predictions_nothing_is_written(database_url) -> None:
    assert batches(database_url, 0) == []


def test_a_hundred_predictions_do_not_wait(database_url) -> None:
    async def predict() -> int:
        store = Store.open(database_url, StoreLimits(patience_s=10))
        async with AuditBatch(store, lambda: NOW, 3600.0) as batch:
            for number in range(100):
                batch.add(f"p{number}", "amelia", NOW, "")
            while batch.n_waiting:
                await asyncio.sleep(0.001)
            written = await store.read(lambda connection: len(list(read_audit(connection))))
        await store.close()
        return written

    assert asyncio.run(predict()) == 1


class Failing:
    """A store that fails at first."""

    def __init__(self) -> None:
        self.tries = 0

    async def write(self, work, *, within_s=None):
        self.tries += 1
        if self.tries == 1:
            raise DatabaseFailed("gone")


def test_what_could_not_be_written_is_tried_again() -> None:
    async def predict() -> tuple[int, int]:
        store = Failing()
        async with AuditBatch(store, lambda: NOW, 0.001) as batch:
            batch.add("p", "amelia", NOW, "")
            while batch.n_waiting:
                await asyncio.sleep(0.001)
        return store.tries, batch.n_waiting

    assert asyncio.run(predict()) == (2, 0)
