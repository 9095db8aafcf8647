"""Trainings in a real MLflow on SQLite: one run per bundle even after a kill, and aliases as in the ledger."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from support.mlflow_contents import artefact_files, kill_at_first_run, stored
from support.running_service import another, database_with, name_champion, settings_for
from typer.testing import CliRunner

import londonpump as lp
from londonpump.cli import app
from londonpump.domain.errors import BadFile
from londonpump.lifecycle.track_runs import TrackingResult, track
from londonpump.persistence.bundles import content_hash
from londonpump.persistence.database import writing
from londonpump.persistence.repositories.decisions import KEEP, Decision, append_decision
from londonpump.registry.ledger import open_registry
from londonpump.registry.mlflow_process import QUIET, server_of
from londonpump.settings import Settings

JUDGED = {
    "bundle": "", "rows": 400,
    "models": {"ours": {"all": {"all": {"n": 400, "mae_s": {"value": 61.5}, "r2": {"value": None}}}},
               "distance": {"all": {"all": {"n": 400, "mae_s": {"value": 70.0}}}}},
}  # fmt: skip


@dataclass(frozen=True)
class Life:
    """Home with bundles. begun: bundle at which the first child was killed. damaged: bundle that does not match its name."""

    settings: Settings
    trained: str
    other: str
    damaged: str
    begun: str

    def run_of(self, name: str, results: dict[str, Any]) -> dict[str, Any]:
        (run,) = [run for run in results["runs"] if run["tags"]["londonpump.bundle"] == name]
        return run


@dataclass(frozen=True)
class TrackingRun:
    """Result of `track`, and the content of MLflow then."""

    life: Life
    results: TrackingResult
    stored: dict[str, Any]


@pytest.fixture(scope="module")
def life(small_brigade, tmp_path_factory) -> Life:
    """A home with three bundles, one of them damaged, and a child that was killed at its first run."""
    folder = tmp_path_factory.mktemp("tracked life")
    shutil.copytree(small_brigade.bundle.parent, folder / "bundles")
    trained = folder / "bundles" / small_brigade.bundle.name
    other = another(trained, folder, seed=2)
    settings = settings_for(f"sqlite:///{folder}/a.db", folder)
    database_with(settings.database)
    begun = kill_at_first_run(settings)
    damaged = another(trained, folder, seed=3)
    (damaged / "scale.txt").unlink()
    return Life(settings, trained.name, other.name, damaged.name, begun)


@pytest.fixture(scope="module")
def first(life) -> TrackingRun:
    """State after the killed child, before any decision."""
    results = track(life.settings)
    return TrackingRun(life, results, stored(life.settings))


@pytest.fixture(scope="module")
def judged(first) -> TrackingRun:
    """State after the trained bundle was activated and evaluated, and the other did not beat it."""
    life, home = first.life, first.life.settings.home
    (home / "report.html").write_text(f"<p>Bundle {life.trained}</p>", encoding="utf-8")
    (home / "evaluation.json").write_text(json.dumps({**JUDGED, "bundle": life.trained}), encoding="utf-8")
    at = datetime(2023, 4, 1, tzinfo=UTC)
    keep_decision = Decision(
        at, KEEP, life.trained, life.trained, life.other, "not better", "a test", {}, "tester"
    )
    with open_registry(life.settings) as registry:
        name_champion(registry.engine, life.trained)
        with writing(registry.engine) as connection:
            append_decision(connection, keep_decision)
    results = track(life.settings)
    return TrackingRun(life, results, stored(life.settings))


@pytest.fixture(scope="module")
def back(judged) -> TrackingRun:
    """State after the other was promoted and rolled back, and `track` was run after that."""
    life = judged.life
    with open_registry(life.settings) as registry:
        name_champion(registry.engine, life.other)
    env = {
        "LONDONPUMP_HOME": str(life.settings.home),
        "LONDONPUMP_BUNDLES": str(life.settings.bundle),
        "LONDONPUMP_DATABASE_URL": life.settings.database,
    }
    for command in (["models", "roll-back", "--why", "a test"], ["track"]):
        done = CliRunner().invoke(app, command, env=env)
        assert done.exit_code == 0, done.output
    return TrackingRun(life, judged.results, {**stored(life.settings), "stdout": done.stdout})


@pytest.mark.slow
def test_a_run_that_was_cut_short_is_finished_and_not_made_again(first) -> None:
    runs = [(run["tags"]["londonpump.bundle"], run["status"]) for run in first.stored["runs"]]
    assert sorted(runs) == sorted([(first.life.trained, "FINISHED"), (first.life.other, "FINISHED")])
    assert first.life.begun in first.results.done.sent


def test_a_bundle_that_is_not_what_its_name_says_is_named_and_not_sent(first) -> None:
    assert [first.life.damaged in problem for problem in first.results.done.problems] == [True]
    assert f"{first.life.damaged}: is not what was stored" in first.results.to_text()


def test_a_run_says_what_it_learnt_from_and_how_well(first, small_brigade) -> None:
    run = first.life.run_of(first.life.trained, first.stored)
    card = json.loads((small_brigade.bundle / "bundle.json").read_bytes())
    provenance = json.loads((small_brigade.bundle / "provenance.json").read_bytes())
    parameters = ("seed", "rows", "data_hash", "trained_from", "trained_until")
    assert {name: run["params"][name] for name in parameters} == {
        name: str(card[name]) for name in parameters
    }
    assert run["params"]["hyperparameters.trees"] == str(card["hyperparameters"]["trees"])
    assert run["metrics"]["later.mae_s"] == provenance["metrics"]["mae_s"]
    assert run["at_ms"] == datetime.fromisoformat(provenance["made_at"]).timestamp() * 1000


def test_the_bundle_that_mlflow_keeps_is_whole(first) -> None:
    for name in (first.life.trained, first.life.other):
        run = first.life.run_of(name, first.stored)
        assert content_hash(artefact_files(run, f"model/{name}")) == name


@pytest.mark.slow
def test_mlflow_loads_a_version_as_a_pyfunc_model_that_predicts_a_pandas_frame(judged, small_brigade) -> None:
    home = judged.life.settings.home
    code = (
        "import sys, warnings, mlflow.pyfunc, pandas as pd\n"
        "mlflow.set_tracking_uri(sys.argv[1])\n"
        "model = mlflow.pyfunc.load_model('models:/londonpump@champion')\n"
        "calls = pd.read_csv(sys.argv[2])\n"
        "model.predict(calls).to_csv(sys.argv[3], index=False)\n"
    )
    calls, out = home / "calls.csv", home / "from_mlflow.csv"
    calls.write_text(
        "id,mobilised_at,station_code,easting_m,northing_m,incident_type\n"
        "a,2023-03-28T08:00Z,G30,518650,186250,Fire\nb,2023-03-28T04:00Z,Z99,526900,181300,\n"
    )
    command = [sys.executable, "-c", code, server_of(judged.life.settings).uri, str(calls), str(out)]
    subprocess.run(
        command,
        cwd=server_of(judged.life.settings).folder,
        env={**os.environ, **QUIET},
        check=True,
        capture_output=True,
    )
    ours = lp.load(small_brigade.bundle).predict(pd.read_csv(calls))
    from_mlflow = pd.read_csv(out)
    numbers = ["mean_s", "p10_s", "p50_s", "p90_s", "p_over_360", "pumps_needed"]
    pd.testing.assert_frame_equal(from_mlflow[numbers], ours[numbers], check_dtype=False)
    assert from_mlflow["error"].notna().tolist() == ours["error"].notna().tolist() == [False, True]


@pytest.mark.slow
def test_trainings_outside_the_home_are_sent_if_they_are_named(tmp_path, small_brigade) -> None:
    shutil.copytree(small_brigade.bundle, tmp_path / "elsewhere" / small_brigade.bundle.name)
    one = another(small_brigade.bundle, tmp_path, seed=4)
    (tmp_path / "own").mkdir()
    settings = settings_for(f"sqlite:///{tmp_path}/a.db", tmp_path / "own", tracking=True)
    database_with(settings.database)
    done = track(settings, others=(tmp_path / "elsewhere", one)).done
    assert sorted(done.sent) == sorted([small_brigade.bundle.name, one.name])
    assert not settings.bundle.exists()
    with pytest.raises(BadFile, match="is not a bundle"):
        track(settings, others=(tmp_path,))


def test_each_bundle_is_one_version_of_the_model_and_none_has_a_name_before_a_decision(first) -> None:
    assert sorted(first.stored["versions"].values()) == sorted([first.life.trained, first.life.other])
    assert first.stored["aliases"] == {}


def test_what_was_sent_is_not_sent_again(judged) -> None:
    assert (judged.results.done.sent, judged.results.n_existing) == ((), 2)
    assert len(judged.stored["runs"]) == len(judged.stored["versions"]) == 2


def test_the_names_are_those_of_the_ledger(judged) -> None:
    assert judged.stored["aliases"] == {"champion": judged.life.trained, "challenger": judged.life.other}


def test_the_evaluation_stands_beside_the_run_that_it_is_of(judged) -> None:
    run = judged.life.run_of(judged.life.trained, judged.stored)
    assert set(run["files"]) == {"model", "evaluation.json", "report.html"}
    metrics = {name: value for name, value in run["metrics"].items() if name.startswith("evaluated.")}
    assert metrics == {"evaluated.rows": 400, "evaluated.mae_s": 61.5, "evaluated.mae_s.distance": 70}
    assert judged.life.run_of(judged.life.other, judged.stored)["files"] == ["model"]


@pytest.mark.slow
def test_after_a_roll_back_the_names_follow(back) -> None:
    assert back.stored["aliases"] == {"champion": back.life.trained}
    assert "2 existed. champion version" in back.stored["stdout"]


def test_mlflow_never_came_into_this_process(back) -> None:
    assert "mlflow" not in sys.modules


def test_nothing_is_left_where_the_commands_ran(back) -> None:
    assert {entry.name for entry in (back.life.settings.home / "mlflow").iterdir()} == {
        "lock", "mlflow.db", "artefacts",
    }  # fmt: skip
    assert not Path("mlruns").exists()
