"""Verdicts and the fitted power of growth."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from benchmarks.figures import MET, MISSED, NO_TARGET, Reading
from benchmarks.growth import Growth


@pytest.mark.parametrize(
    ("value", "target", "verdict"), [(15.0, 15.0, MET), (15.1, 15.0, MISSED), (1.0, None, NO_TARGET)]
)
def test_a_target_is_met_up_to_its_value(value: float, target: float | None, verdict: str) -> None:
    assert Reading("cpu_s", value, "s", target).verdict == verdict


@pytest.mark.parametrize("power", [1.0, 2.0])
def test_the_power_of_growth_is_found(power: float) -> None:
    incidents = (50, 100, 200)
    growth = Growth(incidents, {"prepare": tuple(3.0 * n**power for n in incidents)})
    assert growth.exponent("prepare") == pytest.approx(power)
