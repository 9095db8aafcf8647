"""`run` killed at any place and run again: the same model, the same decision, nothing left half done."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from londonpump.simulation.plan import SimulationPlan
from londonpump.simulation.simulate import write_simulation
from londonpump.storage.bundles import load_bundle
from londonpump.storage.database import open_database, reading
from londonpump.storage.database.decision_rows import read_decisions

PLAN = SimulationPlan(incidents=3_000, days=40, start=date(2023, 3, 1), seed=5)
PLACES = (
    "Cleaning incidents",
    "Writing examples",
    "== prepare",
    "Learning how sure it is",
    "Writing the bundle",
    "== train",
    "Writing the report",
    "== evaluate",
    "Trying both models in fresh processes",
    "Judging both",
    "== challenge",
)
"""What `run` says when it is there: in the middle of steps, and where one ends."""
pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Left:
    """What a finished run leaves. decisions: without moment and latency, which no two runs share."""

    bundle: str
    files: dict[str, bytes]
    decisions: list[dict[str, object]]
    names: list[str]


def start(raw: dict[str, Path], home: Path) -> subprocess.Popen[str]:
    arguments = ("--incidents", raw["incidents"], "--mobilisations", raw["mobilisations"])
    return subprocess.Popen(
        [sys.executable, "-m", "londonpump.cli", "run", *map(str, arguments), "--complete", "yes"],
        env={**os.environ, "LONDONPUMP_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def run(raw: dict[str, Path], home: Path) -> Left:
    process = start(raw, home)
    said = process.communicate()[0]
    assert process.returncode == 0, said
    return left_in(home)


def run_until(place: str, raw: dict[str, Path], home: Path) -> bool:
    """Kill it when it says that it is there. Returns: whether it ever said so."""
    process = start(raw, home)
    assert process.stdout is not None
    found = any(place in line for line in process.stdout)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    return found


def left_in(home: Path) -> Left:
    name, files = load_bundle(home / "bundle")
    engine = open_database(f"sqlite:///{home}/londonpump.db")
    with reading(engine) as connection:
        lines = read_decisions(connection, 9)
    engine.dispose()
    decisions = []
    for line in lines:
        evidence = json.loads(json.dumps(line.evidence))
        evidence["challenger"].pop("latency_ms")
        shown = (line.id, line.action, line.champion_before, line.champion_after, line.challenger)
        decisions.append({"line": shown, "verdict": line.verdict, "evidence": evidence})
    names = sorted(
        str(path.relative_to(home)) for path in home.rglob("*") if not path.name.startswith("londonpump.db")
    )
    return Left(name, files, decisions, names)


@pytest.fixture(scope="module")
def raw(tmp_path_factory) -> dict[str, Path]:
    return write_simulation(PLAN, tmp_path_factory.mktemp("killed") / "raw").files


@pytest.fixture(scope="module")
def undisturbed(raw, tmp_path_factory) -> Left:
    return run(raw, tmp_path_factory.mktemp("undisturbed") / "home")


@pytest.mark.parametrize("place", PLACES)
def test_killed_there_and_run_again_it_ends_the_same(place, raw, undisturbed, tmp_path) -> None:
    assert run_until(place, raw, tmp_path / "home")
    again = run(raw, tmp_path / "home")
    assert again.bundle == undisturbed.bundle
    assert again.files == undisturbed.files
    assert again.decisions == undisturbed.decisions
    assert again.names == undisturbed.names


def test_undisturbed_it_leaves_one_decision_and_no_parts(undisturbed) -> None:
    assert len(undisturbed.decisions) == 1
    assert not any("/." in f"/{name}" for name in undisturbed.names)
