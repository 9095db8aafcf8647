"""The page of the cleaning rules names every rule and repair of the code."""

import ast
from pathlib import Path

import pytest

from londonpump.cleaning.rules import rule_columns
from londonpump.domain.published_columns import TABLES

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/reference/cleaning-rules.md").read_text(encoding="utf-8")
RULES = {"reject", "reject_incidents"}
NAMING = {*RULES, "with_repairs"}


def _names_in_code(naming: set[str] = NAMING) -> set[str]:
    calls = [
        node
        for path in (ROOT / "src/londonpump/cleaning").glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in naming
    ]
    return {keyword.arg for call in calls for keyword in call.keywords if keyword.arg is not None}


@pytest.mark.parametrize("name", sorted(_names_in_code()))
def test_a_rule_or_repair_of_the_code_is_on_the_page(name: str) -> None:
    assert f"`{name}`" in PAGE


@pytest.mark.parametrize("rule", sorted(_names_in_code(RULES)))
def test_every_rule_says_which_published_columns_it_looks_at(rule: str) -> None:
    known = {column.name for columns in TABLES.values() for column in columns}
    assert set(rule_columns(rule)) <= known
    assert set(rule_columns(rule, "first")) <= known


def test_there_are_rules_to_look_for() -> None:
    assert {"warm_up", "dartford", "left_before_arrived", "no_location"} <= _names_in_code()
