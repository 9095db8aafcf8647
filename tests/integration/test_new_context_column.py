"""A new column of weather touches three files, and arrives wherever weather is read, checked, stored, used and shown."""

import filecmp
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import londonpump

PACKAGE = Path(londonpump.__path__[0])
ROOT = PACKAGE.parents[1]
CATALOGUE, ADAPTER = "domain/columns.py", "ingest/open_meteo.py"
STEP = "persistence/database/migrations/versions/v9999_snow.py"
CHANGES = (
    (
        CATALOGUE,
        '"wind {:.0f} km/h"),\n',
        '    _context("snow_cm", "cm in the hour", Range(0, 50), "fresh snow", "cm", "weather", "{:.0f} cm snow"),\n',
    ),
    (
        CATALOGUE,
        '    source: str\n    """The publisher and which of its services."""\n',
        "    snow_cm: float | None = None\n",
    ),
    (ADAPTER, '    "visibility": "m",\n', '    "snowfall": "cm",\n'),
    (
        ADAPTER,
        '                wind_kmh=now["wind_speed_10m"],\n',
        '                snow_cm=columns["snowfall"][number + 1],\n',
    ),
)
"""File, the text before, and what is added behind it."""
MIGRATION = '''"""Fresh snow."""

from alembic import op

revision = "9999"
down_revision = "{newest}"
kind = "expand"


def upgrade() -> None:
    """Add the column."""
    op.execute(
        "ALTER TABLE weather_hours ADD COLUMN snow_cm FLOAT "
        "CONSTRAINT ck_weather_hours_snow_cm CHECK (snow_cm >= 0 AND snow_cm <= 50)"
    )
'''
ARRIVES = """
import json
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import write_docs
from sqlalchemy import text
from support.weather_responses import open_meteo

from londonpump.cleaning.examples import CONTEXT_COLUMNS
from londonpump.domain.errors import BadValue, DatabaseFailed, SourceFailed
from londonpump.domain.stations import by_code, known_stations
from londonpump.features.catalogue import FEATURES
from londonpump.features.context import ContextTables, context_at
from londonpump.ingest.open_meteo import FORECAST, parse_open_meteo
from londonpump.lifecycle.calls_file import parse_call
from londonpump.lifecycle.context_store import format_context_at
from londonpump.lifecycle.monitor.checks import CONTEXT_INPUTS
from londonpump.lifecycle.predict import PART_OF
from londonpump.presentation.texts.predict import WEATHER_FORMS
from londonpump.models import fitted_context
from londonpump.models.predict import SOURCE_COLUMN
from londonpump.persistence.database import open_database
from londonpump.assembly import create_app
from londonpump.persistence.repositories.context import context_tables, store_weather
from londonpump.persistence.database.engine import writing
from londonpump.service.predictions.forecast import STATED_COLUMNS
from londonpump.settings import Settings

at = datetime(2024, 1, 15, 8, tzinfo=UTC)
answer = open_meteo(at, 4)


def body(*snow):
    answer["hourly_units"]["snowfall"] = "cm"
    answer["hourly"]["snowfall"] = list(snow)
    return json.dumps(answer).encode()


def refused(error, action):
    try:
        action()
    except error as found:
        return "between 0 and 50" in str(found)
    return False


rows = parse_open_meteo(body(0.0, 3.5, 0.0, 0.0), at, FORECAST)
call = {"mobilised_at": "2024-01-15T08:00Z", "station_code": "G30", "easting_m": "518650", "northing_m": "186250"}
engine = open_database(f"sqlite:///{sys.argv[1]}/new.db")
store_weather(engine, rows)
tables = context_tables(engine, at, at + timedelta(hours=1))
known = context_at(tables, at)
without = ContextTables.of([replace(rows[0], snow_cm=None)])
try:
    with writing(engine) as connection:
        connection.execute(text("UPDATE weather_hours SET snow_cm = 51"))
    is_checked = False
except DatabaseFailed:
    is_checked = True
stated, _ = parse_call({**call, "snow_cm": "2"}, by_code(known_stations()))
schemas = create_app(Settings.model_construct(home=sys.argv[1])).openapi()["components"]["schemas"]
arrived = {
    "the answer of the publisher": rows[0].snow_cm == 3.5,
    "the range of sources": refused(SourceFailed, lambda: parse_open_meteo(body(0.0, 51.0, 0.0, 0.0), at, FORECAST)),
    "the database, and the context of a time": known["snow_cm"].value == 3.5,
    "the CHECK of the database": is_checked,
    "what is shown of the context": "fresh snow      3.5 cm" in format_context_at(known),
    "what is missing": "fresh snow: no weather row of the last 6 h has it" in context_at(without, at).missing,
    "examples": "snow_cm" in CONTEXT_COLUMNS,
    "a file of calls": stated["snow_cm"] == 2.0,
    "the range of calls": refused(BadValue, lambda: parse_call({**call, "snow_cm": "51"}, by_code(known_stations()))),
    "features": [(f.unit, f.known, f.group) for f in FEATURES if f.name == "snow_cm"] == [("cm in the hour", "call", "weather")],
    "the fallback of the models": "snow_cm" in fitted_context.CONTEXT_COLUMNS,
    "the source of a value": SOURCE_COLUMN["snow_cm"] == "snow_cm_source",
    "imputation": PART_OF["snow_cm=climate"] == "weather",
    "drift": "snow_cm" in CONTEXT_INPUTS,
    "the weather line of a prediction": WEATHER_FORMS["snow_cm"].format(2) == "2 cm snow",
    "the API": schemas["ContextOverrides"]["properties"]["snow_cm"]["anyOf"][0]["maximum"] == 50,
    "the answer of the API": "snow_cm" in STATED_COLUMNS,
    "reference pages": all("`snow_cm`" in page() for page in (write_docs.example_columns, write_docs.optional_columns, write_docs.features)),
}
print(json.dumps([name for name, is_there in arrived.items() if not is_there]))
"""


@pytest.fixture
def changed_package(tmp_path: Path) -> Path:
    """A copy of the package with a column of fresh snow."""
    package = tmp_path / "src" / "londonpump"
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    for name, before, added in CHANGES:
        file = package / name
        first, found, rest = file.read_text(encoding="utf-8").partition(before)
        assert found, (name, before)
        file.write_text(first + before + added + rest, encoding="utf-8")
    newest = max(file.name for file in (package / STEP).parent.glob("v*.py"))[1:5]
    (package / STEP).write_text(MIGRATION.format(newest=newest), encoding="utf-8")
    return package


def changed_files(package: Path) -> set[str]:
    files = [file.relative_to(package) for file in package.rglob("*") if file.is_file()]
    return {
        file.as_posix()
        for file in files
        if not (PACKAGE / file).exists() or not filecmp.cmp(PACKAGE / file, package / file, shallow=False)
    }


def test_a_column_of_weather_touches_three_files_and_arrives_everywhere(
    changed_package: Path, tmp_path: Path
) -> None:
    assert changed_files(changed_package) == {CATALOGUE, ADAPTER, STEP}
    path = [str(changed_package.parent), str(ROOT / "tests"), str(ROOT / "scripts")]
    done = subprocess.run(
        [sys.executable, "-c", ARRIVES, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout.strip(), done.returncode) == ("[]", 0), done.stderr[-2000:]
