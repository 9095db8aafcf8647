"""A rehearsal of a year: records arrive, models are trained, evaluated and promoted, while a service answers."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

from londonpump.lifecycle.progress import Progress
from londonpump.lifecycle.promote import ledger
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
from londonpump.rehearsal.year_plan import YearPlan
from londonpump.rehearsal.year_records import draw_questions, write_records
from londonpump.storage.database.decision_repository import Decision

FINAL_ANSWERS = 100
"""Number of answers to wait for after the last decision."""
MONTHS_SHARE = 0.9
YIELDS = 10
FIRST_ERROR, LAST_ERROR = 500, 599


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
    took_s: float

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
        took_s=round(time.monotonic() - begun_s, 1),
    )


def _run_year(home: YearHome, progress: Progress) -> tuple[list[MonthResult], RequestTraffic]:
    plan = home.plan
    progress(f"Simulating {plan.history_months} months of history", 0.0)
    for number in range(-plan.history_months, 0):
        write_records(home, number)
    _report_month(home, 0, progress)
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
