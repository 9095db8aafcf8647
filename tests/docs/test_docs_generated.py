"""The parts of the documents that come from the code are what the code says."""

import importlib.util
from types import ModuleType

import pytest
from support.documented_commands import ROOT, name_of, pages


@pytest.fixture(scope="module")
def write_docs() -> ModuleType:
    """`scripts/write_docs.py` as a module."""
    spec = importlib.util.spec_from_file_location("write_docs", ROOT / "scripts" / "write_docs.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_generated_parts_are_up_to_date(write_docs: ModuleType) -> None:
    stale = [name_of(page) for page in write_docs.out_of_date(ROOT)]
    assert stale == [], "run: make docs"


def test_every_generated_part_stands_on_one_page(write_docs: ModuleType) -> None:
    found = [
        part["name"]
        for page in pages()
        for part in write_docs.PART.finditer(page.read_text(encoding="utf-8"))
    ]
    assert sorted(found) == sorted(write_docs.PARTS)


def test_a_part_that_was_changed_by_hand_is_written_anew(write_docs: ModuleType) -> None:
    page = "before\n<!-- from the code: errors -->\nsomething else\n<!-- end -->\nafter\n"
    anew = write_docs.renewed(page)
    assert "something else" not in anew
    assert "| `BadFile` |" in anew
    assert anew.endswith("<!-- end -->\nafter\n")
