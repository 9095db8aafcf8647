"""The tables of a database, brought to this version."""

from londonpump.storage.database import connect, upgrade
from londonpump.storage.database.engine import database_name
from londonpump.storage.database.schema import VERSION


def upgrade_database(url: str) -> str:
    """Upgrade, and say what was done. Raises: DatabaseFailed."""
    engine = connect(url)
    try:
        before = upgrade(engine)
    finally:
        engine.dispose()
    name = database_name(engine.url)
    if before == VERSION:
        return f"{name} is of version {VERSION} already."
    return f"{name} is of version {VERSION} now; before: {before or 'no tables'}."
