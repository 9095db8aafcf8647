"""The connection to the database, and its failures in words. No message ever holds the password.

SQLite runs with a write-ahead log and synchronous=FULL: what was acknowledged survives a killed process and
a power cut alike, for one wait on the disk a commit. NORMAL would survive the first only.
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from londonpump.domain.errors import DatabaseFailed
from londonpump.storage.database.errors import database_error, database_name

BUSY_TIMEOUT_MS = 15_000
CONNECT_TIMEOUT_S = 5
TCP_USER_TIMEOUT_MS = 10_000
"""A server that vanished without a word is given up after this long, not after the 15 minutes of the system."""
POSTGRESQL = "postgresql+psycopg"
URL_EXAMPLES = "sqlite:////folder/file.db or postgresql://user:password@host:5432/name"
WAL_RETRY_S = 0.01
READ_ONLY = "londonpump_reads_only"


def connect(url: str, busy_timeout_ms: int = BUSY_TIMEOUT_MS) -> Engine:
    """An engine for an address; nothing is asked of the database yet.

    Args: busy_timeout_ms: how long to wait for another process that holds a SQLite file. Raises: DatabaseFailed if it is no address that we know, or its folder cannot be made.
    """
    address = _address(url)
    if address.drivername == "sqlite":
        return _sqlite(address, busy_timeout_ms)
    bounds = {"connect_timeout": CONNECT_TIMEOUT_S, "tcp_user_timeout": TCP_USER_TIMEOUT_MS}
    own = {name: value for name, value in bounds.items() if name not in address.query}
    return create_engine(
        address,
        hide_parameters=True,
        pool_pre_ping=True,
        connect_args={"application_name": "londonpump", **own},
    )


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """One transaction that may write: all of it stays, or nothing. On SQLite it waits for other writers first.

    Raises: DatabaseFailed if the database does not answer or refuses.
    """
    try:
        with engine.begin() as connection:
            yield connection
    except DBAPIError as error:
        raise database_error(engine.url, error) from None


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """One view of the database that does not change while it is read, and hinders no writer.

    Raises: DatabaseFailed if the database does not answer.
    """
    level: dict[str, Any] = {READ_ONLY: True}
    if engine.dialect.name == "postgresql":
        level = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    try:
        with engine.connect() as connection:
            yield connection.execution_options(**level)
    except DBAPIError as error:
        raise database_error(engine.url, error) from None


def _address(url: str) -> URL:
    try:
        address = make_url(url)
    except (ArgumentError, ValueError):
        # ValueError: a port that is none; its message would show what stands there
        raise DatabaseFailed(
            f"The address of the database cannot be read. Set LONDONPUMP_DATABASE_URL like {URL_EXAMPLES}; "
            "write signs such as @ : / in a password as %40 %3A %2F."
        ) from None
    if address.drivername in {"postgres", "postgresql", POSTGRESQL}:
        return address.set(drivername=POSTGRESQL)
    if address.drivername in {"sqlite", "sqlite+pysqlite"} and address.database not in {None, "", ":memory:"}:
        return address.set(drivername="sqlite")
    raise DatabaseFailed(
        f"A database of the kind {address.drivername!r} at {database_name(address)} is not supported. "
        f"Set LONDONPUMP_DATABASE_URL like {URL_EXAMPLES}."
    )


def _sqlite(address: URL, busy_timeout_ms: int) -> Engine:
    path = Path(address.database or "")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # only its owner may read it: it holds who did what, and hashed passwords
        path.touch(mode=0o600)
    except OSError as error:
        raise DatabaseFailed(
            f"{path}: the database cannot be kept there ({error.strerror}). "
            "Mend the folder, or set LONDONPUMP_HOME or LONDONPUMP_DATABASE_URL to another place."
        ) from error
    engine = create_engine(address, hide_parameters=True)
    event.listen(
        engine,
        "connect",
        lambda driver_connection, _record: _prepare_connection(driver_connection, busy_timeout_ms),
    )
    event.listen(engine, "begin", _begin)
    return engine


def _prepare_connection(connection: Any, busy_timeout_ms: int) -> None:
    # transactions are begun by _begin: the driver's own way begins them late and leaves DDL outside
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={busy_timeout_ms}")
    _write_ahead(cursor, time.monotonic() + busy_timeout_ms / 1000)
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _write_ahead(cursor: Any, until_s: float) -> None:
    """Turn the write-ahead log on. A new file takes it from one connection alone, and SQLite refuses the others at once
    whatever its busy timeout says: they ask again."""
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() >= until_s:
                raise
            time.sleep(WAL_RETRY_S)
        else:
            return


def _begin(connection: Connection) -> None:
    # IMMEDIATE: a transaction that reads first and writes later could otherwise fail after its reads
    is_read_only = connection.get_execution_options().get(READ_ONLY, False)
    connection.exec_driver_sql("BEGIN" if is_read_only else "BEGIN IMMEDIATE")
