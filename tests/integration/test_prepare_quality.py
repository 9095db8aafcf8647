"""The page on the quality of the records that `prepare` writes beside its report."""

import csv
import json
import re
from collections import Counter
from pathlib import Path

import pytest

from londonpump.presentation.quality import TEXTS, describe_rule

RULES_PAGE = Path(__file__).resolve().parents[2] / "docs/reference/cleaning-rules.md"


@pytest.fixture(scope="module")
def counts(small_data: Path) -> list[dict[str, str]]:
    with (small_data / "quality.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def summed(counts: list[dict[str, str]], table: str, verdict: str) -> Counter[str]:
    found: Counter[str] = Counter()
    for row in counts:
        if (row["table"], row["verdict"]) == (table, verdict):
            found[row["rule"]] += int(row["rows"])
    return found


@pytest.mark.parametrize("table", ["incidents", "mobilisations"])
def test_counts_by_file_month_and_rule_add_up_to_the_report(
    small_data: Path, counts: list[dict[str, str]], table: str
) -> None:
    report = json.loads((small_data / "report.json").read_text())["tables"][table]
    assert summed(counts, table, "rejected") == report["rejected"]
    assert summed(counts, table, "repaired") == report["repaired"]
    assert summed(counts, table, "kept") == {"": report["kept"]}


def test_every_rule_on_the_page_has_an_example_of_the_published_text(small_data: Path) -> None:
    page = (small_data / "quality.html").read_text()
    quality = json.loads((small_data / "quality.json").read_text())
    rules = {(row["table"], row["verdict"], row["rule"]) for row in quality["counts"] if row["rule"]}
    assert {(one["table"], one["verdict"], one["rule"]) for one in quality["examples"]} == rules
    for one in quality["examples"]:
        assert f"{one['file']}, data row {one['row']}: " in page


def test_every_rule_of_the_reference_page_is_described() -> None:
    rows = re.findall(r"^\| (`[^|]+) \|", RULES_PAGE.read_text(), re.MULTILINE)
    names = {name for row in rows for name in re.findall(r"`([a-zA-Z_]+)`", row)} - {"TABLE"}
    assert len(names) > 30
    assert all(describe_rule(name) for name in names)
    described = {name for name in TEXTS if not name.endswith("_")}
    assert described <= names


def test_the_page_is_small_and_loads_nothing(small_data: Path) -> None:
    page = (small_data / "quality.html").read_text()
    assert (len(page) < 60_000, "<script" in page, "src=" in page) == (True, False, False)
