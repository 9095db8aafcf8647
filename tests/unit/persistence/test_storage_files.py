"""Files and folders are written completely or not at all."""

import json
from pathlib import Path

import pytest

from londonpump.domain.errors import BadFile
from londonpump.persistence.atomic_files import (
    atomic_file,
    atomic_folder,
    read_json,
    require_own_file,
    write_json,
    write_text,
)


class Broken(Exception):
    """An error that stops a writer half-way."""


def stop_half_way(part: Path) -> None:
    part.write_text("half", encoding="utf-8")
    raise Broken


def test_a_file_is_there_whole(tmp_path) -> None:
    write_text(tmp_path / "deep" / "er" / "a.txt", "é\n")
    assert (tmp_path / "deep/er/a.txt").read_bytes() == "é\n".encode()
    assert [path.name for path in (tmp_path / "deep/er").iterdir()] == ["a.txt"]


def test_a_writer_that_stops_half_way_leaves_the_old_file(tmp_path) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "old")
    with pytest.raises(Broken), atomic_file(path) as part:
        stop_half_way(part)
    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_not_finished_leaves_the_old_one(tmp_path) -> None:
    folder = tmp_path / "data"
    with atomic_folder(folder, "mark") as part:
        (part / "mark").write_text("old", encoding="utf-8")
    with pytest.raises(Broken), atomic_folder(folder, "mark") as part:
        stop_half_way(part / "mark")
    assert (folder / "mark").read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [folder]


def test_a_new_folder_takes_the_place_of_the_old_one_whole(tmp_path) -> None:
    folder = tmp_path / "data"
    for name in ("one", "two"):
        with atomic_folder(folder, "mark") as part:
            (part / "mark").touch()
            (part / name).touch()
    assert sorted(path.name for path in folder.iterdir()) == ["mark", "two"]


def test_a_folder_with_other_things_is_never_replaced(tmp_path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").touch()
    with pytest.raises(BadFile, match="holds other things"), atomic_folder(tmp_path / "thesis", "mark"):
        pass
    assert (tmp_path / "thesis" / "chapter.txt").exists()


def test_a_place_that_cannot_be_written_is_said_in_words(tmp_path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    for path, problem in (
        (tmp_path / "file" / "below.txt", "cannot be made"),
        (tmp_path / "folder", "is a folder"),
        (tmp_path / ("x" * 300), "cannot be written"),
    ):
        with pytest.raises(BadFile, match=problem):
            write_text(path, "a")
    with pytest.raises(BadFile, match="is a file"), atomic_folder(tmp_path / "file", "mark"):
        pass


def test_json_never_holds_what_is_not_json(tmp_path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a.json", {"mae_s": float("nan")})
    assert list(tmp_path.iterdir()) == []


def test_json_that_is_none_is_said_in_words(tmp_path) -> None:
    (tmp_path / "a.json").write_text("{", encoding="utf-8")
    for name, problem in (("a.json", "is not json"), ("b.json", "cannot be read")):
        with pytest.raises(BadFile, match=problem):
            read_json(tmp_path / name)
    write_json(tmp_path / "c.json", {"b": [1, "é"]})
    assert read_json(tmp_path / "c.json") == json.loads('{"b": [1, "\\u00e9"]}')


def test_a_folder_of_ours_with_a_foreign_name_in_it_is_never_replaced(tmp_path) -> None:
    folder, names = tmp_path / "data", frozenset({"mark", "rows"})
    with atomic_folder(folder, "mark", names) as part:
        (part / "mark").touch()
    with atomic_folder(folder, "mark", names) as part:
        (part / "mark").touch()
        (part / "rows").touch()
    (folder / "thesis.txt").touch()
    with (
        pytest.raises(BadFile, match=r"holds something else too \(thesis.txt\)"),
        atomic_folder(folder, "mark", names),
    ):
        pass
    assert sorted(path.name for path in folder.iterdir()) == ["mark", "rows", "thesis.txt"]


def test_a_file_is_ours_only_by_its_mark_near_the_start(tmp_path) -> None:
    for name, text in (("notes.txt", "my notes"), ("late.json", " " * 5000 + "id,p50_s")):
        (tmp_path / name).write_text(text, encoding="utf-8")
        with pytest.raises(BadFile, match="is not of this kind"):
            require_own_file(tmp_path / name, "id,p50_s")
    (tmp_path / "empty.csv").touch()
    (tmp_path / "ours.csv").write_text("id,p50_s\n1,300\n", encoding="utf-8")
    for name in ("empty.csv", "ours.csv", "new.csv"):
        require_own_file(tmp_path / name, "id,p50_s")
