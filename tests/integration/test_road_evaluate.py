"""`evaluate`: its JSON, the report and the model card, and that two evaluations are equal."""

import json
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from londonpump.domain.errors import BadFile, BadValue, TooFewRows
from londonpump.domain.json_values import to_json
from londonpump.lifecycle.evaluate import (
    EvaluateRequest,
    evaluate,
    forecasts_of,
    later_rows,
    original_of,
)
from londonpump.lifecycle.predict import open_bundle
from londonpump.lifecycle.prepare import PrepareRequest, prepare
from londonpump.lifecycle.prepared_examples import build_judged_rows
from londonpump.models.train import TrainingPlan, usable_rows
from londonpump.presentation.report.style import MODEL_LABELS
from londonpump.presentation.texts.models import format_evaluation
from londonpump.simulation.plan import SimulationPlan
from londonpump.simulation.simulate import write_simulation

MODELS = ("constant", "distance", "original", "ours")


def data_of_other_incidents(folder):
    """Prepared data of three days before the small Brigade's."""
    plan = SimulationPlan(incidents=900, days=3, start=date(2023, 3, 1), seed=8)
    files = write_simulation(plan, folder / "raw").files
    prepare(PrepareRequest((files["incidents"],), folder / "data"))
    return folder / "data"


@pytest.fixture(scope="module")
def evaluated(small_brigade, tmp_path_factory):
    """(results, folder with evaluation.json, report.html, card.html)."""
    folder = tmp_path_factory.mktemp("evaluated")
    request = EvaluateRequest(
        small_brigade.bundle,
        small_brigade.data,
        json=folder / "evaluation.json",
        report=folder / "report.html",
        card=folder / "card.html",
        resamples=100,
        is_with_original=True,
    )
    return evaluate(request).results, folder


def test_the_file_is_what_was_found_and_holds_no_nan(evaluated) -> None:
    results, folder = evaluated

    def reject_constant(constant: str) -> None:
        raise AssertionError(constant)

    text = (folder / "evaluation.json").read_text(encoding="utf-8")
    assert json.loads(text, parse_constant=reject_constant) == json.loads(json.dumps(to_json(results)))


def test_the_json_has_the_promised_shape(evaluated, small_brigade, small_examples) -> None:
    results = to_json(evaluated[0])
    assert results["schema"] == 1
    assert results["data_hash"] == small_examples.data_hash
    assert results["bundle"] == small_brigade.bundle.name
    assert set(MODELS) <= set(results["models"])
    for name in MODELS:
        whole = results["models"][name]["all"]["all"]
        assert whole["n"] == results["rows"]
        for metric in ("mae_s", "rmse_s", "median_ae_s", "r2", "bias_s", "within_60_share"):
            assert whole[metric]["low"] <= whole[metric]["value"] <= whole[metric]["high"]


@pytest.mark.parametrize(
    "name",
    [
        "distance_band",
        "distance_decile",
        "hour",
        "hour_band",
        "station",
        "borough",
        "own_ground",
        "incident_type",
        "pump",
    ],
)
def test_every_slice_divides_the_rows_without_loss(name, evaluated) -> None:
    results = to_json(evaluated[0])
    for model in MODELS:
        slices = results["models"][model][name]
        assert sum(part["n"] for part in slices.values()) == results["rows"]


def test_every_model_is_judged_on_the_same_rows_later_than_the_training(
    small_bundle, small_examples, evaluated
) -> None:
    until = small_bundle.card.data.trained_until
    rows = later_rows(small_bundle, small_examples, until)
    assert to_json(evaluated[0])["rows"] == len(rows["mobilised_us"])
    assert {len(forecast) for forecast in forecasts_of(small_bundle, rows).values()} == {
        to_json(evaluated[0])["rows"]
    }
    assert not np.isin(
        rows["incident_number"],
        small_examples.rows["incident_number"][
            ~np.isin(small_examples.rows["source_row"], rows["source_row"])
        ],
    ).any()
    assert (build_judged_rows(small_bundle, rows).actual_s == rows["attendance_s"]).all()


def test_the_mae_is_what_a_hand_would_find(small_bundle, small_examples, evaluated) -> None:
    rows = later_rows(small_bundle, small_examples, small_bundle.card.data.trained_until)
    median_s = small_bundle.response_times(small_bundle.dispatches(rows)).quantile(0.5)
    by_hand = np.abs(median_s - rows["attendance_s"]).mean()
    assert to_json(evaluated[0])["models"]["ours"]["all"]["all"]["mae_s"]["value"] == pytest.approx(by_hand)


def test_the_distribution_covers_later_runs_about_as_it_claims(evaluated) -> None:
    ours = to_json(evaluated[0])["models"]["ours"]["all"]["all"]
    assert 0.74 < ours["cover_80_share"]["value"] < 0.86
    assert 0.85 < ours["cover_90_share"]["value"] < 0.95


def test_ours_beats_the_constant_and_no_leak_is_needed_for_it(evaluated) -> None:
    models = {name: slices["all"]["all"] for name, slices in to_json(evaluated[0])["models"].items()}
    assert models["ours"]["mae_s"]["value"] < 0.8 * models["constant"]["mae_s"]["value"]
    assert models["ours"]["r2"]["value"] < 0.75


