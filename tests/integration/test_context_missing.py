"""Training and prediction go on without any part of the context, and each says what is missing."""

import json
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.context_rows import HOUR, weather
from typer.testing import CliRunner, Result

from londonpump.cli import app
from londonpump.domain.columns import SchoolHoliday, TrafficReading
from londonpump.lifecycle.context_store import ContextStore
from londonpump.lifecycle.evaluate import EvaluateRequest, evaluate
from londonpump.lifecycle.predict import open_bundle
from londonpump.lifecycle.prepare import PrepareRequest, prepare
from londonpump.lifecycle.prepared_examples import load_examples
from londonpump.lifecycle.train import TrainRequest, train
from londonpump.models.distribution import P50
from londonpump.models.predict import predict_dispatches
from londonpump.persistence.database import open_database, open_read_only
from londonpump.persistence.database.engine import BUSY_TIMEOUT_MS
from londonpump.persistence.database.schema import VERSION_TABLE
from londonpump.persistence.repositories.context import (
    store_school_holidays,
    store_traffic,
    store_weather,
)
from londonpump.presentation.texts.models import format_evaluation

FIRST_AT, HOURS = datetime(2023, 3, 13, tzinfo=UTC), 19 * 24
PARTS = {
    "weather": ("temp_c", "precip_mm", "visibility_km", "wind_kmh"),
    "congestion": ("congestion_rate", "travel_s"),
    "school holidays": ("is_school_holiday",),
    "working days": ("is_working_day",),
}
"""What the card calls it, and the columns of examples it is learnt from."""
FORECAST = "open_meteo_forecast"
AT = "2023-03-29T09:20Z"
ONE = ("--station", "A24", "--easting", "529900", "--northing", "181000", "--at", AT)
CALLS = f"id,mobilised_at,station_code,easting_m,northing_m\na,{AT},A24,529900,181000\n"
CONTEXT = {
    "temp_c",
    "precip_mm",
    "visibility_km",
    "wind_kmh",
    "congestion_rate",
    "is_school_holiday",
    "is_working_day",
}


def filled_database(path: Path, *parts: str) -> str:
    """Create a database with some parts of the context for the days of the small Brigade. Returns: its address."""
    url = f"sqlite:///{path}"
    engine = open_database(url)
    hours = [FIRST_AT + i * HOUR for i in range(HOURS)]
    draw = np.random.default_rng(4)
    if "weather" in parts:
        store_weather(
            engine,
            [
                weather(
                    at,
                    at - timedelta(minutes=10),
                    FORECAST,
                    temp_c=float(draw.normal(9, 3)),
                    precip_mm=float(draw.gamma(0.3)),
                    wind_kmh=float(draw.gamma(3, 5)),
                )
                for at in hours
            ],
        )
    if "congestion" in parts:
        store_traffic(engine, [TrafficReading(at, at, float(draw.uniform(0, 0.5)), "tomtom") for at in hours])
    if "school holidays" in parts:
        days = [date(2023, 3, 20) + timedelta(days=i) for i in range(5)]
        store_school_holidays(engine, [SchoolHoliday(day, "the borough") for day in days])
    engine.dispose()
    return url


@dataclass(frozen=True)
class Made:
    """Examples with every part of the context, and the URL of the database that it came from."""

    data: Path
    url: str
    bundle: Path


@pytest.fixture(scope="module")
def whole(small_raw, tmp_path_factory) -> Made:
    folder = tmp_path_factory.mktemp("with_context")
    url = filled_database(folder / "context.db", *PARTS)
    prepare(
        PrepareRequest(
            (small_raw["incidents"],),
            folder / "data",
            (small_raw["mobilisations"],),
            is_complete=True,
            is_simulated=True,
            database=url,
        )
    )
    bundle, _ = train(TrainRequest(folder / "data", folder / "bundle"))
    return Made(folder / "data", url, bundle)


