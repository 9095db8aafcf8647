"""What a bundle answers about rows it did not learn from, kept so that folds can be put end to end."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from londonpump.evaluation.rows import Forecast, JudgedRows
from londonpump.models.bundle import Bundle
from londonpump.models.domain import TEXTS
from londonpump.models.training import distance_as_original_km, seed_columns, with_known_pumps
from londonpump.pipelines.data import Columns, incident_codes
from londonpump.pipelines.evaluate import forecasts_of, judged

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
STATED, NOT_STATED = "stated", "not_stated"
MOST_PUMPS = 5


@dataclass(frozen=True, eq=False)
class PumpAnswers:
    """The number of pumps on calls whose number was published.

    actual, day: (n,). probability: with and without kind and property stated, (n, 5). chosen: (n,).
    """

    actual: Ints
    day: Ints
    probability: dict[str, Floats]
    chosen: dict[str, Ints]


@dataclass(frozen=True, eq=False)
class Answers:
    """Columns of the rows judged and every model's answer, in one order.

    seeds_s: (11, n) answers of the seed recipe by seed. is_warned: (n,) what `risk_underestimated` says.
    """

    columns: Columns
    rows: JudgedRows
    forecasts: dict[str, Forecast]
    seeds_s: Floats
    is_warned: NDArray[np.bool_]
    pumps: PumpAnswers


def answers_of(bundle: Bundle, columns: Columns, calls: Columns) -> Answers:
    """Every model on rows (n, attendance known), and the number of pumps on calls, none of them learnt from."""
    forecasts = forecasts_of(bundle, columns)
    distance_km = distance_as_original_km(columns)
    forecasts["distance_mean_curve"] = Forecast(bundle.distance.predict_mean(distance_km))
    chance = forecasts["ours"].p_underestimate
    return Answers(
        columns=columns,
        rows=judged(bundle, columns),
        forecasts=forecasts,
        seeds_s=bundle.seed.predict_all(seed_columns(bundle.runs(columns))),
        is_warned=np.zeros(0, np.bool_) if chance is None else chance >= bundle.warn_at,
        pumps=_pump_answers(bundle, with_known_pumps(calls)),
    )


def _pump_answers(bundle: Bundle, calls: Columns) -> PumpAnswers:
    n = len(calls["call_us"])
    hidden = {**calls, **dict.fromkeys(TEXTS, np.full(n, None, object))}
    chances = {STATED: bundle.pumps(bundle.runs(calls)), NOT_STATED: bundle.pumps(bundle.runs(hidden))}
    return PumpAnswers(
        actual=np.clip(calls["pumps_attending"], 1, MOST_PUMPS).astype(np.int64),
        day=bundle.runs(calls).day,
        probability={told: chance.probability for told, chance in chances.items()},
        chosen={told: chance.chosen for told, chance in chances.items()},
    )


def joined(parts: list[Answers], bundle: Bundle) -> Answers:
    """Folds end to end; tenths of distance are those of all rows. bundle: any, for the clock and the grid."""
    columns = {name: _end_to_end([p.columns[name] for p in parts]) for name in parts[0].columns}
    rows = replace(judged(bundle, columns), incident=incident_codes(columns))
    return Answers(
        columns=columns,
        rows=rows,
        forecasts={name: joined_forecast([p.forecasts[name] for p in parts]) for name in parts[0].forecasts},
        seeds_s=np.concatenate([p.seeds_s for p in parts], axis=1),
        is_warned=_end_to_end([p.is_warned for p in parts]),
        pumps=PumpAnswers(
            actual=_end_to_end([p.pumps.actual for p in parts]),
            day=_end_to_end([p.pumps.day for p in parts]),
            probability={
                told: _end_to_end([p.pumps.probability[told] for p in parts]) for told in (STATED, NOT_STATED)
            },
            chosen={
                told: _end_to_end([p.pumps.chosen[told] for p in parts]) for told in (STATED, NOT_STATED)
            },
        ),
    )


def joined_forecast(parts: list[Forecast]) -> Forecast:
    """One model's answers end to end; all parts must know the same things."""

    def end_to_end(name: str) -> Any:
        values = [getattr(part, name) for part in parts]
        return None if values[0] is None else np.concatenate(values)

    chances = None
    if parts[0].p_over is not None:
        chances = {s: np.concatenate([(p.p_over or {})[s] for p in parts]) for s in parts[0].p_over}
    return Forecast(
        median_s=end_to_end("median_s"),
        mean_s=end_to_end("mean_s"),
        levels=parts[0].levels,
        quantiles_s=end_to_end("quantiles_s"),
        p_over=chances,
        p_underestimate=end_to_end("p_underestimate"),
        is_listed=end_to_end("is_listed"),
    )


def _end_to_end(parts: list[NDArray[Any]]) -> NDArray[Any]:
    return np.concatenate(parts)
