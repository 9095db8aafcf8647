"""No file of the project names a package index or a place on somebody's machine."""

import re
import subprocess

import pytest
from support.documented_commands import ROOT

INDEX = re.compile(r"pypi[.]org|pythonhosted[.]org|/simple[/ \"']|--index-url|--extra-index", re.IGNORECASE)
MACHINE = re.compile(r"(?<![\w.{}/-])/(?:home|root|work|Users)/\w")


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    """{file: its text} of every file that git knows or would take."""
    if not (ROOT / ".git").exists():
        pytest.skip("no git checkout: nobody says which files belong to the project")
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True,
        check=True,
    )
    names = [name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).is_file()]
    return {name: (ROOT / name).read_bytes().decode("utf-8", "replace") for name in names}


def found_in(texts: dict[str, str], pattern: re.Pattern[str]) -> list[str]:
    """The files that match, but for this one."""
    return [
        name
        for name, text in texts.items()
        if pattern.search(text) and name != "tests/docs/test_docs_no_addresses.py"
    ]


def test_no_file_names_a_package_index(texts: dict[str, str]) -> None:
    assert found_in(texts, INDEX) == []


def test_no_file_names_a_place_on_a_machine(texts: dict[str, str]) -> None:
    assert found_in(texts, MACHINE) == []


def test_an_address_is_found() -> None:
    assert found_in({"a": "--index-url x", "b": "files in /home/someone", "c": "docs/how-to"}, INDEX) == ["a"]
    assert found_in({"a": "--index-url x", "b": "files in /home/someone", "c": "docs/how-to"}, MACHINE) == [
        "b"
    ]
