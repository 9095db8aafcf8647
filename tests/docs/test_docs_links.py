"""Links between documents lead somewhere."""

import re
from pathlib import Path

import pytest
from support.documented_commands import FENCE, ROOT, name_of, pages

LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)


def prose(page: Path) -> str:
    """A page without its code blocks."""
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as the hosts of the code make them."""
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in HEADING.findall(prose(page)))
    return {heading.strip().replace(" ", "-") for heading in plain}


def broken(page: Path, root: Path = ROOT) -> list[str]:
    """The links of a page that lead nowhere in the project."""
    wrong = []
    for link in LINK.findall(prose(page)):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        is_known = target.is_file() and target.is_relative_to(root)
        if not is_known or (anchor and anchor not in anchors(target)):
            wrong.append(link)
    return wrong


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    assert broken(page) == []


def test_a_link_to_nothing_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# One\n[a](gone.md) [b](#one) [c](#two) [d](https://example.org)\n", encoding="utf-8")
    assert broken(page, tmp_path) == ["gone.md", "#two"]


def test_every_document_stands_in_the_list_of_documents() -> None:
    listed = {
        (ROOT / "docs" / link.partition("#")[0]).resolve()
        for link in LINK.findall(prose(ROOT / "docs/README.md"))
    }
    documents = {page for page in pages() if page.is_relative_to(ROOT / "docs") and page.name != "README.md"}
    assert {name_of(page) for page in documents - listed} == set()