def test_report_and_card_are_written_say_simulated_and_ask_nothing_of_the_net(evaluated) -> None:
    _, folder = evaluated
    for name in ("report.html", "card.html"):
        page = (folder / name).read_text(encoding="utf-8")
        assert "simulated" in page.lower()
        assert "<script src" not in page
        assert "Open Government Licence" in page


def test_the_words_name_every_model_with_its_interval(evaluated) -> None:
    report_text = format_evaluation(evaluated[0])
    assert all(MODEL_LABELS[name] in report_text for name in MODELS)
    assert "original model over eleven seeds" in report_text


@pytest.mark.slow
def test_judging_twice_gives_the_same_figures(evaluated, small_brigade) -> None:
    request = EvaluateRequest(small_brigade.bundle, small_brigade.data, resamples=100, is_with_original=True)
    assert evaluate(request).results == evaluated[0]


@pytest.mark.slow
def test_without_the_original_every_other_figure_stays(evaluated, small_brigade, tmp_path) -> None:
    report = tmp_path / "report.html"
    request = EvaluateRequest(small_brigade.bundle, small_brigade.data, report=report, resamples=100)
    results = evaluate(request).results
    before, after = to_json(evaluated[0]), to_json(results)
    assert set(before) - set(after) == {"original"}
    for key in ("models", "differences"):
        others = {name: found for name, found in before[key].items() if name != "original"}
        assert after[key] == others
    assert "riginal model" not in format_evaluation(results)
    assert "riginal model" not in report.read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_original_is_never_fitted_on_a_row_that_it_is_judged_on(
    small_brigade, small_examples, monkeypatch
) -> None:
    fitted = []

    def record(bundle, training):
        fitted.append(training)
        return original_of(bundle, training)

    monkeypatch.setattr("londonpump.lifecycle.evaluate.original_of", record)
    evaluate(EvaluateRequest(small_brigade.bundle, small_brigade.data, resamples=10, is_with_original=True))
    bundle = open_bundle(small_brigade.bundle)
    judged = later_rows(bundle, small_examples, bundle.card.data.trained_until)
    assert not np.isin(judged["incident_number"], fitted[0].rows["incident_number"]).any()
    assert bundle.has_seen(usable_rows(fitted[0], TrainingPlan()).rows["incident_number"]).all()


def test_data_without_training_rows_cannot_show_the_original(small_brigade, tmp_path) -> None:
    request = EvaluateRequest(small_brigade.bundle, small_brigade.data, resamples=10, is_with_original=True)
    with pytest.raises(TooFewRows, match="300 needed"):
        evaluate(replace(request, data=data_of_other_incidents(tmp_path), from_date=date(2023, 3, 1)))


def test_a_former_report_is_replaced_with_card_and_maps_and_a_foreign_file_is_not(
    evaluated, small_brigade, tmp_path
) -> None:
    _, folder = evaluated
    own = EvaluateRequest(
        small_brigade.bundle,
        small_brigade.data,
        json=folder / "evaluation.json",
        report=folder / "report.html",
        card=tmp_path / "README.md",
        maps=tmp_path / "maps",
        resamples=100,
    )
    assert evaluate(own).maps.startswith("3 maps as PNG, GeoJSON and GeoPackage")
    assert (tmp_path / "maps" / "error-by-borough.geojson").is_file()
    card = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert card.startswith("---\nlicense: mit\n")
    assert "| distance, by the base curve |" in card
    page = own.report.read_text(encoding="utf-8")
    assert "One call, step by step" in page
    assert "Crown copyright" in page
    notes = tmp_path / "notes.txt"
    notes.write_text("my notes", encoding="utf-8")
    data_report = small_brigade.data / "report.json"
    before = data_report.read_bytes()
    for foreign in (replace(own, json=data_report), replace(own, report=notes), replace(own, card=notes)):
        with pytest.raises(BadFile, match="is not of this kind"):
            evaluate(foreign)
    with pytest.raises(BadFile, match="holds other things"):
        evaluate(replace(own, maps=tmp_path))
    assert data_report.read_bytes() == before
    assert notes.read_text(encoding="utf-8") == "my notes"


def test_two_outputs_under_one_name_are_refused(small_brigade, tmp_path) -> None:
    one = tmp_path / "report.html"
    with pytest.raises(BadValue, match="names the same file twice"):
        evaluate(EvaluateRequest(small_brigade.bundle, small_brigade.data, json=one, report=one))
    assert not one.exists()


@pytest.mark.slow
def test_runs_of_other_incidents_that_are_not_later_are_not_called_later(
    evaluated, small_brigade, tmp_path
) -> None:
    assert to_json(evaluated[0])["is_later"] is True
    assert " later mobilisations on " in format_evaluation(evaluated[0])
    report = tmp_path / "report.html"
    data = data_of_other_incidents(tmp_path)
    request = EvaluateRequest(small_brigade.bundle, data, date(2023, 3, 1), report=report, resamples=20)
    results = evaluate(request).results
    assert results.is_later is False
    assert "later" not in format_evaluation(results)
    assert "but not later than it" in report.read_text(encoding="utf-8")
