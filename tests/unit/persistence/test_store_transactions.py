"""The store of the service: one transaction per call, completely or not at all, within a time limit."""

import asyncio
import sqlite3
import threading

import pytest
from sqlalchemy import Column, ForeignKey, Integer, MetaData, Table, Text, event, func, insert, select, text

from londonpump.domain.errors import DatabaseFailed, LondonPumpError
from londonpump.persistence.database import connect
from londonpump.persistence.database.store import Busy, Store, StoreLimits

things = Table(
    "things", MetaData(), Column("id", Integer, primary_key=True), Column("name", Text, unique=True)
)
LONG_S = 30


class BlockedJob:
    """Work that continues until it is released."""

    def __init__(self) -> None:
        self._is_begun = threading.Event()
        self._may_end = threading.Event()

    def __call__(self, _connection) -> str:
        self._is_begun.set()
        self._may_end.wait(LONG_S)
        return "let go"

    async def begun(self) -> None:
        while not self._is_begun.is_set():
            await asyncio.sleep(0.001)

    def let_go(self) -> None:
        self._may_end.set()


class RejectedByJob(LondonPumpError):
    """An error that the service may raise inside its work."""


def adding(name: str):
    def work(connection):
        connection.execute(insert(things), {"name": name})
        return name

    return work


def names(connection) -> list[str]:
    return list(connection.execute(select(things.c.name).order_by(things.c.name)).scalars())


def refusing(connection) -> None:
    adding("refused")(connection)
    raise RejectedByJob("no")


@pytest.fixture
def url(empty_database_url: str) -> str:
    engine = connect(empty_database_url)
    things.metadata.create_all(engine)
    engine.dispose()
    return empty_database_url


def run(url: str, work, limits: StoreLimits | None = None):
    """Run `work(store)` on an event loop of its own, then close the store."""

    async def with_store():
        store = Store(connect(url), limits or StoreLimits(patience_s=LONG_S))
        try:
            return await work(store)
        finally:
            await store.close()

    return asyncio.run(with_store())


def test_what_is_written_is_read(url) -> None:
    async def work(store):
        assert await store.write(adding("a")) == "a"
        return await store.read(names)

    assert run(url, work) == ["a"]


def test_an_error_undoes_its_own_work_and_comes_out(url) -> None:
    async def work(store):
        with pytest.raises(RejectedByJob):
            await store.write(refusing)
        return await store.read(names)

    assert run(url, work) == []


def test_of_writes_that_wait_together_each_stands_or_falls_alone(url) -> None:
    async def work(store):
        results = await asyncio.gather(
            store.write(adding("a")),
            store.write(refusing),
            store.write(adding("b")),
            store.write(adding("a")),
            return_exceptions=True,
        )
        return [type(each) for each in results], await store.read(names)

    job_types, stored = run(url, work)
    assert (job_types.count(str), job_types.count(RejectedByJob), job_types.count(DatabaseFailed)) == (
        2,
        1,
        1,
    )
    assert stored == ["a", "b"]


def test_sqlite_commits_once_for_writes_that_wait_together(tmp_path) -> None:
    engine = connect(f"sqlite:///{tmp_path}/a.db")
    things.metadata.create_all(engine)
    commits = []
    event.listen(engine, "commit", lambda _connection: commits.append(1))

    async def work():
        store = Store(engine, StoreLimits(patience_s=LONG_S))
        await asyncio.gather(*(store.write(adding(str(n))) for n in range(50)))
        await store.close()

    asyncio.run(work())
    assert len(commits) < 25


def test_a_reader_cannot_write_into_postgresql(postgresql) -> None:
    postgresql.ask("CREATE DATABASE readers")
    engine = connect(postgresql.url("readers"))
    things.metadata.create_all(engine)
    engine.dispose()

    async def work(store):
        with pytest.raises(DatabaseFailed):
            await store.read(adding("a"))

    run(postgresql.url("readers"), work)


def test_a_database_error_is_told_in_words(url) -> None:
    async def work(store):
        await store.write(adding("a"))
        with pytest.raises(DatabaseFailed, match="breaks a rule"):
            await store.write(adding("a"))

    run(url, work)


def test_too_many_that_wait_are_refused_at_once(url) -> None:
    async def work(store):
        blocked = BlockedJob()
        first = asyncio.ensure_future(store.read(blocked))
        await blocked.begun()
        second = asyncio.ensure_future(store.read(names))
        await asyncio.sleep(0)
        with pytest.raises(Busy, match="Too many"):
            await store.read(names)
        blocked.let_go()
        return await asyncio.gather(first, second)

    assert run(url, work, StoreLimits(readers=1, waiting=1, patience_s=LONG_S)) == ["let go", []]


