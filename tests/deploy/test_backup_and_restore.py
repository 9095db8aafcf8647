"""The commands that back up and restore an installation: whole or not at all, and never over what is there."""

import shutil
import subprocess
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from support.postgres import database_url, empty_database_url, postgresql
from support.restore_drill import DEPLOY, Drilled, Installation, drill
from support.service_process import environment

__all__ = ["database_url", "empty_database_url", "postgresql"]

BUNDLE_FILE = "bundle/0123456789abcdef/bundle.json"


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    """An installation on SQLite with an account, a bundle and a secret."""
    made = Installation(tmp_path / "home")
    (made.home / BUNDLE_FILE).parent.mkdir(parents=True)
    (made.home / BUNDLE_FILE).write_text("{}")
    (made.home / "secret").write_text("5f0b6a1c9d2e47388a7b1c0d9e8f7a6b5c4d3e2f")
    made.run("londonpump", "users", "create", "grace", "--password-stdin", stdin="three quiet lanterns\n")
    return made


@pytest.fixture
def backup(installation: Installation, tmp_path: Path) -> Path:
    """A backup of the installation."""
    installation.run("sh", DEPLOY / "backup.sh", tmp_path / "backup")
    return tmp_path / "backup"


def script(
    name: str, installation: Installation, folder: Path, **more: str
) -> subprocess.CompletedProcess[str]:
    """Run a script of deploy/ whatever its exit code."""
    return subprocess.run(
        ["sh", str(DEPLOY / name), str(folder)],
        env={**environment(installation.home, **installation.settings), **more},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )


def test_a_backup_is_its_owners_alone_and_is_never_overwritten(
    installation: Installation, backup: Path
) -> None:
    names = {"SHA256SUMS", "audit-head", "bundles.tar", "londonpump.db", "token-secret"}
    assert {path.name for path in backup.iterdir()} == names
    assert {path.stat().st_mode & 0o077 for path in (backup, *backup.iterdir())} == {0}
    again = script("backup.sh", installation, backup)
    assert (again.returncode, "is there already" in again.stderr) == (2, True)
    assert not list(backup.parent.glob("backup.part*"))


def test_a_backup_that_fails_leaves_nothing(installation: Installation, tmp_path: Path) -> None:
    shutil.rmtree(installation.home / "bundle")
    (installation.home / "bundle").write_text("no folder")
    failed = script("backup.sh", installation, tmp_path / "backup")
    assert (failed.returncode, "bundles in" in failed.stderr) == (2, True)
    assert not list(tmp_path.glob("backup*"))


def test_tables_of_roads_are_in_the_backup_and_maps_are_not(
    installation: Installation, tmp_path: Path
) -> None:
    roads = installation.home / "roads"
    for name in ("0123456789abcdef/roads.json", "maps/london.osm.pbf", "current.json"):
        (roads / name).parent.mkdir(parents=True, exist_ok=True)
        (roads / name).write_text(name)
    other, backup = Installation(tmp_path / "other"), tmp_path / "backup"
    for name, at in (("backup.sh", installation), ("restore.sh", other)):
        done = script(name, at, backup)
        assert done.returncode == 0, done.stderr
    assert (other.home / "roads" / "0123456789abcdef" / "roads.json").is_file()
    assert sorted(path.name for path in (other.home / "roads").iterdir()) == [
        "0123456789abcdef",
        "current.json",
    ]


def test_an_installation_without_a_model_yet_is_backed_up(installation: Installation, tmp_path: Path) -> None:
    shutil.rmtree(installation.home / "bundle")
    done = script("backup.sh", installation, tmp_path / "backup")
    assert done.returncode == 0, done.stderr
    other = Installation(tmp_path / "other")
    assert script("restore.sh", other, tmp_path / "backup").returncode == 0
    assert "grace" in other.run("londonpump", "users", "list")


