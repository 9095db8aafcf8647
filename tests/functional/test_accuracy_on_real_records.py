"""What the predictions must reach on real records, measured by the code of `python -m benchmarks.accuracy`."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.accuracy import pages, targets
from benchmarks.accuracy.leaks import shuffled_target
from benchmarks.accuracy.predictions import NOT_STATED, STATED, joined_forecast
from benchmarks.accuracy.records import (
    ALONE_A,
    ALONE_B,
    MAP,
    STREAM_2017,
    UNION,
    examples_of,
    prepared,
    road_tables,
)
from benchmarks.accuracy.scores import quick_gains, scores_of
from benchmarks.accuracy.splits import down_the_road, five_folds, fold_of, later
from benchmarks.frozen_rows import OUT, frozen
from londonpump.domain.errors import BadFile
from londonpump.lifecycle.prepared_examples import load_examples
from londonpump.persistence.atomic_files import read_json
from londonpump.roads.store import current_table

ROOT = Path(__file__).resolve().parents[2]
REAL = ROOT / "../shared/data"
RESULTS = ROOT / "benchmarks/results/accuracy.json"
needs_records = pytest.mark.skipif(
    not all((REAL / name).exists() for name in (*UNION.files, *STREAM_2017.files, MAP)),
    reason="the real records and the map are not beside the repository",
)
RESAMPLES = 400


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    return tmp_path_factory.mktemp("accuracy")


@pytest.fixture(scope="module")
def union(work):
    return examples_of(UNION, REAL, work)


@pytest.fixture(scope="module")
def last_quarter(union):
    return later(UNION, union)


@pytest.fixture(scope="module")
def tables(work):
    return road_tables(REAL, work)


@pytest.fixture(scope="module")
def by_road(union, tables):
    """The last quarter by a model with roads; importing the map takes half a minute."""
    return later(UNION, union, current_table(tables))


@pytest.fixture(scope="module")
def pooled(union, tables):
    return scores_of(five_folds(union, current_table(tables))[1], RESAMPLES)


@pytest.fixture(scope="module")
def february(work, tables):
    examples = examples_of(STREAM_2017, REAL, work)
    return scores_of(later(STREAM_2017, examples, current_table(tables))[1], RESAMPLES)


@needs_records
def test_the_frozen_rows_of_the_benchmark_are_those_of_these_records(union):
    of_union = next(one for one in read_json(OUT) if one["name"] == UNION.label)
    assert frozen(UNION, union, REAL) == of_union


def verdicts(reaches, scores, input_variant=STATED):
    """What was missed, figure by figure."""
    return [
        entry
        for entry in targets.compared(reaches, scores)
        if entry[input_variant]["verdict"] == targets.MISSED
    ]


@needs_records
def test_ours_beats_distance_alone_by_more_than_two_and_a_half_seconds_on_the_last_quarter(last_quarter):
    assert quick_gains(last_quarter[1])["distance"]["value"] >= 2.5


@needs_records
def test_ours_beats_the_best_of_eleven_seed_recipes_by_as_much_on_the_last_quarter(last_quarter):
    assert quick_gains(last_quarter[1])["original_best"]["value"] >= 2.5


@needs_records
def test_no_run_of_the_last_quarter_was_learnt_from(last_quarter):
    fold, answers = last_quarter
    training_incidents = set(fold.training.rows["incident_number"])
    assert training_incidents.isdisjoint(answers.columns["incident_number"])


@needs_records
def test_a_call_and_all_its_runs_fall_into_one_fold(union):
    fold_of_call = dict(zip(union.calls["incident_number"], fold_of(union.calls), strict=True))
    in_calls = np.array([fold_of_call[number] for number in union.rows["incident_number"]])
    assert (in_calls == fold_of(union.rows)).all()


@needs_records
@pytest.mark.slow
def test_no_figure_of_the_pooled_folds_is_missed_beyond_its_interval(pooled):
    assert verdicts(targets.POOLED, pooled) == []


@needs_records
@pytest.mark.slow
def test_the_pooled_folds_hold_no_sign_of_a_leak(pooled):
    whole = pooled["models"]["ours"]["all"]["all"]
    assert whole["mae_s"]["value"] > targets.LEAK_MAE_S
    assert whole["r2"]["value"] < targets.LEAK_R2


@needs_records
@pytest.mark.slow
@pytest.mark.parametrize("model", ["last_quarter", "by_road"])
def test_shuffled_answers_leave_nothing_to_learn(model, request):
    assert shuffled_target(request.getfixturevalue(model)[0])["gain_s"]["value"] < 1.0


@needs_records
@pytest.mark.slow
@pytest.mark.parametrize("input_variant", [STATED, NOT_STATED])
def test_no_figure_of_the_last_quarter_is_missed_beyond_its_interval(by_road, input_variant):
    assert verdicts(targets.LAST_QUARTER, scores_of(by_road[1], RESAMPLES), input_variant) == []


@needs_records
@pytest.mark.slow
@pytest.mark.parametrize("input_variant", [STATED, NOT_STATED])
def test_ours_beats_the_mean_curve_of_distance_by_four_seconds_on_february_2017(february, input_variant):
    assert february["gains"][input_variant]["distance_mean_curve"]["value"] >= 4.0


@needs_records
@pytest.mark.slow
@pytest.mark.parametrize("input_variant", [STATED, NOT_STATED])
def test_four_seconds_below_the_stronger_median_curve_lie_within_the_interval_on_february_2017(
    february, input_variant
):
    assert verdicts(targets.FEBRUARY_2017, february, input_variant) == []


@needs_records
@pytest.mark.slow
def test_february_2017_holds_no_sign_of_a_leak(february):
    whole = february["models"]["ours"]["all"]["all"]
    assert whole["mae_s"]["value"] > targets.LEAK_MAE_S
    assert whole["r2"]["value"] < targets.LEAK_R2


@needs_records
@pytest.mark.slow
@pytest.mark.parametrize("records", [ALONE_A, ALONE_B, STREAM_2017], ids=lambda records: records.name)
def test_each_set_of_files_goes_down_the_whole_road_and_every_run_is_answered(records, work, tables):
    data = prepared(records, REAL, work)
    _, answers, road = down_the_road(records, load_examples(data), data, tables)
    assert road.answered == road.predicted == road.judged
    assert road.predict_mae_s == pytest.approx(road.evaluate_mae_s, abs=0.3)
    assert quick_gains(answers)["distance"]["value"] > 0


def test_a_figure_that_only_its_interval_reaches_is_said_to_be_so():
    accuracy = next(one for one in targets.POOLED if one.label == "pumps: accuracy")
    found = [
        accuracy.verdict({"value": value, "low": value - 0.01, "high": value + 0.01})
        for value in (0.79, 0.775, 0.76)
    ]
    assert found == [targets.MET, targets.WITHIN, targets.MISSED]


def test_a_figure_without_an_interval_is_missed():
    assert targets.POOLED[0].verdict({"value": 60.0, "low": None, "high": None}) == targets.MISSED


def test_records_that_are_not_there_are_named(tmp_path):
    with pytest.raises(BadFile, match="incidents_2017_jan_feb"):
        prepared(STREAM_2017, tmp_path, tmp_path)


@needs_records
def test_folds_end_to_end_keep_every_answer(last_quarter):
    ours = last_quarter[1].forecasts["ours"]
    half = len(ours) // 2
    first, second = (ours.take(np.arange(len(ours)) < half), ours.take(np.arange(len(ours)) >= half))
    both = joined_forecast([first, second])
    assert (both.median_s == ours.median_s).all()
    assert (both.quantiles_s == ours.quantiles_s).all()
    assert (both.p_over[360] == ours.p_over[360]).all()


@pytest.mark.parametrize("name", pages.PAGES)
def test_the_pages_show_the_figures_that_were_measured(name):
    page = ROOT / name
    text = page.read_text(encoding="utf-8")
    assert pages.filled(text, pages.PAGES[name], read_json(RESULTS), page) == text


def test_a_page_without_its_marks_is_refused(tmp_path):
    with pytest.raises(BadFile, match="lacks the marks"):
        pages.filled("no marks", {"about": str}, {}, tmp_path / "page.md")


@needs_records
def test_perfect_answers_would_be_taken_for_a_leak(last_quarter):
    answers = last_quarter[1]
    input_variant = replace(answers.forecasts["ours"], median_s=answers.rows.actual_s)
    leaking = replace(answers, forecasts={**answers.forecasts, "ours": input_variant})
    whole = scores_of(leaking, 20)["models"]["ours"]["all"]["all"]
    assert whole["mae_s"]["value"] < targets.LEAK_MAE_S
