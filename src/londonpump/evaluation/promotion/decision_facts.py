"""The figures behind a verdict, for json: what was judged, and how each model did."""

import math
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from londonpump.evaluation.evaluate import WHOLE, evaluate_models
from londonpump.evaluation.evaluation_rows import EvaluationRows, Forecast
from londonpump.evaluation.promotion.checks import CALIBRATION, COVERAGE
from londonpump.evaluation.promotion.evidence import EPOCH, EvaluatedModel, Evidence
from londonpump.evaluation.promotion.settings import PromotionSettings

METRIC = "mae_s"
REPORTED_METRICS = (
    *(METRIC, "rmse_s", "bias_s", "within_60_share", "crps_s", COVERAGE, "width_80_s"),
    *("over_360_auc", "over_360_brier", CALIBRATION),
)
DIGITS = 6

Facts = dict[str, Any]


def decision_facts(evidence: Evidence, days: int, settings: PromotionSettings) -> Facts:
    """What is known before anything is compared; the parts that only a comparison fills are null."""
    day = evidence.rows.day
    first, last = (int(day.min()), int(day.max())) if len(day) else (None, None)
    return {
        "metric": METRIC,
        "rows": len(day),
        "days": days,
        "from_date": None if first is None else (EPOCH + timedelta(days=first)).isoformat(),
        "until_date": None if last is None else (EPOCH + timedelta(days=last + 1)).isoformat(),
        "today": evidence.today.isoformat(),
        "settings": {**asdict(settings), "slices": list(settings.slices)},
        "champion": None if evidence.champion is None else _about(evidence.champion, evidence),
        "challenger": _about(evidence.challenger, evidence),
        **dict.fromkeys(("difference_s", "slices", "coverage", "calibration")),
    }


def _about(contender: EvaluatedModel, evidence: Evidence) -> Facts:
    return {
        "trained_until": contender.trained_until.isoformat(),
        "age_days": (evidence.today - contender.trained_until).days,
        "problem": contender.smoke_test.problem,
        "latency_ms": contender.smoke_test.latency_ms,
        "scores": None,
    }


def scores_of(
    rows: EvaluationRows, forecasts: dict[str, Forecast], settings: PromotionSettings
) -> dict[str, Facts]:
    """Of each model: its metrics over all rows, each `{value, low, high}`."""
    whole = evaluate_models(
        rows.without_slices(), forecasts, resamples=settings.resamples, seed=settings.seed
    )
    scores = {name: found[WHOLE][WHOLE] for name, found in whole["models"].items()}
    return {
        name: {metric: s[metric] for metric in REPORTED_METRICS if metric in s} for name, s in scores.items()
    }


def add_scores(facts: Facts, scores: dict[str, Facts]) -> None:
    """Put them where they belong, those that a challenger must pass also at the top."""
    for name, found in scores.items():
        facts[name]["scores"] = found
    facts["coverage"] = facts["challenger"]["scores"].get(COVERAGE)
    facts["calibration"] = facts["challenger"]["scores"].get(CALIBRATION)


def for_json(value: Any) -> Any:
    """Six digits after the point are more than any interval needs; null for what is no number, and no -0."""
    if isinstance(value, dict):
        return {name: for_json(one) for name, one in value.items()}
    if isinstance(value, list):
        return [for_json(one) for one in value]
    if not isinstance(value, float):
        return value
    return round(value, DIGITS) + 0.0 if math.isfinite(value) else None