def test_a_read_that_takes_too_long_is_left(url) -> None:
    async def work(store):
        blocked = BlockedJob()
        with pytest.raises(Busy, match="in time"):
            await store.read(blocked, within_s=0.01)
        blocked.let_go()
        return await store.read(names)

    assert run(url, work) == []


def test_a_write_that_could_not_begin_in_time_is_never_stored(tmp_path) -> None:
    engine = connect(f"sqlite:///{tmp_path}/a.db")
    things.metadata.create_all(engine)
    engine.dispose()
    other = sqlite3.connect(tmp_path / "a.db", isolation_level=None)

    async def work(store):
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Busy):
            await store.write(adding("late"), within_s=0.03)
        other.execute("COMMIT")
        await store.write(adding("after"))
        return await store.read(names)

    assert run(f"sqlite:///{tmp_path}/a.db", work) == ["after"]
    other.close()


def test_a_write_waits_for_another_process_within_its_time(tmp_path) -> None:
    engine = connect(f"sqlite:///{tmp_path}/a.db")
    things.metadata.create_all(engine)
    engine.dispose()
    other = sqlite3.connect(tmp_path / "a.db", isolation_level=None)

    async def work(store):
        other.execute("BEGIN IMMEDIATE")
        late = asyncio.ensure_future(store.write(adding("late")))
        await asyncio.sleep(0.1)
        other.execute("COMMIT")
        return await late

    assert run(f"sqlite:///{tmp_path}/a.db", work) == "late"
    other.close()


def test_a_write_that_is_not_done_in_time_is_undone(url) -> None:
    blocked = BlockedJob()

    def adding_slowly(connection):
        adding("slow")(connection)
        blocked(connection)

    async def work(store):
        answer = asyncio.ensure_future(store.write(adding_slowly, within_s=0.3))
        await blocked.begun()
        with pytest.raises(Busy):
            await answer
        blocked.let_go()
        await store.write(adding("after"))
        return await store.read(names)

    assert run(url, work, StoreLimits(writers=1, patience_s=LONG_S)) == ["after"]


def test_a_write_whose_commit_is_under_way_is_waited_for(tmp_path) -> None:
    engine = connect(f"sqlite:///{tmp_path}/a.db")
    things.metadata.create_all(engine)
    blocked = BlockedJob()
    event.listen(engine, "commit", blocked)

    async def work():
        store = Store(engine)
        answer = asyncio.ensure_future(store.write(adding("a"), within_s=0.5))
        await blocked.begun()
        await asyncio.sleep(0.6)
        blocked.let_go()
        results = await answer
        await store.close()
        return results

    assert asyncio.run(work()) == "a"


def test_a_full_disk_is_told_and_stores_nothing(tmp_path) -> None:
    engine = connect(f"sqlite:///{tmp_path}/a.db")
    things.metadata.create_all(engine)
    event.listen(engine, "connect", lambda driver, _record: driver.execute("PRAGMA max_page_count = 8"))

    async def work(store):
        big = [store.write(adding(letter * 20_000)) for letter in "abc"]
        results = await asyncio.gather(store.write(adding("small")), *big, return_exceptions=True)
        return results, await store.read(names)

    async def with_store():
        engine.dispose()
        store = Store(engine, StoreLimits(patience_s=LONG_S))
        found = await work(store)
        await store.close()
        return found

    results, stored = asyncio.run(with_store())
    failures = [str(each) for each in results if isinstance(each, DatabaseFailed)]
    assert any("has no room left" in failure for failure in failures)
    assert sorted(stored) == sorted(each for each in results if isinstance(each, str))


def test_a_lock_that_another_holds_in_postgresql_is_not_waited_for(postgresql) -> None:
    postgresql.ask("CREATE DATABASE locks")
    engine = connect(postgresql.url("locks"))
    things.metadata.create_all(engine)

    async def work(store):
        with engine.begin() as other:
            other.execute(text("LOCK TABLE things"))
            with pytest.raises(Busy):
                await store.write(adding("late"), within_s=0.05)
        await store.write(adding("after"))
        return await store.read(names)

    assert run(postgresql.url("locks"), work) == ["after"]
    engine.dispose()


def test_one_who_goes_away_before_their_turn_leaves_nothing(url) -> None:
    async def work(store):
        blocked = BlockedJob()
        first = asyncio.ensure_future(store.write(blocked))
        await blocked.begun()
        second = asyncio.ensure_future(store.write(adding("gone")))
        await asyncio.sleep(0)
        second.cancel()
        await asyncio.gather(second, return_exceptions=True)
        blocked.let_go()
        await first
        return await store.read(names)

    assert run(url, work, StoreLimits(writers=1, patience_s=LONG_S)) == []


