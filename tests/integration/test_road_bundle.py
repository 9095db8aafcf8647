"""A trained bundle is the same in every process, consists of text, loads as it was stored, and splits no incident."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from londonpump.domain.attendance_targets import MIN_UNDERESTIMATE_S
from londonpump.domain.errors import BadFile, BadValue, TooFewRows
from londonpump.domain.json_values import to_json
from londonpump.lifecycle.evaluate import EvaluateRequest, evaluate, later_rows
from londonpump.lifecycle.prepared_examples import first_us_of_incident, incident_codes, midnight_us
from londonpump.lifecycle.train import TrainRequest, train, training_set
from londonpump.models import train as models_train
from londonpump.models.bundle import from_files, incident_hashes, to_files
from londonpump.models.error_calibration import NO_CALIBRATION
from londonpump.models.npz import from_npz
from londonpump.models.risk_stations import risk_stations
from londonpump.persistence.bundles import content_hash, load_bundle, read_provenance, save_bundle

FEW_DAYS = date(2023, 3, 18)
LEVELS = (0.025, 0.1, 0.5, 0.9, 0.975)


@pytest.fixture(scope="module")
def files(small_brigade):
    return load_bundle(small_brigade.bundle)[1]


def trained_elsewhere(data, out):
    """The name of a bundle trained on a few days in a process of its own."""
    command = [sys.executable, "-m", "londonpump.cli", "train", "--data", str(data), "--out", str(out)]
    environment = {**os.environ, "PYTHONHASHSEED": "2", "TZ": "Asia/Tokyo"}
    subprocess.run(
        [*command, "--until", FEW_DAYS.isoformat()], check=True, capture_output=True, env=environment
    )
    return json.loads((out / "current.json").read_text(encoding="utf-8"))["bundle"]


def test_the_same_data_code_and_seed_give_the_same_name_in_any_process(small_data, tmp_path) -> None:
    here, bundle = train(TrainRequest(small_data, tmp_path / "here", until=FEW_DAYS))
    assert trained_elsewhere(small_data, tmp_path / "elsewhere") == here.name
    assert bundle.card.data.trained_until == FEW_DAYS


def test_files_and_back_are_the_same_bytes(files) -> None:
    assert to_files(from_files(files, "here")) == files


def test_a_bundle_read_back_answers_the_same(files, small_bundle, small_examples) -> None:
    again = from_files(files, "here")
    rows = small_examples.take(np.arange(small_examples.n) % 9 == 0)
    one, two = small_bundle.dispatches(rows), again.dispatches(rows)
    np.testing.assert_array_equal(
        small_bundle.response_times(one).quantiles(LEVELS), again.response_times(two).quantiles(LEVELS)
    )
    np.testing.assert_array_equal(small_bundle.pumps(one).probability, again.pumps(two).probability)


def test_everything_in_it_is_json_lightgbms_own_text_or_numbers(files) -> None:
    for name, content in files.items():
        if name.endswith(".json"):
            json.loads(content.decode("utf-8"))
        elif name.endswith(".npz"):
            assert from_npz(content)
        else:
            assert name.endswith(".txt")
            assert content.decode("utf-8").startswith("tree\nversion=v4")
        # the opening and the end of a pickle, plain or as base64
        assert not content.startswith((b"\x80", b"gAS", b"gAN"))


def test_nothing_of_clock_host_or_commit_is_in_the_hash(files, small_brigade) -> None:
    provenance = read_provenance(small_brigade.bundle)
    assert {"made_at", "host", "commit", "machine"} <= set(provenance)
    card = files["bundle.json"].decode()
    assert provenance["made_at"] not in card
    assert not any(
        provenance["commit"].encode() in content for content in files.values() if provenance["commit"]
    )
    assert content_hash(files) == small_brigade.bundle.name


def test_the_card_says_what_it_was_made_of(small_bundle, small_examples) -> None:
    card = to_json(small_bundle.card)
    assert card["data_hash"] == small_examples.data_hash
    assert card["is_simulated"] is True
    assert {"lightgbm", "numpy"} <= set(card["libraries"])
    assert {
        "seed",
        "rows",
        "features",
        "hyperparameters",
        "code_version",
        "trained_from",
        "trained_until",
    } <= set(card)
    assert not {"made_at", "host"} & set(card)


@pytest.mark.parametrize(
    "name",
    ["scale.txt", "applicability_domain.json", "centre_0.txt", "pumps_pumps.json", "location_effects.npz"],
)
def test_a_bundle_that_lacks_a_file_is_refused_in_words(name, files) -> None:
    with pytest.raises(BadFile, match="lacks or does not know"):
        from_files({other: content for other, content in files.items() if other != name}, "here")


def test_a_bundle_of_another_schema_is_refused_even_with_the_right_name(files, tmp_path) -> None:
    card = json.loads(files["bundle.json"])
    newer = {**files, "bundle.json": json.dumps({**card, "schema": 99}).encode()}
    folder = save_bundle(newer, {}, tmp_path / "bundles")
    with pytest.raises(BadFile, match=r"is of schema 99, .* Train again: londonpump train\.$"):
        from_files(load_bundle(folder)[1], str(folder))


def test_a_bundle_from_before_the_calibration_goes_on_without_it(files) -> None:
    card, response = json.loads(files["bundle.json"]), json.loads(files["response_time.json"])
    del response["calibration"]
    before = {
        **files,
        "bundle.json": json.dumps({**card, "schema": 4}).encode(),
        "response_time.json": json.dumps(response).encode(),
    }
    assert from_files(before, "here").response.calibration is NO_CALIBRATION


def test_a_bundle_with_a_feature_of_the_future_is_refused(files) -> None:
    coefficients = json.loads(files["response_time.json"])
    newer = {
        **files,
        "response_time.json": json.dumps({**coefficients, "features": ["mood_of_crew"]}).encode(),
    }
    with pytest.raises(BadFile, match="does not know mood_of_crew"):
        from_files(newer, "here")


def test_the_stored_list_of_risk_stations_is_that_of_the_training_rows_with_its_date(
    files, small_bundle, small_examples
) -> None:
    until = small_bundle.card.data.trained_until
    rows = training_set(small_examples, until).rows
    stored = json.loads(files["risk_stations.json"])
    known = np.isfinite(rows["attendance_s"])
    assert stored["date"] == until.isoformat()
    assert stored["density"] == risk_stations(rows["station_code"][known], rows["attendance_s"][known])


def test_a_third_of_the_dispatches_sets_a_threshold_that_flags_as_many(
    small_bundle, small_examples, monkeypatch
) -> None:
    rows = training_set(small_examples, small_bundle.card.data.trained_until).rows
    dispatches = small_bundle.dispatches(rows)
    monkeypatch.setattr(models_train, "MAX_THRESHOLD_ROWS", dispatches.n // 3)
    threshold = models_train.fit_risk_threshold(small_bundle.response, dispatches)
    times = small_bundle.response(dispatches)
    chance = times.p_over(times.quantile(0.5) + MIN_UNDERESTIMATE_S)
    assert threshold != small_bundle.risk_threshold
    assert (chance >= threshold).mean() == pytest.approx(models_train.FLAGGED_SHARE, abs=0.01)


def test_a_split_leaves_every_incident_whole(small_examples, small_bundle) -> None:
    until = small_bundle.card.data.trained_until
    training = training_set(small_examples, until).rows
    later = later_rows(small_bundle, small_examples, until)
    numbers = [set(rows["incident_number"].tolist()) for rows in (training, later)]
    assert all(numbers)
    assert not numbers[0] & numbers[1]
    assert len(training["mobilised_us"]) + len(later["mobilised_us"]) == small_examples.n


def test_an_incident_on_both_sides_of_midnight_goes_with_its_first_pump() -> None:
    midnight = midnight_us(date(2023, 6, 1))
    rows = {
        "incident_number": np.array(["1-A", "1-A", "2-B"], object),
        "mobilised_us": np.array([midnight - 60_000_000, midnight + 60_000_000, midnight]),
    }
    assert (first_us_of_incident(rows) < midnight).tolist() == [True, True, False]
    assert incident_codes(rows).tolist() == [0, 0, 1]


def test_midnight_is_londons() -> None:
    assert midnight_us(date(2023, 6, 1)) == midnight_us(date(2023, 1, 1)) + (151 * 24 - 1) * 3_600_000_000


def test_incidents_learnt_from_are_known_again_and_others_are_not(small_bundle, small_examples) -> None:
    until = small_bundle.card.data.trained_until
    training = training_set(small_examples, until).rows
    known = np.isfinite(training["attendance_s"])
    assert small_bundle.has_seen(training["incident_number"][known]).all()
    later = later_rows(small_bundle, small_examples, until)
    assert not small_bundle.has_seen(later["incident_number"]).any()
    assert len(np.unique(incident_hashes(np.arange(100_000).astype(str)))) == 100_000


def test_rows_that_were_learnt_from_are_never_judged_on(small_brigade) -> None:
    request = EvaluateRequest(small_brigade.bundle, small_brigade.data, date(2023, 3, 25))
    with pytest.raises(BadValue, match="that the bundle was trained on"):
        evaluate(request)


def test_two_training_incidents_among_many_later_ones_are_found(small_bundle, small_examples) -> None:
    """A limit that is only a share of the test rows would accept more seen rows the more rows there are."""
    until = small_bundle.card.data.trained_until
    later = first_us_of_incident(small_examples.rows) >= midnight_us(until)
    seen = np.flatnonzero(~later & np.isfinite(small_examples.rows["attendance_s"]))[:4]
    order = np.concatenate([np.resize(np.flatnonzero(later), 60_000), seen])
    rows = {name: values[order] for name, values in small_examples.rows.items()}
    # The four are dated later, so that only their numbers identify them.
    rows["mobilised_us"] = np.maximum(rows["mobilised_us"], midnight_us(until))
    examples = replace(small_examples, rows=rows, data_hash="0")
    with pytest.raises(BadValue, match="includes 4 mobilisations"):
        later_rows(small_bundle, examples, until)


def test_too_few_later_rows_are_said_in_words(small_brigade) -> None:
    with pytest.raises(TooFewRows, match="50 needed"):
        evaluate(EvaluateRequest(small_brigade.bundle, small_brigade.data, date(2024, 1, 1)))


def test_too_few_training_rows_are_said_in_words(small_data, tmp_path) -> None:
    with pytest.raises(TooFewRows, match="300 needed"):
        train(TrainRequest(small_data, tmp_path / "bundle", until=date(2023, 3, 14)))
    assert not (tmp_path / "bundle").exists()


def test_the_card_holds_a_self_test_that_the_bundle_answers_as_when_it_was_learnt(small_bundle) -> None:
    self_test = small_bundle.card.self_test
    columns = {
        name: np.array([np.nan if value is None else value], None if name == "mobilised_us" else np.float64)
        if not isinstance(value, str) and name not in ("incident_type", "property_category", "property_type")
        else np.array([value], object)
        for name, value in self_test.dispatch.items()
    }
    median_s = small_bundle.response(small_bundle.dispatches(columns)).quantile(0.5)[0]
    assert median_s == pytest.approx(self_test.p50_s, abs=1e-3)


def test_metrics_on_later_runs_stand_beside_the_bundle_outside_its_name(
    small_brigade, small_bundle, files
) -> None:
    metrics = read_provenance(small_brigade.bundle)["metrics"]
    assert metrics["rows"] > 500
    assert 30 < metrics["mae_s"] < 150
    assert 0.7 < metrics["cover_80_share"] < 0.9
    # by their names: among thousands of numbers the value itself occurs by chance
    assert not any(
        f'"{name}"'.encode() in content for name in ("mae_s", "metrics") for content in files.values()
    )
