"""What the rule is shown: later rows, what both models said about them, and how each did when it was tried."""

from dataclasses import dataclass
from datetime import date, timedelta

from londonpump.domain.errors import BadValue
from londonpump.evaluation.evaluation_rows import EvaluationRows, Forecast

EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class SmokeTest:
    """How a bundle did in a process that has seen nothing of its training.

    problem: why it does not load or answer, None where it does. latency_ms: the typical time of an answer;
    None: not measured.
    """

    problem: str | None = None
    latency_ms: float | None = None


@dataclass(frozen=True, eq=False)
class EvaluatedModel:
    """One of the two models. trained_until: the first day it did not learn from. forecast: None if it gave none."""

    trained_until: date
    smoke_test: SmokeTest
    forecast: Forecast | None


@dataclass(frozen=True, eq=False)
class Evidence:
    """All that a decision rests on.

    rows: every run of incidents that began after both trainings, incidents whole, in the order of both forecasts.
    champion: None if no model is on duty. today: the London day of the decision.
    Raises: BadValue if a model may have learnt from a row, or answers another number of rows.
    """

    rows: EvaluationRows
    champion: EvaluatedModel | None
    challenger: EvaluatedModel
    today: date

    def __post_init__(self) -> None:
        for name, contender in (("champion", self.champion), ("challenger", self.challenger)):
            if contender is not None:
                self._require_unseen_rows(name, contender)

    def _require_unseen_rows(self, name: str, contender: EvaluatedModel) -> None:
        n = len(self.rows)
        if contender.forecast is not None and len(contender.forecast) != n:
            raise BadValue(
                f"{name} forecast", len(contender.forecast), f"answers other runs than the {n} judged"
            )
        first = EPOCH + timedelta(days=int(self.rows.day.min())) if n else None
        if first is not None and first < contender.trained_until:
            raise BadValue(
                "rows",
                first.isoformat(),
                f"the {name} learnt until {contender.trained_until}. Judge on rows from that day on",
            )
