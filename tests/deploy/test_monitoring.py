"""Rules and dashboard for Prometheus and Grafana name what the service exports, and each alarm is explained.

The dashboard was never opened in Grafana, which no package index here has.
"""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml  # type: ignore[import-untyped]
from prometheus_client.parser import text_string_to_metric_families
from support.service_process import served

ROOT = Path(__file__).resolve().parents[2]
MONITORING = ROOT / "deploy" / "monitoring"
RUNBOOK = (ROOT / "docs" / "how-to" / "runbook.md").read_text(encoding="utf-8")
SUFFIXES = {"histogram": ("_bucket", "_count", "_sum"), "counter": ("_total",), "gauge": ("",)}


def rules(kind: str) -> list[dict[str, Any]]:
    """Return the rules that have a key: `alert` or `record`."""
    groups = yaml.safe_load((MONITORING / "rules.yml").read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"] if kind in rule]


def queries() -> list[str]:
    """Return the expressions of the dashboard."""
    panels = json.loads((MONITORING / "dashboard.json").read_text(encoding="utf-8"))["panels"]
    return [target["expr"] for panel in panels for target in panel["targets"]]


def expressions() -> list[str]:
    return [rule["expr"] for rule in (*rules("alert"), *rules("record"))] + queries()


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Names of the series of a service that really runs."""
    with served(tmp_path_factory.mktemp("home")) as service:
        # counted once it was answered
        httpx2.get(f"{service.address}/livez", trust_env=False, timeout=30).raise_for_status()
        text = httpx2.get(f"{service.address}/metrics", trust_env=False, timeout=30).raise_for_status().text
    return {
        family.name + suffix
        for family in text_string_to_metric_families(text)
        for suffix in SUFFIXES.get(family.type, ())
    }


def test_every_metric_of_rules_and_dashboard_is_exported(exported: set[str]) -> None:
    named = {name for text in expressions() for name in re.findall(r"(?<![:\w])londonpump_\w+", text)}
    assert named - exported == set()
    assert "londonpump_request_seconds_bucket" in named


def test_every_recorded_figure_that_is_named_is_recorded() -> None:
    recorded = {rule["record"] for rule in rules("record")}
    named = {name for text in expressions() for name in re.findall(r"londonpump:[\w:]+", text)}
    assert named == recorded


def test_every_alarm_has_its_heading_in_the_runbook_and_both_ways() -> None:
    alarms = [rule["alert"] for rule in rules("alert")]
    assert sorted(re.findall(r"^### (Londonpump\w+)$", RUNBOOK, re.MULTILINE)) == sorted(alarms)
    for rule in rules("alert"):
        assert rule["annotations"]["runbook"] == f"docs/how-to/runbook.md#{rule['alert'].lower()}"
        assert rule["labels"]["severity"] in ("critical", "warning")


def test_every_alarm_is_seen_to_fire_by_a_test_of_the_rules() -> None:
    tests = (MONITORING / "rules_test.yml").read_text(encoding="utf-8")
    assert set(re.findall(r'alertname="(\w+)"', tests)) == {rule["alert"] for rule in rules("alert")}


@pytest.fixture
def promtool() -> str:
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("promtool is not installed: apt-get install --no-install-recommends prometheus")
    return found


@pytest.mark.parametrize(
    "command",
    [
        ("check", "rules", "rules.yml"),
        ("check", "config", "prometheus.yml"),
        ("test", "rules", "rules_test.yml"),
    ],
    ids=" ".join,
)
def test_promtool_accepts(promtool: str, command: tuple[str, ...]) -> None:
    done = subprocess.run([promtool, *command], cwd=MONITORING, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_reads_every_query_of_the_dashboard(promtool: str, tmp_path: Path) -> None:
    recorded = [{"record": f"panel:{number}", "expr": query} for number, query in enumerate(queries())]
    (tmp_path / "queries.yml").write_text(
        yaml.safe_dump({"groups": [{"name": "dashboard", "rules": recorded}]})
    )
    done = subprocess.run(
        [promtool, "check", "rules", tmp_path / "queries.yml"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(recorded)} rules found" in done.stdout


def test_panels_of_the_dashboard_do_not_overlap() -> None:
    panels = json.loads((MONITORING / "dashboard.json").read_text(encoding="utf-8"))["panels"]
    cells = [
        (x, y)
        for panel in panels
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24  # the width of Grafana's grid
    assert len({panel["id"] for panel in panels}) == len(panels)
