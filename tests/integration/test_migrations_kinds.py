"""Each step says whether older code goes on after it, and the statements that it runs agree."""

import pytest
from alembic import command
from alembic.script import Script, ScriptDirectory
from sqlalchemy import inspect, text
from support.migration_steps import (
    EXPANSION,
    NEXT,
    contracting,
    folder_with_step,
    newer_code,
    statements_of,
)
from typer.testing import CliRunner

from londonpump.cli import app
from londonpump.domain.errors import DatabaseFailed
from londonpump.persistence.database import connect, open_database, open_read_only, reading, upgrade, writing
from londonpump.persistence.database.engine import database_name
from londonpump.persistence.database.schema import VERSION
from londonpump.persistence.database.schema_version import (
    EXPANDS,
    MIGRATIONS,
    alembic_config,
    lowest_reader,
    readable_from,
    version_of,
)

FIRST_DECLARED, BEFORE = "0011", "0010"
CONTRACTING_BEFORE = {"0005", "0009", "0010"}
"""Steps of before the declarations that changed tables under older code."""
STEPS = ScriptDirectory.from_config(alembic_config(None))
LOWEST = lowest_reader(STEPS, VERSION)
NOT_EXPANSIONS = {
    "drops a table": 'op.drop_table("write_probe")',
    "drops a column": 'op.execute("ALTER TABLE predictions DROP COLUMN call_at")',
    "renames a column": 'op.execute("ALTER TABLE predictions RENAME COLUMN call_at TO asked_at")',
    "renames a table": 'op.rename_table("write_probe", "probe")',
    "alters a type": 'with op.batch_alter_table("write_probe") as table: table.alter_column("id", type_=sa.BigInteger())',
    "forbids null": 'with op.batch_alter_table("outcomes") as table: table.alter_column("model", nullable=False)',
    "adds a unique column": (
        'with op.batch_alter_table("write_probe") as table: '
        'table.add_column(sa.Column("n", sa.Integer())); table.create_unique_constraint("uq_n", ["n"])'
    ),
    "demands unique values": 'op.create_index("ux_test", "predictions", ["created_at"], unique=True)',
    "changes stored rows": "op.execute(\"UPDATE users SET role = 'admin'\")",
}


def steps_in_order() -> list[Script]:
    """Return the steps of the product, the oldest first."""
    return list(STEPS.walk_revisions())[::-1]


def run_step(engine, folder, revision: str) -> list[str]:
    """Run the steps up to a revision and return their statements."""
    with writing(engine) as connection:
        config = alembic_config(connection)
        config.set_main_option("script_location", str(folder))
        with statements_of(engine) as recorded:
            command.upgrade(config, revision)
    return recorded


def declared(step) -> str | None:
    return getattr(step.module, "kind", None)


def test_every_step_declares_its_kind() -> None:
    steps = [step for step in steps_in_order() if step.revision >= FIRST_DECLARED]
    assert steps
    assert {
        step.revision: declared(step) for step in steps if declared(step) not in {EXPANDS, "contract"}
    } == {}


def test_a_step_that_declares_an_expansion_is_one(empty_database_url) -> None:
    engine = connect(empty_database_url)
    steps = steps_in_order()
    found = {step.revision for step in steps if contracting(run_step(engine, MIGRATIONS, step.revision))}
    engine.dispose()
    assert {revision for revision in found if revision < FIRST_DECLARED} == CONTRACTING_BEFORE
    assert found & {step.revision for step in steps if declared(step) == EXPANDS} == set()


def test_tables_nullable_columns_and_indexes_are_an_expansion(engine, tmp_path) -> None:
    statements = run_step(engine, folder_with_step(tmp_path, EXPANDS, *EXPANSION), NEXT)
    assert len([one for one in statements if "test_" in one]) >= len(EXPANSION)
    assert contracting(statements) == []


@pytest.mark.parametrize("body", NOT_EXPANSIONS.values(), ids=NOT_EXPANSIONS)
def test_anything_else_is_no_expansion(engine, tmp_path, body) -> None:
    assert contracting(run_step(engine, folder_with_step(tmp_path, EXPANDS, body), NEXT)) != []


def test_statements_that_an_engine_rejects_on_some_tables_are_no_expansion() -> None:
    added = "ALTER TABLE users ADD COLUMN size INTEGER NOT NULL"
    fired = "CREATE TRIGGER users_stay BEFORE UPDATE ON users BEGIN SELECT RAISE(ABORT, 'no'); END"
    assert contracting([added, f"{added} DEFAULT 0", fired]) == [added, fired]
    assert contracting(["CREATE TABLE users (id TEXT)", fired]) == []


