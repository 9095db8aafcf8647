"""The connection to the database, and its failures in words. No message ever holds the password.

SQLite runs with a write-ahead log and synchronous=FULL: what was acknowledged survives a killed process and
a power cut alike, for one wait on the disk a commit. NORMAL would survive the first only.


What a driver reports, as words for a person: what happened, to which database, what to do next.

The driver's own text is never passed on: it can hold the address with its password, or a row's values.


Rows in and out of any table, the same way on both engines.
"""

import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
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

CONNECTION_ADVICE = "Check LONDONPUMP_DATABASE_URL and that the server runs."
DATA_ADVICE = "Check the data that were to be stored."
DISK_ADVICE = "Make room on the disk and try again."
PUBLIC_ADVICE = (DISK_ADVICE,)
"""Of the failures that a person who only uses the service can do something about, or should report."""

_KNOWN = (
    # (part of the driver's text in lower case, what it means, what to do)
    ("password authentication failed", "refuses the user or the password", "Check LONDONPUMP_DATABASE_URL."),
    ("no password supplied", "wants a password", "Put it into LONDONPUMP_DATABASE_URL."),
    ("pg_hba", "does not let this user in from here", "Ask its administrator."),
    ('database "', "has no database of that name", "Create it, or check LONDONPUMP_DATABASE_URL."),
    ('role "', "knows no such user", "Create it, or check LONDONPUMP_DATABASE_URL."),
    ("resolve host", "cannot be found under that name", CONNECTION_ADVICE),
    ("name or service not known", "cannot be found under that name", CONNECTION_ADVICE),
    ("connection refused", "does not listen there", CONNECTION_ADVICE),
    ("timeout", "did not answer in time", CONNECTION_ADVICE),
    ("too many clients", "has no connection left", "Try again, or allow more connections."),
    ("permission denied", "does not give this user the right to do that", "Ask its administrator."),
    ("not a database", "is not a database", "Name another file, or bring this one back from a backup."),
    ("malformed", "is damaged", "Bring it back from a backup."),
    ("database is locked", "is held by another process", "Try again when that one has ended."),
    ("readonly", "cannot be written", "Give yourself the right to write the file and its folder."),
    ("read-only", "cannot be written", "Give yourself the right to write the file and its folder."),
    ("unable to open", "cannot be opened", "Check that the folder is there and may be written."),
    ("disk is full", "has no room left", DISK_ADVICE),
    ("no space left", "has no room left", DISK_ADVICE),
    ("disk i/o error", "cannot be written or read on its disk", DISK_ADVICE),
    ("no such table", "lacks a table of this version", "Run `londonpump db upgrade`."),
    ("relation ", "lacks a table of this version", "Run `londonpump db upgrade`."),
    (
        "constraint",
        "refuses a value that breaks a rule of its tables",
        "Check the data that were to be stored.",
    ),
)


def database_error(address: URL, error: DBAPIError) -> DatabaseFailed:
    """The error to raise for a failure; the driver's text stays out of it."""
    if isinstance(error, IntegrityError):
        return DatabaseFailed(
            f"The database {database_name(address)} refuses a value that breaks a rule of its tables. {DATA_ADVICE}"
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
    """A database as it may be shown: its file, or user, host, port and name. Never password or options."""
    if address.drivername.startswith("sqlite"):
        return address.database or "in memory"
    user = f"{address.username}@" if address.username else ""
    port = f":{address.port}" if address.port else ""
    return f"{user}{address.host or 'localhost'}{port}/{address.database or ''}"


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


def dialect_insert(connection: Connection, table: Table) -> Any:
    """An insert that can be told what to do about a row that is there: two dialects spell it alike and share no class.

    Only the one in use is loaded, which saves a service on SQLite 0.03 s at its start.
    """
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects.postgresql import insert  # noqa: PLC0415
    else:
        from sqlalchemy.dialects.sqlite import insert  # type: ignore[assignment]  # noqa: PLC0415
    return insert(table)


def upsert(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add rows; one whose primary key is there already takes that row's place. All rows have the same columns."""
    if not rows:
        return
    statement = dialect_insert(connection, table)
    key = [column.name for column in table.primary_key]
    changed = {name: statement.excluded[name] for name in rows[0] if name not in key}
    connection.execute(statement.on_conflict_do_update(index_elements=key, set_=changed), list(rows))


def as_row(value: Any) -> dict[str, Any]:
    """A frozen dataclass as a row: its fields are columns.

    Raises: BadValue for a number that is none. A gap is None: the engines disagree about NaN.
    """
    if not is_dataclass(value):
        raise TypeError(f"{type(value).__name__} is no dataclass")
    row = {field.name: getattr(value, field.name) for field in fields(value)}
    for name, number in row.items():
        if isinstance(number, float) and isnan(number):
            raise BadValue(name, number, "is no number; leave it empty where it is not known")
    return row


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


class Timestamp(TypeDecorator[datetime]):
    """An aware datetime. PostgreSQL: timestamptz. SQLite: whole microseconds since 1970, UTC.

    Raises: ValueError for a datetime without a zone: a caller's mistake, never a user's.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """The column type of each engine."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(BigInteger())
        return dialect.type_descriptor(DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """To the database."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant without a zone cannot be stored")
        return (value - EPOCH) // MICROSECOND if dialect.name == "sqlite" else value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """From the database, in UTC."""
        if value is None:
            return None
        timestamp: datetime = (
            EPOCH + value * MICROSECOND if dialect.name == "sqlite" else value.astimezone(UTC)
        )
        return timestamp