@pytest.fixture(scope="module")
def trained_without(whole, tmp_path_factory) -> Callable[..., tuple[Result, Path]]:
    """Train on a few days of the same examples without some parts. Returns: the output, and the folder of the bundle."""

    @cache
    def train_without(*parts: str) -> tuple[Result, Path]:
        folder = tmp_path_factory.mktemp("without")
        data = folder / "data"
        for name in ("examples/examples.parquet", "calls/calls.parquet"):
            (data / name).parent.mkdir(parents=True)
            pq.write_table(emptied(pq.read_table(whole.data / name), parts), data / name)
        for name in ("report.json", "stations.json"):
            (data / name).write_bytes((whole.data / name).read_bytes())
        out = folder / "bundle"
        command = ["train", "--data", str(data), "--out", str(out), "--until", "2023-03-18"]
        return CliRunner().invoke(app, command), out

    return train_without


def emptied(table: pa.Table, parts: tuple[str, ...]) -> pa.Table:
    for name in [column for part in parts for column in PARTS[part]]:
        if name in table.column_names:
            at = table.column_names.index(name)
            table = table.set_column(at, table.field(at), pa.nulls(len(table), table.field(at).type))
    return table


def card_of(bundle: Path) -> dict[str, str]:
    folder = json.loads((bundle / "current.json").read_text(encoding="utf-8"))["bundle"]
    return json.loads((bundle / folder / "bundle.json").read_text(encoding="utf-8"))["context"]


def predicted(made: Made, url: str, monkeypatch, *arguments: str) -> Result:
    monkeypatch.setenv("LONDONPUMP_DATABASE_URL", url)
    return CliRunner().invoke(app, ["predict", str(made.bundle), *arguments])


def sources(result: Result) -> dict[str, str]:
    return {name: one["source"] for name, one in json.loads(result.stdout)["context"].items()}


def test_with_every_part_the_model_reads_every_part(whole) -> None:
    card = json.loads((whole.bundle / "bundle.json").read_text(encoding="utf-8"))
    assert card["context"] == {
        "weather": "read",
        "congestion": "observed",
        "school holidays": "read",
        "working days": "read",
    }
    assert set(card["features"]) >= CONTEXT


@pytest.mark.slow
@pytest.mark.parametrize("parts", [*((part,) for part in PARTS), tuple(PARTS)], ids=",".join)
def test_training_without_a_part_goes_on_labelled_and_says_so(parts, trained_without) -> None:
    result, bundle = trained_without(*parts)
    assert result.exit_code == 0
    assert {part for part, state in card_of(bundle).items() if state == "missing"} == set(parts)
    assert {line.split(":")[0] for line in result.stdout.splitlines() if "Without" in line} == {
        f"Without {part}" for part in parts
    }


def test_a_model_without_context_reads_none_in_serving(trained_without, whole, monkeypatch) -> None:
    _, bundle = trained_without(*PARTS)
    made = Made(whole.data, whole.url, bundle)
    result = predicted(made, whole.url, monkeypatch, *ONE, "--json", "-")
    assert json.loads(result.stdout)["context"] == {}
    assert not [label for label in json.loads(result.stdout)["imputed"] if label.split("=")[0] in CONTEXT]
    output = predicted(made, whole.url, monkeypatch, *ONE).stdout
    assert "Trained without: weather, congestion, school holidays, working days" in output


def test_each_value_carries_its_source_its_instants_and_its_age(whole, monkeypatch) -> None:
    shown_context = json.loads(predicted(whole, whole.url, monkeypatch, *ONE, "--json", "-").stdout)[
        "context"
    ]
    assert set(shown_context) == CONTEXT
    assert shown_context["temp_c"]["source"] == FORECAST
    assert shown_context["temp_c"]["observed_at"] == "2023-03-29T09:00:00+00:00"
    assert shown_context["temp_c"]["available_at"] == "2023-03-29T08:50:00+00:00"
    assert shown_context["temp_c"]["age_min"] == 30.0
    assert shown_context["congestion_rate"]["source"] == "tomtom"
    assert shown_context["is_school_holiday"]["source"] == "the borough"
    assert shown_context["is_working_day"]["value"] == 1.0


def test_the_weather_is_told_in_a_line_with_its_age_and_service(whole, monkeypatch) -> None:
    output = predicted(whole, whole.url, monkeypatch, *ONE).stdout
    (line,) = [line for line in output.splitlines() if line.startswith("Weather:")]
    assert line.endswith("as forecast 30 min ago (Open-Meteo)")


