"""The path of a newcomer in each role, typed as the tutorial shows it, in a shell, a fresh folder and a fresh home.

The operator's is in `test_docs_first_call`, which needs a service.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.documented_commands import FENCE, LARGE, ROOT, SMALL

TUTORIALS = ROOT / "docs" / "tutorials"
LEFT_BEHIND = {
    "first-analysis.md": ("raw/incidents.csv", "data/report.json", "brigade.html", "tables/tables.xlsx"),
    "first-model.md": ("bundle/current.json", "evaluation.json", "report.html", "model_card.html"),
}
"""Files that the reader is asked to look at."""


def typed(page: Path) -> str:
    """Return what a reader of the page types, as a script; a smaller Brigade is simulated."""
    parts = {"sh": "{}", "python": "python - <<'END'\n{}END\n"}
    found = [(block["kind"], block["body"]) for block in FENCE.finditer(page.read_text(encoding="utf-8"))]
    script = "".join(parts[kind].format(body) for kind, body in found if kind in parts)
    assert LARGE in script
    return "set -eux\n" + script.replace(LARGE, SMALL)


@pytest.mark.slow
@pytest.mark.parametrize("name", LEFT_BEHIND)
def test_a_newcomer_gets_from_the_first_command_to_the_last(name: str, tmp_path: Path) -> None:
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("LONDONPUMP_")}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", typed(TUTORIALS / name)],
        cwd=tmp_path,
        env={**inherited, "PATH": path, "LONDONPUMP_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert [file for file in LEFT_BEHIND[name] if not (tmp_path / file).is_file()] == []


def test_every_tutorial_is_typed_by_a_test() -> None:
    # typed by test_docs_first_call, test_docs_python and the browser tests
    elsewhere = {"first-call.md", "python.md", "console.md"}
    assert {page.name for page in TUTORIALS.glob("*.md")} == {*LEFT_BEHIND, *elsewhere}
