"""A challenger that is worse in one part of London, in three ways."""

from dataclasses import dataclass, replace

import numpy as np

from londonpump.evaluation.evaluation_rows import Bools, EvaluationRows, Floats, Forecast

TOO_LONG, TOO_SHORT, SCATTERED = "too_long", "too_short", "scattered"
WAYS = (TOO_LONG, TOO_SHORT, SCATTERED)


@dataclass(frozen=True, slots=True)
class Worse:
    """slice, value: where. way: it announces `size_s` more, `size_s` less, or is off by a normal draw of that
    standard deviation."""

    slice: str
    value: str
    way: str
    size_s: float

    def is_there(self, rows: EvaluationRows) -> Bools:
        """Return (n,) True for the rows where it is worse."""
        return np.asarray(rows.slices[self.slice] == self.value)

    def extra_s(self, rows: EvaluationRows, rng: np.random.Generator, draws: int) -> Floats:
        """Return (n, draws) seconds that are added to the announced time."""
        there = self.is_there(rows)
        extra = np.zeros((len(rows), draws))
        shape = (int(there.sum()), draws)
        if self.way == SCATTERED:
            extra[there] = rng.normal(0, 1, shape) * self.size_s
        else:
            extra[there] = self.size_s if self.way == TOO_LONG else -self.size_s
        return extra

    def done_to(self, forecast: Forecast, rows: EvaluationRows, rng: np.random.Generator) -> Forecast:
        """Return the forecast, worse in these rows; its quantiles move along."""
        extra = self.extra_s(rows, rng, 1)
        quantiles_s = None if forecast.quantiles_s is None else forecast.quantiles_s + extra
        return replace(forecast, median_s=forecast.median_s + extra[:, 0], quantiles_s=quantiles_s)
