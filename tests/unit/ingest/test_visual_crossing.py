"""Visual Crossing's answers, json and csv: which hour each is, over clock changes too, and what is refused."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr
from support import publisher_server as server
from support import weather_responses

from londonpump.domain.errors import SourceFailed
from londonpump.ingest.http import Http, Limits
from londonpump.ingest.visual_crossing import LondonDays, fetch_visual_crossing, parse_visual_crossing
from londonpump.settings import Settings

FETCHED_AT = datetime(2024, 11, 1, 9, 20, tzinfo=UTC)
SPRING, AUTUMN = date(2024, 3, 31), date(2024, 10, 27)
KEY = "a-very-secret-key"
SHARED = Path(__file__).resolve().parents[3] / "../shared/data/weather/visual_crossing_london_2024-05-24.json"
PATH = "/VisualCrossingWebServices/rest/services/timeline/LONDON"


def as_json(day: date) -> bytes:
    return json.dumps(weather_responses.visual_crossing(day, day)).encode()


def as_csv(day: date) -> bytes:
    return weather_responses.visual_crossing_csv(weather_responses.visual_crossing(day, day)).encode()


@pytest.mark.parametrize("form", [as_json, as_csv])
@pytest.mark.parametrize(
    ("day", "first", "hours"),
    [
        (SPRING, datetime(2024, 3, 31, 0, tzinfo=UTC), 23),
        (AUTUMN, datetime(2024, 10, 26, 23, tzinfo=UTC), 25),
        (date(2024, 2, 29), datetime(2024, 2, 29, 0, tzinfo=UTC), 24),
    ],
)
def test_every_hour_of_utc_stands_once_over_a_clock_change(form, day, first, hours) -> None:
    rows = parse_visual_crossing(form(day), FETCHED_AT)
    assert [row.observed_at for row in rows] == [first + timedelta(hours=n) for n in range(hours)]


def test_an_autumn_hour_that_stands_once_is_the_first_of_the_two() -> None:
    lines = as_csv(AUTUMN).decode().splitlines(keepends=True)
    del lines[3]
    hours = [row.observed_at for row in parse_visual_crossing("".join(lines).encode(), FETCHED_AT)]
    assert datetime(2024, 10, 27, 0, tzinfo=UTC) in hours
    assert datetime(2024, 10, 27, 1, tzinfo=UTC) not in hours


def test_a_spring_hour_that_the_clocks_skip_is_refused() -> None:
    wrong = as_csv(SPRING).replace(b"2024-03-31T02:00:00", b"2024-03-31T01:00:00")
    with pytest.raises(SourceFailed, match="an hour that the clocks of London skip"):
        parse_visual_crossing(wrong, FETCHED_AT)


def test_an_empty_precip_is_no_rain() -> None:
    assert {row.precip_mm for row in parse_visual_crossing(as_json(SPRING), FETCHED_AT)} == {0.0}


def test_an_hour_of_which_nothing_is_known_is_no_dry_hour() -> None:
    value = weather_responses.visual_crossing(SPRING, SPRING)
    value["days"][0]["hours"][4] |= dict.fromkeys(("temp", "cloudcover", "visibility", "windspeed"))
    rows = parse_visual_crossing(json.dumps(value).encode(), FETCHED_AT)
    assert [row.precip_mm for row in rows[3:6]] == [0.0, None, 0.0]


def test_other_gaps_stay_gaps() -> None:
    wrong = as_csv(SPRING).replace(b",40.0,", b",,")
    assert {row.cloudcover_pct for row in parse_visual_crossing(wrong, FETCHED_AT)} == {None}


def test_a_coming_hour_is_known_when_it_is_fetched() -> None:
    fetched_at = datetime(2024, 3, 31, 9, 20, tzinfo=UTC)
    rows = parse_visual_crossing(as_json(SPRING), fetched_at)
    assert [row.available_at.hour for row in rows[8:12]] == [8, 9, 9, 9]
    assert rows[10].available_at == fetched_at


def test_json_and_csv_say_the_same() -> None:
    assert parse_visual_crossing(as_json(AUTUMN), FETCHED_AT) == parse_visual_crossing(
        as_csv(AUTUMN), FETCHED_AT
    )


def test_the_real_shape_is_read() -> None:
    if not SHARED.exists():
        pytest.skip("the real answer is not beside this checkout")
    rows = parse_visual_crossing(SHARED.read_bytes(), FETCHED_AT)
    assert [(row.observed_at.isoformat(), row.temp_c, row.wind_kmh, row.conditions) for row in rows] == [
        ("2024-05-23T23:00:00+00:00", 12.6, 14.0, "Overcast"),
        ("2024-05-24T00:00:00+00:00", 12.0, 12.2, "Overcast"),
    ]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (as_json(SPRING).replace(b'"windspeed"', b'"wind"'), "has no field windspeed"),
        (as_csv(SPRING).replace(b"windspeed", b"wind"), "has no field windspeed"),
        (as_csv(SPRING).replace(b"datetime", b"date_time"), "has no field datetime"),
        (as_csv(SPRING)[:-40], "is no sound csv|a row of another length"),
        (as_json(SPRING)[:-40], "something else instead of json"),
        (as_json(SPRING).replace(b'"hours"', b'"hourly"'), "has no hours in the day '2024-03-31'"),
        (b'{"days": {}}', "has no days"),
        (b'{"days": []}', "has no hours"),
        (as_csv(SPRING).splitlines()[0], "has no hours"),
        (b"<html><body>busy, very</body></html>", "a web page instead of json"),
        (b"Bad API request", "something else instead of json"),
        (as_csv(SPRING).replace(b",10.0,", b",10000.0,"), "visibility_km is 10000"),
        (as_csv(SPRING).replace(b",10.0,", b",far,"), "has 'far' for visibility"),
        (as_json(SPRING).replace(b'"conditions": "', b'"conditions": "\\ud800'), "for conditions"),
        (as_json(SPRING).replace(b'"temp": ', b'"temp": 9' + b"9" * 400), "has inf for temp"),
        (as_csv(SPRING).replace(b"T05:", b"T04:"), "hours are out of order"),
        (b"\xff\xfe", "is no text"),
    ],
)
def test_an_answer_of_another_shape_is_refused_and_named(wrong, message) -> None:
    with pytest.raises(SourceFailed, match=message):
        parse_visual_crossing(wrong, FETCHED_AT)


def fetched(publisher, sleeper, days: LondonDays, key: str | None = KEY):
    settings = Settings(
        visual_crossing_url=publisher.url, visual_crossing_key=key if key is None else SecretStr(key)
    )
    with Http(Limits(total_s=5), sleeper) as http:
        return fetch_visual_crossing(http, settings, days, FETCHED_AT)


def test_a_leap_year_is_one_request_below_the_cap(publisher, sleeper) -> None:
    days = LondonDays(date(2024, 1, 1), date(2024, 12, 31))
    publisher.answers(f"{PATH}/2024-01-01/2024-12-31", weather_responses.visual_crossing_of)
    assert len(fetched(publisher, sleeper, days)) == 8784
    query = publisher.requests[0].query
    assert (query["include"], query["unitGroup"], query["key"]) == ("hours", "metric", KEY)


def test_more_than_a_year_is_not_asked(publisher, sleeper) -> None:
    with pytest.raises(SourceFailed, match="a year of hours at most"):
        fetched(publisher, sleeper, LondonDays(date(2023, 1, 1), date(2024, 1, 2)))
    assert publisher.requests == []


def test_an_answer_at_the_cap_of_records_is_refused_as_cut(publisher, sleeper) -> None:
    longer = server.as_json(weather_responses.visual_crossing(date(2023, 1, 1), date(2024, 3, 1)))
    publisher.answers(f"{PATH}/2023-01-01/2023-12-31", longer)
    with pytest.raises(SourceFailed, match="was cut at 10,224 records"):
        fetched(publisher, sleeper, LondonDays(date(2023, 1, 1), date(2023, 12, 31)))


def test_a_month_without_hours_is_refused_and_named(publisher, sleeper) -> None:
    value = weather_responses.visual_crossing(date(2023, 1, 1), date(2023, 3, 31))
    value["days"] = [day for day in value["days"] if not day["datetime"].startswith("2023-02")]
    publisher.answers(f"{PATH}/2023-01-01/2023-03-31", server.as_json(value))
    with pytest.raises(SourceFailed, match=r"lacks 28 days \(2023-02-01, .* \.\.\. 2023-02-28\)"):
        fetched(publisher, sleeper, LondonDays(date(2023, 1, 1), date(2023, 3, 31)))


def test_without_a_key_its_setting_is_named(publisher, sleeper) -> None:
    with pytest.raises(SourceFailed, match="LONDONPUMP_VISUAL_CROSSING_KEY"):
        fetched(publisher, sleeper, LondonDays(SPRING, SPRING), key=None)


def test_a_refused_key_is_not_shown(publisher, sleeper) -> None:
    publisher.answers(f"{PATH}/{SPRING}/{SPRING}", server.broken(401))
    with pytest.raises(SourceFailed) as caught:
        fetched(publisher, sleeper, LondonDays(SPRING, SPRING))
    assert KEY not in f"{caught.value!r} {caught.value} {caught.value.__cause__} {caught.value.__context__}"
    assert "401" in str(caught.value)
