"""A year lived in fast motion: records come, models are trained, judged, promoted or kept, while a service answers."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

from londonpump.lifecycle.manual_decisions import ledger
from londonpump.lifecycle.progress import Progress
from londonpump.rehearsal.answer_check import Exactness, exactness_of
from londonpump.rehearsal.history_check import LiveMetrics, live_of, problems_of
from londonpump.rehearsal.month import MonthResult, run_month
from londonpump.rehearsal.oracle import Oracle, evaluate_oracle
from londonpump.rehearsal.request_traffic import RequestTraffic, operator_asking
from londonpump.rehearsal.year_home import MAX_LEDGER_LINES, RehearsalFailed, YearHome, year_home
from londonpump.rehearsal.year_plan import YearPlan
from londonpump.rehearsal.year_records import draw_questions, write_records
from londonpump.rehearsal.year_service import running_year_service
from londonpump.storage.database.decision_repository import Decision

FINAL_ANSWERS = 100
"""So many answers are waited for after the last decision."""
MONTHS_SHARE = 0.9
YIELDS = 10
FIRST_ERROR, LAST_ERROR = 500, 599


@dataclass(frozen=True, slots=True)
class RehearseRequest:
    """folder: a new one that everything is put in. database_url: of an empty database; None: SQLite in the folder.

    draws: of the last month that the oracle judges on.
    """

    plan: YearPlan
    folder: Path
    database_url: str | None = None
    draws: int = 6


@dataclass(frozen=True, slots=True)
class RehearsalResult:
    """A year as it was lived. statuses: how many requests had which HTTP status, 0 where nothing answered.

    refusals: what was said to those that were not answered, (status, words), and how often. live: by month. problems: where the history is not what ledger and service say. took_s: wall clock.
    """

    plan: YearPlan
    months: tuple[MonthResult, ...]
    decisions: tuple[Decision, ...]
    statuses: dict[int, int]
    rejections: dict[tuple[int, str], int]
    exactness: Exactness
    live: dict[int, LiveMetrics]
    problems: tuple[str, ...]
    oracle: Oracle
    took_s: float

    @property
    def requests(self) -> int:
        """All that were asked."""
        return sum(self.statuses.values())

    @property
    def errors_5xx(self) -> int:
        """Answered with a fault of the service."""
        return sum(n for status, n in self.statuses.items() if FIRST_ERROR <= status <= LAST_ERROR)

    @property
    def not_answered(self) -> int:
        """Anything but an answer."""
        return self.requests - self.exactness.checked

    @property
    def is_as_promised(self) -> bool:
        """Every request answered by one model exactly, a right history, the best model on duty."""
        is_complete = not self.not_answered and not self.exactness.mixed and not self.problems
        return is_complete and self.oracle.champion_is_best


def rehearse(request: RehearseRequest, progress: Progress) -> RehearsalResult:
    """Live a year. Raises: RehearsalFailed where a step cannot be made, or what must be refused is not; BadFile, BadValue."""
    begun_s = time.monotonic()
    with year_home(request.plan, request.folder, request.database_url) as home:
        months, traffic = _run_year(home, progress)
        progress("Asking every model again what it answered", MONTHS_SHARE)
        decisions = tuple(reversed(ledger(home.settings, MAX_LEDGER_LINES)))
        exactness = exactness_of(home.settings.bundle, traffic.answers)
        progress("Asking the oracle", MONTHS_SHARE + 0.03)
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
    progress(f"{plan.history_months} months of records come", 0.0)
    for number in range(-plan.history_months, 0):
        write_records(home, number)
    _report_month(home, 0, progress)
    months = [run_month(home, 0, None, [])]
    with (
        running_year_service(home) as address,
        operator_asking(home, address, 0, draw_questions(home, 0)) as traffic,
    ):
        # on one machine, calls come first and the month's work yields to them
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
        f"The records of {plan.first_day(number):%B %Y} come",
        MONTHS_SHARE * (number + 0.5) / (plan.months + 0.5),
    )


def _champion(decisions: tuple[Decision, ...]) -> str:
    champion = decisions[-1].champion_after
    if champion is None:
        raise RehearsalFailed("No model is on duty at the end of the year.")
    return champion
