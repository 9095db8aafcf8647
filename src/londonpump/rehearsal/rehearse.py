"""A rehearsal of a year, and its report.

Records arrive, models are trained, evaluated and promoted, while a service answers.
"""

import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from londonpump.domain.json_values import to_json
from londonpump.lifecycle.progress import Progress
from londonpump.persistence.repositories.decisions import Decision
from londonpump.registry.manual_decisions import ledger
from londonpump.rehearsal.answer_check import Exactness, LiveMetrics, exactness_of, live_of, problems_of
from londonpump.rehearsal.month import MonthResult, run_month
from londonpump.rehearsal.oracle import Oracle, evaluate_oracle
from londonpump.rehearsal.request_traffic import RequestTraffic, operator_asking
from londonpump.rehearsal.year_home import (
    MAX_LEDGER_LINES,
    RehearsalFailed,
    YearHome,
    running_year_service,
    year_home,
)
from londonpump.rehearsal.year_plan import LATENESS_MONTHS, YearPlan
from londonpump.rehearsal.year_records import draw_questions, write_records

# Number of answers to wait for after the last decision.
FINAL_ANSWERS = 100
MONTHS_SHARE = 0.9
YIELDS = 10
FIRST_ERROR, LAST_ERROR = 500, 599
HEADER = ("records", "decided", "examples", "challenger", "verdict", "active", "live MAE")
REPORTED_EVIDENCE = ("rows", "days", "difference_s", "judged_from", "data_hash")


@dataclass(frozen=True, slots=True)
class RehearseRequest:
    """The options of a rehearsal."""

    plan: YearPlan
    folder: Path
    """A new folder for everything that the rehearsal writes."""
    database_url: str | None = None
    """An empty database; None for SQLite in the folder."""
    draws: int = 6
    """How often the oracle draws the last month."""


@dataclass(frozen=True, slots=True)
class RehearsalResult:
    """The results of a rehearsal."""

    plan: YearPlan
    months: tuple[MonthResult, ...]
    decisions: tuple[Decision, ...]
    statuses: dict[int, int]
    """Requests by HTTP status; 0 if nothing answered."""
    rejections: dict[tuple[int, str], int]
    """Requests without a prediction, by status and message."""
    exactness: Exactness
    live: dict[int, LiveMetrics]
    """Live errors by month."""
    problems: tuple[str, ...]
    """Differences between the history, the ledger and the service."""
    oracle: Oracle
    duration_s: float

    @property
    def requests(self) -> int:
        """Number of all requests."""
        return sum(self.statuses.values())

    @property
    def errors_5xx(self) -> int:
        """Number of requests that the service failed on."""
        return sum(n for status, n in self.statuses.items() if FIRST_ERROR <= status <= LAST_ERROR)

    @property
    def not_answered(self) -> int:
        """Number of requests without a prediction."""
        return self.requests - self.exactness.checked

    @property
    def is_as_promised(self) -> bool:
        """True if one model answered each request exactly, the history is right and the best model is active."""
        is_complete = not self.not_answered and not self.exactness.mixed and not self.problems
        return is_complete and self.oracle.champion_is_best


def rehearse(request: RehearseRequest, progress: Progress) -> RehearsalResult:
    """Rehearse a year.

    Raises: RehearsalFailed if a step fails or an injected fault is not rejected; BadFile, BadValue.
    """
    begun_s = time.monotonic()
    with year_home(request.plan, request.folder, request.database_url) as home:
        months, traffic = _run_year(home, progress)
        progress("Comparing every answer with its bundle", MONTHS_SHARE)
        decisions = tuple(reversed(ledger(home.settings, MAX_LEDGER_LINES)))
        exactness = exactness_of(home.settings.bundle, traffic.answers)
        progress("Evaluating all models on fresh draws", MONTHS_SHARE + 0.03)
        oracle = evaluate_oracle(
            home, _champion(decisions), [month.challenger for month in months], request.draws
        )
    progress("Done", 1.0)
    return RehearsalResult(
        plan=request.plan,
        months=tuple(months),
        decisions=decisions,
        statuses=dict(sorted(traffic.statuses().items())),
        rejections=dict(traffic.rejections()),
        exactness=exactness,
        live=dict(live_of(traffic.answers)),
        problems=tuple(problems_of(months, decisions, traffic.models())),
        oracle=oracle,
        duration_s=round(time.monotonic() - begun_s, 1),
    )


