"""Each DAG is run by Airflow (`dag.test()`), with commands on the records of a small simulated Brigade."""

import sys
from pathlib import Path
from typing import Any

import pytest

from londonpump.persistence.database import open_database, reading
from londonpump.persistence.repositories.decisions import read_decisions
from londonpump.settings import Settings

COMMAND = Path(sys.executable).with_name("londonpump")
DONE = ["success", 1]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def ended(airflow, published) -> dict[str, Any]:
    """[state, {task: [state, tries]}] of each DAG."""
    ready = airflow.having(**published, LONDONPUMP_COMMAND=str(COMMAND))
    ready.run("airflow", "db", "migrate")
    (answer,) = ready.ask("run,train,challenge,refresh_context,monitor")
    return answer


@pytest.mark.parametrize(
    ("name", "tasks"),
    [
        ("train", ("fetch", "prepare", "train", "evaluate")),
        ("challenge", ("challenge",)),
        ("refresh_context", ("refresh",)),
        ("monitor", ("monitor",)),
    ],
)
def test_a_dag_ends_well_at_its_first_try(name, tasks, ended) -> None:
    assert ended[name] == ["success", dict.fromkeys(tasks, DONE)]


def test_the_ledger_names_the_run_that_decided(ended, published) -> None:
    engine = open_database(Settings(home=Path(published["LONDONPUMP_HOME"])).database)
    with reading(engine) as connection:
        decisions = read_decisions(connection, 10)
    engine.dispose()
    assert len(decisions) == 1
    assert "run airflow challenge manual__" in decisions[0].actor


def test_a_publisher_that_fails_for_ever_is_asked_five_times_and_nothing_is_learnt(airflow, tmp_path) -> None:
    ready = airflow.having(LONDONPUMP_COMMAND=program(tmp_path, 3))
    ready.run("airflow", "db", "migrate")
    (answer,) = ready.ask("run,train")
    waiting = {name: ["upstream_failed", 0] for name in ("prepare", "train", "evaluate")}
    assert answer["train"] == ["failed", {"fetch": ["failed", 5], **waiting}]


def test_a_wrong_setting_is_not_tried_again(airflow, tmp_path) -> None:
    ready = airflow.having(LONDONPUMP_COMMAND=program(tmp_path, 2))
    ready.run("airflow", "db", "migrate")
    (answer,) = ready.ask("run,refresh_context")
    assert answer["refresh_context"] == ["failed", {"refresh": ["failed", 1]}]


def program(folder: Path, code: int) -> str:
    file = folder / "stand_in.sh"
    file.write_text(f"exit {code}\n", encoding="ascii")
    return f"sh {file}"
