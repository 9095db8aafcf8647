"""The site of the documents: every page stands in its contents, and it is built without a broken link."""

import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from support.documented_commands import ROOT

DOCS = ROOT / "docs"


def pages_of(contents: list[Any]) -> Iterator[str]:
    """Yield the pages that the contents of the site name."""
    for entry in contents:
        for page in entry.values() if isinstance(entry, dict) else (entry,):
            if isinstance(page, list):
                yield from pages_of(page)
            else:
                yield page


def test_every_page_stands_once_in_the_contents_of_the_site() -> None:
    project = tomllib.loads((ROOT / "zensical.toml").read_text(encoding="utf-8"))["project"]
    assert sorted(pages_of(project["nav"])) == sorted(
        page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")
    )


def test_every_page_stands_in_the_list_of_documents() -> None:
    text = (DOCS / "README.md").read_text(encoding="utf-8")
    pages = [page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md") if page.name != "README.md"]
    assert [page for page in pages if f"]({page}" not in text] == []


@pytest.mark.slow
def test_the_site_is_built_without_a_broken_link_and_can_be_searched(tmp_path) -> None:
    # a copy, so that a site that is being read is not replaced
    for name in ("docs", "src"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "zensical.toml", tmp_path)
    made = subprocess.run([ROOT / "scripts" / "docs-env"], capture_output=True, text=True, timeout=600)
    assert made.returncode == 0, made.stderr
    build = [str(ROOT / ".venv-docs" / "bin" / "zensical"), "build", "--strict"]
    built = subprocess.run(build, cwd=tmp_path, capture_output=True, text=True, timeout=600)
    assert built.returncode == 0, built.stdout + built.stderr
    page = (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    assert '<script src="http' not in page, "a closed room reaches no other host"
    assert "fire engines" in (tmp_path / "site" / "search.json").read_text(encoding="utf-8")
