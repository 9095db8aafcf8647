"""The Python API: every kind of table, the same numbers as the command, errors, and the small environment."""

import csv
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import londonpump as lp
from londonpump.lifecycle.predict import HEADER, predict_file

CALLS: dict[str, list[Any]] = {
    "id": ["a", "b", "c"],
    "mobilised_at": ["2023-03-28T08:00Z", "2023-03-28T04:00Z", "2023-03-28T12:30Z"],
    "station_code": ["G30", "A21", "A24"],
    "easting_m": [518_650.0, 526_900.0, 530_030.0],
    "northing_m": [186_250.0, 181_300.0, 180_390.0],
    "incident_type": ["Fire", None, "Local Emergencies"],
}
KINDS: dict[str, Any] = {"pandas": pd.DataFrame, "polars": pl.DataFrame, "arrow": pa.table, "dict": dict}
AT = "2023-03-28T08:00Z"
SOHO = (530_030, 180_390)


def as_columns(table):
    return table.to_pydict() if isinstance(table, pa.Table) else {name: list(table[name]) for name in HEADER}


@pytest.fixture(scope="module")
def model(small_brigade):
    return lp.load(small_brigade.bundle)


@pytest.mark.parametrize("kind", KINDS)
def test_a_table_of_each_kind_is_predicted_as_the_command_predicts_a_file(
    kind, model, small_bundle, tmp_path
) -> None:
    given = KINDS[kind](CALLS)
    predicted = model.predict(given)
    assert type(predicted) is type(given)
    columns = as_columns(predicted)
    with (tmp_path / "calls.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(CALLS)
        writer.writerows(zip(*CALLS.values(), strict=True))
    predict_file(small_bundle, tmp_path / "calls.csv", tmp_path / "predictions.csv")
    with (tmp_path / "predictions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for name in ("mean_s", "p10_s", "p50_s", "p90_s"):
        assert columns[name] == pytest.approx([float(row[name]) for row in rows], abs=0.051)
    assert columns["imputed"] == [row["imputed"] for row in rows]
    assert [str(flag).lower() for flag in columns["risk_underestimated"]] == [
        row["risk_underestimated"] for row in rows
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_a_wrong_row_has_an_error_and_the_others_are_predicted(kind, model) -> None:
    columns = as_columns(model.predict(KINDS[kind]({**CALLS, "station_code": ["G30", "Z99", "A24"]})))
    assert "is not a station" in columns["error"][1]
    assert [bool(value) and value == value for value in columns["p50_s"]] == [True, False, True]
    assert [pd.isna(text) for text in columns["error"]] == [True, False, True]


def test_a_pandas_frame_keeps_its_index_and_times_may_be_timestamps(model) -> None:
    frame = pd.DataFrame(CALLS, index=[7, 5, 3]).drop(columns="id")
    frame["mobilised_at"] = pd.to_datetime(frame["mobilised_at"])
    predicted = model.predict(frame)
    assert predicted.index.tolist() == [7, 5, 3]
    assert predicted["id"].tolist() == ["1", "2", "3"]
    assert predicted["p50_s"].tolist() == pytest.approx(model.predict(CALLS)["p50_s"])
    assert predicted.dtypes["pumps_needed"] == np.int64
    assert model.predict(frame.iloc[:0]).empty


def test_an_explanation_adds_up_to_the_median(model) -> None:
    explained, predicted = model.explain(pl.DataFrame(CALLS)), model.predict(CALLS)
    sums = explained.group_by("id").agg(pl.col("contribution_s").sum()).sort("id")
    assert sums["contribution_s"].to_list() == pytest.approx(predicted["p50_s"])


NO_TABLES = {
    "builtins.int is no table": 5,
    "collect": pl.LazyFrame(CALLS),
    "no column station_code": {"mobilised_at": [AT]},
    "different numbers of rows": {**CALLS, "id": ["a"]},
}


@pytest.mark.parametrize("message", NO_TABLES)
def test_what_is_no_table_of_calls_is_named(message, model) -> None:
    with pytest.raises(lp.LondonPumpError, match=message):
        model.predict(NO_TABLES[message])


def test_stations_are_ranked_by_the_median_that_predict_gives(model) -> None:
    ranked = model.rank(SOHO, at=AT, incident_type="Fire")
    assert ranked[0].station_code == "A24"
    assert [one.p50_s for one in ranked] == sorted(one.p50_s for one in ranked)
    n = len(ranked)
    calls = {
        "mobilised_at": [AT] * n, "station_code": [one.station_code for one in ranked],
        "easting_m": [SOHO[0]] * n, "northing_m": [SOHO[1]] * n,
        "incident_type": ["Fire"] * n, "is_home_station": [True] * n,
    }  # fmt: skip
    predicted = model.predict(calls)
    for name in ("mean_s", "p10_s", "p50_s", "p90_s"):
        assert [getattr(one, name) for one in ranked] == pytest.approx(predicted[name])
    assert [one.p_over[360] for one in ranked] == pytest.approx(predicted["p_over_360"])


def test_a_place_may_be_degrees_a_district_or_a_ground(model) -> None:
    at = datetime(2023, 3, 28, 8, tzinfo=UTC)
    assert model.rank({"latitude": 51.5072, "longitude": -0.1276}, at=at)[0].station_code in ("A24", "H22")
    district = next(iter(model.bundle.area_points.districts))
    assert model.rank(district, at=at) == model.rank({"postcode_district": district}, at=at)
    (only,) = model.rank({"station_ground": "A24"}, at=at, stations=["A24"])
    assert only.station_code == "A24"
    assert "station_ground_code=context" not in only.imputed
    assert model.rank(SOHO, at=at, stations=[]) == []


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"location": "XX99"}, "postcode_district 'XX99': has no past calls"),
        ({"location": (1, 2)}, "looks like degrees"),
        ({"location": (1, 2, 3)}, "Give .easting, northing."),
        ({"location": None}, "location"),
        ({"location": 5}, "location"),
        ({"location": ("a", "b")}, "location.easting_m 'a': is no number"),
        ({"location": {1: 2, "a": 3}}, "location"),
        ({"at": 5}, "is not a time"),
        ({"max_stations": -1}, "is no number of stations"),
        ({"location": {"easting_m": 1}}, "Give .easting, northing."),
        ({"location": (530_030, 480_390)}, "km from the nearest station"),
        ({"location": SOHO, "at": "noon"}, "at 'noon': is not a time"),
        ({"location": SOHO, "colour": "red"}, "colour 'red': is no column of a call"),
        ({"location": SOHO, "incident_type": "Flood"}, "is not one of"),
        ({"location": SOHO, "stations": ["Z99"]}, "is not a station"),
    ],
)
def test_what_cannot_be_ranked_is_named(request_, message, model) -> None:
    with pytest.raises(lp.LondonPumpError, match=message):
        model.rank(**{"location": SOHO, "at": AT, **request_})


