"""The next writer removes what a killed writer left, but nothing that is being written or belongs to others."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from londonpump.persistence.atomic_files import atomic_folder, folder_part, remove_abandoned, write_text

WRITES_UNTIL_KILLED = """
import sys, time
from pathlib import Path
from londonpump.persistence.atomic_files import atomic_file, atomic_folder
from londonpump.persistence.atomic_files import atomic_file, atomic_folder
place = Path(sys.argv[1])
with atomic_folder(place / "data", "mark") as part, atomic_file(place / "a.txt") as file:
    (part / "mark").touch()
    print("writing", flush=True)
    time.sleep(600)
"""


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


@pytest.fixture
def killed(tmp_path) -> Path:
    """Return a folder in which a process was killed during a write."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITES_UNTIL_KILLED, str(tmp_path)], stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    return tmp_path


def test_a_killed_writer_leaves_parts_and_nothing_at_the_places(killed) -> None:
    assert len(names(killed)) == 2
    assert all(name.startswith(".") for name in names(killed))


def test_the_next_writer_of_the_same_place_clears_them(killed) -> None:
    write_text(killed / "a.txt", "whole")
    with atomic_folder(killed / "data", "mark") as part:
        (part / "mark").touch()
    assert names(killed) == ["a.txt", "data"]


def test_a_whole_folder_can_be_cleared(killed) -> None:
    assert len(remove_abandoned(killed)) == 2
    assert names(killed) == []


def test_what_is_being_written_is_left_alone(tmp_path) -> None:
    with folder_part(tmp_path / "data") as part:
        assert remove_abandoned(tmp_path) == []
        assert part.is_dir()


@pytest.mark.parametrize("name", [".a.txt.swp", ".a.txt.personal", "a.txt.abcdefgh.part", ".part"])
def test_what_is_not_ours_is_left_alone(name, tmp_path) -> None:
    (tmp_path / name).touch()
    write_text(tmp_path / "a.txt", "whole")
    assert names(tmp_path) == sorted([name, "a.txt"])


def test_what_was_moved_away_and_not_replaced_goes_back(tmp_path) -> None:
    old = tmp_path / ".data.abcdefgh.part.old"
    old.mkdir()
    (old / "mark").write_text("old", encoding="utf-8")
    (tmp_path / ".data.abcdefgh.part").mkdir()
    remove_abandoned(tmp_path, "data")
    assert names(tmp_path) == ["data"]
    assert (tmp_path / "data" / "mark").read_text(encoding="utf-8") == "old"


def test_what_was_replaced_is_cleared(tmp_path) -> None:
    (tmp_path / ".data.abcdefgh.part.old").mkdir()
    (tmp_path / "data").mkdir()
    remove_abandoned(tmp_path, "data")
    assert names(tmp_path) == ["data"]
