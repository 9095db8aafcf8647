"""Leak audit: nothing known too late, features after a change of the future, training against serving, a shuffled target."""

import csv
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from londonpump.domain.columns import BOOKKEEPING, CALL, EXAMPLES, MOBILISATION
from londonpump.domain.stations import by_code
from londonpump.evaluation.metrics import CRPS_LEVELS
from londonpump.features.catalogue import FEATURES, Feature, KnownTooLate, build
from londonpump.features.dispatches import EVERY_CALL, Dispatches
from londonpump.lifecycle.calls_file import OPTIONAL, read_calls
from londonpump.lifecycle.predict import predict_file
from londonpump.lifecycle.prepare import PrepareRequest, prepare
from londonpump.lifecycle.prepared_examples import (
    default_until,
    first_us_of_incident,
    load_examples,
    midnight_us,
)
from londonpump.lifecycle.train import TrainRequest, train, training_set
from londonpump.models.distribution import P50
from londonpump.models.predict import predict_dispatches
from londonpump.models.response_training import TrainingDispatches, fit_response_time
from londonpump.models.train import TrainingPlan, fit_ground_lookup, with_workload
from londonpump.roads.store import current_table
from londonpump.simulation.plan import SimulationPlan
from londonpump.simulation.simulate import write_simulation

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LATE = [c for c in EXAMPLES if c.known not in (CALL, MOBILISATION)]
LEVELS = tuple(CRPS_LEVELS)
BUNDLES = ["small_bundle", "road_bundle"]
"""Without and with a table of roads."""


def silent(doing: str, share: float) -> None:
    pass


@pytest.mark.parametrize("column", ["travel_s", "turnout_s", "pumps_attending"])
def test_training_refuses_a_feature_that_looks_at_the_answer(column, small_data, tmp_path) -> None:
    canary = Feature(
        "canary", "s", "the future", (column,), "canary", lambda dispatches: dispatches.number(column)
    )
    plan = TrainingPlan(features=(*FEATURES, canary))
    with pytest.raises(KnownTooLate, match="feature canary is known at"):
        train(TrainRequest(small_data, tmp_path / "bundle", plan=plan))
    assert not (tmp_path / "bundle").exists()


@pytest.mark.parametrize("model", BUNDLES)
def test_predictions_do_not_move_when_all_that_is_known_later_does(model, small_examples, request) -> None:
    """The canary that no declaration can fool: every late column is exchanged for noise."""
    small_bundle = request.getfixturevalue(model)
    rows = small_examples.take(np.arange(small_examples.n) % 5 == 0)
    order = np.random.default_rng(4).permutation(len(rows["mobilised_us"]))
    late = {c.name.removesuffix("_at") + "_us" if c.name.endswith("_at") else c.name for c in LATE}
    noise = {name: values[order] if name in late else values for name, values in rows.items()}
    assert not np.array_equal(noise["travel_s"], rows["travel_s"])
    one, two = (small_bundle.dispatches(columns) for columns in (rows, noise))
    first, second = (small_bundle.response_times(dispatches).quantiles(LEVELS) for dispatches in (one, two))
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(small_bundle.pumps(one).probability, small_bundle.pumps(two).probability)
    assert {c.known for c in LATE} >= {BOOKKEEPING, "arrival", "closure", "departure"}


