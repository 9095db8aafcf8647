"""Results and text outputs of `train` and `evaluate`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from londonpump.domain.json_values import IF_KNOWN, INLINE
from londonpump.evaluation.arrival_order import NEAREST, OURS, OWN_THEN_NEAREST, OrderMetrics
from londonpump.evaluation.evaluate import ModelsEvaluation, PumpMetrics
from londonpump.evaluation.intervals import Stat
from londonpump.models.bundle import Card
from londonpump.models.fitted_context import MISSING
from londonpump.presentation.report.style import MODEL_LABELS


def format_training(folder: Path, card: Card) -> str:
    """Format the training data of a bundle, and its folder."""
    summary = (
        f"Trained on {card.rows:,} mobilisations from {card.data.trained_from} until before "
        f"{card.data.trained_until}."
    )
    return "\n".join([summary, *training_notes(card), *_missing_context(card), f"Bundle: {folder}"])


def training_notes(card: Card) -> Iterator[str]:
    """Format the share of the examples that was left out, and what is known of roads."""
    if card.data.left_out_share == 0:
        yield "Nothing is left to evaluate the model on: no record is later. Train with an earlier --until to evaluate it."
    elif card.data.left_out_share is not None:
        yield f"Left out, to evaluate the model on: {card.data.left_out_share:.1%} of the mobilisations."
    if card.roads is None:
        yield "Without roads: no map was imported, or it holds the ways of too few mobilisations."
    else:
        yield f"Ways by road are known for {card.roads.known_share:.0%} of the mobilisations ({card.roads.attribution})."


def _missing_context(card: Card) -> Iterator[str]:
    """Format one line per part of the context that the examples do not cover."""
    for part, state in card.context.items():
        if state != MISSING:
            continue
        if part == "congestion":
            yield f"Without {part}: the examples hold no traffic, and too few travel times to estimate it."
        else:
            yield f"Without {part}: fewer than half of the examples have it."


@dataclass(frozen=True, slots=True)
class OriginalScores:
    """Mean errors of the original model by seed. It is unstable, so its median and its best are both reported."""

    mae_s: tuple[float, ...]
    median_mae_s: float
    best_mae_s: float


@dataclass(frozen=True, slots=True)
class PumpScores:
    """Metrics of the number of pumps, with all facts of the calls and with none."""

    all_stated: PumpMetrics = field(metadata=INLINE)
    nothing_stated: PumpMetrics


@dataclass(frozen=True, slots=True)
class EvaluationResults:
    """The results of `evaluate`, as --json writes them."""

    schema: int
    data_hash: str
    bundle: str
    row_ids_sha256: str
    """Hash of the sorted ids of the evaluated mobilisations: results with the same hash are comparable."""
    evaluation: ModelsEvaluation = field(metadata=INLINE)
    is_later: bool
    differences: Mapping[str, Stat]
    """The mean error of each other model minus ours, on the same rows."""
    original: OriginalScores | None = field(metadata=IF_KNOWN)
    context_imputed: Mapping[str, int]
    """Number of mobilisations by part of the context that was unknown."""
    pumps: PumpScores | None
    """None if no evaluated call has a published number of pumps."""
    order: OrderMetrics | None
    """None if too few evaluated calls have pumps from two stations."""


ORDER_LABELS = {OURS: "londonpump", NEAREST: "nearest first", OWN_THEN_NEAREST: "own ground, then nearest"}


def format_evaluation(results: EvaluationResults) -> str:
    """Format the scores of all models as a table."""
    evaluation, later = results.evaluation, "later " if results.is_later else ""
    lines = [f"{evaluation.rows:,} {later}mobilisations on {evaluation.days} days"]
    lines.append(
        f"{'model':<37}{'MAE s':>8}  {'95 % interval':<16}{'RMSE s':>8}{'within 60 s':>13}{'80 % covers':>13}"
    )
    for name in evaluation.models:
        whole = evaluation.whole(name)
        mae, cover = whole["mae_s"], whole.get("cover_80_share")
        lines.append(
            f"{MODEL_LABELS[name]:<37}{mae.value:8.1f}  {_between(mae):<16}{whole['rmse_s'].value:8.1f}"
            f"{whole['within_60_share'].value:13.1%}" + (f"{cover.value:13.1%}" if cover else "")
        )
    if original := results.original:
        lines.append(
            f"The original model over eleven seeds: median MAE {original.median_mae_s:.1f} s, best {original.best_mae_s:.1f} s"
        )
    if order := results.order:
        share, lost = order.right_share, order.regret_s
        lines.append(
            f"Order of {order.pairs:,} pairs of pumps from two stations, right: "
            + "; ".join(
                f"{label} {share[rule].value:.1%} ({lost[rule].value:.1f} s lost)"
                for rule, label in ORDER_LABELS.items()
            )
        )
    if results.context_imputed:
        unknown_parts = ", ".join(f"{part} of {n:,}" for part, n in results.context_imputed.items())
        lines.append(
            f"Unknown context of these mobilisations: {unknown_parts}; usual values were used instead"
        )
    return "\n".join(lines)


def _between(stat: Stat) -> str:
    return "" if stat.low is None else f"{stat.low:.1f} to {stat.high:.1f}"
