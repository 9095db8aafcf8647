"""What the rule is shown: later rows, what both models said about them, and how each did when it was tried."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from londonpump.domain.errors import BadValue
from londonpump.evaluation.evaluation_rows import EvaluationRows, Forecast


@dataclass(frozen=True, slots=True)
class PromotionSettings:
    """What the rule asks for. The defaults are those whose error rates docs/explanation/promotion.md shows.

    least_rows, least_days: fewer later rows or days than that decide nothing. least_slice_rows: a slice value
    needs as many in the newest `slice_days`. slices: names of slices that must not get worse.
    confidence: of the interval of the whole, both ends. slice_error_share: how often a challenger that is as good
    as the champion in every slice is refused for any of them. cover_low_share, cover_high_share: the whole interval
    of the share of runs between P10 and P90 must lie between them. calibration_error: the whole interval of the
    mean gap between chance and share over 360 s must lie below it. latency_ms: an answer may take so long.
    champion_age_days: a champion trained until longer ago may be replaced by a newer model that costs less than
    `not_worse_s`, the whole interval; None: never. resamples, seed: of the drawn days.
    """

    least_rows: int = 1000
    least_days: int = 7
    least_slice_rows: int = 500
    slice_days: int = 92
    slices: tuple[str, ...] = ("borough", "station", "hour_band", "own_ground", "incident_type")
    confidence: float = 0.95
    slice_error_share: float = 0.05
    cover_low_share: float = 0.75
    cover_high_share: float = 0.85
    calibration_error: float = 0.08
    latency_ms: float = 50.0
    champion_age_days: int | None = 180
    not_worse_s: float = 0.5
    resamples: int = 1000
    seed: int = 0


PROMOTE, KEEP = "promote", "keep"


@dataclass(frozen=True, slots=True)
class Verdict:
    """action: `promote` or `keep`. reason: in words, for the ledger. evidence: for json, no NaN in it.

    rule: the name of what decided: `better`, `not_worse_and_newer`, `first`; or what stood in the way:
    `champion_unusable`, `challenger_unusable`, `latency`, `metric_missing`, `few_rows`, `tie`, `worse`,
    `slice_worse`, `coverage`, `calibration`.
    """

    action: str
    rule: str
    reason: str
    evidence: dict[str, Any] = field(default_factory=dict)

    @property
    def is_promotion(self) -> bool:
        """Does the challenger take the champion's place?"""
        return self.action == PROMOTE


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
