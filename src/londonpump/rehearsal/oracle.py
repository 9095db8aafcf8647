"""The oracle of the simulation: the best model for the world as it is at the end of the year.

The simulation can draw the last month again and again, with calls that no model has seen, and every model of the year
predicts each dispatch. The active model is the best unless another has a lower mean absolute error both beyond the 95 %
interval of the paired difference (whole days resampled) and by the margin `not_worse_s` of the promotion settings.
Without that margin the newest model would nearly always win by a tenth of a second, because it has one more month of
data; no single month of records can show such a difference.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace

import numpy as np

from londonpump.domain.errors import BadFile
from londonpump.evaluation.evaluation_rows import EvaluationRows, Floats
from londonpump.evaluation.intervals import DayDraws, draw_days
from londonpump.evaluation.metrics import FLAGGED_SHARE, row_columns
from londonpump.evaluation.promotion.evidence import PromotionSettings
from londonpump.features.dispatches import EVERY_CALL
from londonpump.lifecycle.prepare import prepare
from londonpump.lifecycle.prepared_examples import (
    Columns,
    Examples,
    build_judged_rows,
    forecast_of,
    load_examples,
)
from londonpump.models.bundle import Bundle
from londonpump.models.train import with_workload
from londonpump.persistence.verified_bundle import folder_of, open_verified
from londonpump.rehearsal.year_home import YearHome
from londonpump.rehearsal.year_plan import LATENESS_MONTHS
from londonpump.rehearsal.year_records import prepare_request
from londonpump.simulation.simulate import write_simulation

RESAMPLES, TAILS_PCT = 2_000, (2.5, 97.5)
TIE_S = PromotionSettings().not_worse_s
# Added to the days of each draw, so that days of different draws are resampled separately.
DAYS_APART = 1_000


@dataclass(frozen=True, slots=True)
class ModelScore:
    """The errors of one model on the fresh dispatches."""

    model: str
    trained_until: str
    mae_s: float
    crps_s: float
    mae_difference_s: float
    """Its mean absolute error minus that of the active model: negative if it is better."""
    mae_difference_low_s: float
    mae_difference_high_s: float

    @property
    def is_better(self) -> bool:
        """True if it beats the active model beyond the interval and by more than a tie."""
        return self.mae_difference_high_s < 0 and self.mae_difference_s <= -TIE_S


@dataclass(frozen=True, slots=True)
class Oracle:
    """All models of a year, evaluated on the same fresh dispatches."""

    dispatches: int
    """Number of fresh dispatches in all draws."""
    draws: int
    models: tuple[ModelScore, ...]
    unusable: tuple[str, ...]
    """Models that cannot be loaded."""

    @property
    def champion_is_best(self) -> bool:
        """True if no other model is better beyond the interval and by more than a tie."""
        return not any(each.is_better for each in self.models)

    @property
    def lowest_mae(self) -> ModelScore:
        """The model with the lowest error, however small the difference."""
        return min(self.models, key=lambda each: each.mae_s)

    def to_json(self) -> dict[str, object]:
        """Return every figure."""
        models = [{**asdict(each), "is_better": each.is_better} for each in self.models]
        return {**asdict(self), "tie_s": TIE_S, "models": models}


def evaluate_oracle(home: YearHome, champion: str, others: Sequence[str], draws: int) -> Oracle:
    """Evaluate the active model and all others on fresh draws of the last month."""
    bundles, unusable = _open(home, [champion, *(each for each in others if each != champion)])
    worlds = [_draw(home, draw) for draw in range(1, draws + 1)]
    scored = {name: _scored(bundle, worlds) for name, bundle in bundles.items()}
    rows, own = scored[champion]
    days = draw_days(rows.day, RESAMPLES, home.plan.seed)
    judged = tuple(
        _judged(bundles[name], name, (errors, own), (rows, days)) for name, (_, errors) in scored.items()
    )
    return Oracle(len(rows), draws, judged, unusable)


@dataclass(frozen=True, slots=True)
class _Errors:
    """Errors of one model in seconds, shapes (n,)."""

    absolute: Floats
    crps: Floats


def _open(home: YearHome, names: Sequence[str]) -> tuple[dict[str, Bundle], tuple[str, ...]]:
    bundles: dict[str, Bundle] = {}
    for name in names:
        # a damaged bundle cannot be active, so it does not count
        with suppress(BadFile):
            bundles[name] = open_verified(folder_of(home.settings.bundle, name))[1]
    return bundles, tuple(name for name in names if name not in bundles)


def _draw(home: YearHome, draw: int) -> Examples:
    """Prepare one more draw of the last month."""
    folder = home.folder / "oracle" / str(draw)
    write_simulation(home.plan.simulation(home.plan.months - 1 + LATENESS_MONTHS, draw), folder / "records")
    prepare(prepare_request([folder / "records"], folder / "data"))
    return load_examples(folder / "data")


def _scored(bundle: Bundle, worlds: Sequence[Examples]) -> tuple[EvaluationRows, _Errors]:
    """Return the rows of all draws and the errors of a model on them."""
    parts = [_runs(bundle, world, number) for number, world in enumerate(worlds)]
    dispatches = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    rows = build_judged_rows(bundle, dispatches).without_slices()
    rows = replace(rows, day=rows.day + dispatches["world"] * DAYS_APART)
    columns = row_columns(
        rows, forecast_of(bundle.response_times(bundle.dispatches(dispatches))), FLAGGED_SHARE
    )
    return rows, _Errors(columns["abs_error"], columns["crps"])


def _runs(bundle: Bundle, world: Examples, number: int) -> Columns:
    known = world.take(np.isfinite(world.rows["attendance_s"]))
    counted = with_workload(known, world.calls, bundle.ground, EVERY_CALL)
    return {**counted, "world": np.full(len(known["attendance_s"]), number, np.int64)}


def _judged(
    bundle: Bundle, name: str, errors: tuple[_Errors, _Errors], on: tuple[EvaluationRows, DayDraws]
) -> ModelScore:
    """Compare a model with the active one. errors: its own and those of the active model."""
    (own, champion), (rows, days) = errors, on
    day_index = np.searchsorted(days.days, rows.day)
    apart_s, n_rows = (
        np.bincount(day_index, weights=weights, minlength=len(days.days))
        for weights in (own.absolute - champion.absolute, np.ones(len(rows)))
    )
    # the first row of `counts` is the sample itself, the others are the resamples
    drawn_s = (days.counts @ apart_s) / (days.counts @ n_rows)
    low_s, high_s = np.percentile(drawn_s[1:], TAILS_PCT)
    return ModelScore(
        model=name,
        trained_until=bundle.card.data.trained_until.isoformat(),
        mae_s=round(float(own.absolute.mean()), 3),
        crps_s=round(float(own.crps.mean()), 3),
        mae_difference_s=round(float(drawn_s[0]), 3),
        mae_difference_low_s=round(float(low_s), 3),
        mae_difference_high_s=round(float(high_s), 3),
    )
