"""Bundles on disk: found by folder or pointer, rejected if their content does not match their name."""

import json
import shutil
from pathlib import Path

import pytest

from londonpump.domain.errors import BadFile
from londonpump.persistence.bundles import (
    bundle_folder,
    content_hash,
    load_bundle,
    read_provenance,
    save_bundle,
)

FILES = {"bundle.json": b'{"schema":1}', "scale.txt": b"tree"}


@pytest.fixture
def stored(tmp_path):
    return save_bundle(FILES, {"host": "here"}, tmp_path / "bundles")


def test_a_bundle_is_read_as_it_was_stored_by_its_folder_or_the_one_above(stored) -> None:
    for bundle_path in (stored, stored.parent):
        name, files = load_bundle(bundle_path)
        assert (name, files) == (stored.name, FILES)


def test_a_bundle_may_be_named_from_inside_it_or_by_a_link(stored, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(stored)
    assert load_bundle(Path())[0] == stored.name
    (tmp_path / "on-duty").symlink_to(stored)
    assert load_bundle(tmp_path / "on-duty")[0] == stored.name


def test_clock_and_host_do_not_change_the_name(stored, tmp_path) -> None:
    again = save_bundle(FILES, {"host": "elsewhere", "made_at": "later"}, tmp_path / "others")
    assert again.name == stored.name == content_hash({**FILES, "provenance.json": b"{}"})
    assert read_provenance(again) == {"host": "elsewhere", "made_at": "later"}


def test_every_byte_and_every_name_counts() -> None:
    names = {
        content_hash(files)
        for files in (
            FILES,
            {**FILES, "scale.txt": b"tres"},
            {**FILES, "more.txt": b""},
            {"bundle.json": FILES["bundle.json"]},
            {"bundle.json": b"tree", "scale.txt": FILES["bundle.json"]},
            {"bundle.jsons": FILES["bundle.json"], "cale.txt": b"tree"},
        )
    }
    assert len(names) == 6


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_file_that_was_tampered_with_is_refused(name, stored) -> None:
    content = bytearray((stored / name).read_bytes())
    content[-1] ^= 1
    (stored / name).write_bytes(content)
    with pytest.raises(BadFile, match="is not what was stored"):
        load_bundle(stored)


def test_a_file_too_many_or_too_few_is_refused(stored) -> None:
    (stored / "extra.txt").touch()
    with pytest.raises(BadFile, match="is not what was stored"):
        load_bundle(stored)
    (stored / "extra.txt").unlink()
    (stored / "scale.txt").unlink()
    with pytest.raises(BadFile, match="is not what was stored"):
        load_bundle(stored)


def test_a_bundle_under_another_name_is_refused(stored) -> None:
    other = stored.rename(stored.with_name("0123456789abcdef"))
    with pytest.raises(BadFile, match="is not what was stored"):
        load_bundle(other)


def test_the_pointer_follows_the_newest_and_the_older_stays(stored) -> None:
    newer = save_bundle({**FILES, "scale.txt": b"oak"}, {}, stored.parent)
    assert bundle_folder(stored.parent) == newer
    assert load_bundle(stored)[0] == stored.name


@pytest.mark.parametrize(
    "pointer", ['{"bundle": "../../etc"}', '{"bundle": 5}', "[]", "{", '{"bundle": null}']
)
def test_a_pointer_that_names_no_bundle_is_refused(pointer, stored) -> None:
    (stored.parent / "current.json").write_text(pointer, encoding="utf-8")
    with pytest.raises(BadFile):
        load_bundle(stored.parent)


def test_a_pointer_to_a_bundle_that_is_gone_is_refused(stored) -> None:
    shutil.rmtree(stored)
    with pytest.raises(BadFile, match="cannot be read"):
        load_bundle(stored.parent)


def test_what_is_no_bundle_is_refused_with_advice(tmp_path) -> None:
    with pytest.raises(BadFile, match=r"is not a bundle.*londonpump train"):
        load_bundle(tmp_path / "nowhere")


def test_a_bundle_is_not_stored_in_a_bundle_nor_among_other_things(stored, tmp_path) -> None:
    with pytest.raises(BadFile, match="is a bundle itself"):
        save_bundle(FILES, {}, stored)
    (tmp_path / "thesis.txt").touch()
    with pytest.raises(BadFile, match="holds other things"):
        save_bundle(FILES, {}, tmp_path)


def test_a_bundle_without_its_provenance_loads_and_tells_nothing_of_it(stored) -> None:
    (stored / "provenance.json").unlink()
    assert load_bundle(stored)[1] == FILES
    assert read_provenance(stored) == {}
    (stored / "provenance.json").write_text("[]", encoding="utf-8")
    assert read_provenance(stored) == {}


def test_provenance_is_readable_json(stored) -> None:
    assert json.loads((stored / "provenance.json").read_text(encoding="utf-8")) == {"host": "here"}


def test_what_a_file_manager_leaves_in_a_bundle_does_no_harm(stored) -> None:
    (stored / ".DS_Store").write_bytes(b"Bud1")
    assert load_bundle(stored) == (stored.name, FILES)
    assert load_bundle(stored.parent)[0] == stored.name
