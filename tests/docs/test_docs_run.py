"""What the documents tell a reader to type works as it stands."""

import re
from pathlib import Path

import pytest
from support.documented_commands import ROOT, blocks, commands, name_of, pages, run

REPEATED = ("prepare-real-records.md", "print-the-table.md", "track-in-mlflow.md", "train-and-evaluate.md")
"""Pages whose commands take long; the README has the like of them."""
WITH_COMMANDS = [
    pytest.param(page, id=name_of(page), marks=[pytest.mark.slow] * (page.name in REPEATED))
    for page in pages()
    if commands(page)
]
WITH_PYTHON = [page for page in pages() if blocks(page, "python")]


@pytest.mark.parametrize("page", WITH_COMMANDS)
def test_every_command_of_a_page_runs(page: Path, docs_folder: Path) -> None:
    for command in commands(page):
        code, output = run(command)
        assert code == 0, f"{command}\n{output}"


@pytest.mark.parametrize("page", WITH_PYTHON, ids=name_of)
def test_the_python_of_a_page_runs(page: Path, docs_folder: Path) -> None:
    exec(compile("\n".join(blocks(page, "python")), name_of(page), "exec"), {"__name__": "page"})  # noqa: S102


@pytest.mark.parametrize("name", ["README.md", "docs/tutorials/first-model.md"])
def test_the_road_of_a_page_is_whole(name: str) -> None:
    documented = "".join(blocks(ROOT / name, "sh"))
    verbs = re.findall(r"^londonpump (\w+)", documented, re.MULTILINE)
    assert list(dict.fromkeys(verbs)) == ["simulate", "prepare", "train", "evaluate", "predict"]


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_every_make_target_of_a_page_exists(page: Path) -> None:
    documented = set(re.findall(r"(?:^    |`)make ([a-z-]+)", page.read_text(encoding="utf-8"), re.MULTILINE))
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert documented <= targets
