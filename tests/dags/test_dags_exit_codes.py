"""State of a task by the exit code of its command, and the environment of the command."""

from pathlib import Path
from typing import Any

import pytest

FAKE_COMMAND = 'env >"$ENVIRONMENT"\necho working\necho the last word\nexit "$1"\n'
"""In place of londonpump: its one argument is its exit code."""


@pytest.fixture(scope="module")
def seen(airflow) -> Path:
    """Environment that a command had."""
    return airflow.home / "environment"


@pytest.fixture(scope="module")
def ended(airflow, seen) -> dict[str, Any]:
    """[error, its message] by exit code."""
    stand_in = airflow.home / "stand_in.sh"
    stand_in.write_text(FAKE_COMMAND, encoding="ascii")
    codes = ("0", "1", "2", "3", "4", "137")
    secret = {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "sqlite:////secret.db", "PYTHONPATH": "/nowhere"}
    ours = {"LONDONPUMP_COMMAND": f"sh {stand_in}", "ENVIRONMENT": str(seen), "LONDONPUMP_HOME": "/srv/pump"}
    answers = airflow.having(**secret, **ours).ask(*(f"executed,{code}" for code in codes))
    return dict(zip(codes, answers, strict=True))


def test_a_command_that_ends_well_is_a_task_that_ends_well(ended) -> None:
    assert ended["0"] == ["", ""]


def test_a_publisher_that_failed_may_be_asked_again(ended) -> None:
    assert ended["3"] == ["AirflowException", "exit code 3: the last word"]


@pytest.mark.parametrize("code", ["1", "2", "4", "137"])
def test_anything_else_fails_at_once(code, ended) -> None:
    assert ended[code] == ["AirflowFailException", f"exit code {code}: the last word"]


def test_a_command_that_is_not_there_fails_at_once_and_says_what_to_set(airflow) -> None:
    ((error, message),) = airflow.having(LONDONPUMP_COMMAND="/nowhere/londonpump").ask("executed,0")
    assert error == "AirflowFailException"
    assert "/nowhere/londonpump cannot be run" in message
    assert "Set LONDONPUMP_COMMAND" in message


def test_the_command_keeps_its_settings_and_learns_no_secret_of_airflow(ended, seen) -> None:
    known = dict(line.partition("=")[::2] for line in seen.read_text("utf-8").splitlines())
    assert known["LONDONPUMP_HOME"] == "/srv/pump"
    assert known["LONDONPUMP_RUN"].startswith("airflow ")
    assert known["LONDONPUMP_RUN"].endswith(" manual__1")
    assert [name for name in known if name.startswith(("AIRFLOW_", "PYTHON"))] == []
