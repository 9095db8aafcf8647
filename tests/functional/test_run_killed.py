"""`run` killed at any place and run again: the same model, the same decision, nothing left half done."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from support.context_publishers import addresses, all_is_well
from support.datastore import Datastore, Listed
from support.publisher_server import serving

from londonpump.persistence.bundles import load_bundle
from londonpump.persistence.database import open_database, reading
from londonpump.persistence.repositories.decisions import read_decisions
from londonpump.simulation.plan import SimulationPlan
from londonpump.simulation.simulate import write_simulation

PLAN = SimulationPlan(incidents=3_000, days=40, start=date(2023, 3, 1), seed=5)
KILLED_AT = (
    "Cleaning incidents",
    "Writing examples",
    "== prepare",
    "Fitting the interval widths",
    "Writing the bundle",
    "== train",
    "Writing the report",
    "== evaluate",
    "Trying both models in fresh processes",
    "Evaluating both models",
    "== challenge",
)
"""What `run` says when it is there: in the middle of steps, and where one ends."""
FETCH_STEPS = (
    "Asking which files there are",
    "Fetching LFB incidents",
    "Fetching LFB mob",
    "== fetch",
    "== refresh",
)
"""The same where the records and their weather come from the publishers."""
pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Results:
    """What a finished run leaves. decisions: without moment and latency, which no two runs share."""

    bundle: str
    files: dict[str, bytes]
    decisions: list[dict[str, object]]
    names: list[str]


@dataclass(frozen=True)
class RunInputs:
    """What `run` is told: its arguments, and settings."""

    arguments: tuple[str, ...]
    settings: dict[str, str] = field(default_factory=dict)


def start(command_input: RunInputs, home: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "londonpump.cli", "run", *command_input.arguments, "--complete", "yes"],
        env={**os.environ, **command_input.settings, "LONDONPUMP_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def run(command_input: RunInputs, home: Path) -> Results:
    process = start(command_input, home)
    output = process.communicate()[0]
    assert process.returncode == 0, output
    return left_in(home)


def run_until(line_start: str, command_input: RunInputs, home: Path) -> bool:
    """Kill it when it says that it is there. Returns: whether it ever said so."""
    process = start(command_input, home)
    assert process.stdout is not None
    found = any(line_start in line for line in process.stdout)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    return found


def left_in(home: Path) -> Results:
    name, files = load_bundle(home / "bundle")
    engine = open_database(f"sqlite:///{home}/londonpump.db")
    with reading(engine) as connection:
        lines = read_decisions(connection, 9)
    engine.dispose()
    decisions = []
    for line in lines:
        evidence = json.loads(json.dumps(line.evidence))
        evidence["challenger"].pop("latency_ms")
        decision_fields = (line.id, line.action, line.champion_before, line.champion_after, line.challenger)
        decisions.append({"line": decision_fields, "verdict": line.verdict, "evidence": evidence})
    names = sorted(
        str(path.relative_to(home)) for path in home.rglob("*") if not path.name.startswith("londonpump.db")
    )
    return Results(name, files, decisions, names)


@pytest.fixture(scope="module")
def of_files(tmp_path_factory) -> RunInputs:
    raw = write_simulation(PLAN, tmp_path_factory.mktemp("killed") / "raw").files
    files = ("--incidents", raw["incidents"], "--mobilisations", raw["mobilisations"])
    return RunInputs(tuple(map(str, files)))


@pytest.fixture(scope="module")
def of_publishers(tmp_path_factory) -> Iterator[RunInputs]:
    """Records that end a month ago, as the newest of the publisher may not be old."""
    first = datetime.now(UTC).date() - timedelta(days=PLAN.days + 30)
    raw = write_simulation(replace(PLAN, start=first), tmp_path_factory.mktemp("published") / "raw").files
    listed = tuple(
        Listed(table, "58m", f"LFB {table} data from {first.year}.csv", raw[table].read_bytes())
        for table in ("incidents", "mobilisations")
    )
    with serving() as publisher:
        Datastore(listed).opens_at(publisher)
        all_is_well(publisher)
        urls = {**addresses(publisher), "DATASTORE_URL": publisher.url}
        settings = {f"LONDONPUMP_{name}": value for name, value in urls.items()}
        yield RunInputs(("--since", first.isoformat()), {**settings, "NO_PROXY": "127.0.0.1"})


@pytest.fixture(scope="module")
def uninterrupted_run(of_files, tmp_path_factory) -> Results:
    return run(of_files, tmp_path_factory.mktemp("undisturbed") / "home")


@pytest.fixture(scope="module")
def uninterrupted_fetch(of_publishers, tmp_path_factory) -> Results:
    return run(of_publishers, tmp_path_factory.mktemp("undisturbed") / "home")


@pytest.mark.parametrize("line_start", KILLED_AT)
def test_killed_there_and_run_again_it_ends_the_same(
    line_start, of_files, uninterrupted_run, tmp_path
) -> None:
    assert run_until(line_start, of_files, tmp_path / "home")
    assert run(of_files, tmp_path / "home") == uninterrupted_run


@pytest.mark.parametrize("line_start", FETCH_STEPS)
def test_killed_while_publishers_are_asked_it_ends_the_same(
    line_start, of_publishers, uninterrupted_fetch, tmp_path
) -> None:
    assert run_until(line_start, of_publishers, tmp_path / "home")
    assert run(of_publishers, tmp_path / "home") == uninterrupted_fetch


def test_undisturbed_it_leaves_one_decision_and_no_parts(uninterrupted_run, uninterrupted_fetch) -> None:
    for left in (uninterrupted_run, uninterrupted_fetch):
        assert len(left.decisions) == 1
        assert not any("/." in f"/{name}" for name in left.names)
