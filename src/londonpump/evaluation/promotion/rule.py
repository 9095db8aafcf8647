"""The promotion rule: may the challenger take the champion's place?

The measure is the mean absolute error of the announced time (P50), s: the time that the control room hears is
judged, in its own unit, and the median is the answer that makes it least. In doubt the champion stays.
"""

import numpy as np

from londonpump.evaluation.promotion import checks
from londonpump.evaluation.promotion.checks import Obstacle
from londonpump.evaluation.promotion.comparison import Comparison, compare
from londonpump.evaluation.promotion.evidence import Contender, Evidence
from londonpump.evaluation.promotion.facts import Facts, add_scores, facts_of, for_json, scores_of
from londonpump.evaluation.promotion.settings import PromotionSettings
from londonpump.evaluation.promotion.verdict import KEEP, PROMOTE, Verdict
from londonpump.evaluation.rows import Forecast

CHAMPION, CHALLENGER = "champion", "challenger"
DEFAULTS = PromotionSettings()


def decide(evidence: Evidence, settings: PromotionSettings = DEFAULTS) -> Verdict:
    """Promote or keep, with the reason and all figures behind it.

    Raises: BadValue if the rows lack a slice of the settings.
    """
    rows = evidence.rows
    days = len(np.unique(rows.day))
    facts = facts_of(evidence, days, settings)
    late = list(checks.latency(evidence.challenger, settings))
    nothing_to_judge = [*checks.unusable(evidence), *checks.few_rows(len(rows), days, settings)]
    if nothing_to_judge:
        return _kept([*nothing_to_judge, *late], facts)
    forecasts = _forecasts(evidence)
    scores = scores_of(rows, forecasts, settings)
    add_scores(facts, scores)
    judged_on = f"on {len(rows):,} runs of {days} days"
    against = [*late, *checks.own_promises(scores[CHALLENGER], settings)]
    speaking: tuple[str, str] | None = (
        "first",
        f"no model is on duty, and the challenger was judged {judged_on}",
    )
    if evidence.champion is not None:
        compared = compare(rows, forecasts[CHAMPION], forecasts[CHALLENGER], settings)
        facts |= compared.to_json()
        words = f"{compared.difference.words()} {judged_on}"
        speaking = _speaking_for(
            compared, words, _age_that_counts(evidence, evidence.champion, settings), settings
        )
        against = [*compared.against(words, is_spoken_for=speaking is not None), *against]
    if speaking is None or against:
        return _kept(against, facts)
    rule, words = speaking
    return _promoted(rule, f"{words}; {checks.promises_kept(scores[CHALLENGER])}", facts)


def _speaking_for(
    compared: Comparison, words: str, age: str | None, settings: PromotionSettings
) -> tuple[str, str] | None:
    """The name of what speaks for the challenger and its words; None if nothing does. age: as below."""
    high_s = compared.difference.high_s
    if high_s < 0:
        return "better", f"{words}; {compared.slices_for()}"
    if age is not None and high_s < settings.not_worse_s:
        not_worse = f"{words}, not {settings.not_worse_s:g} s worse"
        return "not_worse_and_newer", f"{age}; {not_worse}; {compared.slices_for()}"
    return None


def _age_that_counts(evidence: Evidence, champion: Contender, settings: PromotionSettings) -> str | None:
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
    return Verdict(KEEP, obstacles[0].rule, _sentence("; ".join(o.words for o in obstacles)), for_json(facts))


def _promoted(rule: str, words: str, facts: Facts) -> Verdict:
    return Verdict(PROMOTE, rule, _sentence(words), for_json(facts))


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:] + "."
