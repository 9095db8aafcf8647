"""Runs made by hand."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from londonpump.brigade.stations import open_stations
from londonpump.features.ground import fit_ground
from londonpump.features.runs import Runs

NOON = int(datetime(2023, 1, 18, 12, tzinfo=UTC).timestamp()) * 1_000_000


@pytest.fixture
def made_runs() -> Callable[..., Runs]:
    """n runs from Soho to a place a kilometre east, but for what is told."""

    def make(n: int, **told: Any) -> Runs:
        nowhere = np.empty(0)
        ground = fit_ground(nowhere, nowhere, np.empty(0, object), open_stations())
        columns = {
            "mobilised_us": np.full(n, NOON, np.int64),
            "station_code": np.full(n, "A24", object),
            "station_easting_m": np.full(n, 529_800.0),
            "station_northing_m": np.full(n, 180_900.0),
            "easting_m": np.full(n, 530_800.0),
            "northing_m": np.full(n, 180_900.0),
            **told,
        }
        return Runs(columns, ground)

    return make
