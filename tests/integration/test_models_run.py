"""`run` runs each step in order; a step that fails names what stays in use and ends with its own exit code."""

import pytest
from typer.testing import CliRunner

from londonpump.cli import app
from londonpump.registry.manual_decisions import ledger
from londonpump.settings import read_settings


def run(*arguments: object):
    return CliRunner().invoke(app, ["run", *map(str, arguments)])


@pytest.fixture
def done(own_home, small_raw):
    return run(
        "--incidents", small_raw["incidents"], "--mobilisations", small_raw["mobilisations"], "--complete", "yes"
    )  # fmt: skip


def test_every_step_says_what_it_did_and_the_decision_is_recorded(done, own_home) -> None:
    assert done.exit_code == 0, done.output
    steps = [line.removeprefix("== ") for line in done.stdout.splitlines() if line.startswith("== ")]
    assert steps == ["prepare", "train", "evaluate", "challenge"]
    assert ledger(read_settings(), 9)[0].verdict == "few_rows"
    assert (own_home / "report.html").exists()


def test_without_records_the_first_step_fails_in_words(own_home) -> None:
    lines = run("--skip-fetch")
    assert lines.exit_code == 2
    assert "prepare failed" in lines.stderr
    assert "the active model stay in use" in lines.stderr


def test_a_publisher_that_fails_is_code_3_and_nothing_is_touched(own_home, publisher, monkeypatch) -> None:
    monkeypatch.setenv("LONDONPUMP_DATASTORE_URL", publisher.url)
    lines = run()
    assert lines.exit_code == 3
    assert "fetch failed: London Datastore" in lines.stderr
    assert "Nothing else was touched" in lines.stderr
    assert not (own_home / "data").exists()