def test_two_spellings_of_a_column_are_refused(model) -> None:
    with pytest.raises(lp.LondonPumpError, match="same name"):
        model.predict({**CALLS, "Easting_M": [500_000.0] * 3})


def test_a_time_without_a_zone_is_london_time(model) -> None:
    summer = datetime(2023, 7, 1, 9)
    assert model.rank(SOHO, at=summer) == model.rank(SOHO, at=datetime(2023, 7, 1, 8, tzinfo=UTC))


def test_examples_have_utc_times_so_that_predict_does_not_take_them_for_london_time(small_data) -> None:
    examples = lp.PreparedData(small_data).examples()
    assert examples.schema.field("mobilised_at").type == pa.timestamp("us", "UTC")
    rows = lp.PreparedData(str(small_data)).rows_to_predict("2023-03-28")
    assert rows["mobilised_at"][0].tzinfo is UTC
    with pytest.raises(lp.LondonPumpError, match="is no day"):
        lp.PreparedData(small_data).rows_to_predict("March")


def test_missing_files_and_folders_are_named(tmp_path) -> None:
    for wrong in (
        lambda: lp.read_records(tmp_path / "incidents.csv"),
        lambda: lp.load(tmp_path),
        lambda: lp.PreparedData(tmp_path).examples(),
        lambda: lp.train(tmp_path, tmp_path / "bundle"),
    ):
        with pytest.raises(lp.LondonPumpError, match=str(tmp_path)):
            wrong()
    with pytest.raises(AttributeError, match=r"has no attribute 'predict'\. It has Arrival"):
        getattr(lp, "predict")  # noqa: B009 - the type checker knows that it is not there


SMALL_ENVIRONMENT = """
import sys
for absent in ("pandas", "polars", "pyarrow", "duckdb", "ibis", "sklearn", "matplotlib", "mlflow", "fastapi"):
    sys.modules[absent] = None
import londonpump as lp
assert "lightgbm" not in sys.modules and "narwhals" not in sys.modules
model = lp.load(sys.argv[1])
call = {"mobilised_at": "2023-03-28T08:00Z", "station_code": "G30", "easting_m": 518650, "northing_m": 186250}
print(round(model.predict(call)["p50_s"][0], 3), len(model.explain(call)["text"]) > 3, model.rank("G30", at="2023-03-28T08:00Z")[0].station_code)
try:
    lp.train("data", "out")
except lp.LondonPumpError as error:
    print(error)
"""


def test_without_the_libraries_of_training_a_model_predicts_and_training_names_the_extra(
    small_brigade, model
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SMALL_ENVIRONMENT, str(small_brigade.bundle)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    call = {name: CALLS[name][:1] for name in ("mobilised_at", "station_code", "easting_m", "northing_m")}
    assert first == f"{round(model.predict(call)['p50_s'][0], 3)} True G30"
    assert "pip install 'londonpump[train]'" in second
