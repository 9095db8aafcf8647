"""Airflow in its own environment, and publishers on loopback with records of a small simulated Brigade.

The environment is made once, `.venv-airflow` in the project's folder (not tracked), and again when its lock has
changed. It needs a package index; where none answers these tests skip.
"""

import fcntl
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support import context_publishers
from support.datastore import Datastore, Listed
from support.postgres import postgresql
from support.publisher_server import serving

from londonpump.simulation.plan import SimulationPlan
from londonpump.simulation.simulate import write_simulation

__all__ = ["postgresql"]

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv-airflow"
STAMP = VENV / ".tested"
SIDE = Path(__file__).with_name("airflow_side.py")
MADE_WITHIN_S, ANSWERS_WITHIN_S = 600, 600
NO_INDEX = ("No matching distribution found", "Could not find a version", "Max retries exceeded")
INCIDENTS = 2_500
"""Few, over the four years that `fetch records` asks for by default; enough for `evaluate` to judge."""


@dataclass(frozen=True)
class Airflow:
    """Environment of Airflow with its own home. settings: environment variables of its processes."""

    home: Path
    settings: dict[str, str]

    def having(self, **more: str) -> "Airflow":
        """Return a copy with more settings."""
        return replace(self, settings={**self.settings, **more})

    def ask(self, *questions: str) -> list[Any]:
        """Return the answers of airflow_side.py."""
        answers = self.home / "answers.json"
        self.run("python", str(SIDE), str(answers), *questions)
        return json.loads(answers.read_text("utf-8"))

    def run(self, program: str, *arguments: str) -> None:
        """Run a program of the environment; it must succeed."""
        done = subprocess.run(
            [VENV / "bin" / program, *arguments],
            # compiled modules would be files that an import writes
            env={**self.settings, "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            timeout=ANSWERS_WITHIN_S,
        )
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-6000:]


@pytest.fixture(scope="session")
def airflow_is_made() -> None:
    VENV.mkdir(exist_ok=True)
    lock_file = os.open(VENV, os.O_RDONLY)
    try:
        # two workers of one run make it once
        fcntl.flock(lock_file, fcntl.LOCK_EX)
        expected_hash = hashlib.sha256((ROOT / "requirements/airflow.lock").read_bytes()).hexdigest()
        if not STAMP.exists() or STAMP.read_text(encoding="ascii") != expected_hash:
            make_environment()
            STAMP.write_text(expected_hash, encoding="ascii")
    finally:
        os.close(lock_file)


def make_environment() -> None:
    done = subprocess.run(
        [ROOT / "scripts/airflow-env", sys.executable, VENV],
        env={**os.environ, "PIP_RETRIES": "3", "PIP_TIMEOUT": "15"},
        capture_output=True,
        text=True,
        timeout=MADE_WITHIN_S,
    )
    if done.returncode and any(sign in done.stderr for sign in NO_INDEX):
        pytest.skip("no package index answers: Airflow's environment cannot be made")
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def airflow(airflow_is_made: None, tmp_path_factory: pytest.TempPathFactory) -> Airflow:
    """Airflow with only our DAGs."""
    home = tmp_path_factory.mktemp("airflow")
    settings = {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    }
    return Airflow(home, {**without_ours(), **settings})


def without_ours() -> dict[str, str]:
    """Return the environment without settings of a developer for either."""
    return {
        name: value for name, value in os.environ.items() if not name.startswith(("LONDONPUMP_", "AIRFLOW_"))
    }


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Settings with a new home and every publisher on loopback, without faults."""
    folder = tmp_path_factory.mktemp("published")
    files = write_simulation(plan_of(datetime.now(UTC).date()), folder / "raw").files
    with serving() as publisher:
        context_publishers.all_is_well(publisher)
        Datastore(
            tuple(
                listed(dataset_name, files[dataset_name]) for dataset_name in ("incidents", "mobilisations")
            )
        ).opens_at(publisher)
        addresses = context_publishers.addresses(publisher) | {"DATASTORE_URL": publisher.url}
        yield {
            **{f"LONDONPUMP_{name}": value for name, value in addresses.items()},
            "LONDONPUMP_HOME": str(folder / "home"),
            "NO_PROXY": "127.0.0.1",
        }


def plan_of(today: date) -> SimulationPlan:
    """Records from the first day of `fetch records` until three weeks ago."""
    start = date(today.year - 3, 1, 1)
    days = (today - timedelta(days=20) - start).days
    return SimulationPlan(incidents=INCIDENTS, days=days, start=start, seed=5)


def listed(dataset_name: str, file: Path) -> Listed:
    year = datetime.now(UTC).year - 3
    return Listed(
        dataset_name, "58m", f"LFB {dataset_name[:-1]} data from {year} onwards.csv", file.read_bytes()
    )
