"""The service opens the database without importing what it does not use."""

import subprocess
import sys

HEAVY = "pandas", "sklearn", "pyarrow", "ibis", "duckdb", "alembic", "bson"
OPENED = """
import sys
import londonpump.persistence.repositories.context, londonpump.persistence.repositories.predictions
import londonpump.persistence.repositories.mobilisations, londonpump.persistence.repositories.users
from londonpump.persistence.database import open_database
open_database(sys.argv[1]).dispose()
print(*sorted(set(sys.argv[2:]) & set(sys.modules)))
"""


def test_opening_a_finished_database_loads_nothing_heavy(database_url) -> None:
    command = [sys.executable, "-c", OPENED, database_url, *HEAVY]
    imported_names = subprocess.run(command, capture_output=True, text=True, check=True)
    assert imported_names.stdout.split() == []
