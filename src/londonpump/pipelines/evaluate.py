"""Judge a bundle, and what it must beat, on runs later than it has seen."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from londonpump.brigade.errors import BadValue, TooFewRows
from londonpump.evaluation.compare import paired_difference
from londonpump.evaluation.judge import judge
from londonpump.evaluation.pumps import judge_pumps
from londonpump.evaluation.report import About, ReportInputs, render_model_card, render_report
from londonpump.evaluation.rows import Forecast, JudgedRows
from londonpump.models.bundle import Bundle, from_files
from londonpump.models.domain import TEXTS
from londonpump.models.risk_stations import listed
from londonpump.models.seed_recipe import median_and_best
from londonpump.models.training import (
    distance_as_original_km,
    seed_columns,
    with_known_pumps,
    with_workload,
)
from londonpump.pipelines.data import (
    Columns,
    Examples,
    first_us_of_incident,
    load_examples,
    midnight_us,
)
from londonpump.pipelines.judged_rows import FEW, SEEN_BY_CHANCE, forecast_of, judged
from londonpump.pipelines.progress import Progress, silent
from londonpump.storage.bundles import load_bundle, read_provenance
from londonpump.storage.files import as_json, refuse_foreign_file, write_texts

ATTRIBUTION = (
    "Contains public sector information licensed under the Open Government Licence v3.0. Source: London Fire "
    "Brigade (London Fire Commissioner), published on the London Datastore, Greater London Authority."
)
LEAST_TEST_ROWS = 50
JSON_MARK, PAGE_MARK = '"resamples"', 'content="londonpump"'
LATER = "later than every training row, incidents whole"
NOT_LATER = "none that was learnt from, but not later than the training rows; incidents whole"


@dataclass(frozen=True, slots=True)
class EvaluateRequest:
    """from_date None: from where the bundle's training stopped."""

    bundle: Path
    data: Path
    from_date: date | None = None
    json: Path | None = None
    report: Path | None = None
    card: Path | None = None
    resamples: int = 1000


@dataclass(frozen=True, slots=True)
class Evaluation:
    """results: what --json writes. inputs: what the report is made of."""

    results: dict[str, Any]
    inputs: ReportInputs


def evaluate(request: EvaluateRequest, progress: Progress = silent) -> Evaluation:
    """Judge and write what was asked for. Raises: BadValue if test rows were training rows."""
    targets = [path.resolve() for path in (request.json, request.report, request.card) if path is not None]
    if len(set(targets)) < len(targets):
        raise BadValue("--report", str(request.report), "names the same file twice. Name one for each output")
    for path, mark in ((request.json, JSON_MARK), (request.report, PAGE_MARK), (request.card, PAGE_MARK)):
        if path is not None:
            refuse_foreign_file(path, mark)
    progress("Reading bundle and examples", 0.0)
    name, files = load_bundle(request.bundle)
    bundle = from_files(files, str(request.bundle))
    examples = load_examples(request.data)
    progress("Predicting", 0.1)
    start = request.from_date or date.fromisoformat(bundle.card["trained_until"])
    rows = later_rows(bundle, examples, start)
    judged_rows = judged(bundle, rows)
    forecasts = forecasts_of(bundle, rows)
    progress("Judging, with intervals from resampled days", 0.3)
    result = judge(judged_rows, forecasts, resamples=request.resamples)
    pumps = _pumps(bundle, examples, start, request.resamples)
    results = {
        "schema": 1,
        "data_hash": examples.data_hash,
        "bundle": name,
        **result,
        "is_later": start >= date.fromisoformat(bundle.card["trained_until"]),
        "differences": _differences(judged_rows, forecasts, request.resamples),
        "seed_recipe": _seed_scores(bundle, rows),
        "context_unknown": bundle.response.context.unknown(bundle.runs(rows)),
        "pumps": pumps,
    }
    inputs = ReportInputs(
        judged_rows, forecasts, result, _about(bundle, name, request, examples, start), pumps=pumps
    )
    progress("Writing the report", 0.8)
    _write(request, results, inputs)
    progress("Done", 1.0)
    return Evaluation(results, inputs)


def _write(request: EvaluateRequest, results: dict[str, Any], inputs: ReportInputs) -> None:
    """Write what was asked for, all of it or nothing."""
    texts = {}
    if request.json is not None:
        texts[request.json] = as_json(results)
    if request.report is not None:
        texts[request.report] = render_report(inputs)
    if request.card is not None:
        texts[request.card] = render_model_card(inputs)
    write_texts(texts)


