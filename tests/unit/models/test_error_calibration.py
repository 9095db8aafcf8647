"""Calibration of the errors by hour and incident type."""

import numpy as np
import pytest

from londonpump.domain.incident_types import DOMESTIC, FIRE, LOCAL
from londonpump.features.dispatches import Dispatches
from londonpump.features.ground_lookup import fit_ground
from londonpump.models.error_calibration import fit_error_calibration

N = 12_000
NO_GROUND = fit_ground(np.empty(0), np.empty(0), np.empty(0, object), ())


def dispatches_of(hour: np.ndarray, incident_type: np.ndarray) -> Dispatches:
    january_us = 1_705_449_600_000_000  # a winter day, when London's hours are those of UTC
    zero = np.zeros(len(hour))
    columns = {
        "mobilised_us": january_us + hour.astype(np.int64) * 3_600_000_000,
        "incident_type": incident_type,
        **dict.fromkeys(("easting_m", "northing_m", "station_easting_m", "station_northing_m"), zero),
        "station_code": np.full(len(hour), None, object),
    }
    return Dispatches(columns, NO_GROUND)


@pytest.fixture
def drawn() -> tuple[Dispatches, np.ndarray]:
    """Errors that are wider from 12 to 15 h, and late and wider for local emergencies; a fifth of the types is not stated."""
    rng = np.random.default_rng(11)
    hour = rng.integers(0, 24, N)
    types = rng.choice(np.array([FIRE, DOMESTIC, LOCAL, None], object), N, p=[0.5, 0.2, 0.1, 0.2])
    z = rng.standard_normal(N) * np.where(hour // 3 == 4, 1.5, 1.0)
    return dispatches_of(hour, types), np.where(types == LOCAL, 0.4 + 1.4 * z, z)


def test_every_band_of_hours_and_type_is_held_by_the_interval_of_all(drawn) -> None:
    dispatches, z = drawn
    _, calibrated = fit_error_calibration(z, dispatches)
    low, high = np.quantile(calibrated, [0.1, 0.9])
    held = (calibrated > low) & (calibrated < high)
    band, types = dispatches.hour.astype(int) // 3, dispatches.text("incident_type")
    shares = [held[band == each].mean() for each in range(8)]
    shares += [held[types == each].mean() for each in (FIRE, DOMESTIC, LOCAL)]
    assert shares == pytest.approx([0.8] * len(shares), abs=0.02)


def test_what_is_fitted_is_what_is_used(drawn) -> None:
    dispatches, z = drawn
    calibration, calibrated = fit_error_calibration(z, dispatches)
    shift, spread = calibration.of(dispatches)
    assert shift + spread * calibrated == pytest.approx(z)


def test_a_type_that_was_never_seen_is_left_to_its_hour(drawn) -> None:
    dispatches, z = drawn
    calibration, _ = fit_error_calibration(z, dispatches)
    seen = dispatches_of(np.array([13, 13]), np.array([None, "Prior Arrangement"], object))
    shift, spread = calibration.of(seen)
    assert shift[0] == shift[1]
    assert spread[0] == pytest.approx(1.5, abs=0.1)


def test_few_errors_move_hardly() -> None:
    dispatches = dispatches_of(np.arange(10) % 24, np.full(10, FIRE, object))
    calibration, _ = fit_error_calibration(np.linspace(-1, 1, 10), dispatches)
    assert np.abs(calibration.shift).max() < 0.2
    assert calibration.spread == pytest.approx(np.ones_like(calibration.spread), abs=0.2)
