"""A test that a document names as its proof is there."""

import re

import pytest
from support.documented_commands import ROOT, name_of, pages

NAMED = re.compile(r"`(test_[a-z0-9_]+)`")
DEFINED = re.compile(r"^ *(?:async )?def (test_\w+)\(", re.MULTILINE)


@pytest.fixture(scope="module")
def defined() -> set[str]:
    """The names of all tests."""
    files = (ROOT / "tests").rglob("test_*.py")
    return {name for file in files for name in DEFINED.findall(file.read_text(encoding="utf-8"))}


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_every_test_that_a_page_names_exists(page, defined: set[str]) -> None:
    text = page.read_text(encoding="utf-8")
    assert [name for name in NAMED.findall(text) if name not in defined] == []


def test_the_threat_model_names_a_test_for_every_threat() -> None:
    page = (ROOT / "docs" / "explanation" / "threat-model.md").read_text(encoding="utf-8")
    rows = (
        page.split("| Threat | What is done | Shown by |\n|---|---|---|\n")[1].split("\n\n")[0].splitlines()
    )
    assert [row for row in rows if not NAMED.search(row)] == []
