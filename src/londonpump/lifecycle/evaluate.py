"""Evaluate a bundle and its baselines on mobilisations later than its training."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np

from londonpump.domain.attendance_targets import LATENESS_LIMITS_S
from londonpump.domain.columns import MOBILISATION
from londonpump.domain.errors import BadValue, TooFewRows
from londonpump.domain.json_values import to_json
from londonpump.domain.london_clock import LONDON
from londonpump.domain.london_map import MAP_ATTRIBUTION
from londonpump.evaluation.arrival_order import evaluate_order
from londonpump.evaluation.evaluate import evaluate_models, evaluate_pumps, paired_difference
from londonpump.evaluation.evaluation_rows import EvaluationRows, Forecast
from londonpump.evaluation.intervals import Stat
from londonpump.evaluation.original_model import (
    OriginalModel,
    fit_original,
    median_and_best,
    original_columns,
)
from londonpump.features.catalogue import LABELS
from londonpump.features.dispatches import Dispatches
from londonpump.lifecycle import benchmark
from londonpump.lifecycle.map_files import OUTLINES, write_maps
from londonpump.lifecycle.prepared_examples import (
    MAX_SEEN_ROWS,
    MAX_SEEN_SHARE,
    Columns,
    Examples,
    build_judged_rows,
    forecast_of,
    load_examples,
    midnight_us,
)
from londonpump.lifecycle.progress import Progress, silent
from londonpump.lifecycle.train import training_set
from londonpump.models.applicability_domain import TEXTS
from londonpump.models.bundle import Bundle, from_files
from londonpump.models.distribution import P10, P50, P90
from londonpump.models.explanations import explanations, importance, strongest_dependences
from londonpump.models.risk_stations import listed
from londonpump.models.train import (
    TrainingPlan,
    TrainingSet,
    distance_as_original_km,
    usable_rows,
    with_known_pumps,
    with_workload,
)
from londonpump.persistence.atomic_files import as_json, require_own_file, require_own_folder, write_texts
from londonpump.persistence.bundles import load_bundle, read_provenance
from londonpump.presentation.report.inputs import About, FeatureFacts, ReportInputs, WorkedCall
from londonpump.presentation.report.maps import evaluation_layers
from londonpump.presentation.report.render import render_card_markdown, render_model_card, render_report
from londonpump.presentation.report.style import format_day
from londonpump.presentation.texts.models import EvaluationResults, OriginalScores, PumpScores, training_notes
from londonpump.presentation.texts.places import format_borough, format_ground
from londonpump.roads.bundles import with_roads

ATTRIBUTION = (
    "Contains public sector information licensed under the Open Government Licence v3.0. Source: London Fire "
    "Brigade (London Fire Commissioner), published on the London Datastore, Greater London Authority."
)
MIN_TEST_ROWS = 50
JSON_MARK, PAGE_MARK, MARKDOWN_MARK = '"resamples"', 'content="londonpump"', "library_name: londonpump"
MAX_IMPORTANCE_ROWS = 2000
EPOCH_AT = datetime(1970, 1, 1, tzinfo=UTC)
LATER = "later than every training row, incidents whole"
NOT_LATER = "not part of the training data, but not later than it; incidents whole"


@dataclass(frozen=True, slots=True)
class EvaluateRequest:
    """Request to evaluate a bundle and to write the outputs that are named."""

    bundle: Path
    data: Path
    from_date: date | None = None  # None: the day on which the training of the bundle ended
    json: Path | None = None
    report: Path | None = None
    card: Path | None = None
    resamples: int = 1000
    is_with_original: bool = False
    """Fit the original's model too, on the training examples in `data`, and compare with it."""
    roads: Path | None = None  # folder of tables of roads; None: a bundle that needs one predicts without
    maps: Path | None = None  # folder for the maps as PNG, GeoJSON and GeoPackage
    predictions: Path | None = None  # predictions of anybody, to be evaluated on the same rows


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The results, and the inputs of the report."""

    results: EvaluationResults
    inputs: ReportInputs
    maps: str = ""
    """What was written of maps; empty if none were requested."""


def evaluate(request: EvaluateRequest, progress: Progress = silent) -> Evaluation:
    """Evaluate a bundle and write the requested files. Raises: BadValue if test rows were training rows."""
    targets = [path.resolve() for path in (request.json, request.report, request.card) if path is not None]
    if len(set(targets)) < len(targets):
        raise BadValue("--report", str(request.report), "names the same file twice. Name one for each output")
    card_mark = MARKDOWN_MARK if _is_markdown(request.card) else PAGE_MARK
    for path, mark in ((request.json, JSON_MARK), (request.report, PAGE_MARK), (request.card, card_mark)):
        if path is not None:
            require_own_file(path, mark)
    if request.maps is not None:
        require_own_folder(request.maps, OUTLINES)
    progress("Reading bundle and examples", 0.0)
    name, files = load_bundle(request.bundle)
    bundle = from_files(files, str(request.bundle))
    if request.roads is not None:
        bundle = with_roads(bundle, request.roads)
    examples = load_examples(request.data)
    trained_until = bundle.card.data.trained_until
    start = request.from_date or trained_until
    rows = later_rows(bundle, examples, start)
    ids = benchmark.dispatch_ids(rows)
    # read before the long work: a file with a wrong id is to fail at once
    submitted = (
        None if request.predictions is None else benchmark.read_predictions(request.predictions, ids.tolist())
    )
    original = None
    if request.is_with_original:
        progress("Fitting the original model", 0.1)
        # `--from` may lie before the end of the training: the evaluated rows are never trained on.
        original = original_of(bundle, training_set(examples, min(start, trained_until)))
    progress("Predicting", 0.2)
    judged_rows = build_judged_rows(bundle, rows)
    forecasts = forecasts_of(bundle, rows, original)
    if submitted is not None:
        forecasts[benchmark.SUBMITTED] = submitted
    # Whole days are resampled, because the errors of one day are correlated: a storm delays many pumps.
    progress("Evaluating, with intervals from resampled days", 0.3)
    evaluation = evaluate_models(judged_rows, forecasts, resamples=request.resamples)
    pumps = _pumps(bundle, examples, start, request.resamples)
    order = evaluate_order(judged_rows, forecasts["ours"].median_s, request.resamples)
    results = EvaluationResults(
        schema=1,
        data_hash=examples.data_hash,
        bundle=name,
        row_ids_sha256=benchmark.hash_of_ids(ids),
        evaluation=evaluation,
        is_later=start >= trained_until,
        differences=_differences(judged_rows, forecasts, request.resamples),
        original=None if original is None else _original_scores(original, bundle, rows),
        context_imputed=bundle.response.context.unknown(bundle.dispatches(rows)),
        pumps=pumps,
        order=order,
    )
    about = _about(bundle, name, request, examples, start, _feature_facts(bundle, rows))
    shown_pumps = None if pumps is None else pumps.all_stated
    inputs = ReportInputs(
        judged_rows,
        forecasts,
        evaluation,
        about,
        pumps=shown_pumps,
        order=order,
        worked_call=_worked_call(bundle, rows, forecasts["ours"]),
        dependences=[]
        if request.card is None
        else strongest_dependences(bundle.response, bundle.dispatches(rows)),
    )
    progress("Writing the report", 0.8)
    _write(request, results, inputs)
    maps = "" if request.maps is None else write_maps(request.maps, evaluation_layers(inputs))
    progress("Done", 1.0)
    return Evaluation(results, inputs, maps)


def _write(request: EvaluateRequest, results: EvaluationResults, inputs: ReportInputs) -> None:
    """Write the requested files: all of them, or none if one fails."""
    texts = {}
    if request.json is not None:
        texts[request.json] = as_json(to_json(results))
    if request.report is not None:
        texts[request.report] = render_report(inputs)
    if request.card is not None:
        render = render_card_markdown if _is_markdown(request.card) else render_model_card
        texts[request.card] = render(inputs)
    write_texts(texts)


def _is_markdown(card: Path | None) -> bool:
    return card is not None and card.suffix.lower() == ".md"


def _feature_facts(bundle: Bundle, rows: Columns) -> tuple[FeatureFacts, ...]:
    """Return the features and the parts of the base curve, the most important on the evaluated rows first."""
    features = {feature.name: (feature.unit, feature.known) for feature in bundle.response.features}
    # A mean over some thousand rows spread over the period is precise enough, and quick.
    n = len(rows["mobilised_us"])
    sample = np.linspace(0, n - 1, min(n, MAX_IMPORTANCE_ROWS)).astype(np.int64)
    found = importance(bundle.response, bundle.dispatches({name: of[sample] for name, of in rows.items()}))
    facts = [
        FeatureFacts(
            name,
            LABELS[name],
            *features.get(name, ("s", MOBILISATION)),
            seconds,
        )
        for name, seconds in found.items()
    ]
    return tuple(sorted(facts, key=lambda each: (-(each.importance_s or 0), each.name)))


def _worked_call(bundle: Bundle, rows: Columns, forecast: Forecast) -> WorkedCall:
    """Return the mobilisation whose error is the median of all, as an example that is neither lucky nor unlucky."""
    error_s = np.abs(forecast.median_s - rows["attendance_s"])
    at = int(np.argsort(error_s, kind="stable")[len(error_s) // 2])
    one = {name: values[at : at + 1] for name, values in rows.items()}
    dispatches = bundle.dispatches(one)
    times, scaling = (
        bundle.response_times(dispatches),
        bundle.applicability_domain.interval_scaling(dispatches)[0],
    )
    mobilised_at = (EPOCH_AT + timedelta(microseconds=int(one["mobilised_us"][0]))).astimezone(LONDON)
    facts = {
        "Mobilised": f"{mobilised_at:%A} {format_day(mobilised_at.date())}, {mobilised_at:%H:%M} in London",
        "from": format_ground(str(one["station_code"][0])),
        "to": f"{dispatches.distance_m[0] / 1000:.1f} km away"
        + (f" in {format_borough(one['borough_name'][0])}" if one["borough_name"][0] else ""),
        "incident type": one["incident_type"][0] or "not given",
    }
    return WorkedCall(
        facts=facts,
        contributions=explanations(bundle.response, dispatches, scaling)[0],
        p10_s=float(times.quantile(P10)[0]),
        p50_s=float(times.quantile(P50)[0]),
        p90_s=float(times.quantile(P90)[0]),
        p_over={seconds: float(times.p_over(seconds)[0]) for seconds in LATENESS_LIMITS_S[:3]},
        actual_s=float(one["attendance_s"][0]),
    )


def later_rows(bundle: Bundle, examples: Examples, start: date) -> Columns:
    """Return rows of incidents that began on a day or later, with their workload. Raises: BadValue, TooFewRows."""
    rows = examples.take(benchmark.is_evaluated(examples, start))
    # The date alone is no proof: data prepared from other records may date the same incidents differently.
    n_seen = int(bundle.has_seen(rows["incident_number"]).sum())
    if n_seen > MAX_SEEN_ROWS + MAX_SEEN_SHARE * len(rows["incident_number"]):
        raise BadValue(
            "--from",
            start.isoformat(),
            f"includes {n_seen} mobilisations that the bundle was trained on. Its training ended on "
            f"{bundle.card.data.trained_until}: choose that day or a later one",
        )
    if len(rows["mobilised_us"]) < MIN_TEST_ROWS:
        raise TooFewRows(
            f"{len(rows['mobilised_us'])} examples from {start} on, {MIN_TEST_ROWS} needed. Train with an earlier "
            "--until, or prepare later records."
        )
    return with_workload(rows, examples.calls, bundle.ground, examples.complete)


def original_of(bundle: Bundle, training: TrainingSet) -> OriginalModel:
    """Fit the original's model on the rows that the bundle would be trained on. Raises: TooFewRows."""
    plan = TrainingPlan(is_without_fast=bundle.card.is_without_fast)
    usable = usable_rows(training, plan)
    return fit_original(bundle.dispatches(usable.rows), usable.incident)


