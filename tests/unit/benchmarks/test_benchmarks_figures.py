"""Verdicts and the fitted power of growth."""

import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from benchmarks.figures import MET, MISSED, NO_TARGET, Measurement, Reading
from benchmarks.growth import START_INCIDENTS, Growth
from benchmarks.page import BEGIN, END, write_page
from londonpump.domain.errors import BadFile


@pytest.mark.parametrize(
    ("value", "target", "verdict"), [(15.0, 15.0, MET), (15.1, 15.0, MISSED), (1.0, None, NO_TARGET)]
)
def test_a_target_is_met_up_to_its_value(value: float, target: float | None, verdict: str) -> None:
    assert Reading("cpu_s", value, "s", target).verdict == verdict


@pytest.mark.parametrize("power", [1.0, 2.0])
def test_the_power_of_growth_is_that_of_what_comes_above_the_start(power: float) -> None:
    incidents = (2_000, 5_000, 9_000)
    costs = tuple(4.0 + 3.0 * (n - START_INCIDENTS) ** power for n in incidents)
    growth = Growth(incidents, {"prepare": costs}, {"prepare": 4.0})
    assert growth.exponent("prepare") == pytest.approx(power)


def test_figures_are_put_between_their_marks_and_the_words_stay(tmp_path: Path) -> None:
    page = tmp_path / "speed.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n", encoding="utf-8")
    reading = Reading("cpu_s", 14.2, "s", 15.0, (13.9, 14.6))
    measured = Measurement("prepare", "londonpump prepare", {"incidents": 360_000}, 3, (reading,))
    write_page(_result(measured), page)
    text = page.read_text(encoding="utf-8")
    row = "| londonpump prepare | 360,000 incidents | cpu_s | 14.20 s (13.90 to 14.60) | 15 s | met |"
    assert (text.startswith("before"), text.endswith("after\n"), "old" in text, row in text) == (
        True,
        True,
        False,
        True,
    )


def test_a_page_without_marks_is_left_alone(tmp_path: Path) -> None:
    page = tmp_path / "speed.md"
    page.write_text("words", encoding="utf-8")
    with pytest.raises(BadFile, match="no place for the figures"):
        write_page(_result(), page)


def _result(*measured: Measurement) -> dict[str, Any]:
    return {
        "machine": {
            "cpu": "a CPU",
            "cores": 2,
            "memory_gib": 4.0,
            "system": "Linux x86_64",
            "python": "3.11.7",
            "libraries": {"numpy": "2.4"},
        },
        "measurements": {
            one.name: one.to_json() | {"commit": "abc", "has_changes_since": True} for one in measured
        },
        "growth": None,
    }