def test_a_missing_database_is_not_made_and_backed_up(installation: Installation, tmp_path: Path) -> None:
    (installation.home / "londonpump.db").unlink()
    failed = script("backup.sh", installation, tmp_path / "backup")
    assert (failed.returncode, "there is no database" in failed.stderr) == (2, True)
    assert not (installation.home / "londonpump.db").exists()


def test_what_was_backed_up_is_restored(backup: Path, tmp_path: Path) -> None:
    other = Installation(tmp_path / "other")
    restored = script("restore.sh", other, backup)
    assert restored.returncode == 0, restored.stderr
    assert "grace" in other.run("londonpump", "users", "list")
    assert (other.home / BUNDLE_FILE).read_text() == "{}"
    assert (other.home / "secret").read_text() == (backup / "token-secret").read_text()


def test_nothing_is_restored_over_a_database(installation: Installation, backup: Path) -> None:
    before = (installation.home / "londonpump.db").read_bytes()
    refused = script("restore.sh", installation, backup)
    assert (refused.returncode, "is there already" in refused.stderr) == (2, True)
    assert (installation.home / "londonpump.db").read_bytes() == before
    assert (installation.home / "secret").is_file()


def test_nothing_is_restored_over_bundles(backup: Path, tmp_path: Path) -> None:
    other = Installation(tmp_path / "other")
    (other.home / BUNDLE_FILE).parent.mkdir(parents=True)
    (other.home / BUNDLE_FILE).write_text("another")
    refused = script("restore.sh", other, backup)
    assert (refused.returncode, "bundles" in refused.stderr) == (2, True)
    assert [path.name for path in other.home.iterdir()] == ["bundle"]
    assert (other.home / BUNDLE_FILE).read_text() == "another"


def test_a_damaged_backup_is_refused(backup: Path, tmp_path: Path) -> None:
    with (backup / "londonpump.db").open("r+b") as file:
        file.write(b"x")
    other = Installation(tmp_path / "other")
    refused = script("restore.sh", other, backup)
    assert (refused.returncode, "is damaged" in refused.stderr) == (2, True)
    assert not other.home.exists()


def test_a_restore_that_fails_takes_back_what_it_did(backup: Path, tmp_path: Path) -> None:
    other = Installation(tmp_path / "other")
    other.home.mkdir()
    # the folder of the database cannot be made, because the secret, which is restored first, has its name
    url = f"sqlite:///{other.home}/secret/londonpump.db"
    failed = script("restore.sh", other, backup, LONDONPUMP_DATABASE_URL=url)
    assert (failed.returncode, "cannot be written" in failed.stderr) == (2, True)
    assert list(other.home.iterdir()) == []


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_nothing_is_restored_into_tables_of_postgresql(
    database_url: str, backup: Path, tmp_path: Path
) -> None:
    full = Installation(tmp_path / "full", database_url)
    full.home.mkdir()
    (full.home / "secret").write_text("5f0b6a1c9d2e47388a7b1c0d9e8f7a6b5c4d3e2f")
    (full.home / "bundle").mkdir()
    full.run("sh", DEPLOY / "backup.sh", tmp_path / "dump")
    refused = script("restore.sh", full, tmp_path / "dump")
    assert (refused.returncode, "not empty" in refused.stderr) == (2, True), refused.stderr
    other_kind = script("restore.sh", full, backup)
    assert (other_kind.returncode, "no backup of postgresql" in other_kind.stderr) == (2, True)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_nothing_acknowledged_before_a_backup_under_load_is_lost(
    engine: str, small_brigade: Any, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if engine == "postgresql":
        request.getfixturevalue("postgresql")
    drilled = drill(engine, small_brigade.bundle, tmp_path)
    assert drilled.is_well, {field.name: getattr(drilled, field.name) for field in fields(Drilled)}
    assert drilled.predictions_meanwhile > 0, "the backup was not taken under load"


def test_the_drill_says_what_is_missing(tmp_path: Path) -> None:
    done = subprocess.run(
        ["sh", str(DEPLOY / "restore-drill.sh")],
        env={**environment(tmp_path), "PYTHON": str(tmp_path / "none")},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, "make setup" in done.stderr) == (2, True)
