"""What a report is made of; everything a page says comes from here."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from londonpump.domain.errors import BadValue
from londonpump.evaluation.evaluation_rows import EvaluationRows, Forecast

EPOCH_DATE = date(1970, 1, 1)


@dataclass(frozen=True)
class About:
    """Where a model comes from. The clock is the caller's: `made_at` is shown as given.

    trained_from_date, trained_until_date: first and last day of the training rows. split: how the judged rows
    were chosen, in a few words ("the last quarter of 2023, by time"). features: the names a model
    reads, with unit and the moment each is known, as lines of text. without: the parts of the context that its
    records did not hold ("weather").
    """

    bundle: str
    data_hash: str
    trained_from_date: date
    trained_until_date: date
    trained_rows: int
    attribution: str
    is_simulated: bool = False
    made_at: str = ""
    split: str = ""
    features: tuple[str, ...] = ()
    without: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class ReportInputs:
    """The judged rows, what each model said of them, the answer of `judge`, and of `evaluate_pumps` where there is one.

    ours: the name of the model the report is about. least_rows: slices with fewer are not ranked as worst.
    Raises: BadValue if the answer of `judge` is of other models or has another number of rows.
    """

    rows: EvaluationRows
    forecasts: Mapping[str, Forecast]
    results: Mapping[str, Any]
    about: About
    ours: str = "ours"
    pumps: Mapping[str, Any] | None = None
    min_rows: int = 100

    def __post_init__(self) -> None:
        if self.results["rows"] != len(self.rows):
            raise BadValue(
                "judged", self.results["rows"], f"is of another set of rows than the {len(self.rows)} given"
            )
        missing = [name for name in {*self.forecasts, self.ours} if name not in self.results["models"]]
        if missing or self.ours not in self.forecasts:
            raise BadValue("judged", sorted(self.results["models"]), f"lacks {sorted(missing) or self.ours}")

    @property
    def forecast(self) -> Forecast:
        """What the reported model said."""
        return self.forecasts[self.ours]

    @property
    def others(self) -> list[str]:
        """The other models, in the order given."""
        return [name for name in self.forecasts if name != self.ours]

    def whole(self, model: str) -> Mapping[str, Any]:
        """A model's metrics over all rows."""
        found: Mapping[str, Any] = self.results["models"][model]["all"]["all"]
        return found

    @property
    def tested_from_date(self) -> date:
        """Day of the first judged run."""
        return EPOCH_DATE + timedelta(days=int(self.rows.day.min()))

    @property
    def tested_until_date(self) -> date:
        """Day of the last judged run."""
        return EPOCH_DATE + timedelta(days=int(self.rows.day.max()))

    @property
    def is_later(self) -> bool:
        """Whether every judged run comes after the last training day."""
        return self.tested_from_date > self.about.trained_until_date
