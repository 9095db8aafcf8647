"""The database: one set of tables, in SQLite by default and in PostgreSQL by one setting.

`open_database` is the entry point for all callers, `upgrade` for `londonpump db upgrade`. The statements are in
`persistence.repositories`. Other rooms name `Connection` and `Engine` from here, because none imports SQLAlchemy.
"""

from sqlalchemy import Connection, Engine

from londonpump.persistence.database.engine import connect, reading, writing
from londonpump.persistence.database.schema import VERSION
from londonpump.persistence.database.schema_version import open_database, open_read_only, upgrade

__all__ = [
    "VERSION",
    "Connection",
    "Engine",
    "connect",
    "open_database",
    "open_read_only",
    "reading",
    "upgrade",
    "writing",
]
