"""A short rehearsal by the command: every request is answered, each by exactly one model."""

import json
import os
import subprocess
import sys

import pytest

from londonpump.rehearsal.year_plan import Event, YearPlan

PLAN = YearPlan(months=4, incidents_per_month=900, history_months=3, seed=2)
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def lived(tmp_path_factory):
    """Return (the finished process, its JSON, the folder that the command ran in)."""
    folder = tmp_path_factory.mktemp("rehearsed")
    sizes = ("--months", PLAN.months, "--incidents-per-month", PLAN.incidents_per_month)
    others = ("--history-months", PLAN.history_months, "--seed", PLAN.seed, "--json", folder / "year.json")
    done = subprocess.run(
        [sys.executable, "-m", "londonpump.cli", "rehearse", *map(str, (*sizes, *others))],
        env={**os.environ, "LONDONPUMP_HOME": str(folder / "home"), "TMPDIR": str(folder)},
        capture_output=True,
        text=True,
    )
    assert (folder / "year.json").exists(), done.stderr
    return done, json.loads((folder / "year.json").read_text(encoding="utf-8")), folder


def test_every_request_is_answered_by_one_model_exactly(lived) -> None:
    _, output, _ = lived
    assert (output["errors_5xx"], output["not_answered"], output["mixed_bundles"]) == (0, 0, 0)
    assert output["requests"] == output["answers_checked"] > 300


def test_the_history_is_what_the_ledger_holds(lived) -> None:
    _, output, _ = lived
    assert output["history_problems"] == []
    assert [month["decided_at"] for month in output["months"]] == [
        PLAN.decided_at(number).isoformat() for number in range(PLAN.months)
    ]
    by_hand_at = {line["decided_at"] for line in output["decisions"]} - {
        month["decided_at"] for month in output["months"]
    }
    by_comparison = [line for line in output["decisions"] if line["decided_at"] not in by_hand_at]
    assert [line["challenger"] for line in by_comparison] == [
        month["challenger"] for month in output["months"]
    ]


def test_everything_befalls_in_its_month(lived) -> None:
    _, output, _ = lived
    happened = {month["number"]: "; ".join(month["events"]) for month in output["months"]}
    expected = {
        Event.TRAINING_KILLED: "training killed half-way",
        Event.BAD_DATA: "bad records rejected",
        Event.STATION_CLOSED: "a station closes",
        Event.SERVICES_GROWN: "special services grow",
        Event.BUNDLE_DAMAGED: "damaged on disk",
        Event.ROLLED_BACK: "rolled back",
    }
    assert {
        event for event, log_text in expected.items() if log_text in happened[PLAN.number_of(event)]
    } == set(expected)


def test_the_damaged_bundle_was_never_on_duty(lived) -> None:
    _, output, _ = lived
    damaged = output["months"][PLAN.number_of(Event.BUNDLE_DAMAGED)]["challenger"]
    assert output["oracle"]["unusable"] == [damaged]
    assert damaged not in [line["champion_after"] for line in output["decisions"]]


def test_the_exit_code_says_whether_it_was_as_promised(lived) -> None:
    done, output, _ = lived
    is_best = not any(model["is_better"] for model in output["oracle"]["models"])
    assert output["champion_is_best"] == is_best
    assert (done.returncode == 0) == output["is_as_promised"] == is_best
    assert ("The active model is the best: yes" in done.stdout) == is_best
    assert is_best == all(
        not model["mae_difference_s"] <= -0.5 or model["mae_difference_high_s"] >= 0
        for model in output["oracle"]["models"]
    )


def test_it_leaves_nothing_but_the_json(lived) -> None:
    _, _, folder = lived
    assert [path.name for path in folder.iterdir()] == ["year.json"]
