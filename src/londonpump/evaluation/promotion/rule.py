"""The promotion rule: may the challenger take the champion's place?

The measure is the mean absolute error of the announced time (P50), s: the time that the control room hears is
judged, in its own unit, and the median is the answer that makes it least. In doubt the champion stays.
"""

import numpy as np

from londonpump.evaluation.evaluation_rows import Forecast
from londonpump.evaluation.promotion import checks
from londonpump.evaluation.promotion.checks import Obstacle
from londonpump.evaluation.promotion.comparison import Comparison, compare
from londonpump.evaluation.promotion.decision_facts import (
    Facts,
    add_scores,
    decision_facts,
    for_json,
    scores_of,
)
from londonpump.evaluation.promotion.evidence import EvaluatedModel, Evidence
from londonpump.evaluation.promotion.settings import PromotionSettings
from londonpump.evaluation.promotion.verdict import KEEP, PROMOTE, Verdict

CHAMPION, CHALLENGER = "champion", "challenger"
DEFAULTS = PromotionSettings()


def decide(evidence: Evidence, settings: PromotionSettings = DEFAULTS) -> Verdict:
    """Promote or keep, with the reason and all figures behind it.

    Raises: BadValue if the rows lack a slice of the settings.
    """
    rows = evidence.rows
    days = len(np.unique(rows.day))
    facts = decision_facts(evidence, days, settings)
    late = list(checks.latency(evidence.challenger, settings))
    not_evaluable = [*checks.unusable(evidence), *checks.few_rows(len(rows), days, settings)]
    if not_evaluable:
        return _kept([*not_evaluable, *late], facts)
    forecasts = _forecasts(evidence)
    scores = scores_of(rows, forecasts, settings)
    add_scores(facts, scores)
    evaluated_on = f"on {len(rows):,} runs of {days} days"
    obstacles_found = [*late, *checks.coverage_and_calibration(scores[CHALLENGER], settings)]
    case_for: tuple[str, str] | None = (
        "first",
        f"no model is on duty, and the challenger was judged {evaluated_on}",
    )
    if evidence.champion is not None:
        compared = compare(rows, forecasts[CHAMPION], forecasts[CHALLENGER], settings)
        facts |= compared.to_json()
        text = f"{compared.difference.text()} {evaluated_on}"
        case_for = _case_for_promotion(
            compared, text, _champion_age_text(evidence, evidence.champion, settings), settings
        )
        obstacles_found = [*compared.obstacles_found(text, has_case=case_for is not None), *obstacles_found]
    if case_for is None or obstacles_found:
        return _kept(obstacles_found, facts)
    rule, text = case_for
    return _promoted(rule, f"{text}; {checks.quality_text(scores[CHALLENGER])}", facts)


def _case_for_promotion(
    compared: Comparison, text: str, age: str | None, settings: PromotionSettings
) -> tuple[str, str] | None:
    """The name of what speaks for the challenger and its words; None if nothing does. age: as below."""
    high_s = compared.difference.high_s
    if high_s < 0:
        return "better", f"{text}; {compared.slices_text()}"
    if age is not None and high_s < settings.not_worse_s:
        not_worse = f"{text}, not {settings.not_worse_s:g} s worse"
        return "not_worse_and_newer", f"{age}; {not_worse}; {compared.slices_text()}"
    return None


def _champion_age_text(
    evidence: Evidence, champion: EvaluatedModel, settings: PromotionSettings
) -> str | None:
    """In words why a champion may be replaced by a model that is not worse; None if it may not."""
    limit_days, until = settings.champion_age_days, champion.trained_until
    newer = evidence.challenger.trained_until
    if limit_days is None or (evidence.today - until).days <= limit_days or newer <= until:
        return None
    return f"the champion learnt until {until}, more than {limit_days} days ago, the challenger until {newer}"


def _forecasts(evidence: Evidence) -> dict[str, Forecast]:
    contenders = {CHAMPION: evidence.champion, CHALLENGER: evidence.challenger}
    return {
        name: one.forecast for name, one in contenders.items() if one is not None and one.forecast is not None
    }


def _kept(obstacles: list[Obstacle], facts: Facts) -> Verdict:
    return Verdict(KEEP, obstacles[0].rule, _sentence("; ".join(o.text for o in obstacles)), for_json(facts))


def _promoted(rule: str, text: str, facts: Facts) -> Verdict:
    return Verdict(PROMOTE, rule, _sentence(text), for_json(facts))


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."
