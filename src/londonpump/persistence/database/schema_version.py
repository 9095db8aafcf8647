"""Check and upgrade the version of the tables in a database, and probe whether they can be read and written."""

from pathlib import Path
from secrets import token_hex

from sqlalchemy import Connection, Engine, func, inspect, select, text

from londonpump.domain.errors import DatabaseFailed
from londonpump.persistence.database.engine import connect, database_name, reading, upsert, writing
from londonpump.persistence.database.schema import VERSION, VERSION_TABLE, metadata, school_years, write_probe

MIGRATIONS = Path(__file__).parent / "migrations"
# any constant works, as long as every version of the product uses the same one
LOCK_KEY = 0x10D0_4B57
LOCK_TIMEOUT = "60s"
# SQLite readers only wait for a process that locks the whole file. A prediction continues without context instead.
READER_TIMEOUT_MS = 1_000
# About the size of a prediction with its audit line: a disk with less free space than this counts as full.
PROBE_CHARACTERS = 16_384


def open_database(url: str) -> Engine:
    """Return an engine whose tables have this version.

    The embedded SQLite is created and upgraded here; the operator of a PostgreSQL chooses when to upgrade it.
    Raises: DatabaseFailed if it cannot be reached, has another version, or holds other tables.
    """
    engine = connect(url)
    try:
        _ensure_this_version(engine)
    except DatabaseFailed:
        engine.dispose()
        raise
    return engine


def open_read_only(url: str) -> Engine:
    """Return an engine for reading. Nothing is upgraded, so that no answer has to wait.

    Raises: DatabaseFailed if it cannot be reached, or has a newer version, whose columns may have other meanings.
    """
    engine = connect(url, READER_TIMEOUT_MS)
    try:
        _require_known_version(engine, version_of(engine))
    except DatabaseFailed:
        engine.dispose()
        raise
    return engine


def upgrade(engine: Engine) -> str | None:
    """Upgrade the tables to this version and return the version before. Concurrent upgrades run only once.

    Raises: DatabaseFailed as `open_database` does; the database is then unchanged.
    """
    if version_of(engine) == VERSION:
        return VERSION
    with writing(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'"))
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK_KEY})
        # read again: another process may have upgraded while this one waited for the lock
        before = _stored_version(connection)
        _require_known_version(engine, before)
        if before is None:
            _require_own_tables(connection)
        if before != VERSION:
            _run_steps(connection)
    return before


def version_of(engine: Engine) -> str | None:
    """Return the version of the tables, or None if there are none. One query, without importing Alembic."""
    with reading(engine) as connection:
        return _stored_version(connection)


def database_responds(connection: Connection) -> bool:
    """Return True if the database answers a query on one of our tables."""
    connection.execute(select(func.max(school_years.c.year))).one()
    return True


def write_something(connection: Connection) -> None:
    """Write the probe row, which fails if the database is full or read-only."""
    # random content, because a database may skip a write that changes nothing
    payload = token_hex(8).ljust(PROBE_CHARACTERS, "0")
    upsert(connection, write_probe, [{"id": 1, "payload": payload}])


def _ensure_this_version(engine: Engine) -> None:
    version = version_of(engine)
    if version == VERSION:
        return
    if engine.dialect.name == "sqlite":
        upgrade(engine)
        return
    _require_known_version(engine, version)
    state = (
        "has no tables of londonpump yet"
        if version is None
        else f"has version {version}, but {VERSION} is needed"
    )
    raise DatabaseFailed(f"The database {database_name(engine.url)} {state}. Run `londonpump db upgrade`.")


def _stored_version(connection: Connection) -> str | None:
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    version: str | None = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()  # noqa: S608
    return version


def _run_steps(connection: Connection) -> None:
    # imported here, because most starts need no Alembic and should not wait for its import
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config(attributes={"connection": connection})
    # % starts an interpolation in the configuration format of Alembic
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    command.upgrade(config, VERSION)


def _require_known_version(engine: Engine, version: str | None) -> None:
    if version is not None and version > VERSION:
        raise DatabaseFailed(
            f"The database {database_name(engine.url)} has version {version}, which is newer than {VERSION}, the version of this product. "
            "Install the newer londonpump, or name another database in LONDONPUMP_DATABASE_URL."
        )


def _require_own_tables(connection: Connection) -> None:
    existing = set(inspect(connection).get_table_names())
    foreign = existing if connection.dialect.name == "sqlite" else existing & set(metadata.tables)
    if foreign:
        raise DatabaseFailed(
            f"The database {database_name(connection.engine.url)} holds tables of another application ({min(foreign)}). "
            "Name another database in LONDONPUMP_DATABASE_URL."
        )
