"""Settings, evidence and verdict of the promotion rule, and the checks of a challenger that need no champion."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from londonpump.domain.errors import BadValue
from londonpump.evaluation.evaluation_rows import EvaluationRows, Forecast
from londonpump.evaluation.intervals import Stat


@dataclass(frozen=True, slots=True)
class PromotionSettings:
    """Settings of the rule. docs/explanation/promotion.md shows the error rates of the defaults.

    The field names are stored with the evidence of each decision.
    """

    # The error rates of these defaults were measured on drawn months of real dispatches (promotion.md).
    min_rows: int = 1000
    """With fewer later rows the champion stays."""
    min_days: int = 7
    """With fewer later days the champion stays."""
    min_slice_rows: int = 500
    """Rows that a slice value needs in the newest `slice_days`."""
    # The newest three months; in ordinary months these are the 28 days after the training.
    slice_days: int = 92
    slices: tuple[str, ...] = ("borough", "station", "hour_band", "own_ground", "incident_type")
    """Slices that must not get worse."""
    confidence: float = 0.95
    """Confidence of the two-sided interval over all rows."""
    # One threshold for all slices, whatever their number (promotion.md).
    slice_error_share: float = 0.05
    """Share of equally good challengers that are rejected for any slice."""
    cover_low_share: float = 0.75
    """The interval of the coverage of P10 to P90 must lie above this."""
    cover_high_share: float = 0.85
    """The interval of the coverage must lie below this."""
    calibration_error: float = 0.08
    """The interval of the calibration error over 360 s must lie below this."""
    latency_ms: float = 50.0
    """Maximum latency of a prediction."""
    champion_age_days: int | None = 180
    """An older champion may be replaced by a newer model that is not worse; None means never."""
    not_worse_s: float = 0.5
    """A model whose interval lies below this is not worse."""
    resamples: int = 1000
    seed: int = 0


PROMOTE, KEEP = "promote", "keep"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of the rule."""

    action: str
    """`promote` or `keep`."""
    rule: str
    """The deciding case: `better`, `not_worse_and_newer`, `first`; or the obstacle: `champion_unusable`,
    `challenger_unusable`, `latency`, `metric_missing`, `few_rows`, `tie`, `worse`, `slice_worse`, `coverage`,
    `calibration`."""
    reason: str
    """Sentence for the ledger."""
    evidence: "DecisionFacts"
    """Figures of the decision, rounded and without NaN."""

    @property
    def is_promotion(self) -> bool:
        """Return True if the challenger becomes the champion."""
        return self.action == PROMOTE


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """Facts about one of the two models."""

    trained_until: date
    age_days: int
    problem: str | None
    latency_ms: float | None
    scores: Mapping[str, Stat] | None = None
    """Metrics over all rows; None if the models were not compared."""


@dataclass(frozen=True, slots=True)
class SliceResult:
    """Errors of both models in one slice value."""

    slice: str
    value: str
    rows: int
    days: int
    champion_mae_s: float
    challenger_mae_s: float
    difference_s: float
    low_s: float
    fails: bool
    """The challenger is worse here."""


@dataclass(frozen=True, slots=True)
class SliceFindings:
    """Results by slice."""

    judged: tuple[SliceResult, ...]
    """The largest slice value first."""
    failing: tuple[str, ...]
    """`SLICE=VALUE` of the slices that got worse."""
    not_judged: Mapping[str, Mapping[str, int]]
    """Rows of slice values with too few of them."""


@dataclass(frozen=True, slots=True)
class DecisionFacts:
    """Figures of a decision by the rule, as the ledger keeps them; those that only a comparison gives may be None."""

    metric: str
    rows: int
    days: int
    from_date: date | None
    until_date: date | None
    today: date
    settings: PromotionSettings
    champion: ModelFacts | None
    challenger: ModelFacts
    difference_s: Stat | None = None
    """MAE of the challenger minus that of the champion."""
    slices: SliceFindings | None = None
    coverage: Stat | None = None
    calibration: Stat | None = None


EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class SmokeTest:
    """Result of the smoke test of a bundle in a fresh process."""

    problem: str | None = None
    """Why the bundle does not load or predict; None if it does."""
    latency_ms: float | None = None
    """Typical latency of a prediction; None if not measured."""


