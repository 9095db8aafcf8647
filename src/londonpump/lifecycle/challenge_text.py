"""Text and JSON output of `challenge` and `models compare`."""

from collections.abc import Iterator, Mapping
from typing import Any

from londonpump.lifecycle.challenge import ChallengeResult, ComparisonResult
from londonpump.persistence.repositories.decisions import Decision

SCORES = {
    "mae_s": ("MAE", "s", 1.0),
    "rmse_s": ("RMSE", "s", 1.0),
    "bias_s": ("bias", "s", 1.0),
    "cover_80_share": ("80 % band covers", "%", 100.0),
    "over_360_ece": ("calibration over 6 min", "%", 100.0),
}
MAX_SLICES = 8
EvidenceFields = Mapping[str, Any]


def format_challenge(result: ChallengeResult) -> str:
    """Format the decision with its evidence, or the reason why there is none."""
    if result.decision is None:
        return result.message
    line = result.decision
    evidence = format_evidence(line.evidence, line.champion_before or "none", line.challenger or "none")
    verdict = f"Verdict: {line.action} ({line.verdict}). {line.reason}"
    return "\n".join([*evidence, verdict, result.message, f"Active model: {result.active or 'none'}"])


def challenge_as_json(result: ChallengeResult) -> dict[str, Any]:
    """Return the result of a challenge as JSON values."""
    line = result.decision
    return {
        "schema": 1,
        "message": result.message,
        "active": result.active,
        "is_new": result.is_new,
        "decision": None if line is None else decision_as_json(line),
    }


def format_comparison(result: ComparisonResult) -> str:
    """Format the comparison of two bundles."""
    verdict = result.verdict
    would = "would replace it" if verdict.is_promotion else "would not replace it"
    evidence = format_evidence(verdict.evidence, result.first, result.second)
    return "\n".join(
        [
            *evidence,
            f"As a challenger of {result.first}, {result.second} {would} ({verdict.rule}). {verdict.reason}",
        ]
    )


def comparison_as_json(result: ComparisonResult) -> dict[str, Any]:
    """Return the comparison as JSON values."""
    verdict = result.verdict
    return {
        "schema": 1,
        "first": result.first,
        "second": result.second,
        "judged_from": result.judged_from.isoformat(),
        "action": verdict.action,
        "verdict": verdict.rule,
        "reason": verdict.reason,
        "evidence": verdict.evidence,
    }


def decision_as_json(line: Decision) -> dict[str, Any]:
    """Return a decision as JSON values."""
    fields = {name: getattr(line, name) for name in Decision.__slots__}
    return {**fields, "decided_at": line.decided_at.isoformat(), "evidence": dict(line.evidence)}


def format_evidence(evidence: EvidenceFields, champion: str, challenger: str) -> list[str]:
    """Format the scores of both models, their difference with its interval, and the slices."""
    lines = [_rows_text(evidence), f"{'':<24}{champion:>18}{challenger:>18}"]
    lines += _scores(evidence)
    difference = evidence.get("difference_s")
    if difference is not None:
        low, high = difference["low"], difference["high"]
        lines.append(f"Difference in MAE: {difference['value']:+.2f} s ({low:+.2f} to {high:+.2f})")
    return [*lines, *_slices(evidence.get("slices"))]


def _rows_text(evidence: EvidenceFields) -> str:
    return (
        f"{evidence['rows']:,} mobilisations on {evidence['days']} days, {evidence['from_date'] or 'none'} to "
        f"{evidence['until_date'] or 'none'}"
    )


def _scores(evidence: EvidenceFields) -> Iterator[str]:
    pair = [evidence["champion"] or {}, evidence["challenger"] or {}]
    yield f"{'trained until':<24}" + "".join(f"{each.get('trained_until') or '-':>18}" for each in pair)
    yield f"{'latency ms':<24}" + "".join(_number(each.get("latency_ms")) for each in pair)
    for name, (label, unit, factor) in SCORES.items():
        values = [((each.get("scores") or {}).get(name) or {}).get("value") for each in pair]
        # A model that could not be used has no scores.
        if any(value is not None for value in values):
            scaled = [None if value is None else value * factor for value in values]
            yield f"{f'{label} {unit}':<24}" + "".join(_number(value) for value in scaled)


def _number(value: float | None) -> str:
    return f"{'-':>18}" if value is None else f"{value:18.2f}"


def _slices(slices: EvidenceFields | None) -> Iterator[str]:
    if slices is None:
        return
    failing = [each for each in slices["judged"] if each["fails"]]
    not_judged = sum(len(values) for values in slices["not_judged"].values())
    yield f"Slices: {len(slices['judged'])} evaluated, {len(failing)} worse, {not_judged} with too few mobilisations"
    for each in failing[:MAX_SLICES]:
        yield f"  {each['slice']} {each['value']}: {each['difference_s']:+.1f} s on {each['rows']:,} mobilisations"
