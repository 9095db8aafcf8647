"""`prepare --context` joins, counts and reports the context of the database; files take precedence; the database may be down."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from sqlalchemy import Engine
from support.context_rows import HOUR, VALUES, us, weather
from typer.testing import CliRunner

from londonpump.cli import app
from londonpump.domain.columns import BankHoliday, SchoolHoliday, TrafficReading, WeatherHour
from londonpump.domain.errors import BadFile, DatabaseFailed
from londonpump.domain.json_values import to_json
from londonpump.domain.london_clock import LONDON, bank_holidays
from londonpump.domain.stations import known_stations
from londonpump.lifecycle.prepare import PrepareRequest, prepare
from londonpump.lifecycle.prepared_examples import Columns, as_columns
from londonpump.persistence.database import open_database
from londonpump.persistence.repositories.context import (
    context_columns,
    store_bank_holidays,
    store_school_holidays,
    store_stations,
    store_traffic,
    store_weather,
)
from londonpump.presentation.texts.prepare import format_preparation
from londonpump.simulation.plan import SimulationPlan
from londonpump.simulation.simulate import write_simulation

START, DAYS = date(2023, 10, 27), 4
"""The clocks go back in the third night."""
FIRST_HOUR = datetime(2023, 10, 26, 22, tzinfo=UTC)


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    plan = SimulationPlan(incidents=800, days=DAYS, start=START, seed=3)
    return write_simulation(plan, tmp_path_factory.mktemp("context") / "raw").files


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """Embedded database; tests/unit/persistence tests reading on both engines."""
    return f"sqlite:///{tmp_path}/context.db"


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = open_database(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def request_of(raw: dict[str, Path], tmp_path: Path, database_url: str) -> PrepareRequest:
    return PrepareRequest(
        incidents=(raw["incidents"],),
        mobilisations=(raw["mobilisations"],),
        out=tmp_path / "data",
        is_complete=True,
        database=database_url,
    )


def vintages() -> list[WeatherHour]:
    """Hours as published later, earlier forecasts of some of them, and gaps in values and hours."""
    hours = range(-6, DAYS * 24 + 4)
    rows = [
        weather(FIRST_HOUR + i * HOUR, temp_c=i / 4, wind_kmh=None if i % 5 == 0 else abs(i) / 2)
        for i in hours
        if i % 17 not in (3, 4) and not 70 <= i < 82
    ]
    return rows + [
        weather(
            FIRST_HOUR + i * HOUR, FIRST_HOUR + (i - 2) * HOUR + age, "open_meteo_forecast", temp_c=30 + i / 4
        )
        for i in hours
        if i < 60
        for age in (timedelta(minutes=20), timedelta(minutes=160))
        if i % 3
    ]


def fill(engine: Engine) -> None:
    store_weather(engine, vintages())
    timestamps = [FIRST_HOUR + i * timedelta(minutes=35) for i in range(100)]
    store_traffic(engine, [TrafficReading(at, at, 0.25, "tomtom") for at in timestamps])
    store_school_holidays(engine, [SchoolHoliday(date(2023, 10, 27), "by hand")])
    store_bank_holidays(engine, [BankHoliday(date(2023, 10, 30), "A day of thanks", "GOV.UK")])


def examples(out: Path) -> Columns:
    return as_columns(pq.read_table(out / "examples"))


def test_every_example_has_the_context_that_serving_would_have_had(
    request_of: PrepareRequest, engine: Engine
) -> None:
    fill(engine)
    prepare(request_of)
    rows = examples(request_of.out)
    served = context_columns(engine, rows["mobilised_us"])
    joined = (
        *VALUES,
        "weather_source",
        "weather_age_h",
        "congestion_rate",
        "is_school_holiday",
        "is_working_day",
    )
    for name in joined:
        np.testing.assert_array_equal(rows[name], served[name], err_msg=name)
    varying = (
        "temp_c",
        "wind_kmh",
        "weather_source",
        "weather_age_h",
        "congestion_rate",
        "is_school_holiday",
    )
    assert all(len(set(rows[name].astype(str))) > 1 for name in (*varying, "is_working_day"))


def test_the_report_counts_what_came_from_where(request_of: PrepareRequest, engine: Engine) -> None:
    fill(engine)
    report = to_json(prepare(request_of))["context"]
    rows = examples(request_of.out)
    known = np.array([source is not None for source in rows["weather_source"]])
    counted = report["weather"]
    assert counted["joined"] == known.sum() == sum(counted["sources"].values())
    assert (
        counted["hour_before"] == (rows["is_weather_imputed"] == 1).sum() == known.sum() - counted["own_hour"]
    )
    assert counted["missing_share"] == round(1 - known.mean(), 6) > 0
    assert report["congestion"]["joined"] == np.isfinite(rows["congestion_rate"]).sum() > 0
    assert {report[part]["from"] for part in ("weather", "congestion", "school_holidays")} == {"database"}


def test_a_file_wins_over_the_database_for_its_part(
    request_of: PrepareRequest, engine: Engine, raw: dict[str, Path]
) -> None:
    fill(engine)
    report = to_json(prepare(replace(request_of, weather=raw["weather_hourly"])))
    assert report["context"]["weather"]["sources"].keys() == {"file"}
    assert report["context"]["congestion"]["from"] == "database"


def test_an_empty_database_is_told_part_by_part_and_prepare_goes_on(
    request_of: PrepareRequest, engine: Engine
) -> None:
    report = prepare(request_of)
    printed = format_preparation(report, request_of.out)
    assert report.examples > 0
    assert (
        "Weather: none. The database has no values for these days. To add them: londonpump refresh" in printed
    )
    assert "School holidays: none. " in printed
    assert "Working days: 100.0% of the examples (database)" in printed


def test_an_embedded_database_that_was_never_made_is_empty_and_is_not_made(
    request_of: PrepareRequest, tmp_path: Path
) -> None:
    report = to_json(prepare(replace(request_of, database=f"sqlite:///{tmp_path}/none.db")))
    assert report["context"]["weather"]["joined"] == 0
    assert not (tmp_path / "none.db").exists()


def test_without_context_the_database_is_not_asked(request_of: PrepareRequest, engine: Engine) -> None:
    fill(engine)
    report = to_json(prepare(replace(request_of, database=None)))
    assert report["context"]["weather"] == report["context"]["school_holidays"] == {"from": None}
    examples = pq.read_table(request_of.out / "examples")
    assert examples["temp_c"].null_count == examples["is_school_holiday"].null_count == report["examples"]


def test_without_context_working_days_are_those_of_the_holidays_library(
    request_of: PrepareRequest, engine: Engine
) -> None:
    """Issue 11, C3: no row is empty, and the day counts as London has it, as in the service."""
    fill(engine)
    report = to_json(prepare(replace(request_of, database=None)))
    found = {"from": "holidays library", "joined": report["examples"], "missing_share": 0.0}
    assert report["context"]["working_days"] == found
    rows = pq.read_table(request_of.out / "examples").to_pylist()
    holidays = set(bank_holidays())
    for row in rows:
        day = row["mobilised_at"].replace(tzinfo=UTC).astimezone(LONDON).date()
        assert row["is_working_day"] is (day.weekday() < 5 and day not in holidays)
    assert {row["is_working_day"] for row in rows} == {True, False}


def test_imported_stations_are_those_of_the_examples(request_of: PrepareRequest, engine: Engine) -> None:
    moved = [
        replace(one, easting_m=one.easting_m + 3_000)
        for one in known_stations()
        if one.status != "former_site"
    ]
    store_stations(engine, moved)
    report = to_json(prepare(request_of))
    eastings = {one.code: one.easting_m for one in moved}
    rows = examples(request_of.out)
    assert report["context"]["stations"] == {"from": "database", "stations": len(moved)}
    assert rows["station_easting_m"].tolist() == [eastings[code] for code in rows["station_code"]]


@pytest.mark.parametrize(
    "address", ["postgresql://someone:secret-word@127.0.0.1:9/none", "sqlite:///{folder}/spoilt.db"]
)
def test_a_database_out_of_reach_is_told_and_nothing_is_written(
    request_of: PrepareRequest, tmp_path: Path, address: str
) -> None:
    (tmp_path / "spoilt.db").write_bytes(b"no database at all, but long enough to be taken for one" * 50)
    with pytest.raises(DatabaseFailed) as caught:
        prepare(replace(request_of, database=address.format(folder=tmp_path)))
    assert "secret-word" not in str(caught.value) + repr(request_of)
    assert not request_of.out.exists()


def test_a_wrong_file_is_told_before_the_records_are_cleaned(
    request_of: PrepareRequest, tmp_path: Path
) -> None:
    printed: list[str] = []
    with pytest.raises(BadFile, match="is not there"):
        prepare(
            replace(request_of, weather=tmp_path / "absent.csv"), lambda doing, _share: printed.append(doing)
        )
    assert printed == []


@pytest.fixture
def run(own_home: Path, monkeypatch: pytest.MonkeyPatch, database_url: str) -> Callable[..., Any]:
    monkeypatch.setenv("LONDONPUMP_DATABASE_URL", database_url)
    return lambda *arguments: CliRunner(env={"COLUMNS": "200"}).invoke(app, [str(one) for one in arguments])


def test_the_command_joins_the_database_of_the_settings(
    run: Callable[..., Any], engine: Engine, raw: dict[str, Path]
) -> None:
    fill(engine)
    result = run("prepare", "--incidents", raw["incidents"], "--context")
    assert result.exit_code == 0
    assert "Weather: " in result.stdout
    assert "open_meteo_forecast" in result.stdout


def test_the_command_context_shows_values_sources_and_what_is_missing(
    run: Callable[..., Any], engine: Engine
) -> None:
    store_weather(engine, [weather(FIRST_HOUR, wind_kmh=None)])
    result = run("context", "--at", (FIRST_HOUR + timedelta(minutes=12)).isoformat())
    assert result.exit_code == 0
    assert result.stdout.splitlines()[0] == "Context at 2023-10-26 22:12 UTC (23:12 in London)"
    assert "temperature     12.0 C           visual_crossing, of 22:00 UTC, known for 12 min" in result.stdout
    assert "Missing: wind: no weather row of the last 6 h has it" in result.stdout


def test_the_command_context_speaks_json(run: Callable[..., Any], engine: Engine) -> None:
    store_weather(engine, [weather(FIRST_HOUR)])
    printed = json.loads(run("context", "--at", FIRST_HOUR.isoformat(), "--json", "-").stdout)
    assert printed["values"]["temp_c"]["age_min"] == 0.0
    assert us(datetime.fromisoformat(printed["at"])) == us(FIRST_HOUR)


def test_mobilisations_alone_are_refused(run: Callable[..., Any], raw: dict[str, Path]) -> None:
    result = run("prepare", "--mobilisations", raw["mobilisations"])
    assert result.exit_code == 2
    assert "needs incident records too" in result.stderr
