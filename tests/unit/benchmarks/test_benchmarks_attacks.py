"""The attack table (issue 11, A4): what is measured, and what the page shows of it."""

import asyncio
from dataclasses import asdict

import pytest
from support.service_process import served
from typer.testing import CliRunner

from benchmarks.service.attackers import FLOODS, run
from benchmarks.service.attacks import ATTACKS, MARKS, PAGE, AttackView, Outcome, main, table

pytestmark = pytest.mark.long


QUIET = AttackView(100, 20.0, 30.0, {})
WHERE = {"commit": "abc", "machine": {"cpu": "a", "cores": 2}}


def result(**attacked: Outcome) -> dict:
    return {**WHERE, "attacks": {name: asdict(one) for name, one in attacked.items()}}


def row(text: str, name: str) -> list[str]:
    line = next(line for line in text.splitlines() if line.startswith(f"| {ATTACKS[name]} |"))
    return [cell.strip() for cell in line.split("|")[2:-1]]


def test_a_row_has_both_versions_and_what_was_not_answered() -> None:
    before = Outcome(QUIET, AttackView(10, 500.0, 900.0, {"503": 2, "TimeoutError": 1}), {"200": 5})
    after = Outcome(QUIET, AttackView(90, 25.0, 45.0, {}), {"200": 5})
    text = table({"before": result(readyz=before), "after": result(readyz=after)})
    assert row(text, "readyz") == [
        "20 / 30",
        "500 / 900 (30.0 x)",
        "3 of 10",
        "20 / 30",
        "25 / 45 (1.5 x)",
        "0 of 90",
    ]


def test_a_version_that_was_not_measured_has_no_column() -> None:
    text = table({"after": result(heads=Outcome(QUIET, QUIET, {}))})
    assert "before" not in text
    assert len(row(text, "heads")) == 3


def test_sign_ins_that_were_not_granted_are_counted() -> None:
    after = Outcome(QUIET, QUIET, {"200": 27, "429": 3}, 812.0)
    assert "3 of 30, longest 812 ms" in row(table({"after": result(sign_ins=after)}), "sign_ins")[2]


def test_the_page_has_a_place_for_it() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert 0 < text.index(MARKS[0]) < text.index(MARKS[1])


def test_an_unknown_attack_is_named() -> None:
    import typer

    app = typer.Typer()
    app.command()(main)
    outcome_of = CliRunner().invoke(app, ["--only", "nonsense"])
    assert (outcome_of.exit_code, "nonsense is none of" in outcome_of.output) == (2, True)


def test_every_attack_reaches_the_service(tmp_path) -> None:
    with served(tmp_path) as service:
        outcome_of = {name: asyncio.run(run(name, service.address, 0.3))["outcomes"] for name in FLOODS}
    assert all(sum(outcomes.values()) > 0 for outcomes in outcome_of.values())
    assert {
        name: set(outcomes) & {"200", "400", "401", "413", "429", "503"}
        for name, outcomes in outcome_of.items()
    } == {name: set(outcomes) for name, outcomes in outcome_of.items()}
