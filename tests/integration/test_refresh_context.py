"""Rows that a refresh stores, on both database engines: versions, past gaps, and no row twice."""

from datetime import UTC, date, datetime, timedelta
from functools import partial

import pytest
from sqlalchemy import Engine
from support import context_publishers as sources
from support import weather_responses
from support.publisher_server import Publisher, Sleeper, as_json, broken, not_found, too_many

from londonpump.domain.errors import BadValue
from londonpump.ingest.http import Http, Limits
from londonpump.lifecycle.refresh import Part, RefreshRequest, RefreshResult, State, refresh_context
from londonpump.persistence.repositories.context import last_fetches, read_traffic, read_weather

NOW = datetime(2023, 11, 24, 9, 20, tzinfo=UTC)
TODAY = datetime(2023, 11, 24, tzinfo=UTC)
HOUR = timedelta(hours=1)
QUICK = Limits(connect_s=2, read_s=2, total_s=5, tries=2)


def refreshed(
    engine: Engine, publisher: Publisher, request: RefreshRequest, now: datetime = NOW, **settings: str | None
) -> RefreshResult:
    with Http(QUICK, Sleeper()) as http:
        return refresh_context(sources.settings_for(publisher, **settings), engine, http, now, request)


def as_text(refresh: RefreshResult) -> str:
    return refresh.to_text()


@pytest.fixture
def well(publisher: Publisher) -> Publisher:
    """Every publisher answers; the forecast is that of NOW."""
    sources.all_is_well(publisher)
    publisher.answers(sources.FORECAST, as_json(weather_responses.open_meteo(TODAY - 24 * HOUR, 96)))
    return publisher


WEATHER = RefreshRequest(only=Part.WEATHER)
HISTORY = RefreshRequest(since=date(2021, 12, 30), only=Part.HISTORY)


def rows_of(engine: Engine, first_at: datetime, hours: int) -> list[tuple[datetime, str]]:
    return [(row.observed_at, row.source) for row in read_weather(engine, first_at, first_at + hours * HOUR)]


def test_the_hours_around_now_are_known_from_now_on(engine, well) -> None:
    refreshed(engine, well, WEATHER)
    rows = read_weather(engine, TODAY - 48 * HOUR, TODAY + 96 * HOUR)
    assert {row.available_at for row in rows} == {NOW}
    assert (len(rows), rows[0].observed_at, rows[-1].observed_at) == (
        54,
        TODAY + 3 * HOUR,
        TODAY + 56 * HOUR,
    )


def test_an_hour_later_what_says_the_same_is_not_stored_twice(engine, well) -> None:
    refreshed(engine, well, WEATHER)
    again = refreshed(engine, well, WEATHER, NOW + HOUR)
    assert "1 of them new or changed" in as_text(again)
    assert len(read_weather(engine, TODAY - 48 * HOUR, TODAY + 96 * HOUR)) == 55


def test_a_changed_forecast_is_a_new_vintage_beside_the_old_for_hours_begun(engine, well) -> None:
    refreshed(engine, well, WEATHER)
    value = weather_responses.open_meteo(TODAY - 24 * HOUR, 96)
    value["hourly"]["temperature_2m"] = [20.0] * 96
    well.answers(sources.FORECAST, as_json(value))
    refreshed(engine, well, WEATHER, NOW + HOUR)
    begun = read_weather(engine, TODAY + 9 * HOUR, TODAY + 10 * HOUR)
    coming = read_weather(engine, TODAY + 30 * HOUR, TODAY + 31 * HOUR)
    assert [row.temp_c for row in begun] == [9.0, 20.0]
    assert [row.temp_c for row in coming] == [20.0]


def test_the_past_comes_from_archived_forecasts_and_before_2022_from_the_archive(engine, well) -> None:
    refreshed(engine, well, HISTORY)
    around_new_year = rows_of(engine, datetime(2021, 12, 31, 23, tzinfo=UTC), 2)
    assert [source for _, source in around_new_year] == ["open_meteo_archive", "open_meteo_archived_forecast"]


def test_the_past_has_every_hour_once_up_to_this_one(engine, well) -> None:
    refreshed(engine, well, HISTORY)
    first = datetime(2021, 12, 30, tzinfo=UTC)
    hours = (NOW.replace(minute=0) - first) // HOUR
    assert [at for at, _ in rows_of(engine, first, hours + 48)] == [first + n * HOUR for n in range(hours)]


