"""A place to run what the documents show: records, data, a bundle and calls of a small simulated Brigade."""

import os
import shutil
from pathlib import Path

import pytest
from support.documented_commands import CALLS, PREPARED, ROOT, blocks, run
from support.shared_between_workers import SharedFolders

HOW_TO = ROOT / "docs" / "how-to"


@pytest.fixture(scope="session")
def brigade(shared_folders: SharedFolders) -> Path:
    """A folder with what the documents take for granted. Only to be read."""
    return shared_folders.filled("brigade_of_the_documents", fill)


def fill(home: Path) -> None:
    before = Path.cwd()
    os.chdir(home)
    try:
        for command in PREPARED:
            code, output = run(command)
            assert code == 0, output
    finally:
        os.chdir(before)
    for name in ("incidents.csv", "mobilisations.csv"):
        shutil.copy(home / "raw" / name, home / name)
    shutil.copy(home / "raw" / "stations.csv", home / "stations.csv")
    (home / "holidays.csv").write_text(blocks(HOW_TO / "bring-fresh-data.md", "csv")[0], encoding="utf-8")
    (home / "export").mkdir()
    exported = blocks(HOW_TO / "move-from-the-original.md", "json")[0]
    (home / "export" / "stations.json").write_text(exported, encoding="utf-8")
    (home / ".demo").mkdir()
    for folder in (home, home / ".demo"):
        (folder / "calls.csv").write_text(CALLS, encoding="utf-8")


@pytest.fixture
def docs_folder(brigade: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of `brigade` to work in, and the working directory."""
    copy = tmp_path / "place"
    shutil.copytree(brigade, copy)
    monkeypatch.chdir(copy)
    monkeypatch.setenv("LONDONPUMP_HOME", str(tmp_path / "home"))
    return copy
