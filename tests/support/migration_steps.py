"""The product's migrations with a further step of the test's own, and what the statements of a step do to older code."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine, event

from londonpump.persistence.database import schema_version
from londonpump.persistence.database.schema import VERSION, VERSION_TABLE, schema_readable_from

NEXT = f"{int(VERSION) + 1:04}"
STEP = '''"""A step of a test."""

import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = "{down_revision}"
{kind}

def upgrade() -> None:
    """Run it."""
    {body}
'''
EXPANSION = (
    'op.create_table("test_notes", sa.Column("id", sa.Integer(), primary_key=True), sa.Column("text", sa.Text()))',
    'op.add_column("predictions", sa.Column("test_note", sa.Text(), nullable=True))',
    'op.add_column("mobilisations", sa.Column("test_count", sa.Integer(), nullable=False, server_default="0"))',
    'op.create_index("ix_predictions_test_note", "predictions", ["test_note"])',
)
_OWN = {VERSION_TABLE, schema_readable_from.name}
_CREATES = re.compile(r"CREATE TABLE (\w+)")
_USES_NEW = re.compile(
    r"(?:INSERT INTO|UPDATE|DELETE FROM|ALTER TABLE|CREATE UNIQUE INDEX \w+ ON|CREATE TRIGGER [^(]*? ON) (\w+)"
)
_HARMLESS = re.compile(r"SELECT|PRAGMA|CREATE INDEX|CREATE FUNCTION|SET LOCAL")
_ADDS = re.compile(r"ALTER TABLE \w+ ADD COLUMN \w+ (?P<rules>.*)")
_BINDS_OLDER_CODE = re.compile(r"\b(PRIMARY|UNIQUE|DROP|ALTER|RENAME|SET|ADD)\b")


def folder_with_step(folder: Path, kind: str | None, *body: str) -> Path:
    """Copy the migrations with one more step, and return their folder."""
    steps = folder / "migrations"
    shutil.copytree(schema_version.MIGRATIONS, steps, ignore=shutil.ignore_patterns("__pycache__"))
    text = STEP.format(
        revision=NEXT,
        down_revision=VERSION,
        kind=f'kind = "{kind}"\n' if kind else "",
        body="\n    ".join(body),
    )
    (steps / "versions" / f"v{NEXT}_test.py").write_text(text, encoding="utf-8")
    return steps


@contextmanager
def newer_code(steps: Path) -> Iterator[None]:
    """Let `londonpump.persistence.database` be that of the version with the further step while the block runs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(schema_version, "MIGRATIONS", steps)
        patch.setattr(schema_version, "VERSION", NEXT)
        yield


@contextmanager
def statements_of(engine: Engine) -> Iterator[list[str]]:
    """Record the statements that run while the block does, each on one line."""
    recorded: list[str] = []

    def record(_connection, _cursor, statement, *_: object) -> None:
        recorded.append(" ".join(statement.replace('"', "").split()))

    event.listen(engine, "before_cursor_execute", record)
    try:
        yield recorded
    finally:
        event.remove(engine, "before_cursor_execute", record)


def contracting(statements: list[str]) -> list[str]:
    """Return the statements after which older code could fail, or could store what newer code does not expect."""
    made = _OWN | {found[1] for one in statements if (found := _CREATES.match(one))}
    return [one for one in statements if not _only_expands(one, made)]


def _only_expands(statement: str, made: set[str]) -> bool:
    if _HARMLESS.match(statement) or _CREATES.match(statement):
        return True
    used = _USES_NEW.match(statement)
    if used and used[1] in made:
        return True
    added = _ADDS.fullmatch(statement)
    if added is None or _BINDS_OLDER_CODE.search(added["rules"]):
        return False
    return "NOT NULL" not in added["rules"] or "DEFAULT" in added["rules"]