LACKS = {
    "weather": ("climate", {"temp_c", "precip_mm", "visibility_km", "wind_kmh"}),
    "congestion": ("profile", {"congestion_rate"}),
    "school holidays": ("unknown", {"is_school_holiday"}),
}


@pytest.mark.parametrize("part", LACKS)
def test_answering_without_a_part_goes_on_and_says_what_stands_in(part, whole, tmp_path, monkeypatch) -> None:
    url = filled_database(tmp_path / "less.db", *(other for other in PARTS if other != part))
    result = predicted(whole, url, monkeypatch, *ONE, "--json", "-")
    stand_in, names = LACKS[part]
    assert (result.exit_code, result.stderr) == (0, "")
    assert {name for name, source in sources(result).items() if source == stand_in} == names
    assert {f"{name}={stand_in}" for name in names} <= set(json.loads(result.stdout)["imputed"])


ALL_FALLBACKS = {
    **dict.fromkeys(("temp_c", "precip_mm", "visibility_km", "wind_kmh"), "climate"),
    "congestion_rate": "profile",
    "is_school_holiday": "unknown",
    "is_working_day": "default",
}


def test_without_a_database_everything_stands_in_and_none_is_made(whole, tmp_path, monkeypatch) -> None:
    result = predicted(whole, f"sqlite:///{tmp_path}/none/here.db", monkeypatch, *ONE, "--json", "-")
    assert (result.exit_code, result.stderr) == (0, "")
    assert sources(result) == ALL_FALLBACKS
    assert list(tmp_path.iterdir()) == []


def test_an_unreadable_database_is_told_in_one_line_and_the_answer_is_that_without(
    whole, tmp_path, monkeypatch
) -> None:
    (tmp_path / "broken.db").write_bytes(b"no database at all\n" * 500)
    result = predicted(whole, f"sqlite:///{tmp_path}/broken.db", monkeypatch, *ONE, "--json", "-")
    without = predicted(whole, f"sqlite:///{tmp_path}/none.db", monkeypatch, *ONE, "--json", "-")
    assert (result.exit_code, result.stdout) == (0, without.stdout)
    (line,) = result.stderr.splitlines()
    assert line.startswith("londonpump: answered without the context in the database: ")


def test_without_weather_the_line_says_that_the_usual_stands_in(whole, tmp_path, monkeypatch) -> None:
    output = predicted(whole, f"sqlite:///{tmp_path}/none.db", monkeypatch, *ONE).stdout
    assert "Weather: unknown; the average for March at 10 h is used instead" in output


def test_a_file_of_calls_tells_the_source_of_each_value(whole, tmp_path, monkeypatch) -> None:
    source, out = tmp_path / "calls.csv", tmp_path / "out.csv"
    source.write_text(CALLS, encoding="utf-8")
    result = predicted(whole, whole.url, monkeypatch, "--input", str(source), "--out", str(out))
    assert result.exit_code == 0
    labels = set(out.read_text(encoding="utf-8").splitlines()[1].split(",")[10].split(";"))
    assert {f"temp_c={FORECAST}", "congestion_rate=tomtom", "is_school_holiday=context"} <= labels


def test_what_the_call_states_goes_before_the_database(whole) -> None:
    bundle, examples = open_bundle(whole.bundle), load_examples(whole.data)
    rows = examples.take(np.arange(examples.n) < 2)
    stated = {**rows, "temp_c": np.array([-7.0, np.nan]), "precip_mm": np.full(2, np.nan)}
    found = predict_dispatches(bundle, stated, ContextStore(whole.url).columns(rows["mobilised_us"]))
    assert found.dispatches.number("temp_c").tolist() == [-7.0, rows["temp_c"][1]]
    assert [f"temp_c={FORECAST}" in labels for labels in found.imputed] == [False, True]


