"""Stored bundles: the view that `models show` writes as JSON, and its text."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from londonpump.domain.bundle_card import BundleCard
from londonpump.domain.json_values import JsonObject, from_stored
from londonpump.presentation.texts.challenge import (
    TIME_FORMAT,
    DecisionView,
    format_decision,
    format_whole_decision,
)

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class PeriodView:
    """Period in which a model was active."""

    from_at: datetime
    until_at: datetime | None
    """None: it is still active."""


@dataclass(frozen=True, slots=True)
class BundleView:
    """Bundle with its active periods and decisions, the oldest first."""

    bundle: str
    size_bytes: int
    card: JsonObject
    """The whole card, as it is stored."""
    provenance: JsonObject
    active_periods: tuple[PeriodView, ...]
    decisions: tuple[DecisionView, ...]


@dataclass(frozen=True, slots=True)
class _Metrics:
    rows: int | None
    mae_s: float | None
    cover_80_share: float | None


@dataclass(frozen=True, slots=True)
class _Provenance:
    made_at: str | None
    commit: str | None
    metrics: _Metrics | None


def format_entry(entry: BundleView | DecisionView) -> str:
    """Format a bundle, or a decision with its evidence."""
    return format_whole_decision(entry) if isinstance(entry, DecisionView) else format_bundle(entry)


def format_bundle(view: BundleView) -> str:
    """Format the bundle."""
    card, provenance = from_stored(BundleCard, view.card), from_stored(_Provenance, view.provenance)
    features = card.features or ()
    lines = [
        f"Bundle {view.bundle} ({view.size_bytes / MIB:.1f} MiB)"
        + (", SIMULATED" if card.is_simulated else ""),
        f"Trained on {card.rows or 0:,} mobilisations from {card.trained_from} until before {card.trained_until}",
        f"Data {card.data_hash}, version {card.code_version}, seed {card.seed}",
        f"Made {provenance.made_at or 'at an unknown time'}, commit {provenance.commit or 'unknown'}",
        *_metrics(provenance.metrics),
        f"{len(features)} features: {', '.join(map(str, features))}",
    ]
    lines += [f"Active: {format_period(period)}" for period in view.active_periods] or ["Never active"]
    lines += [format_decision(line) for line in view.decisions] or ["No decision names it"]
    return "\n".join(lines)


def format_period(period: PeriodView) -> str:
    """Format the period."""
    until = "now" if period.until_at is None else f"{period.until_at:{TIME_FORMAT}}"
    return f"{period.from_at:{TIME_FORMAT}} to {until}"


def _metrics(metrics: _Metrics | None) -> Iterator[str]:
    if metrics is not None and metrics.rows and None not in (metrics.mae_s, metrics.cover_80_share):
        yield (
            f"On {metrics.rows:,} mobilisations after its training: MAE {metrics.mae_s:.1f} s, "
            f"80 % band covers {metrics.cover_80_share:.1%}"
        )