@dataclass(frozen=True, eq=False)
class EvaluatedModel:
    """A champion or challenger with its smoke test and its forecast."""

    trained_until: date
    """First day after its training data."""
    smoke_test: SmokeTest
    forecast: Forecast | None
    """None if the model made no forecast."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """The input of a decision.

    Raises: BadValue if a row may be in the training data of a model, or a forecast has another number of rows.
    """

    rows: EvaluationRows
    """All dispatches of incidents that began after both trainings, in the order of both forecasts."""
    champion: EvaluatedModel | None
    """None if no model is active."""
    challenger: EvaluatedModel
    today: date
    """London day of the decision."""

    def __post_init__(self) -> None:
        for name, contender in (("champion", self.champion), ("challenger", self.challenger)):
            if contender is not None:
                self._require_unseen_rows(name, contender)

    def _require_unseen_rows(self, name: str, contender: EvaluatedModel) -> None:
        n = len(self.rows)
        if contender.forecast is not None and len(contender.forecast) != n:
            raise BadValue(
                f"{name} forecast", len(contender.forecast), f"has other dispatches than the {n} evaluated"
            )
        # A row that a model was trained on would favour it: no verdict is better than one on such rows.
        first = EPOCH + timedelta(days=int(self.rows.day.min())) if n else None
        if first is not None and first < contender.trained_until:
            raise BadValue(
                "rows",
                first.isoformat(),
                f"the {name} was trained until {contender.trained_until}. Evaluate on rows from that day on",
            )


COVERAGE, CALIBRATION = "cover_80_share", "over_360_ece"
CHAMPION_UNUSABLE, CHALLENGER_UNUSABLE = "champion_unusable", "challenger_unusable"
FEW_ROWS = "few_rows"
Scores = Mapping[str, Stat]


@dataclass(frozen=True, slots=True)
class Obstacle:
    """A reason against the promotion of the challenger."""

    rule: str
    """Short name of the rule."""
    text: str
    """Part of a sentence, with figures."""


def unusable(evidence: Evidence) -> Iterator[Obstacle]:
    """Yield each model that does not load or predict, because then nothing can be compared."""
    # A broken champion stays: a rule that promoted because the other side is broken would reward a full disk.
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
    if rows < settings.min_rows or days < settings.min_days:
        yield Obstacle(
            FEW_ROWS,
            f"{rows:,} mobilisations of {days} days are later than the training, {settings.min_rows:,} of "
            f"{settings.min_days} needed: wait for newer records",
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
        f"its P10 to P90 holds {scores[COVERAGE].value:.1%} of mobilisations, its chances over 360 s are off by "
        f"{scores[CALIBRATION].value:.3f}"
    )


def _coverage(scores: Scores, settings: PromotionSettings) -> Iterator[Obstacle]:
    ends = _ends(scores, COVERAGE)
    if ends is None:
        yield Obstacle("metric_missing", "how often the challenger's P10 to P90 holds is not known")
    # The whole interval must be inside: in doubt the champion stays.
    elif ends[0] < settings.cover_low_share or ends[1] > settings.cover_high_share:
        yield Obstacle(
            "coverage",
            f"the challenger's P10 to P90 holds {scores[COVERAGE].value:.1%} of mobilisations ({ends[0]:.1%} to "
            f"{ends[1]:.1%}), {settings.cover_low_share:.0%} to {settings.cover_high_share:.0%} allowed",
        )


def _calibration(scores: Scores, settings: PromotionSettings) -> Iterator[Obstacle]:
    ends = _ends(scores, CALIBRATION)
    if ends is None:
        yield Obstacle("metric_missing", "how far the challenger's chances over 360 s are off is not known")
    elif ends[1] > settings.calibration_error:
        yield Obstacle(
            "calibration",
            f"the challenger's chances over 360 s are off by {scores[CALIBRATION].value:.3f} ({ends[0]:.3f} to "
            f"{ends[1]:.3f}), {settings.calibration_error:g} allowed",
        )


def _ends(scores: Scores, metric: str) -> tuple[float, float] | None:
    found = scores.get(metric)
    if found is None or found.low is None or found.high is None:
        return None
    return found.low, found.high
