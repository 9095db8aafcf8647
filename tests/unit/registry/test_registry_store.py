"""The store of bundles: bundles are found, copied in and kept as they are, even if two processes write the same one."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from londonpump.domain.errors import BadFile
from londonpump.persistence.bundles import CURRENT, PROVENANCE, add_bundle, load_bundle, save_bundle
from londonpump.registry.bundle_store import BundleStore

FILES = {"bundle.json": b'{"schema":1,"rows":5}', "scale.txt": b"tree"}
OTHER = {**FILES, "scale.txt": b"oak"}


@pytest.fixture
def store(tmp_path) -> BundleStore:
    return BundleStore(tmp_path / "bundles")


def test_a_store_that_was_never_used_is_empty(store) -> None:
    assert (store.names(), store.newest()) == ((), None)


def test_what_training_wrote_last_is_the_newest(store) -> None:
    first, second = (save_bundle(files, {}, store.root).name for files in (FILES, OTHER))
    assert set(store.names()) == {first, second}
    assert store.newest() == second


def test_a_bundle_says_what_it_is(store) -> None:
    name = save_bundle(FILES, {"made_at": "2026-11-24"}, store.root).name
    stored = store.read(name)
    assert (stored.card["rows"], stored.made_at) == (5, "2026-11-24")


def test_a_bundle_that_is_not_there_is_said_in_words(store) -> None:
    with pytest.raises(BadFile, match="does not exist"):
        store.read("0123456789abcdef")


def test_a_bundle_from_elsewhere_is_taken_in_and_does_not_become_the_newest(store, tmp_path) -> None:
    own = save_bundle(FILES, {}, store.root).name
    other = save_bundle(OTHER, {"host": "elsewhere"}, tmp_path / "others")
    assert store.copy_in(other) == other.name
    assert load_bundle(store.folder(other.name)) == load_bundle(other)
    assert store.read(other.name).provenance == {"host": "elsewhere"}
    assert store.newest() == own


def test_a_bundle_that_stands_there_undamaged_is_not_written_again(store) -> None:
    folder = save_bundle(FILES, {"host": "first"}, store.root)
    inode = (folder / "scale.txt").stat().st_ino
    save_bundle(FILES, {"host": "second"}, store.root)
    assert (folder / "scale.txt").stat().st_ino == inode


def test_a_damaged_one_is_replaced_whole(store) -> None:
    folder = save_bundle(FILES, {}, store.root)
    (folder / "scale.txt").write_bytes(b"tre")
    save_bundle(FILES, {}, store.root)
    assert load_bundle(folder) == (folder.name, FILES)


def test_many_who_write_the_same_at_once_leave_one_whole_bundle(store) -> None:
    with ThreadPoolExecutor(8) as at_once:
        made = list(at_once.map(lambda n: save_bundle(FILES, {"host": str(n)}, store.root), range(24)))
    assert {folder.name for folder in made} == set(store.names())
    assert sorted(entry.name for entry in store.root.iterdir()) == sorted([made[0].name, CURRENT])
    assert sorted(entry.name for entry in made[0].iterdir()) == sorted([*FILES, PROVENANCE])


def test_a_training_killed_before_it_pointed_to_its_bundle_can_be_done_again(store) -> None:
    add_bundle(FILES, {}, store.root)
    (store.root / CURRENT).unlink()
    (store.root / ".0123456789abcdef.abcdefgh.part").mkdir()
    assert save_bundle(FILES, {}, store.root).name == store.newest()


@pytest.mark.parametrize("folder_name", ["../bundles", "0123456789ABCDEF", ""])
def test_nothing_but_a_hash_names_a_folder_of_the_store(folder_name, store) -> None:
    with pytest.raises(BadFile, match="is not the hash of a bundle"):
        store.folder(folder_name)
