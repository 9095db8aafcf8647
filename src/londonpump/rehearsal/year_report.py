"""The report of a rehearsal: its history month by month, and the result of each promise."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from londonpump.lifecycle.challenge_text import decision_as_json
from londonpump.rehearsal.month import MonthResult
from londonpump.rehearsal.rehearse import RehearsalResult
from londonpump.rehearsal.year_plan import LATENESS_MONTHS

HEADER = ("records", "decided", "runs", "challenger", "verdict", "active", "live MAE")
REPORTED_EVIDENCE = ("rows", "days", "difference_s", "judged_from", "data_hash")


def format_rehearsal(done: RehearsalResult) -> str:
    """Return the report as text: the history, the oracle, and the promises."""
    return "\n".join([*_history(done), "", *_oracle(done), "", *_promises(done)])


def rehearsal_json(done: RehearsalResult) -> dict[str, Any]:
    """Return every figure for another program."""
    return {
        "schema": 1,
        "simulated": True,
        "plan": asdict(done.plan),
        "requests": done.requests,
        "statuses": {str(status): n for status, n in done.statuses.items()},
        "errors_5xx": done.errors_5xx,
        "not_answered": done.not_answered,
        "refusals": [[status, message, n] for (status, message), n in done.rejections.items()],
        "answers_checked": done.exactness.checked,
        "mixed_bundles": done.exactness.mixed,
        "decisions": [_decision(line) for line in map(decision_as_json, done.decisions)],
        "months": [_month(done, month) for month in done.months],
        "history_problems": list(done.problems),
        "champion": done.decisions[-1].champion_after,
        "champion_is_best": done.oracle.champion_is_best,
        "oracle": done.oracle.to_json(),
        "is_as_promised": done.is_as_promised,
        "took_s": done.took_s,
    }


def _decision(line: dict[str, Any]) -> dict[str, Any]:
    """Drop the slices of the evidence, which are long."""
    return {**line, "evidence": {name: line["evidence"].get(name) for name in REPORTED_EVIDENCE}}


def _month(done: RehearsalResult, month: MonthResult) -> dict[str, Any]:
    live = done.live.get(month.number)
    return {
        "number": month.number,
        "records": f"{done.plan.first_day(month.number):%Y-%m}",
        "decided_at": month.decided_at.isoformat(),
        "examples": month.examples,
        "data_hash": month.data_hash,
        "challenger": month.challenger,
        "verdict": month.decision.action,
        "rule": month.decision.verdict,
        "reason": month.decision.reason,
        "on_duty": month.active_model,
        "happened": list(month.happened),
        "alarms_raised": list(month.raised),
        "alarms_cleared": list(month.cleared),
        "taken_up_after_s": None if month.waited_s is None else round(month.waited_s, 2),
        "live": None if live is None else asdict(live),
    }


def _history(done: RehearsalResult) -> Iterator[str]:
    yield "A year of a SIMULATED Brigade"
    yield f"{HEADER[0]:<9}{HEADER[1]:<12}{HEADER[2]:>8}  {HEADER[3]:<18}{HEADER[4]:<30}{HEADER[5]:<18}{HEADER[6]:>9}"
    for month in done.months:
        live, line = done.live.get(month.number), month.decision
        mae = "" if live is None else f"{live.mae_s:7.1f} s"
        yield (
            f"{done.plan.first_day(month.number):%Y-%m}  {month.decided_at:%Y-%m-%d}  {month.examples:>8,}  "
            f"{month.challenger:<18}{f'{line.action} ({line.verdict})':<30}{month.active_model or 'none':<18}{mae:>9}"
        )
        yield f"           {line.reason}"
        for text in month.happened:
            yield f"           * {text}"
        if month.raised:
            yield f"           alarms raised: {', '.join(month.raised)}"
        if month.cleared:
            yield f"           alarms cleared: {', '.join(month.cleared)}"
    yield (
        f"live MAE: error of the times announced after the decision, for calls {LATENESS_MONTHS} months later than the "
        "records"
    )


def _oracle(done: RehearsalResult) -> Iterator[str]:
    oracle, champion = done.oracle, done.decisions[-1].champion_after
    yield f"Oracle: {oracle.runs:,} fresh dispatches of the last month, in {oracle.draws} draws"
    yield f"{'model':<18}{'trained until':<14}{'MAE':>9}{'CRPS':>9}  difference from the active model"
    for each in sorted(oracle.models, key=lambda one: one.mae_s):
        apart = f"{each.less_s:+.2f} s ({each.less_low_s:+.2f} to {each.less_high_s:+.2f})"
        yield (
            f"{each.model:<18}{each.trained_until:<14}{each.mae_s:7.2f} s{each.crps_s:7.2f} s  "
            f"{'active' if each.model == champion else apart}"
        )
    for name in oracle.unusable:
        yield f"{name:<18}cannot be used"


def _promises(done: RehearsalResult) -> Iterator[str]:
    yield f"Requests: {done.requests:,}; without a prediction {done.not_answered}, of these 5xx {done.errors_5xx}"
    yield from (
        f"  {status}, {count} times: {message}" for (status, message), count in done.rejections.items()
    )
    yield f"Answers compared with the bundle they name: {done.exactness.checked:,}; different {done.exactness.mixed}"
    yield f"History compared with the ledger: {'; '.join(done.problems) or 'the same'}"
    yield f"The active model is the best: {_best(done)}"
    yield f"Duration: {done.took_s:.0f} s"


def _best(done: RehearsalResult) -> str:
    best = done.oracle.lowest_mae
    if best.model == done.decisions[-1].champion_after:
        return "yes"
    apart = f"the error of {best.model} is {-best.less_s:.2f} s lower"
    return f"yes: {apart}, which is a tie" if done.oracle.champion_is_best else f"no: {apart}"
