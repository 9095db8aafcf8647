"""No command replaces a good result by an empty or failed one (issue 11, B3); `prepare` has its own tests."""

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from support.damaged_records import tree
from support.datastore import Datastore, small_datastore
from support.publisher_server import Publisher, Sleeper
from support.running_service import settings_for

from londonpump.domain.errors import BadFile, LondonPumpError, SourceFailed, TooFewRows
from londonpump.ingest.http import Http
from londonpump.ingest.http.limits import Limits
from londonpump.lifecycle import train as training
from londonpump.lifecycle.evaluate import EvaluateRequest, evaluate
from londonpump.lifecycle.expected_times_table import write_table
from londonpump.lifecycle.fetch import fetch_records
from londonpump.lifecycle.monitor import MonitorRequest, monitor
from londonpump.lifecycle.monthly_report import MonthReportRequest, write_month_report
from londonpump.lifecycle.predict import predict_file
from londonpump.lifecycle.train import TrainRequest, train
from londonpump.models.bundle import Bundle
from londonpump.settings import Settings

LONG_AGO = date(2001, 1, 1)
SINCE, NEWEST, NOW = date(2025, 1, 1), date(2026, 10, 31), datetime(2026, 11, 24, 6, tzinfo=UTC)
GOOD_CALL = "id,mobilised_at,station_code,easting_m,northing_m\n1,2023-03-20T08:00Z,G30,518650,186250\n"
BAD_CALL = GOOD_CALL.replace("G30", "Z99")


@pytest.fixture
def bundles(small_brigade: Any, small_data: Path, tmp_path: Path) -> Path:
    """A folder of bundles with one in it."""
    folder = tmp_path / "bundles"
    folder.mkdir()
    for name, content in tree(small_brigade.bundle.parent).items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def test_train_without_enough_rows_leaves_the_earlier_bundle(small_data: Path, bundles: Path) -> None:
    before = tree(bundles)
    with pytest.raises(TooFewRows):
        train(TrainRequest(small_data, bundles, until=LONG_AGO))
    assert tree(bundles) == before


def test_train_stores_no_bundle_that_does_not_answer_as_it_was_trained(
    small_data: Path, small_bundle: Bundle, bundles: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = tree(bundles)
    # training takes long and is not what is tested: the bundle of the small Brigade, under another card
    other = replace(small_bundle, card=replace(small_bundle.card, seed=99))
    monkeypatch.setattr(training, "fit_bundle", lambda *_: other)
    monkeypatch.setattr("numpy.allclose", lambda *_, **__: False)
    with pytest.raises(LondonPumpError, match="predicts differently"):
        train(TrainRequest(small_data, bundles))
    assert tree(bundles) == before


def test_evaluate_writes_all_of_its_files_or_none(
    small_brigade: Any, small_data: Path, tmp_path: Path
) -> None:
    figures, folder = tmp_path / "figures.json", tmp_path / "folder"
    figures.write_text('{"resamples": "of before"}')
    folder.mkdir()
    with pytest.raises(BadFile, match="is a folder"):
        evaluate(EvaluateRequest(small_brigade.bundle, small_data, json=figures, card=folder, resamples=10))
    assert figures.read_text() == '{"resamples": "of before"}'
    assert sorted(path.name for path in tmp_path.iterdir()) == ["figures.json", "folder"]


def test_evaluate_without_enough_rows_leaves_the_earlier_figures(
    small_brigade: Any, small_data: Path, tmp_path: Path
) -> None:
    figures = tmp_path / "figures.json"
    figures.write_text('{"resamples": "of before"}')
    with pytest.raises(TooFewRows):
        evaluate(EvaluateRequest(small_brigade.bundle, small_data, from_date=date(2031, 1, 1), json=figures))
    assert figures.read_text() == '{"resamples": "of before"}'


def test_predict_leaves_earlier_answers_where_no_row_can_be_answered(
    small_bundle: Bundle, tmp_path: Path
) -> None:
    calls, out = tmp_path / "calls.csv", tmp_path / "predictions.csv"
    calls.write_text(GOOD_CALL)
    predict_file(small_bundle, calls, out)
    before = out.read_bytes()
    calls.write_text(BAD_CALL)
    with pytest.raises(BadFile, match="Row 1: station_code 'Z99'"):
        predict_file(small_bundle, calls, out)
    assert out.read_bytes() == before


def test_predict_writes_the_errors_of_rows_where_no_answer_is_lost(
    small_bundle: Bundle, tmp_path: Path
) -> None:
    calls, out = tmp_path / "calls.csv", tmp_path / "predictions.csv"
    calls.write_text(BAD_CALL)
    for _ in range(2):
        predict_file(small_bundle, calls, out)
    assert "'Z99': is not a station" in out.read_text()


def test_the_two_files_of_the_table_are_written_together(small_bundle: Bundle, tmp_path: Path) -> None:
    (tmp_path / "expected_times.csv").write_text("of before")
    (tmp_path / "expected_times.html").mkdir()
    with pytest.raises(BadFile, match="is a folder"):
        write_table(small_bundle, tmp_path)
    assert (tmp_path / "expected_times.csv").read_text() == "of before"


def test_the_page_of_a_month_gives_way_to_no_empty_one(
    engine: Engine, database_url: str, tmp_path: Path
) -> None:
    settings, file = settings_for(database_url, tmp_path), tmp_path / "month.html"
    seen = monitor(settings, MonitorRequest(NOW, None))
    write_month_report(settings, seen, MonthReportRequest(file))
    before = file.read_bytes()
    with pytest.raises(TooFewRows, match="the report would be empty"):
        write_month_report(settings, seen, MonthReportRequest(file))
    assert file.read_bytes() == before


def test_fetch_leaves_the_good_set_where_a_file_comes_empty(
    publisher: Publisher, sleeper: Sleeper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LONDONPUMP_HOME", str(tmp_path))
    monkeypatch.setenv("LONDONPUMP_DATASTORE_URL", publisher.url)
    datastore: Datastore = small_datastore(SINCE, NEWEST)
    with Http(Limits(), sleeper) as http:
        datastore.opens_at(publisher)
        fetch_records(Settings(), SINCE, http=http, at=NOW)
        before = tree(tmp_path / "records")
        header = datastore.of("mobilisations")[1].body.splitlines(keepends=True)[0]
        empty = replace(datastore.listed[3], body=header)
        Datastore((*datastore.listed[:3], empty)).opens_at(publisher)
        with pytest.raises(SourceFailed, match="files fetched before stay in use"):
            fetch_records(Settings(), SINCE, http=http, at=NOW)
    assert tree(tmp_path / "records") == before