@pytest.mark.parametrize(("kind", "lowest"), [("expand", LOWEST), ("contract", NEXT), (None, NEXT)])
def test_the_database_names_the_oldest_code_that_can_run_on_it(engine, tmp_path, kind, lowest) -> None:
    """A step that declares nothing counts as a contraction."""
    assert readable_from(engine) == LOWEST
    with newer_code(folder_with_step(tmp_path, kind, *EXPANSION)):
        assert upgrade(engine) == VERSION
    assert (version_of(engine), readable_from(engine)) == (NEXT, lowest)


def test_older_code_opens_an_expanded_database_says_so_once_and_changes_nothing(
    database_url, tmp_path, monkeypatch, caplog
) -> None:
    engine = connect(database_url)
    with newer_code(folder_with_step(tmp_path, "expand", *EXPANSION)):
        upgrade(engine)
    tables = inspect(engine).get_table_names()
    for opened in (open_database, open_read_only, open_database):
        opened(database_url).dispose()
    (warned,) = [record.getMessage() for record in caplog.records if record.name == "londonpump.database"]
    assert warned == (
        f"The database {database_name(engine.url)} has version {NEXT}, newer than {VERSION} of this product, "
        "which can run on it. It is not changed."
    )
    monkeypatch.setenv("LONDONPUMP_DATABASE_URL", database_url)
    output = CliRunner().invoke(app, ["db", "upgrade"])
    assert output.exit_code == 0
    assert f"has version {NEXT}, newer than {VERSION} of this product" in output.output
    assert (version_of(engine), inspect(engine).get_table_names()) == (NEXT, tables)
    engine.dispose()


def test_older_code_refuses_a_contracted_database(database_url, tmp_path, monkeypatch) -> None:
    engine = connect(database_url)
    with newer_code(folder_with_step(tmp_path, "contract", *EXPANSION)):
        upgrade(engine)
    message = (
        f"has version {NEXT}, which is newer than {VERSION}, the version of this product: it needs at least {NEXT}. "
        "Install the newer londonpump"
    )
    for refused in (open_database, open_read_only):
        with pytest.raises(DatabaseFailed, match=message):
            refused(database_url)
    with pytest.raises(DatabaseFailed, match=message):
        upgrade(engine)
    monkeypatch.setenv("LONDONPUMP_DATABASE_URL", database_url)
    output = CliRunner().invoke(app, ["db", "upgrade"])
    assert (output.exit_code, message in output.output) == (2, True)
    engine.dispose()


def test_an_upgrade_while_serving_runs_only_expansions(engine, tmp_path) -> None:
    with newer_code(folder_with_step(tmp_path, "expand", *EXPANSION)):
        assert upgrade(engine, is_expand_only=True) == VERSION
    assert version_of(engine) == NEXT


@pytest.mark.parametrize("kind", ["contract", None])
def test_an_upgrade_while_serving_stops_before_a_contraction(engine, tmp_path, kind) -> None:
    with (
        newer_code(folder_with_step(tmp_path, kind, *EXPANSION)),
        pytest.raises(DatabaseFailed, match=f"tables of step {NEXT}, so nothing was changed. Stop the serv"),
    ):
        upgrade(engine, is_expand_only=True)
    assert (version_of(engine), readable_from(engine)) == (VERSION, LOWEST)


def test_a_database_of_before_is_upgraded_with_the_service_stopped(empty_database_url) -> None:
    engine = connect(empty_database_url)
    run_step(engine, MIGRATIONS, BEFORE)
    assert readable_from(engine) is None
    with pytest.raises(DatabaseFailed, match="Stop the service, run `londonpump db upgrade`"):
        upgrade(engine, is_expand_only=True)
    assert version_of(engine) == BEFORE
    assert upgrade(engine) == BEFORE
    assert (version_of(engine), readable_from(engine)) == (VERSION, LOWEST)
    engine.dispose()


def test_an_upgrade_does_not_wait_long_for_a_table_that_a_service_would_wait_for_too(
    postgresql, tmp_path
) -> None:
    postgresql.ask("CREATE DATABASE held TEMPLATE template0")
    engine = connect(postgresql.url("held"))
    upgrade(engine)
    with newer_code(folder_with_step(tmp_path, "expand", *EXPANSION)), reading(engine) as connection:
        connection.execute(text("SELECT id FROM predictions"))
        with pytest.raises(DatabaseFailed, match=r"has a table that another process holds\. Try again"):
            upgrade(engine)
    assert (version_of(engine), readable_from(engine)) == (VERSION, LOWEST)
    engine.dispose()
    postgresql.ask("DROP DATABASE held")
