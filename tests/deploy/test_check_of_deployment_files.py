"""`make check` passes the deployment files as they are, and fails for one fault of each kind."""

import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ("hadolint", "check-jsonschema", "actionlint", "zizmor")


@dataclass(frozen=True)
class Fault:
    tool: str
    file: str
    right: str
    wrong: str


FAULTS = {
    "a relative WORKDIR": Fault("hadolint", "deploy/images/Dockerfile", "WORKDIR /src", "WORKDIR src"),
    "an unknown key of compose": Fault("check-jsonschema", "deploy/compose.yaml", "mem_limit:", "mem_limt:"),
    "an unknown runner": Fault("actionlint", ".github/workflows/check.yml", "ubuntu-24.04", "ubuntu-24.4"),
    "an unquoted variable": Fault("actionlint", ".github/workflows/release.yml", '"$REGISTRY"', "$REGISTRY"),
    "an action by its tag": Fault(
        "zizmor", ".github/workflows/check.yml", "@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1", "@v7"
    ),
    "rights for every job": Fault("zizmor", ".github/workflows/nightly.yml", "permissions: {}", ""),
}


@pytest.fixture(scope="module")
def commands() -> dict[str, list[str]]:
    """{tool: the command that `make check` runs}, with the tools of this environment."""
    listed = subprocess.run(
        ["make", "--dry-run", "check", f"BIN={Path(sys.executable).parent}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [shlex.split(line) for line in listed.stdout.splitlines()]
    return {tool: line for line in lines for tool in TOOLS if line and Path(line[0]).name == tool}


@pytest.fixture
def tree(tmp_path) -> Path:
    """A copy of what the tools read."""
    shutil.copytree(ROOT / ".github", tmp_path / ".github")
    shutil.copytree(ROOT / "deploy", tmp_path / "deploy", ignore=shutil.ignore_patterns("secrets"))
    shutil.copy(ROOT / "compose.yaml", tmp_path)
    return tmp_path


@pytest.mark.parametrize("tool", TOOLS)
def test_the_files_as_they_are_pass(commands, tree, tool) -> None:
    done = subprocess.run(commands[tool], cwd=tree, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_is_found(commands, tree, fault) -> None:
    path = tree / fault.file
    text = path.read_text(encoding="utf-8")
    assert fault.right in text
    path.write_text(text.replace(fault.right, fault.wrong, 1), encoding="utf-8")
    done = subprocess.run(commands[fault.tool], cwd=tree, capture_output=True, text=True)
    assert done.returncode != 0
    assert path.name in done.stdout + done.stderr
