"""The hours in an answer of Visual Crossing's timeline, json or csv, each with its UTC instant.

In json every hour carries its UTC second. In csv it carries London wall time alone, read by the London clock: of
the hour that the clocks show twice the first is meant if it stands once.
"""

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from londonpump.domain.errors import SourceFailed
from londonpump.domain.london_clock import LONDON, exists_in_london, is_ambiguous_in_london
from londonpump.ingest.json_body import parse_json
from londonpump.ingest.weather_hours import HOUR_S, REPORT_IT, YEAR_2100_S

PUBLISHER = "Visual Crossing"
FIELDS = ("temp", "precip", "cloudcover", "visibility", "windspeed", "conditions")

Hour = dict[str, Any]


def hours_of(body: bytes) -> list[tuple[datetime, Hour]]:
    """Each hour's beginning and its fields, as they came.

    Raises: SourceFailed if it is neither json nor csv of that shape, or if no hour has one of the fields.
    """
    try:
        text = body.decode("utf-8-sig").strip()
    except UnicodeDecodeError as error:
        raise unexpected_format("is no text") from error
    is_csv = not text.startswith(("{", "[", "<")) and "," in text.partition("\n")[0]
    return _hours_of_csv(text) if is_csv else _hours_of_json(text)


def unexpected_format(problem: str) -> SourceFailed:
    """The error of an answer that is not as it was."""
    return SourceFailed(PUBLISHER, f"the answer {problem}", REPORT_IT)


def _hours_of_json(text: str) -> list[tuple[datetime, Hour]]:
    payload = parse_json(PUBLISHER, text.encode())
    days = payload.get("days") if isinstance(payload, dict) else None
    if not isinstance(days, list) or not all(isinstance(day, dict) for day in days):
        raise unexpected_format("has no days")
    hours: list[Hour] = []
    for day in days:
        of_day = day.get("hours")
        if not isinstance(of_day, list) or not all(isinstance(hour, dict) for hour in of_day):
            raise unexpected_format(f"has no hours in the day {day.get('datetime')!r}")
        hours += of_day
    if not hours:
        raise unexpected_format("has no hours")
    _require_fields({name for hour in hours for name in hour}, "datetimeEpoch")
    return [(_timestamp_of(hour.get("datetimeEpoch")), hour) for hour in hours]


def _timestamp_of(second: object) -> datetime:
    if not isinstance(second, int) or second % HOUR_S or not 0 <= second < YEAR_2100_S:
        raise unexpected_format(f"has {second!r} for datetimeEpoch, which is no whole hour")
    return datetime.fromtimestamp(second, UTC)


def _hours_of_csv(text: str) -> list[tuple[datetime, Hour]]:
    try:
        lines = list(csv.DictReader(io.StringIO(text), strict=True))
    except csv.Error as error:
        raise unexpected_format(f"is no sound csv ({error})") from error
    if not lines:
        raise unexpected_format("has no hours")
    _require_fields(set(lines[0]), "datetime")
    for line in lines:
        if None in line or None in line.values():
            raise unexpected_format(f"has a row of another length at {line['datetime']!r}")
    return list(zip(_utc_hours(line["datetime"] for line in lines), lines, strict=True))


def _utc_hours(texts: Iterator[str]) -> Iterator[datetime]:
    """UTC of London wall hours in order: the second of two equal ones is winter time."""
    before: datetime | None = None
    for text in texts:
        wall = _wall_hour(text)
        is_second = wall == before and is_ambiguous_in_london(wall)
        yield wall.replace(tzinfo=LONDON, fold=int(is_second)).astimezone(UTC)
        before = wall


def _wall_hour(text: str) -> datetime:
    try:
        wall = datetime.fromisoformat(text)
    except ValueError as error:
        raise unexpected_format(f"has {text!r} for datetime") from error
    if wall.tzinfo is not None or (wall.minute, wall.second, wall.microsecond) != (0, 0, 0):
        raise unexpected_format(f"has {text!r} for datetime, which is no London hour")
    if not exists_in_london(wall):
        raise unexpected_format(f"has {text!r} for datetime, an hour that the clocks of London skip")
    return wall


def _require_fields(names: set[str], time_name: str) -> None:
    for name in (time_name, *FIELDS):
        if name not in names:
            raise unexpected_format(f"has no field {name}")
