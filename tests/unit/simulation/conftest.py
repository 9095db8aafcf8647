"""Simulations that several tests share."""

from datetime import date

import pytest

from londonpump.simulation.plan import SimulationPlan
from londonpump.simulation.simulate import simulate, write_simulation


@pytest.fixture(scope="session")
def clean_month():
    return simulate(SimulationPlan(incidents=10_000, days=28, seed=7, is_clean=True))


@pytest.fixture(scope="session", params=["2009-14", "2021-24", "2025"])
def spoiled(request, tmp_path_factory):
    """Return the folder and the report of a written simulation with faults, per vintage."""
    starts = {"2009-14": date(2012, 5, 1), "2021-24": date(2023, 3, 1), "2025": date(2025, 5, 1)}
    plan = SimulationPlan(
        incidents=6_000, days=20, seed=3, vintage=request.param, start=starts[request.param]
    )
    folder = tmp_path_factory.mktemp("spoiled")
    return folder, write_simulation(plan, folder), plan
