"""What a command tells the person who ran it."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from londonpump.domain.attendance_targets import LATENESS_LIMITS_S, MAX_PUBLISHED_S
from londonpump.domain.stations import by_code
from londonpump.lifecycle.calls_file import EPOCH, as_columns, parse_call
from londonpump.lifecycle.context_store import ContextStore
from londonpump.lifecycle.context_text import (
    ContextJson,
    context_as_json,
    format_context,
    format_missing_context,
)
from londonpump.lifecycle.predict import read_known_context
from londonpump.models.bundle import Bundle
from londonpump.models.distribution import P10, P90
from londonpump.models.predict import Predictions, predict_dispatches

OUTSIDE_LABELS = ("distance=unknown", "place=unknown", "station=unknown")
"""The labels of a run outside what was learnt."""


def format_training(folder: Path, card: Mapping[str, Any]) -> str:
    """What was learnt from, and where it is."""
    summary = (
        f"Learnt from {card['rows']:,} runs, {card['trained_from']} up to (not with) {card['trained_until']}."
    )
    return "\n".join([summary, *format_missing_context(card["context"]), f"Bundle: {folder}"])


def format_evaluation(results: Mapping[str, Any]) -> str:
    """The models side by side."""
    lines = [f"{results['rows']:,} {'later ' if results['is_later'] else ''}runs on {results['days']} days"]
    lines.append(
        f"{'model':<22}{'MAE s':>8}  {'95 % interval':<16}{'RMSE s':>8}{'within 60 s':>13}{'80 % covers':>13}"
    )
    for name, slices in results["models"].items():
        whole = slices["all"]["all"]
        mae = whole["mae_s"]
        cover = whole.get("cover_80_share")
        lines.append(
            f"{name:<22}{mae['value']:8.1f}  {_between(mae):<16}{whole['rmse_s']['value']:8.1f}"
            f"{whole['within_60_share']['value']:13.1%}" + (f"{cover['value']:13.1%}" if cover else "")
        )
    original = results["seed_recipe"]
    lines.append(
        f"The seed recipe over eleven seeds: median MAE {original['median_mae_s']:.1f} s, best {original['best_mae_s']:.1f} s"
    )
    if results["context_unknown"]:
        unknown_parts = ", ".join(f"{part} of {n:,}" for part, n in results["context_unknown"].items())
        lines.append(f"Not known of the runs judged: {unknown_parts}; what is usual stood in")
    return "\n".join(lines)


def format_prediction(bundle: Bundle, values: Mapping[str, str], store: ContextStore | None = None) -> str:
    """One prediction with its reasons, and the context it was made in."""
    predictions, imputed, known = _predict_with_context(bundle, values, store)
    times, median_s = predictions.times, float(predictions.median_s[0])
    over = ", ".join(f"{t // 60} min {times.p_over(t)[0]:.0%}" for t in LATENESS_LIMITS_S)
    p10_s, p90_s = float(times.quantile(P10)[0]), float(times.quantile(P90)[0])
    expected = f"{_minutes(median_s)} expected; 8 in 10 between {_minutes(p10_s)} and {_minutes(p90_s)}"
    if p10_s >= MAX_PUBLISHED_S:
        expected = f"{MAX_PUBLISHED_S // 60} min or more expected; the records hold nothing longer"
    lines = [
        f"{expected} (mean {_minutes(times.mean_s[0])})",
        f"Chance of later than: {over}",
        f"Pumps that such calls get: {predictions.pumps[0]}"
        + (" or more" if predictions.pumps[0] == 5 else ""),
    ]
    outside = [label.removesuffix("=unknown") for label in imputed if label in OUTSIDE_LABELS]
    if outside:
        lines.append(f"WARNING: outside what was learnt ({', '.join(outside)}): do not rely on it")
    elif predictions.is_flagged[0]:
        lines.append(
            f"WARNING: may take much longer than announced ({predictions.p_underestimate[0]:.0%} for over 2 min more)"
        )
    if not outside:
        lines.append("Why:")
        *named, rest = predictions.explanations(bundle)[0]
        rounded_s = [round(reason.seconds) for reason in named]
        # The last line takes what rounding leaves, so that the whole seconds add up to the time shown.
        rounded_s.append(round(median_s) - sum(rounded_s))
        lines += [
            f"  {s:+6d} s  {reason.description}" for s, reason in zip(rounded_s, [*named, rest], strict=True)
        ]
    lines += format_context(bundle.response.context, known, _at(predictions))
    lines.append(f"Filled in: {'; '.join(imputed) or 'nothing'}")
    if bundle.card["is_simulated"]:
        lines.append("The model is trained on SIMULATED records.")
    return "\n".join(lines)


def prediction_as_json(bundle: Bundle, values: Mapping[str, str], store: ContextStore | None = None) -> str:
    """One prediction as json."""
    predictions, imputed, known = _predict_with_context(bundle, values, store)
    times = predictions.times
    return json.dumps(
        {
            "mean_s": round(float(times.mean_s[0]), 1),
            "p10_s": round(float(times.quantile(P10)[0]), 1),
            "p50_s": round(float(predictions.median_s[0]), 1),
            "p90_s": round(float(times.quantile(P90)[0]), 1),
            **{f"p_over_{t}": round(float(times.p_over(t)[0]), 4) for t in LATENESS_LIMITS_S},
            "pumps_needed": int(predictions.pumps[0]),
            "risk_underestimated": bool(predictions.is_flagged[0]),
            "p_underestimated": round(float(predictions.p_underestimate[0]), 4),
            "reasons": [
                {"about": reason.group, "seconds": round(reason.seconds, 1), "words": reason.description}
                for reason in predictions.explanations(bundle)[0]
            ],
            "filled": imputed,
            "context": known,
            "simulated": bundle.card["is_simulated"],
        },
        indent=1,
    )


def _predict_with_context(
    bundle: Bundle, values: Mapping[str, str], store: ContextStore | None
) -> tuple[Predictions, list[str], ContextJson]:
    """The prediction, what was filled in for it, and the context it was made in."""
    dispatch, note = parse_call(values, by_code(bundle.stations))
    columns = as_columns([dispatch])
    context = bundle.response.context
    predictions = predict_dispatches(bundle, columns, read_known_context(bundle, columns, store))
    stored_context = store.read_context(_at(predictions)) if store is not None and context.takes else None
    imputed = predictions.imputed[0]
    known = context_as_json(context, predictions.dispatches, imputed, stored_context)
    return predictions, [*note, *imputed], known


def _at(predictions: Predictions) -> datetime:
    return EPOCH + timedelta(microseconds=int(predictions.dispatches.columns["mobilised_us"][0]))


def _minutes(seconds: float) -> str:
    whole = round(float(seconds))
    if whole >= MAX_PUBLISHED_S:
        return f"{MAX_PUBLISHED_S // 60} min or more"
    return f"{whole // 60}:{whole % 60:02d} min"


def _between(stat: Mapping[str, Any]) -> str:
    return "" if stat["low"] is None else f"{stat['low']:.1f} to {stat['high']:.1f}"
