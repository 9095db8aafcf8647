"""Open-Meteo's answers: which hour a value belongs to, in which unit, and what is refused."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from support import publisher_server as server
from support import weather_responses
from support.publisher_server import Publisher, Sleeper

from londonpump.domain.errors import SourceFailed
from londonpump.ingest.http import Http, Limits
from londonpump.ingest.open_meteo import (
    ARCHIVE,
    ARCHIVED_FORECAST,
    FORECAST,
    fetch_forecast,
    fetch_past,
    parse_open_meteo,
)
from londonpump.settings import Settings

FIRST = datetime(2024, 5, 24, tzinfo=UTC)
FETCHED_AT = datetime(2024, 5, 25, 9, 20, tzinfo=UTC)
QUICK = Limits(connect_s=2, read_s=2, total_s=5)
Change = Callable[[dict[str, Any]], None]


def body(change: Change = lambda _: None, hours: int = 48) -> bytes:
    value = weather_responses.open_meteo(FIRST, hours)
    change(value)
    return json.dumps(value).encode()


def test_an_hour_takes_the_rain_that_fell_in_it_which_is_stamped_at_its_end() -> None:
    row = parse_open_meteo(body(), FETCHED_AT, FORECAST)[9]
    assert (row.observed_at, row.temp_c, row.precip_mm) == (FIRST + timedelta(hours=9), 9.0, 1.0)


def test_the_words_of_an_hour_are_of_its_own_rain_too() -> None:
    rows = parse_open_meteo(body(), FETCHED_AT, FORECAST)
    assert (rows[22].conditions, rows[23].conditions) == ("Rain, Overcast", "Overcast")


def test_metres_become_kilometres() -> None:
    assert parse_open_meteo(body(), FETCHED_AT, FORECAST)[0].visibility_km == pytest.approx(24.14)


def test_the_last_stamp_only_ends_the_hour_before() -> None:
    assert len(parse_open_meteo(body(hours=48), FETCHED_AT, FORECAST)) == 47


def test_a_forecast_is_known_when_it_is_fetched() -> None:
    rows = parse_open_meteo(body(), FETCHED_AT, FORECAST)
    assert {row.available_at for row in rows} == {FETCHED_AT}


@pytest.mark.parametrize("service", [ARCHIVED_FORECAST, ARCHIVE])
def test_a_past_hour_counts_as_known_from_its_beginning(service) -> None:
    rows = parse_open_meteo(body(), FETCHED_AT, service)
    assert all(row.available_at == row.observed_at for row in rows)


def test_the_archive_has_no_visibility() -> None:
    value = weather_responses.open_meteo(FIRST, 5, has_visibility=False)
    rows = parse_open_meteo(json.dumps(value).encode(), FETCHED_AT, ARCHIVE)
    assert {row.visibility_km for row in rows} == {None}


def test_a_gap_stays_a_gap() -> None:
    def forget(value: dict[str, Any]) -> None:
        value["hourly"]["wind_speed_10m"][3] = None

    rows = parse_open_meteo(body(forget), FETCHED_AT, FORECAST)
    assert [row.wind_kmh for row in rows[2:5]] == [12.5, None, 12.5]


def test_the_hours_over_a_clock_change_are_hours_of_utc() -> None:
    value = weather_responses.open_meteo(datetime(2024, 3, 31, tzinfo=UTC), 25)
    rows = parse_open_meteo(json.dumps(value).encode(), FETCHED_AT, ARCHIVE)
    assert [row.observed_at.hour for row in rows] == list(range(24))


def without(name: str) -> Change:
    return lambda value: value["hourly"].pop(name)


def in_unit(name: str, unit: str) -> Change:
    return lambda value: value["hourly_units"].update({name: unit})


def with_value(name: str, wrong: Any) -> Change:
    return lambda value: value["hourly"][name].__setitem__(5, wrong)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without("cloud_cover"), "has no hourly.cloud_cover"),
        (without("time"), "has no hourly.time"),
        (lambda value: value.pop("hourly"), "has no hourly and hourly_units"),
        (lambda value: value.pop("hourly_units"), "has no hourly and hourly_units"),
        (in_unit("wind_speed_10m", "m/s"), "gives wind_speed_10m in 'm/s', not in km/h"),
        (in_unit("temperature_2m", "°F"), "gives temperature_2m in '°F', not in °C"),
        (in_unit("time", "iso8601"), "for a time"),
        (lambda value: value["hourly"]["precipitation"].pop(), "has 47 values of precipitation for 48 hours"),
        (with_value("temperature_2m", 99.0), "temp_c is 99 at 2024-05-24 05:00 UTC, not between -40 and 50"),
        (with_value("temperature_2m", "9.0"), "has '9.0' for temperature_2m"),
        (with_value("temperature_2m", float("nan")), "has nan for temperature_2m"),
        (with_value("cloud_cover", -1), "cloudcover_pct is -1"),
        (with_value("time", 1), "times that are no whole hours"),
        (
            lambda value: value["hourly"]["time"].reverse(),
            "goes from 2024-05-25 23:00 UTC to 2024-05-25 22:00",
        ),
    ],
)
def test_an_answer_of_another_shape_is_refused_and_named(change, message) -> None:
    with pytest.raises(SourceFailed) as caught:
        parse_open_meteo(body(change), FETCHED_AT, FORECAST)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (b"<html></html>", "a web page instead of json"),
        (b"", "nothing instead of json"),
        (b"[1]", "has no hourly"),
        (b'{"hourly": [', "something else instead of json"),
        (b'{"hourly": 1' + b"0" * 400 + b"}", "something else instead of json"),
        (b"[" * 100_000, "something else instead of json"),
    ],
)
def test_what_is_no_answer_at_all_is_refused(wrong, message) -> None:
    with pytest.raises(SourceFailed, match=message):
        parse_open_meteo(wrong, FETCHED_AT, FORECAST)


def settings_for(publisher: Publisher) -> Settings:
    return Settings(open_meteo_url=publisher.url)


def test_the_forecast_reaches_from_six_hours_back_to_two_days_ahead(publisher, sleeper) -> None:
    publisher.answers("/v1/forecast", server.as_json(weather_responses.open_meteo(FIRST, 96)))
    with Http(QUICK, sleeper) as http:
        rows = fetch_forecast(http, settings_for(publisher), FETCHED_AT)
    assert (rows[0].observed_at, rows[-1].observed_at) == (
        datetime(2024, 5, 25, 3, tzinfo=UTC),
        datetime(2024, 5, 27, 8, tzinfo=UTC),
    )


def test_hours_are_asked_for_in_utc(publisher, sleeper) -> None:
    publisher.answers("/v1/forecast", server.as_json(weather_responses.open_meteo(FIRST, 96)))
    with Http(QUICK, sleeper) as http:
        fetch_forecast(http, settings_for(publisher), FETCHED_AT)
    query = publisher.requests[0].query
    assert (query["timezone"], query["timeformat"], query["latitude"]) == ("GMT", "unixtime", "51.5074")


def test_a_forecast_that_ends_too_early_is_refused(publisher, sleeper) -> None:
    publisher.answers("/v1/forecast", server.as_json(weather_responses.open_meteo(FIRST, 48)))
    with Http(QUICK, sleeper) as http, pytest.raises(SourceFailed, match="lacks 2024-05-26, 2024-05-27"):
        fetch_forecast(http, settings_for(publisher), FETCHED_AT)


def past(publisher: Publisher, sleeper: Sleeper, first: date, last: date) -> list[Any]:
    with Http(QUICK, sleeper) as http:
        return fetch_past(http, settings_for(publisher), ARCHIVED_FORECAST, (first, last), FETCHED_AT)


def test_past_days_come_whole_with_the_rain_of_their_last_hour(publisher, sleeper) -> None:
    publisher.answers("/v1/historical-forecast", weather_responses.days_of_open_meteo)
    rows = past(publisher, sleeper, date(2024, 2, 28), date(2024, 2, 29))
    assert (len(rows), rows[-1].observed_at, rows[-1].precip_mm) == (
        48,
        datetime(2024, 2, 29, 23, tzinfo=UTC),
        0.0,
    )


def test_of_today_only_hours_that_have_passed_count_as_past(publisher, sleeper) -> None:
    publisher.answers("/v1/historical-forecast", weather_responses.days_of_open_meteo)
    rows = past(publisher, sleeper, date(2024, 5, 25), date(2024, 5, 25))
    assert rows[-1].observed_at == datetime(2024, 5, 25, 8, tzinfo=UTC)


def test_an_answer_for_fewer_days_is_refused(publisher, sleeper) -> None:
    publisher.answers("/v1/historical-forecast", server.as_json(weather_responses.open_meteo(FIRST, 25)))
    with pytest.raises(SourceFailed, match="2024-05-23 00:00 UTC to 2024-05-25 00:00 UTC were requested"):
        past(publisher, sleeper, date(2024, 5, 23), date(2024, 5, 24))


def in_utc_texts(value: dict[str, Any]) -> None:
    value["hourly_units"]["time"] = "iso8601"
    value["hourly"]["time"] = [
        f"{datetime.fromtimestamp(stamp, UTC):%Y-%m-%dT%H:%M}" for stamp in value["hourly"]["time"]
    ]


def test_a_mirror_may_give_times_as_texts_of_utc() -> None:
    assert parse_open_meteo(body(in_utc_texts), FETCHED_AT, FORECAST) == parse_open_meteo(
        body(), FETCHED_AT, FORECAST
    )


def test_times_as_texts_of_another_zone_are_refused() -> None:
    def in_london(value: dict[str, Any]) -> None:
        in_utc_texts(value)
        value["utc_offset_seconds"] = 3600

    with pytest.raises(SourceFailed, match="counts time as 'iso8601'"):
        parse_open_meteo(body(in_london), FETCHED_AT, FORECAST)
