"""The promotion rule: whether the challenger replaces the champion.

The metric is the mean absolute error of the announced time (P50) in seconds, which the median minimises. In doubt the
champion stays.
"""

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from datetime import timedelta
from typing import Any

import numpy as np

from londonpump.evaluation.evaluate import evaluate_models
from londonpump.evaluation.evaluation_rows import EvaluationRows, Forecast
from londonpump.evaluation.intervals import Stat
from londonpump.evaluation.promotion.comparison import Comparison, compare
from londonpump.evaluation.promotion.evidence import (
    CALIBRATION,
    COVERAGE,
    EPOCH,
    KEEP,
    PROMOTE,
    DecisionFacts,
    EvaluatedModel,
    Evidence,
    ModelFacts,
    Obstacle,
    PromotionSettings,
    Scores,
    Verdict,
    coverage_and_calibration,
    few_rows,
    latency,
    quality_text,
    unusable,
)

# The control room receives one number of seconds, and a few dispatches of twenty minutes must not dominate.
METRIC = "mae_s"
REPORTED_METRICS = (
    *(METRIC, "rmse_s", "bias_s", "within_60_share", "crps_s", COVERAGE, "width_80_s"),
    *("over_360_auc", "over_360_brier", CALIBRATION),
)
DIGITS = 6


def decision_facts(evidence: Evidence, days: int, settings: PromotionSettings) -> DecisionFacts:
    """Return the figures known before a comparison."""
    day = evidence.rows.day
    first, last = (int(day.min()), int(day.max())) if len(day) else (None, None)
    return DecisionFacts(
        metric=METRIC,
        rows=len(day),
        days=days,
        from_date=None if first is None else EPOCH + timedelta(days=first),
        until_date=None if last is None else EPOCH + timedelta(days=last + 1),
        today=evidence.today,
        settings=settings,
        champion=None if evidence.champion is None else _about(evidence.champion, evidence),
        challenger=_about(evidence.challenger, evidence),
    )


def _about(contender: EvaluatedModel, evidence: Evidence) -> ModelFacts:
    smoke_test = contender.smoke_test
    age_days = (evidence.today - contender.trained_until).days
    return ModelFacts(contender.trained_until, age_days, smoke_test.problem, smoke_test.latency_ms)


def scores_of(
    rows: EvaluationRows, forecasts: dict[str, Forecast], settings: PromotionSettings
) -> dict[str, Scores]:
    """Return the metrics of each model over all rows."""
    whole = evaluate_models(
        # Slices are compared elsewhere, by intervals that hold for few days.
        rows.without_slices(),
        forecasts,
        resamples=settings.resamples,
        seed=settings.seed,
    )
    scores = {name: whole.whole(name) for name in whole.models}
    return {
        name: {metric: s[metric] for metric in REPORTED_METRICS if metric in s} for name, s in scores.items()
    }


def with_scores(facts: DecisionFacts, scores: dict[str, Scores]) -> DecisionFacts:
    """Add the scores to the facts; those that a challenger must pass appear at the top too."""
    own = scores[CHALLENGER]
    champion = facts.champion and replace(facts.champion, scores=scores[CHAMPION])
    return replace(
        facts,
        champion=champion,
        challenger=replace(facts.challenger, scores=own),
        coverage=own.get(COVERAGE),
        calibration=own.get(CALIBRATION),
    )


def rounded(value: Any) -> Any:
    """Return values as the ledger keeps them: six decimals, None for a non-finite number, and no -0."""
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{each.name: rounded(getattr(value, each.name)) for each in fields(value)})
    if isinstance(value, Mapping):
        return {name: rounded(one) for name, one in value.items()}
    if isinstance(value, tuple):
        return tuple(rounded(one) for one in value)
    if not isinstance(value, float):
        return value
    # adding 0.0 turns -0.0 into 0.0
    return round(value, DIGITS) + 0.0 if math.isfinite(value) else None


