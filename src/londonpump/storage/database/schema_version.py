"""Which version of the tables a database holds, and the way to the newest."""

from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from londonpump.domain.errors import DatabaseFailed
from londonpump.storage.database.engine import connect, database_name, reading, writing
from londonpump.storage.database.schema import VERSION, VERSION_TABLE, metadata

MIGRATIONS = Path(__file__).parent / "migrations"
LOCK_KEY = 0x10D0_4B57
LOCK_TIMEOUT = "60s"
READER_TIMEOUT_MS = 1_000
"""Readers of SQLite wait for nobody but who holds the whole file; a prediction rather goes on without."""


def open_database(url: str) -> Engine:
    """An engine whose tables are of this version.

    The embedded SQLite is made and upgraded here; PostgreSQL is upgraded by its operator, at a time that suits.
    Raises: DatabaseFailed if it cannot be reached, is of another version, or is not ours.
    """
    engine = connect(url)
    try:
        _ensure_this_version(engine)
    except DatabaseFailed:
        engine.dispose()
        raise
    return engine


def open_read_only(url: str) -> Engine:
    """An engine to read what is there: nothing is upgraded, so that an answer waits for no one.

    Raises: DatabaseFailed if it cannot be reached, or is of a newer version and may mean something else.
    """
    engine = connect(url, READER_TIMEOUT_MS)
    try:
        _require_known_version(engine, version_of(engine))
    except DatabaseFailed:
        engine.dispose()
        raise
    return engine


def upgrade(engine: Engine) -> str | None:
    """Bring the tables to this version; two that start at once do it once. Returns: the version before.

    Raises: DatabaseFailed as `open_database`; the database is then as it was.
    """
    if version_of(engine) == VERSION:
        return VERSION
    with writing(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'"))
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK_KEY})
        before = _stored_version(connection)
        _require_known_version(engine, before)
        if before is None:
            _require_own_tables(connection)
        if before != VERSION:
            _run_steps(connection)
    return before


def version_of(engine: Engine) -> str | None:
    """The version of the tables; None in a database without them. One question, no Alembic."""
    with reading(engine) as connection:
        return _stored_version(connection)


def _ensure_this_version(engine: Engine) -> None:
    version = version_of(engine)
    if version == VERSION:
        return
    if engine.dialect.name == "sqlite":
        upgrade(engine)
        return
    _require_known_version(engine, version)
    state = (
        "has no tables of ours yet" if version is None else f"is of version {version}, {VERSION} is needed"
    )
    raise DatabaseFailed(f"The database {database_name(engine.url)} {state}. Run `londonpump db upgrade`.")


def _stored_version(connection: Connection) -> str | None:
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    version: str | None = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()  # noqa: S608
    return version


def _run_steps(connection: Connection) -> None:
    # here, as most starts need no Alembic and should not wait for its import
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config(attributes={"connection": connection})
    # % begins an interpolation in the configuration's own format
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    command.upgrade(config, VERSION)


def _require_known_version(engine: Engine, version: str | None) -> None:
    if version is not None and version > VERSION:
        raise DatabaseFailed(
            f"The database {database_name(engine.url)} is of version {version}, newer than this product's {VERSION}. "
            "Install the newer londonpump, or name another database in LONDONPUMP_DATABASE_URL."
        )


def _require_own_tables(connection: Connection) -> None:
    existing = set(inspect(connection).get_table_names())
    foreign = existing if connection.dialect.name == "sqlite" else existing & set(metadata.tables)
    if foreign:
        raise DatabaseFailed(
            f"The database {database_name(connection.engine.url)} holds tables of something else ({min(foreign)}). "
            "Name another database in LONDONPUMP_DATABASE_URL."
        )