def _run_year(home: YearHome, progress: Progress) -> tuple[list[MonthResult], RequestTraffic]:
    plan = home.plan
    progress(f"Simulating {plan.history_months} months of history", 0.0)
    for number in range(-plan.history_months, 0):
        write_records(home, number)
    _report_month(home, 0, progress)
    # before the service, so that it has an active model from its first request
    months = [run_month(home, 0, None, [])]
    with (
        running_year_service(home) as address,
        operator_asking(home, address, 0, draw_questions(home, 0)) as traffic,
    ):
        # the service runs on the same machine: requests come first, and the work of the month yields to them
        os.nice(YIELDS)
        traffic.wait_for(months[0].active_model)
        for number in range(1, plan.months):
            _report_month(home, number, progress)
            months.append(run_month(home, number, traffic, months))
            traffic.set_questions(number, draw_questions(home, number))
        traffic.wait_for(months[-1].active_model, FINAL_ANSWERS)
    return months, traffic


def _report_month(home: YearHome, number: int, progress: Progress) -> None:
    plan = home.plan
    progress(
        f"Records of {plan.first_day(number):%B %Y} arrive",
        MONTHS_SHARE * (number + 0.5) / (plan.months + 0.5),
    )


def _champion(decisions: tuple[Decision, ...]) -> str:
    champion = decisions[-1].champion_after
    if champion is None:
        raise RehearsalFailed("No model is active at the end of the year.")
    return champion


def format_rehearsal(done: RehearsalResult) -> str:
    """Return the report as text: the history, the oracle, and the promises."""
    return "\n".join([*_history(done), "", *_oracle(done), "", *_promises(done)])


def rehearsal_json(done: RehearsalResult) -> dict[str, object]:
    """Return every figure for another program."""
    return {
        "schema": 1,
        "simulated": True,
        "plan": asdict(done.plan),
        "requests": done.requests,
        "statuses": {str(status): n for status, n in done.statuses.items()},
        "errors_5xx": done.errors_5xx,
        "not_answered": done.not_answered,
        "rejections": [[status, message, n] for (status, message), n in done.rejections.items()],
        "answers_checked": done.exactness.checked,
        "mixed_bundles": done.exactness.mixed,
        "decisions": [_decision(line) for line in done.decisions],
        "months": [_month(done, month) for month in done.months],
        "history_problems": list(done.problems),
        "champion": done.decisions[-1].champion_after,
        "champion_is_best": done.oracle.champion_is_best,
        "oracle": done.oracle.to_json(),
        "is_as_promised": done.is_as_promised,
        "duration_s": done.duration_s,
    }


def _decision(line: Decision) -> dict[str, object]:
    """Drop the slices of the evidence, which are long."""
    evidence = {name: line.evidence.get(name) for name in REPORTED_EVIDENCE}
    decided: dict[str, object] = to_json(replace(line, evidence=evidence))
    return decided


def _month(done: RehearsalResult, month: MonthResult) -> dict[str, object]:
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
        "active_model": month.active_model,
        "events": list(month.events),
        "alarms_raised": list(month.raised),
        "alarms_cleared": list(month.cleared),
        "activated_after_s": None if month.waited_s is None else round(month.waited_s, 2),
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
        for text in month.events:
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
    yield f"Oracle: {oracle.dispatches:,} fresh dispatches of the last month, in {oracle.draws} draws"
    yield f"{'model':<18}{'trained until':<14}{'MAE':>9}{'CRPS':>9}  difference from the active model"
    for each in sorted(oracle.models, key=lambda one: one.mae_s):
        apart = f"{each.mae_difference_s:+.2f} s ({each.mae_difference_low_s:+.2f} to {each.mae_difference_high_s:+.2f})"
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
    yield f"Duration: {done.duration_s:.0f} s"


def _best(done: RehearsalResult) -> str:
    best = done.oracle.lowest_mae
    if best.model == done.decisions[-1].champion_after:
        return "yes"
    apart = f"the error of {best.model} is {-best.mae_difference_s:.2f} s lower"
    return f"yes: {apart}, which is a tie" if done.oracle.champion_is_best else f"no: {apart}"
