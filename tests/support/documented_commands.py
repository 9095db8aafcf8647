"""Commands and code blocks of the documents, and a function that runs them on a small Brigade."""

import re
from pathlib import Path

from typer.testing import CliRunner

from londonpump.cli import app

ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^```(?P<kind>[a-z]*)\n(?P<body>.*?)^```$", re.DOTALL | re.MULTILINE)
LARGE, SMALL = "--incidents 110000", "--incidents 4000"
"""Replacements in the commands: the documents use a year of calls, the tests a few thousand."""
PREPARED = (
    f"londonpump simulate {SMALL} --start 2023-01-01 --days 365 --seed 1 --out raw",
    "londonpump prepare --incidents raw/incidents.csv --mobilisations raw/mobilisations.csv --simulated --out data",
    "londonpump train --data data --out bundle",
)
CALLS = """id,mobilised_at,station_code,easting_m,northing_m,incident_type
1,2024-01-15T08:00Z,G30,518650,186250,Fire
2,2024-01-15T04:00Z,A21,526900,181300,
"""


def pages() -> list[Path]:
    """Return every document of the project."""
    return [
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        ROOT / "CHANGELOG.md",
        *sorted((ROOT / "docs").rglob("*.md")),
    ]


def name_of(page: Path) -> str:
    """Return the name of a page as it appears in test ids."""
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path, language: str) -> list[str]:
    """Return the code blocks of one language on a page."""
    text = page.read_text(encoding="utf-8")
    return [found["body"] for found in FENCE.finditer(text) if found["kind"] == language]


def commands(page: Path) -> list[str]:
    """Return the commands of the `sh` blocks of a page that `brigade` has not run."""
    lines = "".join(blocks(page, "sh")).replace("\\\n", " ").replace(LARGE, SMALL).splitlines()
    return [line for line in lines if line.strip() and line not in PREPARED]


def run(command: str) -> tuple[int, str]:
    """Run a londonpump command. Returns: (exit code, its whole output)."""
    name, *arguments = command.split()
    assert name == "londonpump", command
    result = CliRunner().invoke(app, arguments)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output
