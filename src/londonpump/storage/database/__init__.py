"""The database: one set of tables, in SQLite by default and in PostgreSQL by one setting.

`open_database` is the door for all who use it, `upgrade` for `londonpump db upgrade`. The modules `..._rows` read
and write one subject each.
"""

from londonpump.storage.database.engine import connect, reading, writing
from londonpump.storage.database.schema_version import open_database, open_read_only, upgrade

__all__ = ["connect", "open_database", "open_read_only", "reading", "upgrade", "writing"]
