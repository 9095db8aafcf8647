"""The values from which a report is made."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from markupsafe import Markup

from londonpump.domain.errors import BadValue
from londonpump.evaluation.arrival_order import OrderMetrics
from londonpump.evaluation.evaluate import ModelsEvaluation, PumpMetrics
from londonpump.evaluation.evaluation_rows import EvaluationRows, Forecast
from londonpump.evaluation.intervals import Stat
from londonpump.models.explanations import Contribution

EPOCH_DATE = date(1970, 1, 1)


@dataclass(frozen=True)
class Drawing:
    """A plot for the page; `reading` explains how to read it, and `is_wide` gives it the full width."""

    title: str
    svg: Markup
    reading: str
    is_wide: bool = False
    answer: str = ""
    """Shown above the plot, if its title is a question."""


@dataclass(frozen=True, slots=True)
class FeatureFacts:
    """One input of the model, for the model card."""

    name: str
    label: str
    unit: str
    known: str
    """The stage at which its value is known."""
    importance_s: float | None = None
    """Mean absolute contribution to the announced time on evaluated mobilisations; None if not computed."""


@dataclass(frozen=True, slots=True)
class WorkedCall:
    """One evaluated mobilisation, as the model sees it and as it went."""

    facts: Mapping[str, str]
    """What was known when the pump was chosen, by name."""
    contributions: Sequence[Contribution]
    """They add up to `p50_s`; the last one is the typical dispatch."""
    p10_s: float
    p50_s: float
    p90_s: float
    p_over: Mapping[int, float]
    """Chance of arriving later, by threshold in seconds."""
    actual_s: float


@dataclass(frozen=True)
class About:
    """The origin of a model; dates are the first and last day of the training rows."""

    bundle: str
    data_hash: str
    trained_from_date: date
    trained_until_date: date
    trained_rows: int
    attribution: str
    is_simulated: bool = False
    made_at: str = ""
    """Shown as given, because this module reads no clock."""
    split: str = ""
    """How the evaluated rows were chosen, such as "the last quarter of 2023, by time"."""
    features: tuple[FeatureFacts, ...] = ()
    """The most important first."""
    without: tuple[str, ...] = ()
    """Parts of the context that the training records did not have, such as "weather"."""
    notes: tuple[str, ...] = ()
    """Sentences on the training: the share left out, and the roads."""


@dataclass(frozen=True, eq=False)
class ReportInputs:
    """The evaluated rows, the forecasts, and the results of `evaluate_models` and `evaluate_pumps`.

    Raises: BadValue if the results are of other models or have another number of rows.
    """

    rows: EvaluationRows
    forecasts: Mapping[str, Forecast]
    results: ModelsEvaluation
    about: About
    ours: str = "ours"
    """Name of the reported model."""
    pumps: PumpMetrics | None = None
    order: OrderMetrics | None = None
    """The order of the pumps of one call; None for too few pairs."""
    worked_call: WorkedCall | None = None
    dependence: Sequence[Drawing] = ()
    """Plots of how the announced time depends on single features, for the model card."""
    min_rows: int = 100
    """Slices with fewer rows are not ranked as worst."""

    def __post_init__(self) -> None:
        if self.results.rows != len(self.rows):
            raise BadValue(
                "results", self.results.rows, f"is of another set of rows than the {len(self.rows)} given"
            )
        missing = [name for name in {*self.forecasts, self.ours} if name not in self.results.models]
        if missing or self.ours not in self.forecasts:
            raise BadValue("results", sorted(self.results.models), f"lacks {sorted(missing) or self.ours}")

    @property
    def forecast(self) -> Forecast:
        """Return the forecast of the reported model."""
        return self.forecasts[self.ours]

    @property
    def others(self) -> list[str]:
        """Return the other models, in the order given."""
        return [name for name in self.forecasts if name != self.ours]

    @property
    def whole(self) -> Mapping[str, Stat]:
        """Return the metrics of the reported model over all rows."""
        return self.results.whole(self.ours)

    @property
    def tested_from_date(self) -> date:
        """Return the day of the first evaluated row."""
        return EPOCH_DATE + timedelta(days=int(self.rows.day.min()))

    @property
    def tested_until_date(self) -> date:
        """Return the day of the last evaluated row."""
        return EPOCH_DATE + timedelta(days=int(self.rows.day.max()))

    @property
    def is_later(self) -> bool:
        """Return True if every evaluated row is after the last training day."""
        return self.tested_from_date > self.about.trained_until_date
