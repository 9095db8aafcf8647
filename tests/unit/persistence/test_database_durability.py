"""Committed data survives a killed process, and two writers wait for each other."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event, text

from londonpump.domain.columns import TrafficReading
from londonpump.domain.errors import DatabaseFailed
from londonpump.persistence.database import open_database, reading, writing
from londonpump.persistence.repositories.context import read_traffic, store_traffic

NOON = datetime(2024, 1, 15, 12, tzinfo=UTC)
WRITER = """
import sys
from datetime import UTC, datetime, timedelta
from londonpump.persistence.database import open_database
from londonpump.persistence.repositories.context import store_traffic
from londonpump.domain.columns import TrafficReading
engine = open_database(sys.argv[1])
moment = datetime(2024, 1, 15, 12, tzinfo=UTC)
while True:
    store_traffic(engine, [TrafficReading(moment, moment, 0.5, "test")])
    print(moment.isoformat(), flush=True)
    moment += timedelta(seconds=1)
"""


def readings(n: int, source: str) -> list[TrafficReading]:
    return [TrafficReading(NOON + timedelta(seconds=s), NOON, 0.5, source) for s in range(n)]


def delete_and_fail(engine) -> None:
    with writing(engine) as connection:
        connection.execute(text("DELETE FROM londonpump_version"))
        connection.execute(text("SELECT * FROM not_there"))


def test_nothing_acknowledged_is_lost_when_the_writer_is_killed(engine, database_url) -> None:
    writer = subprocess.Popen([sys.executable, "-c", WRITER, database_url], stdout=subprocess.PIPE, text=True)
    acknowledged = [writer.stdout.readline() for _ in range(20)]
    writer.kill()
    rest, _ = writer.communicate()
    acknowledged_at = {datetime.fromisoformat(line.strip()) for line in [*acknowledged, *rest.splitlines()]}
    stored = {row.observed_at for row in read_traffic(engine, NOON, NOON + timedelta(days=1))}
    assert acknowledged_at <= stored


def test_the_embedded_database_waits_for_the_disk(tmp_path) -> None:
    engine = open_database(f"sqlite:///{tmp_path}/a.db")
    with reading(engine) as connection:
        pragmas = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("synchronous", "journal_mode", "foreign_keys")
        ]
    engine.dispose()
    assert pragmas == [2, "wal", 1]


def test_writers_at_once_all_write(engine) -> None:
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda source: store_traffic(engine, readings(20, source)), "abcd"))
    assert len(read_traffic(engine, NOON, NOON + timedelta(hours=1))) == 80


def test_a_reader_sees_one_state_while_another_writes(engine) -> None:
    with reading(engine) as connection:
        before = connection.execute(text("SELECT count(*) FROM traffic_readings")).scalar()
        store_traffic(engine, readings(3, "a"))
        after = connection.execute(text("SELECT count(*) FROM traffic_readings")).scalar()
    assert (before, after) == (0, 0)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_reader_of_postgresql_cannot_write_by_mistake(engine) -> None:
    with pytest.raises(DatabaseFailed), reading(engine) as connection:
        connection.execute(text("DELETE FROM traffic_readings"))


def test_a_failure_leaves_nothing_of_a_transaction(engine) -> None:
    with pytest.raises(DatabaseFailed):
        delete_and_fail(engine)
    with reading(engine) as connection:
        assert connection.execute(text("SELECT count(*) FROM londonpump_version")).scalar() == 1


def test_a_file_that_another_process_holds_is_told(tmp_path) -> None:
    url = f"sqlite:///{tmp_path}/a.db"
    holder, other = open_database(url), open_database(url)
    event.listen(other, "connect", lambda connection, _: connection.execute("PRAGMA busy_timeout=1"))
    other.dispose()
    with (
        writing(holder),
        pytest.raises(DatabaseFailed, match="is held by another process"),
        writing(other),
    ):
        pass
    holder.dispose()
    other.dispose()
