"""Connections, transactions and error messages of the database, and what differs between SQLite and PostgreSQL.

SQLite runs with a write-ahead log and synchronous=FULL: committed data survives a killed process and a power cut, at
the cost of one wait for the disk per commit. NORMAL would survive only the killed process.

Error messages never hold the text of the driver, which can contain the address with its password, or values of a row.
"""

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime, timedelta
from math import isnan
from pathlib import Path
from typing import Any

from sqlalchemy import BigInteger, Connection, DateTime, Dialect, Engine, Table, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError
from sqlalchemy.types import TypeDecorator, TypeEngine

from londonpump.domain.errors import BadValue, DatabaseFailed

Row = dict[str, Any]
"""Values of one row of a table by column, as SQLAlchemy takes them."""
CONNECTION_ADVICE = "Check LONDONPUMP_DATABASE_URL and that the server runs."
DATA_ADVICE = "Check the data that should be stored."
DISK_ADVICE = "Make room on the disk and try again."
# Advice of the failures that are also shown to users of the service, who can act on them or report them.
PUBLIC_ADVICE = (DISK_ADVICE,)

_KNOWN = (
    # (part of the driver's text in lower case, what it means, what to do)
    ("password authentication failed", "refuses the user or the password", "Check LONDONPUMP_DATABASE_URL."),
    ("no password supplied", "requires a password", "Put it into LONDONPUMP_DATABASE_URL."),
    ("pg_hba", "does not accept this user from this computer", "Ask its administrator."),
    ('database "', "has no database of that name", "Create it, or check LONDONPUMP_DATABASE_URL."),
    ('role "', "has no such user", "Create it, or check LONDONPUMP_DATABASE_URL."),
    ("resolve host", "cannot be found: its host name is unknown", CONNECTION_ADVICE),
    ("name or service not known", "cannot be found: its host name is unknown", CONNECTION_ADVICE),
    ("connection refused", "does not listen there", CONNECTION_ADVICE),
    ("lock timeout", "has a table that another process holds", "Try again in a moment."),
    ("timeout", "did not answer in time", CONNECTION_ADVICE),
    ("too many clients", "has no connection left", "Try again, or allow more connections."),
    ("permission denied", "does not give this user the right to do that", "Ask its administrator."),
    ("not a database", "is not a database", "Name another file, or restore this one from a backup."),
    ("malformed", "is damaged", "Restore it from a backup."),
    ("database is locked", "is held by another process", "Try again when that process has ended."),
    ("readonly", "cannot be written", "Make the file and its folder writable."),
    ("read-only", "cannot be written", "Make the file and its folder writable."),
    ("unable to open", "cannot be opened", "Check that the folder exists and is writable."),
    ("disk is full", "has no room left", DISK_ADVICE),
    ("no space left", "has no room left", DISK_ADVICE),
    ("disk i/o error", "cannot be written or read on its disk", DISK_ADVICE),
    ("no such table", "lacks a table of this version", "Run `londonpump db upgrade`."),
    ("relation ", "lacks a table of this version", "Run `londonpump db upgrade`."),
    ("constraint", "rejects a value that breaks a rule of its tables", DATA_ADVICE),
)
BUSY_TIMEOUT_MS = 15_000
CONNECT_TIMEOUT_S = 5
# A connection to a server that vanished is given up after this time; the default of the system is 15 minutes.
TCP_USER_TIMEOUT_MS = 10_000
POSTGRESQL = "postgresql+psycopg"
URL_EXAMPLES = "sqlite:////folder/file.db or postgresql://user:password@host:5432/name"
WAL_RETRY_S = 0.01
READ_ONLY = "londonpump_reads_only"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def database_error(address: URL, error: DBAPIError) -> DatabaseFailed:
    """Return the error to raise for a failure of the driver, without the text of the driver."""
    if isinstance(error, IntegrityError):
        return DatabaseFailed(
            f"The database {database_name(address)} rejects a value that breaks a rule of its tables. {DATA_ADVICE}"
        )
    text = str(error.orig).lower()
    for part, meaning, advice in _KNOWN:
        if part in text:
            public = f"The database {meaning}. {advice}" if advice in PUBLIC_ADVICE else None
            return DatabaseFailed(f"The database {database_name(address)} {meaning}. {advice}", public)
    driver_error = type(error.orig).__name__
    return DatabaseFailed(
        f"The database {database_name(address)} failed ({driver_error}). {CONNECTION_ADVICE}"
    )


def database_name(address: URL) -> str:
    """Return what may be shown of a database address: the file, or user, host, port and name."""
    if address.drivername.startswith("sqlite"):
        return address.database or "in memory"
    user = f"{address.username}@" if address.username else ""
    port = f":{address.port}" if address.port else ""
    return f"{user}{address.host or 'localhost'}{port}/{address.database or ''}"


