"""The database: one set of tables, in SQLite by default and in PostgreSQL by one setting.

`open_database` is the entry point for all callers, `upgrade` for `londonpump db upgrade`. Each module
`..._repository` reads and writes one subject.
"""

from londonpump.persistence.database.engine import connect, reading, writing
from londonpump.persistence.database.schema_version import open_database, open_read_only, upgrade

__all__ = ["connect", "open_database", "open_read_only", "reading", "upgrade", "writing"]
