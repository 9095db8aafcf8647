"""The service opens the database and must not wait for what it does not use."""

import subprocess
import sys

HEAVY = "pandas", "sklearn", "pyarrow", "ibis", "duckdb", "alembic", "bson"
OPENED = """
import sys
import londonpump.storage.database.context_rows, londonpump.storage.database.people_rows
import londonpump.storage.database.station_rows
from londonpump.storage.database import open_database
open_database(sys.argv[1]).dispose()
print(*sorted(set(sys.argv[2:]) & set(sys.modules)))
"""


def test_opening_a_finished_database_loads_nothing_heavy(database_url) -> None:
    command = [sys.executable, "-c", OPENED, database_url, *HEAVY]
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    assert told.stdout.split() == []