def test_a_year_is_a_request(engine, well) -> None:
    refreshed(engine, well, HISTORY)
    requests = [(each.path, each.query["start_date"], each.query["end_date"]) for each in well.requests]
    assert requests == [
        (sources.ARCHIVE, "2021-12-30", "2022-01-01"),
        (sources.ARCHIVED, "2022-01-01", "2023-01-01"),
        (sources.ARCHIVED, "2023-01-01", "2023-11-24"),
    ]


def test_hours_that_are_there_are_not_asked_again(engine, well) -> None:
    refreshed(engine, well, HISTORY)
    well.requests.clear()
    again = refreshed(engine, well, HISTORY)
    assert well.requests == []
    assert as_text(again) == "weather-history: Since 2021-12-30: nothing was missing"


def empty_month(value: weather_responses.Json, month: int = 6) -> None:
    for name, values in value["hourly"].items():
        if name != "time":
            value["hourly"][name] = [
                None if datetime.fromtimestamp(stamp, UTC).month == month else each
                for stamp, each in zip(value["hourly"]["time"], values, strict=True)
            ]


JUNE = datetime(2023, 6, 5, tzinfo=UTC)
OF_2023 = RefreshRequest(since=date(2023, 5, 1), only=Part.HISTORY)


def test_a_month_that_archived_forecasts_lack_comes_from_the_archive(engine, well) -> None:
    well.answers(sources.ARCHIVED, partial(weather_responses.days_of_open_meteo, change=empty_month))
    refresh = refreshed(engine, well, OF_2023)
    assert not refresh.has_failed
    assert {source for _, source in rows_of(engine, JUNE, 24)} == {"open_meteo_archive"}


def test_a_month_that_nobody_has_is_told_by_its_days(engine, well) -> None:
    for path in (sources.ARCHIVED, sources.ARCHIVE):
        well.answers(path, partial(weather_responses.days_of_open_meteo, change=empty_month))
    refresh = refreshed(engine, well, OF_2023)
    assert refresh.has_failed
    assert "the answer lacks 30 days (2023-06-01," in as_text(refresh)
    assert rows_of(engine, JUNE, 24) == []


def test_the_archive_stands_in_where_archived_forecasts_fail_and_that_is_told(engine, well) -> None:
    well.answers(sources.ARCHIVED, broken())
    refresh = refreshed(engine, well, OF_2023)
    assert refresh.has_failed
    assert "(500)" in as_text(refresh)
    assert {source for _, source in rows_of(engine, JUNE, 24)} == {"open_meteo_archive"}


def test_archived_forecasts_that_do_not_exist_at_an_own_address_are_no_failure(engine, well) -> None:
    well.answers(sources.ARCHIVED, not_found())
    refresh = refreshed(engine, well, HISTORY)
    assert not refresh.has_failed
    assert "archived forecasts do not exist at that address, the archive was used instead" in as_text(refresh)
    assert well.paths().count(sources.ARCHIVED) == 1


def test_hours_are_labelled_with_the_archive_that_stands_in(engine, well) -> None:
    well.answers(sources.ARCHIVED, not_found())
    refreshed(engine, well, OF_2023)
    assert {source for _, source in rows_of(engine, JUNE, 24)} == {"open_meteo_archive"}


def test_an_archive_that_does_not_exist_is_a_failure(engine, well) -> None:
    for path in (sources.ARCHIVED, sources.ARCHIVE):
        well.answers(path, not_found())
    refresh = refreshed(engine, well, OF_2023)
    assert refresh.has_failed
    assert "(404)" in as_text(refresh)


def test_the_last_days_are_not_asked_of_the_archive_which_is_late(engine, well) -> None:
    well.answers(sources.ARCHIVED, not_found())
    refresh = refreshed(engine, well, OF_2023)
    assert rows_of(engine, TODAY - 5 * 24 * HOUR, 24) == []
    assert "129 past hours are missing" in as_text(refresh)


def test_archived_forecasts_that_come_later_are_taken_beside_the_archive(engine, well) -> None:
    well.answers(sources.ARCHIVED, not_found())
    refreshed(engine, well, OF_2023)
    well.answers(sources.ARCHIVED, weather_responses.days_of_open_meteo)
    assert not refreshed(engine, well, OF_2023).has_failed
    assert {source for _, source in rows_of(engine, JUNE, 1)} == {
        "open_meteo_archive",
        "open_meteo_archived_forecast",
    }


