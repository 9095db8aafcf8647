"""Checks of a challenger that do not depend on the champion: usability, latency, coverage and calibration."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from londonpump.evaluation.promotion.evidence import EvaluatedModel, Evidence, PromotionSettings

COVERAGE, CALIBRATION = "cover_80_share", "over_360_ece"
CHAMPION_UNUSABLE, CHALLENGER_UNUSABLE = "champion_unusable", "challenger_unusable"
FEW_ROWS = "few_rows"
Scores = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Obstacle:
    """A reason against the promotion of the challenger."""

    rule: str
    """Short name of the rule."""
    text: str
    """Part of a sentence, with figures."""


def unusable(evidence: Evidence) -> Iterator[Obstacle]:
    """Yield each model that does not load or predict, because then nothing can be compared."""
    if evidence.champion is not None and (problem := _problem(evidence.champion)):
        yield Obstacle(
            CHAMPION_UNUSABLE,
            f"the champion cannot be compared with ({problem}). Repair its bundle, or make another one active: "
            "londonpump models roll-back --why, or models promote BUNDLE --why",
        )
    if problem := _problem(evidence.challenger):
        yield Obstacle(CHALLENGER_UNUSABLE, f"the challenger cannot be used ({problem}). Train again")


def _problem(contender: EvaluatedModel) -> str | None:
    problem = contender.smoke_test.problem
    if problem is not None:
        return problem.rstrip(". ") or "no reason given"
    return "it gave no forecast" if contender.forecast is None else None


def few_rows(rows: int, days: int, settings: PromotionSettings) -> Iterator[Obstacle]:
    """Yield an obstacle if there are too few rows or days after both trainings."""
    if rows < settings.least_rows or days < settings.least_days:
        yield Obstacle(
            FEW_ROWS,
            f"{rows:,} mobilisations of {days} days are later than the training, {settings.least_rows:,} of "
            f"{settings.least_days} needed: wait for newer records",
        )


def latency(challenger: EvaluatedModel, settings: PromotionSettings) -> Iterator[Obstacle]:
    """Yield an obstacle if the latency is unknown or too high."""
    taken_ms = challenger.smoke_test.latency_ms
    if taken_ms is None:
        yield Obstacle("metric_missing", "the latency of the challenger was not measured")
    # written as "not <=" so that NaN fails too
    elif not taken_ms <= settings.latency_ms:
        yield Obstacle(
            "latency", f"the challenger answers in {taken_ms:.1f} ms, {settings.latency_ms:g} allowed"
        )


def coverage_and_calibration(scores: Scores, settings: PromotionSettings) -> Iterator[Obstacle]:
    """Yield an obstacle if the interval of the challenger's coverage or calibration is not inside its limits."""
    yield from _coverage(scores, settings)
    yield from _calibration(scores, settings)


def quality_text(scores: Scores) -> str:
    """Return the text about a challenger that passes coverage and calibration."""
    return (
        f"its P10 to P90 holds {scores[COVERAGE]['value']:.1%} of mobilisations, its chances over 360 s are off by "
        f"{scores[CALIBRATION]['value']:.3f}"
    )


def _coverage(scores: Scores, settings: PromotionSettings) -> Iterator[Obstacle]:
    ends = _ends(scores, COVERAGE)
    if ends is None:
        yield Obstacle("metric_missing", "how often the challenger's P10 to P90 holds is not known")
    elif ends[0] < settings.cover_low_share or ends[1] > settings.cover_high_share:
        yield Obstacle(
            "coverage",
            f"the challenger's P10 to P90 holds {scores[COVERAGE]['value']:.1%} of mobilisations ({ends[0]:.1%} to "
            f"{ends[1]:.1%}), {settings.cover_low_share:.0%} to {settings.cover_high_share:.0%} allowed",
        )


def _calibration(scores: Scores, settings: PromotionSettings) -> Iterator[Obstacle]:
    ends = _ends(scores, CALIBRATION)
    if ends is None:
        yield Obstacle("metric_missing", "how far the challenger's chances over 360 s are off is not known")
    elif ends[1] > settings.calibration_error:
        yield Obstacle(
            "calibration",
            f"the challenger's chances over 360 s are off by {scores[CALIBRATION]['value']:.3f} ({ends[0]:.3f} to "
            f"{ends[1]:.3f}), {settings.calibration_error:g} allowed",
        )


def _ends(scores: Scores, metric: str) -> tuple[float, float] | None:
    found = scores.get(metric) or {}
    low, high = found.get("low"), found.get("high")
    return None if low is None or high is None else (low, high)
