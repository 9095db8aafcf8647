"""The benchmarks run, and what they keep has one shape; how long anything takes is not asserted."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.figures import Measurement, Reading
from benchmarks.results import write_results

pytestmark = pytest.mark.long


ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("results")


@pytest.fixture(scope="module")
def results(folder: Path) -> dict[str, Any]:
    command = (sys.executable, "-m", "benchmarks", "--quick", "--only", "simulate", "--out", str(folder))
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    value: dict[str, Any] = json.loads((folder / "speed.json").read_text(encoding="utf-8"))
    return value


def test_figures_stand_beside_commit_and_machine(results: dict[str, Any]) -> None:
    assert set(results) == {"schema", "is_quick", "machine", "original", "measurements", "growth"}
    assert {"commit", "has_changes_since"} <= set(results["measurements"]["simulate"])


def test_the_machine_is_described_without_its_name(results: dict[str, Any]) -> None:
    assert set(results["machine"]) == {"cpu", "cores", "memory_gib", "system", "python", "libraries"}


def test_quick_figures_say_so(results: dict[str, Any]) -> None:
    assert results["is_quick"] is True


def test_a_measurement_has_cpu_wall_and_memory_with_target_and_verdict(results: dict[str, Any]) -> None:
    measured = results["measurements"]["simulate"]
    assert measured["rows"] == {"incidents": 1000}
    assert [(r["quantity"], r["unit"], r["target"]) for r in measured["readings"]] == [
        ("cpu_s", "s", 10),
        ("wall_s", "s", None),
        ("peak_rss_mib", "MiB", None),
        ("pace_ms", "ms", None),
    ]
    assert {r["verdict"] for r in measured["readings"]} <= {"met", "missed", "no target"}


def test_every_cost_is_above_nothing(results: dict[str, Any]) -> None:
    assert all(reading["value"] > 0 for reading in results["measurements"]["simulate"]["readings"])


def test_figures_that_were_not_measured_again_stay_and_those_of_another_machine_go(
    results: dict[str, Any], tmp_path: Path
) -> None:
    other = Measurement("other", "something else", {"rows": 1}, 1, (Reading("cpu_s", 1, "s"),))
    kept = write_results(tmp_path, [other], None, is_quick=True)
    assert set(kept["measurements"]) == {"other"}
    stored = {**kept, "measurements": results["measurements"]}
    (tmp_path / "speed.json").write_text(json.dumps(stored))
    assert set(write_results(tmp_path, [other], None, is_quick=True)["measurements"]) == {"simulate", "other"}
    (tmp_path / "speed.json").write_text(json.dumps({**stored, "machine": {"cpu": "another"}}))
    assert set(write_results(tmp_path, [other], None, is_quick=True)["measurements"]) == {"other"}


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    command = (sys.executable, "-m", "benchmarks", "--quick", "--only", "speed")
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    assert (done.returncode, "simulate" in done.stdout) == (2, True)