@pytest.fixture(scope="module")
def clean_raw(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Simulate without defects, since a repair may use statistics of the whole file and a feature may not."""
    plan = SimulationPlan(incidents=3_000, days=11, start=datetime(2023, 1, 3).date(), seed=8, is_clean=True)
    return write_simulation(plan, tmp_path_factory.mktemp("clean") / "raw").files


KNOWN_AT = (datetime(2023, 1, 8), datetime(2023, 1, 11, 17, 0), datetime(2023, 1, 12, 3, 30))


def rewritten(source: Path, out: Path, change: Callable[[dict[str, str]], dict[str, str] | None]) -> Path:
    with source.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        rows = [changed for row in reader if (changed := change(row)) is not None]
        names = reader.fieldnames
    assert names is not None
    with out.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(rows)
    return out


def called_at(row: dict[str, str]) -> datetime:
    return datetime.strptime(f"{row['DateOfCall']} {row['TimeOfCall']}", "%d-%b-%y %H:%M:%S")


def mobilised_at(row: dict[str, str]) -> datetime:
    return datetime.strptime(row["DateAndTimeMobilised"], "%d/%m/%Y %H:%M")


def as_known_at(known_at: datetime) -> Callable[[dict[str, str]], dict[str, str] | None]:
    """A mobilisation as far as it has gone: what left later is seen to leave at some other later time."""
    later = (known_at + timedelta(hours=9)).strftime("%d/%m/%Y %H:%M")

    def change(row: dict[str, str]) -> dict[str, str] | None:
        if mobilised_at(row) >= known_at:
            return None
        left = datetime.strptime(row["DateAndTimeLeft"], "%d/%m/%Y %H:%M")
        return row if left < known_at else {**row, "DateAndTimeLeft": later}

    return change


def features_of(files: tuple[Path, Path], out: Path, bundle) -> dict[tuple[str, str, int], np.ndarray]:
    """{(incident, pump): features} through `prepare`, with the ways of the bundle's table."""
    prepare(PrepareRequest(incidents=(files[0],), mobilisations=(files[1],), out=out, is_complete=True))
    examples = load_examples(out)
    rows = with_workload(examples.rows, examples.calls, bundle.ground, EVERY_CALL)
    table = build(bundle.dispatches(rows), FEATURES)
    keys = zip(rows["incident_number"], rows["resource_code"], rows["mobilised_us"], strict=True)
    return {(number, pump, int(us)): table[i] for i, (number, pump, us) in enumerate(keys)}


@pytest.fixture(scope="module")
def whole(clean_raw, road_bundle, tmp_path_factory) -> dict[tuple[str, str, int], np.ndarray]:
    files = (clean_raw["incidents"], clean_raw["mobilisations"])
    return features_of(files, tmp_path_factory.mktemp("whole") / "data", road_bundle)


@pytest.mark.parametrize("known_at", KNOWN_AT, ids=str)
def test_features_from_records_cut_at_a_moment_are_those_from_all(
    known_at, clean_raw, whole, road_bundle, tmp_path
) -> None:
    files = (
        rewritten(
            clean_raw["incidents"],
            tmp_path / "incidents.csv",
            lambda row: row if called_at(row) < known_at else None,
        ),
        rewritten(clean_raw["mobilisations"], tmp_path / "mobilisations.csv", as_known_at(known_at)),
    )
    cut = features_of(files, tmp_path / "data", road_bundle)
    at_us_of_row = (known_at.replace(tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)
    assert cut.keys() == {key for key in whole if key[2] < at_us_of_row}
    assert len(cut) > 500
    names = [feature.name for feature in FEATURES]
    known = np.stack(list(cut.values()))
    np.testing.assert_array_equal(known, np.stack([whole[key] for key in cut]))
    for name in ("pumps_out", "recent_ground_calls", "road_s"):
        assert np.nanmax(known[:, names.index(name)]) > np.nanmin(known[:, names.index(name)])


def as_calls_csv(rows, path: Path) -> Path:
    """Examples as a caller would state them, everything that CALLS.csv has a column for but the ground: training
    looks it up from the place, and so does serving where nobody states it."""

    def number(value: float) -> str:
        return "" if np.isnan(value) else repr(float(value))

    def text(value: str | None) -> str:
        return value or ""

    home = {"Home Station": "true", "Other Station": "false", None: ""}
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("id", "mobilised_at", "station_code", "easting_m", "northing_m", *OPTIONAL))
        for i, us in enumerate(rows["mobilised_us"]):
            stated = {
                **{
                    name: text(rows[name][i])
                    for name in OPTIONAL
                    if name in rows and rows[name].dtype == object
                },
                **{
                    name: number(rows[name][i])
                    for name in OPTIONAL
                    if name in rows and rows[name].dtype != object
                },
                "is_home_station": home[rows["deployed_from"][i]],
            }
            at = (EPOCH + timedelta(microseconds=int(us))).isoformat()
            location = (
                rows["station_code"][i],
                repr(float(rows["easting_m"][i])),
                repr(float(rows["northing_m"][i])),
            )
            writer.writerow((i, at, *location, *(stated.get(name, "") for name in OPTIONAL)))
    return path


@pytest.fixture(scope="module")
def ten_thousand(small_examples, small_bundle):
    """10,000 rows of examples as training and evaluation see them; no station of the border closed since."""
    rows = with_workload(small_examples.rows, small_examples.calls, small_bundle.ground, EVERY_CALL)
    pick = np.arange(10_000) % small_examples.n
    return {name: values[pick] for name, values in rows.items()}


@pytest.mark.parametrize("model", BUNDLES)
def test_ten_thousand_examples_stated_as_calls_give_the_same_features_and_answers(
    model, ten_thousand, tmp_path, request
) -> None:
    small_bundle = request.getfixturevalue(model)
    calls = read_calls(as_calls_csv(ten_thousand, tmp_path / "calls.csv"), by_code(small_bundle.stations))
    assert set(calls.errors) == {""}
    served = predict_dispatches(small_bundle, calls.columns)
    # what nobody knew (the fleet of the first week) is filled with what is typical on both sides
    imputed = small_bundle.applicability_domain.fill(
        ten_thousand, small_bundle.dispatches(ten_thousand).hour
    )[0]
    trained = small_bundle.dispatches(imputed)
    np.testing.assert_array_equal(
        small_bundle.response.table(served.dispatches), small_bundle.response.table(trained)
    )
    times = small_bundle.response_times(trained)
    np.testing.assert_array_equal(served.median_s, times.quantile(P50))
    np.testing.assert_array_equal(served.times.quantiles(LEVELS), times.quantiles(LEVELS))
    np.testing.assert_array_equal(served.pumps, small_bundle.pumps(trained).chosen)


def test_what_the_file_says_is_what_the_evaluation_judges(ten_thousand, small_bundle, tmp_path) -> None:
    """Rows with nothing left open need no filling: the judged answer and the written one, to the tenth."""
    known = np.isfinite(ten_thousand["ground_pumps_available"]) & (ten_thousand["deployed_from"] != None)  # noqa: E711
    rows = {name: values[known][:500] for name, values in ten_thousand.items()}
    out = tmp_path / "predictions.csv"
    predict_file(small_bundle, as_calls_csv(rows, tmp_path / "calls.csv"), out)
    with out.open(encoding="utf-8") as file:
        written = list(csv.DictReader(file))
    judged = small_bundle.response_times(small_bundle.dispatches(rows))
    assert [row["p50_s"] for row in written] == [f"{s:.1f}" for s in judged.quantile(P50)]
    assert not any("pumps" in row["imputed"] or "recent" in row["imputed"] for row in written)


def test_calls_on_the_ground_that_nobody_states_are_filled_and_labelled(small_bundle, tmp_path) -> None:
    path = tmp_path / "calls.csv"
    path.write_text(
        "id,mobilised_at,station_code,easting_m,northing_m,recent_ground_calls\n"
        "1,2023-03-20T12:00Z,A24,529900,181000,\n2,2023-03-20T12:00Z,A24,529900,181000,2\n",
        encoding="utf-8",
    )
    calls = read_calls(path, by_code(small_bundle.stations))
    unstated, stated = predict_dispatches(small_bundle, calls.columns).imputed
    assert "recent_ground_calls=default" in unstated
    assert "recent_ground_calls=default" not in stated


def test_stating_the_ground_that_would_be_looked_up_changes_no_answer(ten_thousand, small_bundle) -> None:
    rows = {name: values[:300] for name, values in ten_thousand.items()}
    codes = np.array(small_bundle.ground.codes, object)
    stated = {**rows, "station_ground_code": codes[small_bundle.dispatches(rows).ground]}
    one, two = (small_bundle.response_times(small_bundle.dispatches(columns)) for columns in (rows, stated))
    np.testing.assert_array_equal(one.quantile(P50), two.quantile(P50))


def skill(examples, seed: int | None, roads=None) -> float:
    """Return the gain of a model trained on early mobilisations on later ones, over the median of the early ones."""
    until = default_until(examples.rows)
    training = training_set(examples, until)
    later = first_us_of_incident(examples.rows) >= midnight_us(until)
    test = examples.take(later & np.isfinite(examples.rows["attendance_s"]))
    fits = np.isfinite(training.rows["attendance_s"])
    rows = {name: values[fits] for name, values in training.rows.items()}
    training_s = rows["attendance_s"]
    if seed is not None:
        training_s = np.random.default_rng(seed).permutation(training_s)
    ground = fit_ground_lookup(training.calls, training.stations)
    dispatches = TrainingDispatches(
        Dispatches(rows, ground, roads), training_s, training.incident[fits], rows["mobilised_us"]
    )
    model = fit_response_time(dispatches, FEATURES[:-3], 1, silent)
    error_s = np.abs(model(Dispatches(test, ground, roads)).quantile(P50) - test["attendance_s"]).mean()
    return float(1 - error_s / np.abs(np.median(training_s) - test["attendance_s"]).mean())


@pytest.mark.slow
def test_with_its_target_shuffled_the_model_has_no_skill(small_examples) -> None:
    assert skill(small_examples, seed=None) > 0.25
    assert skill(small_examples, seed=1) < 0.02


@pytest.mark.slow
def test_with_its_target_shuffled_a_model_with_roads_has_no_skill(small_examples, roads_folder) -> None:
    assert skill(small_examples, 1, current_table(roads_folder)) < 0.02