def test_what_was_accepted_is_stored_when_the_store_closes(url) -> None:
    async def work(store):
        waiting = [asyncio.ensure_future(store.write(adding(str(n)))) for n in range(20)]
        await asyncio.sleep(0)
        await store.close()
        await asyncio.gather(*waiting)
        with pytest.raises(Busy, match="stopping"):
            await store.write(adding("too late"))

    run(url, work)
    engine = connect(url)
    with engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(things)).scalar() == 20
    engine.dispose()


def test_connections_that_the_server_ended_are_opened_anew(postgresql) -> None:
    postgresql.ask("CREATE DATABASE ended")
    engine = connect(postgresql.url("ended"))
    things.metadata.create_all(engine)
    engine.dispose()

    async def work(store):
        await store.write(adding("a"))
        await store.read(names)
        postgresql.ask("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = 'ended'")
        await store.write(adding("b"))
        return await store.read(names)

    one = StoreLimits(readers=1, writers=1, patience_s=LONG_S)
    assert run(postgresql.url("ended"), work, one) == ["a", "b"]


def test_work_that_loses_its_connection_half_way_is_done_once(postgresql) -> None:
    postgresql.ask("CREATE DATABASE half_way")
    engine = connect(postgresql.url("half_way"))
    things.metadata.create_all(engine)
    engine.dispose()
    tries = []

    def losing(connection):
        tries.append(1)
        adding("a")(connection)
        if len(tries) == 1:
            pid = connection.execute(text("SELECT pg_backend_pid()")).scalar()
            postgresql.ask(f"SELECT pg_terminate_backend({pid}, 5000)")
        return names(connection)

    async def work(store):
        await store.write(lambda connection: None)
        return await store.write(losing)

    assert run(postgresql.url("half_way"), work, StoreLimits(writers=1, patience_s=LONG_S)) == ["a"]
    assert len(tries) == 2


owned = Table(
    "owned",
    things.metadata,
    Column("thing_id", Integer, ForeignKey("things.id", deferrable=True, initially="DEFERRED")),
)


def failing_at_its_commit(connection) -> None:
    """Insert a row that the database accepts, but whose COMMIT it rejects."""
    connection.execute(insert(owned), {"thing_id": 4_711})


def test_after_a_commit_that_failed_the_next_write_is_stored(url) -> None:
    """Issue 11, A1: SQLite leaves the transaction open when its COMMIT fails, on a full disk as here."""

    async def work(store):
        with pytest.raises(DatabaseFailed):
            await store.write(failing_at_its_commit)
        await store.write(adding("after"))
        return await store.read(names)

    assert run(url, work, StoreLimits(writers=1, patience_s=LONG_S)) == ["after"]


def test_after_a_shared_commit_that_failed_the_next_write_is_stored(url) -> None:
    """Issue 11, A1: if writes share a commit that fails, none is stored and each caller is informed."""

    async def work(store):
        shared = (store.write(failing_at_its_commit), *(store.write(adding(str(n))) for n in range(5)))
        outcomes = await asyncio.gather(*shared, return_exceptions=True)
        await store.write(adding("after"))
        stored = await store.read(names)
        return outcomes, stored

    outcomes, stored = run(url, work, StoreLimits(writers=1, patience_s=LONG_S))
    assert isinstance(outcomes[0], DatabaseFailed)
    assert stored == sorted([*(each for each in outcomes if isinstance(each, str)), "after"])


def test_a_lane_goes_on_after_a_failure_of_any_kind_out_of_begin_or_commit(url) -> None:
    """Issue 11, A1: after any error in `begin()` or `commit()` the connection is not used again."""
    engine = connect(url)
    failures = iter([RuntimeError("from begin"), None, RuntimeError("from commit")])

    def fail_sometimes(_connection) -> None:
        failure = next(failures, None)
        if failure is not None:
            raise failure

    async def work():
        store = Store(engine, StoreLimits(writers=1, patience_s=LONG_S))
        event.listen(engine, "begin", fail_sometimes)
        event.listen(engine, "commit", fail_sometimes)
        for which in ("from begin", "from commit"):
            with pytest.raises(RuntimeError, match=which):
                await store.write(adding(which))
        await store.write(adding("after"))
        stored = await store.read(names)
        await store.close()
        return stored

    assert asyncio.run(work()) == ["after"]
