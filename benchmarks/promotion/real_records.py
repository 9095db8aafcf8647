"""Verdicts on real records: a champion of January 2017, a challenger also trained on most of February."""

import statistics
import time
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from benchmarks.accuracy.records import STREAM_2017, examples_of
from londonpump.domain.json_values import to_json
from londonpump.evaluation.evaluation_rows import EvaluationRows
from londonpump.evaluation.promotion.evidence import EvaluatedModel, Evidence, SmokeTest
from londonpump.evaluation.promotion.rule import decide
from londonpump.lifecycle.evaluate import later_rows
from londonpump.lifecycle.prepared_examples import Columns, Examples, build_judged_rows, forecast_of
from londonpump.lifecycle.progress import silent
from londonpump.lifecycle.train import training_set
from londonpump.models.bundle import Bundle, TrainingFacts
from londonpump.models.train import TrainingPlan, fit_bundle

CHALLENGERS_UNTIL = (date(2017, 2, 15), date(2017, 2, 22))
LAST_DAY = date(2017, 2, 28)
ANSWERS = 50
MS_PER_S = 1_000


def on_real_records(source: Path, work: Path) -> dict[str, Any]:
    """Return verdict, reason and evidence by the end of the challenger's training data. Raises: BadFile."""
    examples = examples_of(STREAM_2017, source, work)
    champion = _trained_bundle(examples, STREAM_2017.until)
    decisions = {}
    for until in CHALLENGERS_UNTIL:
        challenger = _trained_bundle(examples, until)
        rows, active = _contender(champion, examples, STREAM_2017.until, until)
        _, new = _contender(challenger, examples, until, until)
        verdict = decide(Evidence(rows, active, new, LAST_DAY + timedelta(days=1)))
        decisions[until.isoformat()] = {
            "champion_rows": champion.card.rows,
            "challenger_rows": challenger.card.rows,
            "action": verdict.action,
            "rule": verdict.rule,
            "reason": verdict.reason,
            "evidence": to_json(verdict.evidence),
        }
    return decisions


def _trained_bundle(examples: Examples, until: date) -> Bundle:
    facts = TrainingFacts(trained_until=until)
    return fit_bundle(training_set(examples, until), TrainingPlan(), facts, silent)


def _contender(
    bundle: Bundle, examples: Examples, until: date, start: date
) -> tuple[EvaluationRows, EvaluatedModel]:
    rows = later_rows(bundle, examples, start)
    forecast = forecast_of(bundle.response_times(bundle.dispatches(rows)))
    return build_judged_rows(bundle, rows), EvaluatedModel(
        until, SmokeTest(None, _latency_ms(bundle, rows)), forecast
    )


def _latency_ms(bundle: Bundle, rows: Columns) -> float:
    """Return the median of warm predictions of one dispatch in this process, because only the comparison matters here."""
    one = {name: values[:1] for name, values in rows.items()}
    taken_s = []
    for _ in range(ANSWERS):
        started_s = time.perf_counter()
        bundle.response_times(bundle.dispatches(one)).quantiles((0.1, 0.5, 0.9))
        taken_s.append(time.perf_counter() - started_s)
    return statistics.median(taken_s) * MS_PER_S
