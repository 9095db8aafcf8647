"""Rows of context made by hand, and the rule of weather computed row by row without arrays."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from londonpump.domain.columns import WeatherHour

HOUR = timedelta(hours=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
VALUES = ("temp_c", "precip_mm", "cloudcover_pct", "visibility_km", "wind_kmh", "conditions")
OLDEST_H = 6


def us(at: datetime) -> int:
    return (at - EPOCH) // timedelta(microseconds=1)


def weather(
    observed_at: datetime,
    available_at: datetime | None = None,
    source: str = "visual_crossing",
    **changes: Any,
) -> WeatherHour:
    """Return an hour of 12 degrees without rain, available from its beginning, with the given changes."""
    whole = WeatherHour(
        observed_at, available_at or observed_at, 12.0, 0.0, 50.0, 10.0, 15.0, "Clear", source
    )
    return replace(whole, **changes)


@dataclass(frozen=True)
class Answer:
    """Known weather. values: by name. source, age_h: None if nothing is known."""

    values: dict[str, Any]
    source: str | None
    age_h: int | None
    is_imputed: bool


def known_row_by_row(rows: Sequence[WeatherHour], at: datetime) -> Answer:
    """Apply the documented rule row by row."""
    own_hour = at.replace(minute=0, second=0, microsecond=0)
    known = [
        row
        for row in rows
        if row.available_at <= at and own_hour - OLDEST_H * HOUR <= row.observed_at <= own_hour
    ]
    known.sort(key=lambda row: (row.observed_at, row.available_at, row.source), reverse=True)
    if not known:
        return Answer(dict.fromkeys(VALUES), None, None, is_imputed=False)
    chosen = known[0]
    values: dict[str, Any] = {}
    is_imputed = chosen.observed_at < own_hour
    for name in VALUES:
        having = [row for row in known if getattr(row, name) is not None]
        values[name] = getattr(having[0], name) if having else None
        is_imputed = is_imputed or (bool(having) and having[0] is not chosen)
    return Answer(values, chosen.source, (own_hour - chosen.observed_at) // HOUR, is_imputed)
