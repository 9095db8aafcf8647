"""The documents, and a place to run what they show: a small simulated Brigade."""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from londonpump.cli import app

ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^```(?P<kind>[a-z]*)\n(?P<body>.*?)^```$", re.DOTALL | re.MULTILINE)
SMALL = {"--incidents 110000": "--incidents 4000"}
"""What the documents do with a year of calls, the tests do with a few thousand."""
PREPARED = (
    "londonpump simulate --incidents 4000 --start 2023-01-01 --days 365 --seed 1 --out raw",
    "londonpump prepare --incidents raw/incidents.csv --mobilisations raw/mobilisations.csv --out data",
    "londonpump train --data data --out bundle",
)
CALLS = """id,mobilised_at,station_code,easting_m,northing_m,incident_type
1,2024-01-15T08:00Z,G30,518650,186250,Fire
2,2024-01-15T04:00Z,A21,526900,181300,
"""


def blocks(page: Path, kind: str) -> list[str]:
    """The code blocks of a kind on a page."""
    return [
        found["body"] for found in FENCE.finditer(page.read_text(encoding="utf-8")) if found["kind"] == kind
    ]


def commands(page: Path) -> list[str]:
    """The commands of the `sh` blocks of a page, one line each."""
    text = "\n".join(blocks(page, "sh")).replace("\\\n", " ")
    return [line for line in text.splitlines() if line.strip()]


def run(command: str) -> tuple[int, str]:
    """(exit code, everything said) of a londonpump command, made small."""
    for large, small in SMALL.items():
        command = command.replace(large, small)
    name, *arguments = re.findall(r'"[^"]*"|\S+', command)
    assert name == "londonpump", command
    result = CliRunner().invoke(app, [argument.strip('"') for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


@pytest.fixture(scope="session")
def brigade(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the documents take for granted: records, data, a bundle, calls."""
    home = tmp_path_factory.mktemp("brigade")
    before = Path.cwd()
    os.chdir(home)
    try:
        for command in PREPARED:
            code, said = run(command)
            assert code == 0, said
        for name in ("incidents.csv", "mobilisations.csv"):
            shutil.copy(home / "raw" / name, home / name)
        (home / ".demo").mkdir()
        for place in (home, home / ".demo"):
            (place / "calls.csv").write_text(CALLS, encoding="utf-8")
    finally:
        os.chdir(before)
    return home


@pytest.fixture
def place(brigade: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """As `brigade`, and the working directory."""
    monkeypatch.chdir(brigade)
    monkeypatch.setenv("LONDONPUMP_HOME", str(brigade / "home"))
    yield brigade