def test_judging_puts_the_same_in_place_as_answering(whole) -> None:
    bundle, examples = open_bundle(whole.bundle), load_examples(whole.data)
    rows_without_context = {
        name: values[::50] for name, values in examples.rows.items() if name not in CONTEXT
    }
    judged = bundle.response.table(bundle.dispatches(rows_without_context))
    names = list(bundle.response.names)
    answered = predict_dispatches(bundle, rows_without_context).table
    for name in CONTEXT:
        np.testing.assert_array_equal(judged[:, names.index(name)], answered[:, names.index(name)])
    assert np.isfinite(judged[:, names.index("temp_c")]).all()


def test_a_row_answered_with_the_databases_context_is_the_row_that_prepare_made(whole) -> None:
    bundle, examples = open_bundle(whole.bundle), load_examples(whole.data)
    rows = examples.rows
    rows_without_context = {name: values for name, values in rows.items() if name not in CONTEXT}
    served = predict_dispatches(
        bundle, rows_without_context, ContextStore(whole.url).columns(rows["mobilised_us"])
    )
    prepared = predict_dispatches(bundle, rows)
    for name in CONTEXT:
        np.testing.assert_array_equal(served.dispatches.number(name), prepared.dispatches.number(name))
    assert np.unique(rows["temp_c"]).size > 100
    np.testing.assert_array_equal(served.table, prepared.table)
    np.testing.assert_array_equal(served.times.quantile(P50), prepared.times.quantile(P50))


def with_two_rows(path: Path) -> str:
    """A database whose row of the hour lacks the temperature, while an archived row of the hour before has it."""
    at = datetime(2023, 3, 29, 9, tzinfo=UTC)
    url = f"sqlite:///{path}"
    engine = open_database(url)
    before = weather(at - HOUR, at - HOUR, "open_meteo_archive", temp_c=3.0, wind_kmh=None)
    own = weather(at, at - timedelta(minutes=10), FORECAST, temp_c=None, precip_mm=1.5, wind_kmh=None)
    store_weather(engine, [before, own])
    engine.dispose()
    return url


def test_a_value_of_an_hour_before_is_told_with_its_own_source(whole, tmp_path, monkeypatch) -> None:
    url = with_two_rows(tmp_path / "two.db")
    answered = json.loads(predicted(whole, url, monkeypatch, *ONE, "--json", "-").stdout)
    shown_context = answered["context"]["temp_c"]
    assert (shown_context["value"], shown_context["source"]) == (3.0, "open_meteo_archive")
    assert shown_context["observed_at"] == "2023-03-29T08:00:00+00:00"
    assert {"temp_c=open_meteo_archive", f"precip_mm={FORECAST}"} <= set(answered["imputed"])


def test_the_line_of_weather_gives_each_value_its_own_origin(whole, tmp_path, monkeypatch) -> None:
    url = with_two_rows(tmp_path / "two.db")
    output = predicted(whole, url, monkeypatch, *ONE).stdout
    (line,) = [line for line in output.splitlines() if line.startswith("Weather:")]
    temperature, rain, wind = line.split("; ")
    assert temperature == "Weather: 3.0 C, from Open-Meteo, archive for 08:00 UTC"
    assert rain == "1.5 mm rain, as forecast 30 min ago (Open-Meteo)"
    assert wind.endswith("km/h, the average for March at 10 h")


def file_answered(made: Made, url: str, tmp_path: Path, monkeypatch) -> Result:
    source, out = tmp_path / "calls.csv", tmp_path / "out.csv"
    source.write_text(CALLS, encoding="utf-8")
    return predicted(made, url, monkeypatch, "--input", str(source), "--out", str(out))


def test_what_was_not_known_of_a_file_of_calls_is_told_in_one_line(whole, tmp_path, monkeypatch) -> None:
    result = file_answered(whole, f"sqlite:///{tmp_path}/none.db", tmp_path, monkeypatch)
    assert result.stderr == (
        "londonpump: unknown context in 1 rows: school holidays of 1, traffic of 1, weather of 1; "
        "the column imputed names the values used instead\n"
    )


def test_of_a_file_of_calls_whose_context_is_known_nothing_is_said(whole, tmp_path, monkeypatch) -> None:
    assert file_answered(whole, whole.url, tmp_path, monkeypatch).stderr == ""