CHAMPION, CHALLENGER = "champion", "challenger"
DEFAULTS = PromotionSettings()


def decide(evidence: Evidence, settings: PromotionSettings = DEFAULTS) -> Verdict:
    """Decide to promote or keep, with the reason and all figures.

    Raises: BadValue if the rows lack a slice of the settings.
    """
    rows = evidence.rows
    days = len(np.unique(rows.day))
    facts = decision_facts(evidence, days, settings)
    # all obstacles are collected, so that the ledger names every one and not only the first
    # The latency is known even if nothing can be compared.
    late = list(latency(evidence.challenger, settings))
    not_evaluable = [*unusable(evidence), *few_rows(len(rows), days, settings)]
    if not_evaluable:
        return _kept([*not_evaluable, *late], facts)
    forecasts = _forecasts(evidence)
    scores = scores_of(rows, forecasts, settings)
    facts = with_scores(facts, scores)
    evaluated_on = f"on {len(rows):,} mobilisations of {days} days"
    obstacles_found = [*late, *coverage_and_calibration(scores[CHALLENGER], settings)]
    case_for: tuple[str, str] | None = (
        "first",
        f"no model is active, and the challenger was evaluated {evaluated_on}",
    )
    if evidence.champion is not None:
        compared = compare(rows, forecasts[CHAMPION], forecasts[CHALLENGER], settings)
        whole = compared.difference
        difference_s = Stat(whole.value_s, whole.low_s, whole.high_s)
        facts = replace(facts, difference_s=difference_s, slices=compared.slices)
        text = f"{compared.difference.text()} {evaluated_on}"
        case_for = _case_for_promotion(
            compared, text, _champion_age_text(evidence, evidence.champion, settings), settings
        )
        obstacles_found = [*compared.obstacles_found(text, has_case=case_for is not None), *obstacles_found]
    if case_for is None or obstacles_found:
        return _kept(obstacles_found, facts)
    rule, text = case_for
    return _promoted(rule, f"{text}; {quality_text(scores[CHALLENGER])}", facts)


def _case_for_promotion(
    compared: Comparison, text: str, age: str | None, settings: PromotionSettings
) -> tuple[str, str] | None:
    """Return the rule for the challenger and its text; None if there is none. age: of `_champion_age_text`."""
    # Two-sided 95 %: an equally good challenger is promoted 2.5 % of the time by design.
    high_s = compared.difference.high_s
    if high_s < 0:
        return "better", f"{text}; {compared.slices_text()}"
    # A newer training is preferred to an old one if the two are equally good.
    if age is not None and high_s < settings.not_worse_s:
        not_worse = f"{text}, not {settings.not_worse_s:g} s worse"
        return "not_worse_and_newer", f"{age}; {not_worse}; {compared.slices_text()}"
    return None


def _champion_age_text(
    evidence: Evidence, champion: EvaluatedModel, settings: PromotionSettings
) -> str | None:
    """Return why a champion may be replaced by a model that is not worse; None if it may not."""
    limit_days, until = settings.champion_age_days, champion.trained_until
    newer = evidence.challenger.trained_until
    if limit_days is None or (evidence.today - until).days <= limit_days or newer <= until:
        return None
    return f"the champion was trained until {until}, more than {limit_days} days ago, the challenger until {newer}"


def _forecasts(evidence: Evidence) -> dict[str, Forecast]:
    contenders = {CHAMPION: evidence.champion, CHALLENGER: evidence.challenger}
    return {
        name: one.forecast for name, one in contenders.items() if one is not None and one.forecast is not None
    }


def _kept(obstacles: list[Obstacle], facts: DecisionFacts) -> Verdict:
    return Verdict(KEEP, obstacles[0].rule, _sentence("; ".join(o.text for o in obstacles)), rounded(facts))


def _promoted(rule: str, text: str, facts: DecisionFacts) -> Verdict:
    return Verdict(PROMOTE, rule, _sentence(text), rounded(facts))


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."
