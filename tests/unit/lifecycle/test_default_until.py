"""The days that a training leaves out by default: 28, and of records shorter than a year a tenth at most."""

from datetime import date, timedelta

import numpy as np
import pytest

from londonpump.lifecycle.prepared_examples import default_until, midnight_us

FIRST = date(2022, 1, 1)
HOUR_US = 3_600_000_000


def recorded(days: int):
    """Rows of whole days, ten per day."""
    starts_us = [midnight_us(FIRST + timedelta(days=day)) for day in range(days)]
    return {
        "mobilised_us": np.array([start + hour * HOUR_US for start in starts_us for hour in range(1, 21, 2)])
    }


@pytest.mark.parametrize(
    ("days", "wanted", "left_out"),
    [
        (3, 28, 0),
        (4, 28, 1),
        (8, 28, 2),
        (20, 28, 2),
        (30, 28, 3),
        (59, 28, 5),
        (300, 28, 28),
        (300, 60, 30),
        (364, 60, 36),
        (365, 60, 60),
        (730, 28, 28),
    ],
)
def test_the_days_left_out(days, wanted, left_out) -> None:
    assert default_until(recorded(days), wanted) == FIRST + timedelta(days=days - left_out)