def forecasts_of(bundle: Bundle, rows: Columns, original: OriginalModel | None = None) -> dict[str, Forecast]:
    """Predict the same rows with every model; `ours_incident_type_not_stated` is ours without the incident type."""
    n = len(rows["mobilised_us"])
    distance_km = distance_as_original_km(rows)
    dispatches = bundle.dispatches(rows)
    unstated = bundle.dispatches({**rows, "incident_type": np.full(n, None, object)})
    return {
        "constant": Forecast(bundle.constant.predict(n), bundle.constant.predict_mean(n)),
        "distance": Forecast(
            bundle.distance.predict(distance_km),
            bundle.distance.predict_mean(distance_km),
            far_m=distance_km * 1000,
        ),
        **({} if original is None else {"original": _original_forecast(original, bundle, dispatches)}),
        "ours": forecast_of(bundle.response_times(dispatches)),
        "ours_incident_type_not_stated": forecast_of(bundle.response_times(unstated)),
    }


def _original_forecast(original: OriginalModel, bundle: Bundle, dispatches: Dispatches) -> Forecast:
    stations = dispatches.columns["station_code"].astype(str)
    flagged = np.isin(stations, listed(bundle.risk_stations))
    return Forecast(original.predict(original_columns(dispatches)), is_listed=flagged)


