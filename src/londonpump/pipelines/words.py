"""What a command tells the person who ran it."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from londonpump.brigade.stations import by_code
from londonpump.brigade.targets import LATENESS_S, LONGEST_PUBLISHED_S
from londonpump.models.answering import Predictions, answer
from londonpump.models.bundle import Bundle
from londonpump.models.distribution import P10, P90
from londonpump.pipelines.calls import EPOCH, as_columns, parse_call
from londonpump.pipelines.context_words import Told, context_as_json, context_in_words, without_in_words
from londonpump.pipelines.known_context import ContextStore
from londonpump.pipelines.predict import known_at

OUTSIDE = ("distance=unknown", "place=unknown", "station=unknown")
"""The labels of a run outside what was learnt."""


def trained_in_words(folder: Path, card: Mapping[str, Any]) -> str:
    """What was learnt from, and where it is."""
    learnt = (
        f"Learnt from {card['rows']:,} runs, {card['trained_from']} up to (not with) {card['trained_until']}."
    )
    return "\n".join([learnt, *without_in_words(card["context"]), f"Bundle: {folder}"])


def evaluated_in_words(results: Mapping[str, Any]) -> str:
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
    seed = results["seed_recipe"]
    lines.append(
        f"The seed recipe over eleven seeds: median MAE {seed['median_mae_s']:.1f} s, best {seed['best_mae_s']:.1f} s"
    )
    if results["context_unknown"]:
        told = ", ".join(f"{part} of {n:,}" for part, n in results["context_unknown"].items())
        lines.append(f"Not known of the runs judged: {told}; what is usual stood in")
    return "\n".join(lines)


def prediction_in_words(bundle: Bundle, values: Mapping[str, str], store: ContextStore | None = None) -> str:
    """One prediction with its reasons, and the context it was made in."""
    predictions, filled, known = _one(bundle, values, store)
    times, median_s = predictions.times, float(predictions.median_s[0])
    over = ", ".join(f"{t // 60} min {times.p_over(t)[0]:.0%}" for t in LATENESS_S)
    p10_s, p90_s = float(times.quantile(P10)[0]), float(times.quantile(P90)[0])
    expected = f"{_minutes(median_s)} expected; 8 in 10 between {_minutes(p10_s)} and {_minutes(p90_s)}"
    if p10_s >= LONGEST_PUBLISHED_S:
        expected = f"{LONGEST_PUBLISHED_S // 60} min or more expected; the records hold nothing longer"
    lines = [
        f"{expected} (mean {_minutes(times.mean_s[0])})",
        f"Chance of later than: {over}",
        f"Pumps that such calls get: {predictions.pumps[0]}"
        + (" or more" if predictions.pumps[0] == 5 else ""),
    ]
    outside = [label.removesuffix("=unknown") for label in filled if label in OUTSIDE]
    if outside:
        lines.append(f"WARNING: outside what was learnt ({', '.join(outside)}): do not rely on it")
    elif predictions.is_risky[0]:
        lines.append(
            f"WARNING: may take much longer than announced ({predictions.p_underestimate[0]:.0%} for over 2 min more)"
        )
    if not outside:
        lines.append("Why:")
        *named, rest = predictions.reasons(bundle)[0]
        shown = [round(reason.seconds) for reason in named]
        # The last line takes what rounding leaves, so that the whole seconds add up to the time shown.
        shown.append(round(median_s) - sum(shown))
        lines += [f"  {s:+6d} s  {reason.words}" for s, reason in zip(shown, [*named, rest], strict=True)]
    lines += context_in_words(bundle.response.context, known, _at(predictions))
    lines.append(f"Filled in: {'; '.join(filled) or 'nothing'}")
    if bundle.card["is_simulated"]:
        lines.append("The model is trained on SIMULATED records.")
    return "\n".join(lines)


def prediction_as_json(bundle: Bundle, values: Mapping[str, str], store: ContextStore | None = None) -> str:
    """One prediction as json."""
    predictions, filled, known = _one(bundle, values, store)
    times = predictions.times
    return json.dumps(
        {
            "mean_s": round(float(times.mean_s[0]), 1),
            "p10_s": round(float(times.quantile(P10)[0]), 1),
            "p50_s": round(float(predictions.median_s[0]), 1),
            "p90_s": round(float(times.quantile(P90)[0]), 1),
            **{f"p_over_{t}": round(float(times.p_over(t)[0]), 4) for t in LATENESS_S},
            "pumps_needed": int(predictions.pumps[0]),
            "risk_underestimated": bool(predictions.is_risky[0]),
            "p_underestimated": round(float(predictions.p_underestimate[0]), 4),
            "reasons": [
                {"about": reason.group, "seconds": round(reason.seconds, 1), "words": reason.words}
                for reason in predictions.reasons(bundle)[0]
            ],
            "filled": filled,
            "context": known,
            "simulated": bundle.card["is_simulated"],
        },
        indent=1,
    )


def _one(
    bundle: Bundle, values: Mapping[str, str], store: ContextStore | None
) -> tuple[Predictions, list[str], Told]:
    """The prediction, what was filled in for it, and the context it was made in."""
    run, note = parse_call(values, by_code(bundle.stations))
    columns = as_columns([run])
    context = bundle.response.context
    predictions = answer(bundle, columns, known_at(bundle, columns, store))
    moment = store.moment(_at(predictions)) if store is not None and context.takes else None
    filled = predictions.filled[0]
    known = context_as_json(context, predictions.runs, filled, moment)
    return predictions, [*note, *filled], known


def _at(predictions: Predictions) -> datetime:
    return EPOCH + timedelta(microseconds=int(predictions.runs.columns["mobilised_us"][0]))


def _minutes(seconds: float) -> str:
    whole = round(float(seconds))
    if whole >= LONGEST_PUBLISHED_S:
        return f"{LONGEST_PUBLISHED_S // 60} min or more"
    return f"{whole // 60}:{whole % 60:02d} min"


def _between(stat: Mapping[str, Any]) -> str:
    return "" if stat["low"] is None else f"{stat['low']:.1f} to {stat['high']:.1f}"
