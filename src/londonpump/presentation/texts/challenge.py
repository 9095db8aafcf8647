"""Decisions about models: the views that `challenge` and `models` write as JSON, and their texts."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from londonpump.domain.json_values import JsonObject, from_stored
from londonpump.evaluation.promotion.evidence import PROMOTE, DecisionFacts, ModelFacts, SliceFindings

SCORES = {
    "mae_s": ("MAE", "s", 1.0),
    "rmse_s": ("RMSE", "s", 1.0),
    "bias_s": ("bias", "s", 1.0),
    "cover_80_share": ("80 % band covers", "%", 100.0),
    "over_360_ece": ("calibration over 6 min", "%", 100.0),
}
MAX_SLICES = 8
TIME_FORMAT = "%Y-%m-%d %H:%MZ"


@dataclass(frozen=True, slots=True)
class DecisionView:
    """A line of the ledger. Champions and challenger are hashes of bundles."""

    decided_at: datetime
    action: str
    champion_before: str | None
    champion_after: str | None
    challenger: str | None
    verdict: str
    reason: str
    evidence: JsonObject
    """As stored, because the evidence of decisions by hand and of earlier versions has other keys."""
    actor: str
    id: int | None

    @property
    def is_by_comparison(self) -> bool:
        """Return True if the promotion rule made the decision, not a person."""
        return self.evidence.get("judged_by") is not None


@dataclass(frozen=True, slots=True)
class ChallengeView:
    """Result of a challenge."""

    message: str
    active: str | None
    """The active model after the challenge."""
    is_new: bool
    """False if the pair was decided before, or nothing was recorded."""
    decision: DecisionView | None
    """None if there was nothing to decide, as `message` says."""


@dataclass(frozen=True, slots=True)
class ComparisonView:
    """Comparison of two bundles, the first in the role of the champion."""

    first: str
    second: str
    judged_from: date
    action: str
    verdict: str
    reason: str
    evidence: DecisionFacts


def format_challenge(view: ChallengeView) -> str:
    """Format the decision with its evidence, or the reason why there is none."""
    line = view.decision
    if line is None:
        return view.message
    verdict = f"Verdict: {line.action} ({line.verdict}). {line.reason}"
    return "\n".join([*_evidence(line), verdict, view.message, f"Active model: {view.active or 'none'}"])


def format_comparison(view: ComparisonView) -> str:
    """Format the comparison of two bundles."""
    would = "would replace it" if view.action == PROMOTE else "would not replace it"
    verdict = f"As a challenger of {view.first}, {view.second} {would} ({view.verdict}). {view.reason}"
    return "\n".join([*format_evidence(view.evidence, view.first, view.second), verdict])


def format_decision(line: DecisionView) -> str:
    """Format a decision in one line."""
    names = f"{line.champion_before or 'none'} -> {line.champion_after or 'none'}"
    return (
        f"#{line.id}  {line.decided_at:{TIME_FORMAT}}  {line.action:9}  {names}  {line.actor}: {line.reason}"
    )


def format_whole_decision(line: DecisionView) -> str:
    """Format a decision with its evidence."""
    head = [
        format_decision(line),
        f"Verdict: {line.verdict}",
        f"Challenger: {line.challenger or 'none'}",
    ]
    stored = (f"{name}: {value}" for name, value in line.evidence.items())
    return "\n".join([*head, *(_evidence(line) if line.is_by_comparison else stored)])


def _evidence(line: DecisionView) -> list[str]:
    facts = from_stored(DecisionFacts, line.evidence)
    return format_evidence(facts, line.champion_before or "none", line.challenger or "none")


def format_evidence(facts: DecisionFacts, champion: str, challenger: str) -> list[str]:
    """Format the scores of both models, their difference with its interval, and the slices."""
    dates = f"{facts.from_date or 'none'} to {facts.until_date or 'none'}"
    lines = [
        f"{facts.rows or 0:,} mobilisations on {facts.days} days, {dates}",
        f"{'':<24}{champion:>18}{challenger:>18}",
        *_scores((facts.champion, facts.challenger)),
    ]
    difference = facts.difference_s
    if difference is not None:
        interval = f"{difference.low:+.2f} to {difference.high:+.2f}"
        lines.append(f"Difference in MAE: {difference.value:+.2f} s ({interval})")
    return [*lines, *(_slices(facts.slices) if facts.slices is not None else ())]


def _scores(pair: tuple[ModelFacts | None, ModelFacts | None]) -> Iterator[str]:
    until = ["-" if each is None else str(each.trained_until or "-") for each in pair]
    latency_ms = [None if each is None else each.latency_ms for each in pair]
    yield f"{'trained until':<24}" + "".join(f"{text:>18}" for text in until)
    yield f"{'latency ms':<24}" + "".join(map(_number, latency_ms))
    for name, (label, unit, factor) in SCORES.items():
        stats = [each.scores.get(name) if each is not None and each.scores else None for each in pair]
        values = [None if stat is None else stat.value for stat in stats]
        # A model that could not be used has no scores.
        if any(value is not None for value in values):
            scaled = [None if value is None else value * factor for value in values]
            yield f"{f'{label} {unit}':<24}" + "".join(_number(value) for value in scaled)


def _number(value: float | None) -> str:
    return f"{'-':>18}" if value is None else f"{value:18.2f}"


def _slices(slices: SliceFindings) -> Iterator[str]:
    failing = [each for each in slices.judged if each.fails]
    not_judged = sum(len(values) for values in slices.not_judged.values())
    yield f"Slices: {len(slices.judged)} evaluated, {len(failing)} worse, {not_judged} with too few mobilisations"
    for each in failing[:MAX_SLICES]:
        yield f"  {each.slice} {each.value}: {each.difference_s:+.1f} s on {each.rows:,} mobilisations"