def connect(url: str, busy_timeout_ms: int = BUSY_TIMEOUT_MS) -> Engine:
    """Return an engine for an address, without connecting yet.

    Args: busy_timeout_ms: how long to wait for another process that holds a SQLite file.
    Raises: DatabaseFailed if the address is not supported or its folder cannot be made.
    """
    address = address_of(url)
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
    """Run the block in one transaction that may write. On SQLite it first waits for other writers.

    Raises: DatabaseFailed if the database does not answer or rejects a statement.
    """
    try:
        with engine.begin() as connection:
            yield connection
    except DBAPIError as error:
        raise database_error(engine.url, error) from None


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Run the block on a snapshot of the database, without blocking writers.

    Raises: DatabaseFailed if the database does not answer.
    """
    try:
        with engine.connect() as connection:
            yield connection.execution_options(**read_options(engine))
    except DBAPIError as error:
        raise database_error(engine.url, error) from None


def read_options(engine: Engine) -> dict[str, Any]:
    """Return the options of a connection that reads a snapshot."""
    if engine.dialect.name == "postgresql":
        return {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    return {READ_ONLY: True}


def address_of(url: str) -> URL:
    """Return the address of a database. Raises: DatabaseFailed, without the password, if it cannot be read."""
    try:
        address = make_url(url)
    except (ArgumentError, ValueError):
        # a port that is not a number raises ValueError, whose message could show the password
        raise DatabaseFailed(
            f"The address of the database cannot be read. Set LONDONPUMP_DATABASE_URL like {URL_EXAMPLES}; "
            "in a password, write @ : / as %40 %3A %2F."
        ) from None
    if address.drivername in {"postgres", "postgresql", POSTGRESQL}:
        return address.set(drivername=POSTGRESQL)
    if address.drivername in {"sqlite", "sqlite+pysqlite"} and address.database not in {None, "", ":memory:"}:
        return address.set(drivername="sqlite")
    raise DatabaseFailed(
        f"A database of type {address.drivername!r} at {database_name(address)} is not supported. "
        f"Set LONDONPUMP_DATABASE_URL like {URL_EXAMPLES}."
    )


def _sqlite(address: URL, busy_timeout_ms: int) -> Engine:
    path = Path(address.database or "")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # only the owner may read the file: it holds the audit and hashed passwords
        path.touch(mode=0o600)
    except OSError as error:
        raise DatabaseFailed(
            f"{path}: the database cannot be kept there ({error.strerror}). "
            "Repair the folder, or set LONDONPUMP_HOME or LONDONPUMP_DATABASE_URL to another one."
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
    # `_begin` starts transactions: the driver would start them late and leave DDL outside
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={busy_timeout_ms}")
    _write_ahead(cursor, time.monotonic() + busy_timeout_ms / 1000)
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _write_ahead(cursor: Any, until_s: float) -> None:
    """Turn the write-ahead log on.

    Only one connection can do so in a new file. SQLite rejects the others at once and ignores the busy timeout here, so
    they retry.
    """
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
    # IMMEDIATE takes the write lock now: a transaction that reads first could otherwise fail at its first write
    is_read_only = connection.get_execution_options().get(READ_ONLY, False)
    connection.exec_driver_sql("BEGIN" if is_read_only else "BEGIN IMMEDIATE")


def dialect_insert(connection: Connection, table: Table) -> Any:
    """Return an insert with `on_conflict_...` methods, which each dialect defines in a class of its own.

    Only the dialect in use is imported, which saves a service on SQLite 0.03 s at its start.
    """
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects.postgresql import insert  # noqa: PLC0415
    else:
        from sqlalchemy.dialects.sqlite import insert  # type: ignore[assignment]  # noqa: PLC0415
    return insert(table)


def upsert(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows, replacing those with the same primary key. All rows have the same columns."""
    if not rows:
        return
    statement = dialect_insert(connection, table)
    key = [column.name for column in table.primary_key]
    changed = {name: statement.excluded[name] for name in rows[0] if name not in key}
    connection.execute(statement.on_conflict_do_update(index_elements=key, set_=changed), list(rows))


def as_row(value: Any) -> Row:
    """Return a dataclass as a row whose columns are its fields.

    Raises: BadValue for NaN, which the two engines store differently; a missing value is None.
    """
    if not is_dataclass(value):
        raise TypeError(f"{type(value).__name__} is not a dataclass")
    row = {field.name: getattr(value, field.name) for field in fields(value)}
    for name, number in row.items():
        if isinstance(number, float) and isnan(number):
            raise BadValue(name, number, "is not a number; leave it empty if it is not known")
    return row


class Timestamp(TypeDecorator[datetime]):
    """Column type of an aware datetime: timestamptz in PostgreSQL, whole microseconds since 1970 (UTC) in SQLite.

    Integers keep the order of time, so an index can be used. Raises: ValueError for a datetime without a time zone.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the column type of the engine."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(BigInteger())
        return dialect.type_descriptor(DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Convert a value for the database."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a timestamp without a time zone cannot be stored")
        return (value - EPOCH) // MICROSECOND if dialect.name == "sqlite" else value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Convert a value from the database, in UTC."""
        if value is None:
            return None
        timestamp: datetime = (
            EPOCH + value * MICROSECOND if dialect.name == "sqlite" else value.astimezone(UTC)
        )
        return timestamp
