"""`airflow standalone` with PostgreSQL: a training started by hand, the challenge that it starts, and one by hand."""

import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from support.airflow_standalone import READY_WITHIN_S, Standalone, standalone, until
from support.postgres import Server

from londonpump.persistence.database import open_database, reading
from londonpump.persistence.repositories.decisions import read_decisions
from londonpump.settings import Settings

pytestmark = pytest.mark.slow

COMMAND = Path(sys.executable).with_name("londonpump")


@pytest.fixture
def airflow_url(postgresql: Server) -> Iterator[str]:
    """Database for the tables of Airflow."""
    postgresql.ask("CREATE DATABASE airflow")
    yield f"postgresql+psycopg2://owner@/airflow?host={postgresql.folder}"
    postgresql.ask("DROP DATABASE airflow WITH (FORCE)")


@pytest.fixture
def running(airflow, published, airflow_url) -> Iterator[Standalone]:
    more = {
        "LONDONPUMP_COMMAND": str(COMMAND),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": airflow_url,
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
    }
    with standalone(airflow.having(**published, **more).settings, airflow.home / "standalone.log") as started:
        yield started


def actors(home: str) -> list[str]:
    engine = open_database(Settings(home=Path(home)).database)
    with reading(engine) as connection:
        decisions = read_decisions(connection, 10)
    engine.dispose()
    return [decision.actor for decision in decisions]


def test_a_training_by_hand_ends_in_a_decision_and_a_challenge_by_hand_finds_it(running, published) -> None:
    began = time.monotonic()
    for dag in ("train", "challenge"):
        until(partial(running.knows, dag), READY_WITHIN_S)
    assert running.state("train", running.start("train")) == "success"
    print(f"trained after {time.monotonic() - began:.0f} s")
    followed = running.run_by_asset("challenge")
    assert running.state("challenge", followed) == "success"
    print(f"challenged after {time.monotonic() - began:.0f} s")
    assert running.state("challenge", running.start("challenge")) == "success"
    print(f"challenged by hand after {time.monotonic() - began:.0f} s")
    (decided,) = actors(published["LONDONPUMP_HOME"])
    assert f"run airflow challenge {followed}" in decided
