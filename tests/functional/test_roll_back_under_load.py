"""A roll back while a service answers: nothing is lost, no answer is mixed, and the old model falls silent."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.altered_bundles import slower
from support.running_service import name_champion
from support.steady_load import Load, loaded, sign_in

from londonpump.persistence.bundles import save_bundle
from londonpump.persistence.database import open_database, reading
from londonpump.persistence.repositories.decisions import read_decisions

CLIENTS = 2
PASSWORD = "three quiet lanterns"  # noqa: S105
WITHIN_S = 120


def londonpump(home: Path, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "londonpump.cli", *arguments],
        env={**os.environ, "LONDONPUMP_HOME": str(home)},
        input=stdin,
        capture_output=True,
        text=True,
        check=True,
        timeout=WITHIN_S,
    )


@contextmanager
def serving(home: Path) -> Iterator[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "londonpump.cli", "serve", "--port", "0"],
        env={**os.environ, "LONDONPUMP_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield process.stdout.readline().split()[-1]
    finally:
        process.terminate()
        process.communicate(timeout=WITHIN_S)


def wait_for(load: Load, model: str) -> None:
    """Until that model has answered a hundred times."""
    until_s = time.monotonic() + WITHIN_S
    while sum(answer.model == model for answer in load.answers) < 100:
        assert time.monotonic() < until_s, f"no answers of {model}"
        time.sleep(0.05)


@pytest.fixture
def rolled_back(small_brigade, tmp_path) -> tuple[Load, str, str, float, float]:
    """(what was answered, model before, model after, when the command began, when it was decided)."""
    home = tmp_path / "home"
    good = small_brigade.bundle
    files = {file.name: file.read_bytes() for file in good.iterdir() if file.name != "provenance.json"}
    save_bundle(files, {}, home / "bundle")
    bad = slower(good, tmp_path, 60)
    save_bundle({file.name: file.read_bytes() for file in bad.iterdir()}, {}, home / "bundle")
    url = f"sqlite:///{home}/londonpump.db"
    engine = open_database(url)
    name_champion(engine, good.name)
    name_champion(engine, bad.name)
    engine.dispose()
    londonpump(home, "users", "create", "ops", "--password-stdin", stdin=PASSWORD + "\n")
    with serving(home) as address, loaded(address, sign_in(address, "ops", PASSWORD), CLIENTS) as load:
        wait_for(load, bad.name)
        begun_s = time.monotonic()
        londonpump(home, "models", "roll-back", "--why", "off by a minute")
        wait_for(load, good.name)
    engine = open_database(url)
    with reading(engine) as connection:
        decided_at = read_decisions(connection, 1)[0].decided_at
    engine.dispose()
    # the clock of the answers is not that of the ledger
    decided_s = decided_at.timestamp() - time.time() + time.monotonic()
    return load, bad.name, good.name, begun_s, decided_s


@pytest.mark.slow
def test_a_roll_back_under_load_loses_nothing_and_mixes_nothing(rolled_back) -> None:
    load, before, after, begun_s, decided_s = rolled_back
    times_of_models = load.times_by_model()
    silent_s = load.last_s(before)
    print(  # shown by pytest -rP: the figures that the documents give
        f"{len(load.answers)} answers, {len(load.lost())} lost, {len(load.busy())} told to come again; the old model "
        f"was silent {silent_s - begun_s:.2f} s after the command began, {silent_s - decided_s:.2f} s after the decision"
    )
    assert load.lost() == []
    assert set(times_of_models) == {before, after}, json.dumps(sorted(map(str, times_of_models)))
    assert [len(times) for times in times_of_models.values()] == [1, 1]
    ((slow_s,), (fast_s,)) = times_of_models[before], times_of_models[after]
    assert slow_s - fast_s == pytest.approx(60, abs=0.2)
    switched = [answer.model for answer in sorted(load.answers, key=lambda each: each.asked_s)]
    assert switched[-1] == after