def later_rows(bundle: Bundle, examples: Examples, start: date) -> Columns:
    """Rows of incidents that began on a day or later, none of them trained on."""
    later = first_us_of_incident(examples.rows) >= midnight_us(start)
    rows = examples.take(later & np.isfinite(examples.rows["attendance_s"]))
    seen = int(bundle.has_seen(rows["incident_number"]).sum())
    if seen > FEW + SEEN_BY_CHANCE * len(rows["incident_number"]):
        raise BadValue(
            "--from",
            start.isoformat(),
            f"takes in {seen} runs that the bundle learnt from. It learnt until {bundle.card['trained_until']}: "
            "choose that day or a later one",
        )
    if len(rows["mobilised_us"]) < LEAST_TEST_ROWS:
        raise TooFewRows(
            f"{len(rows['mobilised_us'])} examples from {start} on, {LEAST_TEST_ROWS} needed. Train with an earlier "
            "--until, or prepare later records."
        )
    return with_workload(rows, examples.calls, bundle.ground, examples.complete)


def forecasts_of(bundle: Bundle, rows: Columns) -> dict[str, Forecast]:
    """Every model on the same rows; `ours_kind_not_stated` is ours with the kind of call left out."""
    n = len(rows["mobilised_us"])
    distance_km = distance_as_original_km(rows)
    runs = bundle.runs(rows)
    unstated = bundle.runs({**rows, "incident_type": np.full(n, None, object)})
    flagged = np.isin(rows["station_code"].astype(str), listed(bundle.risk_stations))
    return {
        "constant": Forecast(bundle.constant.predict(n), bundle.constant.predict_mean(n)),
        "distance": Forecast(bundle.distance.predict(distance_km), bundle.distance.predict_mean(distance_km)),
        "seed": Forecast(bundle.seed.predict(seed_columns(runs)), is_listed=flagged),
        "ours": forecast_of(bundle.response_times(runs)),
        "ours_kind_not_stated": forecast_of(bundle.response_times(unstated)),
    }


def _seed_scores(bundle: Bundle, rows: Columns) -> dict[str, Any]:
    """The eleven seeds of the seed recipe: it is unstable, so both its median and its best are told."""
    answers = bundle.seed.predict_all(seed_columns(bundle.runs(rows)))
    mae_s = np.abs(answers - rows["attendance_s"]).mean(axis=1)
    median, best = median_and_best(mae_s)
    return {"mae_s": [round(float(m), 3) for m in mae_s], "median_mae_s": median, "best_mae_s": best}


def _differences(rows: JudgedRows, forecasts: dict[str, Forecast], resamples: int) -> dict[str, Any]:
    """MAE of each other model less ours, on the same rows."""
    return {
        name: paired_difference(rows, forecast, forecasts["ours"], "mae_s", resamples, 0)
        for name, forecast in forecasts.items()
        if name != "ours"
    }


def _pumps(bundle: Bundle, examples: Examples, start: date, resamples: int) -> dict[str, Any] | None:
    """The number of pumps on every later call whose number was published, kind stated and not."""
    later = examples.calls["call_us"] >= midnight_us(start)
    calls = with_known_pumps({name: values[later] for name, values in examples.calls.items()})
    if not len(calls["call_us"]):
        return None
    actual = np.clip(calls["pumps_attending"], 1, 5).astype(np.int64)
    nothing = np.full(len(actual), None, object)
    hidden = {**calls, **dict.fromkeys(TEXTS, nothing)}
    judged_by_told = {}
    for told, columns in (("all_stated", calls), ("nothing_stated", hidden)):
        runs = bundle.runs(columns)
        chances = bundle.pumps(runs)
        judged_by_told[told] = judge_pumps(actual, chances.probability, chances.chosen, runs.day, resamples)
    return {**judged_by_told["all_stated"], "nothing_stated": judged_by_told["nothing_stated"]}


def _about(bundle: Bundle, name: str, request: EvaluateRequest, examples: Examples, start: date) -> About:
    card = bundle.card
    return About(
        bundle=name,
        data_hash=examples.data_hash,
        trained_from_date=date.fromisoformat(card["trained_from"]),
        trained_until_date=date.fromordinal(date.fromisoformat(card["trained_until"]).toordinal() - 1),
        trained_rows=card["rows"],
        attribution=ATTRIBUTION,
        is_simulated=bool(card["is_simulated"] or examples.report.get("simulated", False)),
        made_at=str(read_provenance(request.bundle).get("made_at", "")),
        split=LATER if start >= date.fromisoformat(card["trained_until"]) else NOT_LATER,
        features=tuple(
            f"{feature.name} ({feature.unit}, known at {feature.known})"
            for feature in bundle.response.features
        ),
        without=bundle.response.context.missing,
    )
