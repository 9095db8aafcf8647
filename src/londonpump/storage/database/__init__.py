"""The database: one set of tables, in SQLite by default and in PostgreSQL by one setting.

`open_database` is the door for all who use it, `upgrade` for `londonpump db upgrade`. The modules `..._rows` read
and write one subject each.
"""

from londonpump.storage.database.engine import connect, reading, writing
from londonpump.storage.database.versions import open_database, open_to_read, upgrade

__all__ = ["connect", "open_database", "open_to_read", "reading", "upgrade", "writing"]
