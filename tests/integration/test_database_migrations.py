"""From an empty database to the tables of this version, on both engines."""

import sqlite3
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import CheckConstraint, bindparam, inspect, select, text
from support.context_rows import weather
from support.home_of_version_0_1 import add_to_audit, move

from londonpump.domain.errors import DatabaseFailed
from londonpump.domain.mobilisations import Event
from londonpump.persistence.database import connect, open_database, reading, upgrade, writing
from londonpump.persistence.database.engine import Timestamp
from londonpump.persistence.database.schema import (
    VERSION,
    VERSION_TABLE,
    board_pumps,
    metadata,
    mobilisations,
    risk_stations,
)
from londonpump.persistence.database.schema_version import MIGRATIONS, version_of
from londonpump.persistence.repositories.audit import read_audit, verify_audit
from londonpump.persistence.repositories.context import read_weather, store_weather
from londonpump.service.board import updates

MADE_NEWER = (
    text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"),  # noqa: S608
    text("UPDATE schema_readable_from SET version = '9998'"),
)
FIRST, BEFORE_REPORTERS, BEFORE_RANGES = "0001", "0006", "0009"
OLD_BOARD = (
    "INSERT INTO users (id, username, username_folded, role, created_at) VALUES ('u', 'o', 'o', 'operator', :at)",
    (
        "INSERT INTO mobilisations (id, incident_number, pump_code, mobilised_at, station_code, is_from_road, user_id) "
        "VALUES ('m1', '1', 'A211', :at, 'A21', false, 'u')"
    ),
)
RISK = risk_stations.insert().values(
    listed_at=datetime(2023, 2, 11, tzinfo=UTC), station_code="G32", station_name="Ruislip", source="test"
)
STARTER = """
import sys
from londonpump.persistence.database import connect, upgrade
engine = connect(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
print(upgrade(engine))
engine.dispose()
"""


def test_the_tables_are_those_of_the_schema(engine) -> None:
    with engine.connect() as connection:
        options = {"compare_type": True, "version_table": VERSION_TABLE}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []


@pytest.mark.parametrize("table", metadata.tables.values(), ids=str)
def test_the_checks_are_those_of_the_schema(engine, table) -> None:
    expected = {rule.name for rule in table.constraints if isinstance(rule, CheckConstraint)}
    assert {rule["name"] for rule in inspect(engine).get_check_constraints(table.name)} == expected


def test_the_newest_step_is_the_version_of_the_schema() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_current_head() == VERSION


def test_an_older_database_keeps_its_rows(empty_database_url) -> None:
    engine = connect(empty_database_url)
    with writing(engine) as connection:
        move(connection, FIRST)
        connection.execute(RISK)
    before = upgrade(engine)
    with reading(engine) as connection:
        codes = connection.execute(text("SELECT station_code FROM risk_stations")).scalars().all()
    engine.dispose()
    assert (before, codes) == (FIRST, ["G32"])


def test_a_home_of_before_the_reporters_keeps_its_board_and_its_audit(empty_database_url) -> None:
    """Issue 11, A6: old rows name nobody, and the chain goes on."""
    engine = connect(empty_database_url)
    at = datetime(2025, 6, 2, tzinfo=UTC)
    with writing(engine) as connection:
        move(connection, BEFORE_REPORTERS)
        for statement in OLD_BOARD:
            connection.execute(text(statement).bindparams(bindparam("at", at, Timestamp())))
        connection.execute(text("INSERT INTO board_pumps (pump_code, mobilisation_id) VALUES ('A211', 'm1')"))
        add_to_audit(connection, "override", "u", {"pump": "A211"})
    upgrade(engine)
    with writing(engine) as connection:
        reporters = [
            connection.execute(select(table.c.reported_by)).scalar_one()
            for table in (mobilisations, board_pumps)
        ]
        updates.report_event(connection, updates.Actor("u", at), "m1", Event.MOBILE, at)
        assert verify_audit(connection).problem is None
        event_types = [each.event_type for each in read_audit(connection)]
    engine.dispose()
    assert (event_types, reporters) == (["override", "event_reported"], [None, None])


