"""Runs made by hand."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from londonpump.domain.stations import open_stations
from londonpump.features.dispatches import Dispatches
from londonpump.features.ground_lookup import fit_ground

NOON = int(datetime(2023, 1, 18, 12, tzinfo=UTC).timestamp()) * 1_000_000


@pytest.fixture
def made_runs() -> Callable[..., Dispatches]:
    """n runs from Soho to a place a kilometre east, except the given values."""

    def make(n: int, **given_columns: Any) -> Dispatches:
        nowhere = np.empty(0)
        ground = fit_ground(nowhere, nowhere, np.empty(0, object), open_stations())
        columns = {
            "mobilised_us": np.full(n, NOON, np.int64),
            "station_code": np.full(n, "A24", object),
            "station_easting_m": np.full(n, 529_800.0),
            "station_northing_m": np.full(n, 180_900.0),
            "easting_m": np.full(n, 530_800.0),
            "northing_m": np.full(n, 180_900.0),
            **given_columns,
        }
        return Dispatches(columns, ground)

    return make