def test_a_file_of_calls_is_told_what_the_model_was_learnt_without(
    trained_without, whole, tmp_path, monkeypatch
) -> None:
    made = Made(whole.data, whole.url, trained_without(*PARTS)[1])
    result = file_answered(made, whole.url, tmp_path, monkeypatch)
    assert result.stderr == (
        "londonpump: the model was trained without weather, congestion, school holidays, working days\n"
    )


def test_a_database_of_a_newer_version_is_not_read_and_that_is_told(whole, tmp_path, monkeypatch) -> None:
    url = filled_database(tmp_path / "newer.db", *PARTS)
    with sqlite3.connect(tmp_path / "newer.db") as connection:
        connection.execute(f"UPDATE {VERSION_TABLE} SET version_num = '9999'")  # noqa: S608
        connection.execute("UPDATE schema_readable_from SET version = '9999'")
    connection.close()
    result = predicted(whole, url, monkeypatch, *ONE, "--json", "-")
    assert (result.exit_code, sources(result)) == (0, ALL_FALLBACKS)
    assert "has version 9999, which is newer than" in result.stderr


def test_a_folder_in_the_place_of_the_database_is_told(whole, tmp_path, monkeypatch) -> None:
    (tmp_path / "folder.db").mkdir()
    result = predicted(whole, f"sqlite:///{tmp_path}/folder.db", monkeypatch, *ONE, "--json", "-")
    assert (result.exit_code, sources(result)) == (0, ALL_FALLBACKS)
    assert "folder.db cannot be opened" in result.stderr


def test_an_address_that_names_the_driver_makes_no_database_either(whole, tmp_path, monkeypatch) -> None:
    result = predicted(whole, f"sqlite+pysqlite:///{tmp_path}/none.db", monkeypatch, *ONE, "--json", "-")
    assert (result.exit_code, result.stderr) == (0, "")
    assert list(tmp_path.iterdir()) == []


def test_a_moment_that_cannot_be_read_is_told_by_the_name_of_its_option(own_home) -> None:
    result = CliRunner().invoke(app, ["context", "--at", "noon"])
    assert (result.exit_code, result.stderr.split(": ")[1]) == (2, "--at 'noon'")


def test_a_database_that_another_process_holds_is_told_and_the_answer_does_without(
    whole, tmp_path, monkeypatch
) -> None:
    url = filled_database(tmp_path / "held.db", *PARTS)
    holding = sqlite3.connect(tmp_path / "held.db", isolation_level=None)
    holding.execute("PRAGMA locking_mode=EXCLUSIVE")
    holding.execute("BEGIN EXCLUSIVE")
    result = predicted(whole, url, monkeypatch, *ONE, "--json", "-")
    holding.close()
    assert (result.exit_code, sources(result)) == (0, ALL_FALLBACKS)
    assert "held.db is held by another process" in result.stderr


def test_an_answer_waits_less_for_a_held_database_than_who_writes(tmp_path) -> None:
    engine = open_read_only(f"sqlite:///{tmp_path}/any.db")
    with engine.connect() as connection:
        waits_ms = connection.exec_driver_sql("PRAGMA busy_timeout").scalar_one()
    engine.dispose()
    assert waits_ms <= BUSY_TIMEOUT_MS // 10


def test_judging_tells_what_was_not_known_of_the_runs(whole, tmp_path) -> None:
    data = tmp_path / "data"
    (data / "examples").mkdir(parents=True)
    (data / "calls").mkdir()
    for name in ("report.json", "stations.json", "calls/calls.parquet"):
        (data / name).write_bytes((whole.data / name).read_bytes())
    table = emptied(pq.read_table(whole.data / "examples/examples.parquet"), ("weather",))
    pq.write_table(table, data / "examples/examples.parquet")
    request = EvaluateRequest(whole.bundle, data, resamples=20)
    results = evaluate(request).results
    assert results.context_imputed["weather"] == results.evaluation.rows
    shown_context = format_evaluation(results)
    assert f"Unknown context of these mobilisations: weather of {results.evaluation.rows:,}" in shown_context
    assert "Unknown" not in format_evaluation(replace(results, context_imputed={}))