def _original_scores(original: OriginalModel, bundle: Bundle, rows: Columns) -> OriginalScores:
    """Score the original model for its eleven seeds."""
    answers = original.predict_all(original_columns(bundle.dispatches(rows)))
    mae_s = np.abs(answers - rows["attendance_s"]).mean(axis=1)
    median, best = median_and_best(mae_s)
    return OriginalScores(tuple(round(float(m), 3) for m in mae_s), median, best)


def _differences(rows: EvaluationRows, forecasts: dict[str, Forecast], resamples: int) -> dict[str, Stat]:
    """Return the MAE of each other model minus ours, on the same rows."""
    return {
        name: paired_difference(rows, forecast, forecasts["ours"], "mae_s", resamples, 0)
        for name, forecast in forecasts.items()
        if name != "ours"
    }


def _pumps(bundle: Bundle, examples: Examples, start: date, resamples: int) -> PumpScores | None:
    """Score the number of pumps on later calls whose number was published, with and without the incident type."""
    later = examples.calls["call_us"] >= midnight_us(start)
    calls = with_known_pumps({name: values[later] for name, values in examples.calls.items()})
    if not len(calls["call_us"]):
        return None
    # The model predicts the classes 1 to 5, where 5 means five or more.
    actual = np.clip(calls["pumps_attending"], 1, 5).astype(np.int64)
    nothing = np.full(len(actual), None, object)
    hidden = {**calls, **dict.fromkeys(TEXTS, nothing)}
    scores_by_stated = {}
    for stated, columns in (("all_stated", calls), ("nothing_stated", hidden)):
        dispatches = bundle.dispatches(columns)
        chances = bundle.pumps(dispatches)
        scores_by_stated[stated] = evaluate_pumps(
            actual, chances.probability, chances.chosen, dispatches.day, resamples
        )
    return PumpScores(**scores_by_stated)


def _about(
    bundle: Bundle,
    name: str,
    request: EvaluateRequest,
    examples: Examples,
    start: date,
    features: tuple[FeatureFacts, ...],
) -> About:
    facts = bundle.card.data
    return About(
        bundle=name,
        data_hash=examples.data_hash,
        trained_from_date=facts.trained_from or facts.trained_until,
        trained_until_date=facts.trained_until - timedelta(days=1),
        trained_rows=bundle.card.rows,
        attribution=attribution_of(None if bundle.card.roads is None else bundle.card.roads.attribution),
        is_simulated=facts.is_simulated or examples.is_simulated,
        made_at=str(read_provenance(request.bundle).get("made_at", "")),
        split=LATER if start >= facts.trained_until else NOT_LATER,
        features=features,
        without=bundle.response.context.missing,
        notes=tuple(training_notes(bundle.card)),
    )


def attribution_of(roads: str | None) -> str:
    """Return the credits of the records, and those of the roads of a bundle if it has some."""
    found = f"{ATTRIBUTION} {MAP_ATTRIBUTION}"
    return found if roads is None else f"{found} {roads}."