def test_years_that_came_stay_when_another_fails(engine, well) -> None:
    good = weather_responses.days_of_open_meteo
    well.answers(sources.ARCHIVED, good, broken())
    well.answers(sources.ARCHIVE, broken())
    refresh = refreshed(engine, well, RefreshRequest(since=date(2022, 12, 1), only=Part.HISTORY))
    assert refresh.has_failed
    assert len(rows_of(engine, datetime(2022, 12, 1, tzinfo=UTC), 24 * 62)) == 24 * 31


def test_a_publisher_that_has_had_enough_is_not_asked_for_the_other_years(engine, well) -> None:
    for path in (sources.ARCHIVED, sources.ARCHIVE):
        well.answers(path, too_many())
    reason = as_text(refreshed(engine, well, RefreshRequest(date(2009, 1, 1), only=Part.HISTORY)))
    assert "too many requests (429)" in reason
    years = {(request.path, request.query["start_date"]) for request in well.requests}
    assert years == {(sources.ARCHIVE, "2009-01-01"), (sources.ARCHIVED, "2022-01-01")}


@pytest.fixture
def timeline(well: Publisher) -> Publisher:
    """Visual Crossing answers for the days that the tests ask for."""
    for days in ("2023-11-24/2023-11-26", "2022-12-30/2022-12-31", "2023-01-01/2023-11-24"):
        well.answers(f"{sources.TIMELINE}/{days}", weather_responses.visual_crossing_of)
    return well


def test_visual_crossing_gives_the_same_hours_around_now(engine, timeline) -> None:
    refreshed(engine, timeline, RefreshRequest(weather_from="visual-crossing", only=Part.WEATHER))
    rows = read_weather(engine, TODAY - 48 * HOUR, TODAY + 96 * HOUR)
    assert (len(rows), {row.source for row in rows}, {row.available_at for row in rows}) == (
        54,
        {"visual_crossing"},
        {NOW},
    )


def test_visual_crossing_gives_the_past_over_both_clock_changes(engine, timeline) -> None:
    request = RefreshRequest(date(2022, 12, 30), "visual-crossing", Part.HISTORY)
    refreshed(engine, timeline, request)
    first = datetime(2022, 12, 30, tzinfo=UTC)
    hours = (NOW.replace(minute=0) - first) // HOUR
    assert [at for at, _ in rows_of(engine, first, hours + 48)] == [first + n * HOUR for n in range(hours)]


def test_visual_crossing_without_a_key_fails_and_names_its_setting(engine, well) -> None:
    request = RefreshRequest(weather_from="visual-crossing", only=Part.WEATHER)
    refresh = refreshed(engine, well, request, visual_crossing_key=None)
    assert refresh.has_failed
    assert "LONDONPUMP_VISUAL_CROSSING_KEY" in as_text(refresh)


def test_traffic_is_a_reading_of_now(engine, well) -> None:
    refreshed(engine, well, RefreshRequest(only=Part.TRAFFIC))
    (reading,) = read_traffic(engine, NOW - HOUR, NOW + HOUR)
    assert (reading.observed_at, reading.available_at, reading.congestion_rate) == (NOW, NOW, 0.25)


def test_traffic_without_a_key_is_not_asked_and_no_failure(engine, well) -> None:
    refresh = refreshed(engine, well, RefreshRequest(only=Part.TRAFFIC), tomtom_key=None)
    assert [outcome.state for outcome in refresh.outcomes] == [State.SKIPPED]
    assert not refresh.has_failed
    assert well.requests == []


def test_every_try_is_noted(engine, well) -> None:
    well.answers(sources.GOVUK, broken())
    refreshed(engine, well, RefreshRequest())
    notes = {note.source: (note.at, note.problem is None) for note in last_fetches(engine)}
    assert notes == {
        "weather": (NOW, True),
        "bank-holidays": (NOW, False),
        "school-holidays": (NOW, False),
        "traffic": (NOW, True),
    }


def test_a_failure_says_how_old_what_stands_in_is(engine, well) -> None:
    refreshed(engine, well, WEATHER)
    well.answers(sources.FORECAST, broken())
    reason = as_text(refreshed(engine, well, WEATHER, NOW + 5 * HOUR))
    assert "It last succeeded 5 h ago (2023-11-24 09:20 UTC); the stored values are used." in reason


@pytest.mark.parametrize(
    ("impossible", "reason"),
    [
        (RefreshRequest(only=Part.HISTORY), "needs --since"),
        (RefreshRequest(since=date(2023, 11, 25)), "is in the future"),
        (RefreshRequest(since=date(208, 12, 31)), "is before 2009-01-01"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_asked(engine, well, impossible, reason) -> None:
    with pytest.raises(BadValue, match=reason):
        refreshed(engine, well, impossible)
    assert well.requests == []