def test_the_ranges_of_weather_are_checked_from_their_step_on(empty_database_url) -> None:
    engine = connect(empty_database_url)
    with writing(engine) as connection:
        move(connection, BEFORE_RANGES)
    row = weather(datetime(2025, 6, 2, tzinfo=UTC))
    store_weather(engine, [row])
    upgrade(engine)
    with pytest.raises(DatabaseFailed, match="breaks a rule"):
        store_weather(engine, [replace(row, temp_c=50.5)])
    with writing(engine) as connection:
        move(connection, BEFORE_RANGES, is_back=True)
    store_weather(engine, [replace(row, source="hot", temp_c=50.5)])
    found = read_weather(engine, row.observed_at, row.observed_at + timedelta(hours=1))
    assert found == [replace(row, source="hot", temp_c=50.5), row]
    # a value outside that was stored by another program does not stop the upgrade: it becomes unknown
    upgrade(engine)
    found = read_weather(engine, row.observed_at, row.observed_at + timedelta(hours=1))
    engine.dispose()
    assert found == [replace(row, source="hot", temp_c=None), row]


def test_an_older_postgresql_is_upgraded_by_its_operator(postgresql) -> None:
    postgresql.ask("CREATE DATABASE older TEMPLATE template0")
    engine = connect(postgresql.url("older"))
    with writing(engine) as connection:
        move(connection, FIRST)
    engine.dispose()
    with pytest.raises(
        DatabaseFailed, match=f"has version {FIRST}, but {VERSION} is needed. Run `londonpump db up"
    ):
        open_database(postgresql.url("older"))
    postgresql.ask("DROP DATABASE older")


def test_an_upgrade_tells_the_version_before(empty_database_url) -> None:
    engine = connect(empty_database_url)
    revisions = upgrade(engine), upgrade(engine)
    engine.dispose()
    assert revisions == (None, VERSION)


def test_starters_at_once_upgrade_once(empty_database_url) -> None:
    starters = [
        subprocess.Popen(
            [sys.executable, "-c", STARTER, empty_database_url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for starter in starters:
        starter.stdout.readline()
    for starter in starters:
        starter.stdin.write("go\n")
        starter.stdin.flush()
    revisions = [starter.communicate() for starter in starters]
    assert sorted(revisions) == sorted([(f"{VERSION}\n", "")] * 2 + [("None\n", "")])


def test_a_newer_database_is_refused(database_url) -> None:
    engine = connect(database_url)
    with writing(engine) as connection:
        for statement in MADE_NEWER:
            connection.execute(statement)
    engine.dispose()
    with pytest.raises(
        DatabaseFailed,
        match=r"has version 9999, which is newer than .* needs at least 9998. Install the newer londonpump",
    ):
        open_database(database_url)


def test_a_newer_database_is_not_upgraded(engine) -> None:
    with writing(engine) as connection:
        for statement in MADE_NEWER:
            connection.execute(statement)
    with pytest.raises(DatabaseFailed, match="newer"):
        upgrade(engine)


def test_tables_of_something_else_are_refused(empty_database_url) -> None:
    engine = connect(empty_database_url)
    with writing(engine) as connection:
        connection.execute(text("CREATE TABLE users (name TEXT)"))
    with pytest.raises(DatabaseFailed, match=r"holds tables of another application \(users\)"):
        upgrade(engine)
    engine.dispose()


def test_a_refused_database_is_as_it_was(tmp_path) -> None:
    foreign = tmp_path / "foreign.db"
    with sqlite3.connect(foreign) as connection:
        connection.execute("CREATE TABLE notes (text TEXT)")
    connection.close()
    with pytest.raises(DatabaseFailed, match=r"another application \(notes\)"):
        open_database(f"sqlite:///{foreign}")
    with sqlite3.connect(foreign) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master").fetchall()
    connection.close()
    assert tables == [("notes",)]


def test_another_product_in_the_same_postgresql_does_no_harm(postgresql) -> None:
    postgresql.ask("DROP DATABASE IF EXISTS shared WITH (FORCE)")
    postgresql.ask("CREATE DATABASE shared TEMPLATE template0")
    engine = connect(postgresql.url("shared"))
    with writing(engine) as connection:
        connection.execute(text("CREATE TABLE alembic_version (version_num TEXT)"))
    upgrade(engine)
    version = version_of(engine)
    engine.dispose()
    assert version == VERSION


def test_the_embedded_database_is_made_at_its_first_start(tmp_path) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'home' / 'londonpump.db'}")
    version = version_of(engine)
    engine.dispose()
    assert version == VERSION


def test_postgresql_is_upgraded_by_its_operator(postgresql) -> None:
    with pytest.raises(DatabaseFailed, match=r"has no tables of londonpump yet. Run `londonpump db upgrade`"):
        open_database(postgresql.url("postgres"))
