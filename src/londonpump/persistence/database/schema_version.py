"""Check and upgrade the version of the tables in a database, and probe whether they can be read and written.

Two versions of the product can serve on one database while it is upgraded: each step says whether it only expands, and the
database names the lowest version whose code can run on it. Older code goes on from there, and never changes newer tables.
"""

import logging
from functools import cache
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, func, inspect, select, text

from londonpump.domain.errors import DatabaseFailed
from londonpump.persistence.database.engine import connect, database_name, reading, upsert, writing
from londonpump.persistence.database.schema import (
    VERSION,
    VERSION_TABLE,
    metadata,
    schema_readable_from,
    school_years,
    write_probe,
)

if TYPE_CHECKING:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

LOGGER = logging.getLogger("londonpump.database")
EXPANDS = "expand"
"""Declared by a step after which older code goes on. Every other step contracts."""
MIGRATIONS = Path(__file__).parent / "migrations"
# any constant works, as long as every version of the product uses the same one
LOCK_KEY = 0x10D0_4B57
LOCK_TIMEOUT = "60s"
# While a step waits for a table, every later query of a running service waits behind it.
STEP_LOCK_TIMEOUT = "2s"
# SQLite readers only wait for a process that locks the whole file. A prediction continues without context instead.
READER_TIMEOUT_MS = 1_000
# About the size of a prediction with its audit line: a disk with less free space than this counts as full.
PROBE_CHARACTERS = 16_384


def open_database(url: str) -> Engine:
    """Return an engine whose tables have this version, or a newer one that this version can run on.

    The embedded SQLite is created and upgraded here; the operator of a PostgreSQL chooses when to upgrade it.
    Raises: DatabaseFailed if it cannot be reached, has a version that cannot be used, or holds other tables.
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

    Raises: DatabaseFailed if it cannot be reached, or has a newer version that this one cannot read.
    """
    engine = connect(url, READER_TIMEOUT_MS)
    try:
        with reading(engine) as connection:
            version = _stored_version(connection)
            _require_readable(connection, version)
        _warn_if_newer(engine, version)
    except DatabaseFailed:
        engine.dispose()
        raise
    return engine


def upgrade(engine: Engine, *, is_expand_only: bool = False) -> str | None:
    """Upgrade the tables to this version and return the version before. Concurrent upgrades run only once.

    A newer database that this version can run on stays as it is.
    Args: is_expand_only: refuse an upgrade after which code that runs on the tables now could not go on.
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
        _require_readable(connection, before)
        if before is None:
            _require_own_tables(connection)
        if before is None or before < VERSION:
            if engine.dialect.name == "postgresql":
                connection.execute(text(f"SET LOCAL lock_timeout = '{STEP_LOCK_TIMEOUT}'"))
            _run_steps(connection, before, is_expand_only=is_expand_only)
    return before


def version_of(engine: Engine) -> str | None:
    """Return the version of the tables, or None if there are none. One query, without importing Alembic."""
    with reading(engine) as connection:
        return _stored_version(connection)


def readable_from(engine: Engine) -> str | None:
    """Return the lowest version whose code can run on the tables, or None for tables that do not name it."""
    with reading(engine) as connection:
        return _stored_reader(connection)


def lowest_reader(steps: "ScriptDirectory", version: str | None) -> str:
    """Return the lowest version whose code can run on the tables of a version: that of its newest step that contracts."""
    return next(
        step.revision
        for step in steps.iterate_revisions(version, "base")
        if getattr(step.module, "kind", None) != EXPANDS
    )


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
    with reading(engine) as connection:
        version = _stored_version(connection)
        _require_readable(connection, version)
    _warn_if_newer(engine, version)
    if version is not None and version >= VERSION:
        return
    if engine.dialect.name == "sqlite":
        upgrade(engine)
        return
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


def _stored_reader(connection: Connection) -> str | None:
    if not inspect(connection).has_table(schema_readable_from.name):
        return None
    version: str | None = connection.execute(select(schema_readable_from.c.version)).scalar()
    return version


def _run_steps(connection: Connection, before: str | None, *, is_expand_only: bool) -> None:
    # imported here, because most starts need no Alembic and should not wait for its import
    from alembic import command  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    config = alembic_config(connection)
    try:
        if is_expand_only and before is not None:
            _require_expansion(connection, config, before)
        command.upgrade(config, VERSION)
    except CommandError as error:
        raise DatabaseFailed(
            f"The database {database_name(connection.engine.url)} has version {before}, which this londonpump does not know. "
            "Use the version that made it, or restore a backup."
        ) from error


def alembic_config(connection: Connection) -> "Config":
    """Return the configuration of Alembic for a connection."""
    from alembic.config import Config  # noqa: PLC0415

    config = Config(attributes={"connection": connection})
    # % starts an interpolation in the configuration format of Alembic
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _require_expansion(connection: Connection, config: "Config", before: str) -> None:
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    steps = ScriptDirectory.from_config(config)
    contracting = lowest_reader(steps, VERSION)
    if contracting != lowest_reader(steps, before):
        raise DatabaseFailed(
            f"The database {database_name(connection.engine.url)} has version {before}. Older code cannot run on the tables of "
            f"step {contracting}, so nothing was changed. Stop the service, run `londonpump db upgrade`, and start the new version."
        )


def _require_readable(connection: Connection, version: str | None) -> None:
    """Raise DatabaseFailed if newer code made tables that this version cannot use."""
    if version is None or version <= VERSION:
        return
    lowest = _stored_reader(connection)
    if lowest is None or lowest > VERSION:
        needed = "" if lowest is None else f": it needs at least {lowest}"
        raise DatabaseFailed(
            f"The database {database_name(connection.engine.url)} has version {version}, "
            f"which is newer than {VERSION}, the version of this product{needed}. "
            "Install the newer londonpump, or name another database in LONDONPUMP_DATABASE_URL."
        )


def _warn_if_newer(engine: Engine, version: str | None) -> None:
    if version is not None and version > VERSION:
        _warn_once(database_name(engine.url), version)


@cache
def _warn_once(name: str, version: str) -> None:
    LOGGER.warning(
        "The database %s has version %s, newer than %s of this product, which can run on it. It is not changed.",
        name,
        version,
        VERSION,
    )


def _require_own_tables(connection: Connection) -> None:
    existing = set(inspect(connection).get_table_names())
    foreign = existing if connection.dialect.name == "sqlite" else existing & set(metadata.tables)
    if foreign:
        raise DatabaseFailed(
            f"The database {database_name(connection.engine.url)} holds tables of another application ({min(foreign)}). "
            "Name another database in LONDONPUMP_DATABASE_URL."
        )
