"""Weather codes and cloud cover as the condition words of Visual Crossing."""

import pytest

from londonpump.ingest.weather_hours import conditions


@pytest.mark.parametrize(
    ("cloudcover_pct", "code", "description"),
    [
        (0.0, 0, "Clear"),
        (19.9, 1, "Clear"),
        (20.0, 2, "Partially cloudy"),
        (89.9, 45, "Partially cloudy"),
        (90.0, 3, "Overcast"),
        (10.0, 80, "Rain"),
        (50.0, 51, "Rain, Partially cloudy"),
        (100.0, 95, "Rain, Overcast"),
        (100.0, 75, "Snow, Overcast"),
        (100.0, 67, "Freezing Drizzle/Freezing Rain, Overcast"),
        (None, 61, None),
        (100.0, None, None),
        (100.0, 42, None),
    ],
)
def test_code_and_cloud_become_words(cloudcover_pct, code, description) -> None:
    assert conditions(cloudcover_pct, code) == description
