"""Predictions of anybody, evaluated on the same dispatches as ours: the ids of dispatches, and the file of predictions."""

import hashlib
import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from londonpump.domain.errors import BadFile
from londonpump.domain.incident_types import HOME_STATION
from londonpump.evaluation.evaluation_rows import Floats, Forecast
from londonpump.ingest.user_csv import NUMBER, read_rows
from londonpump.lifecycle.calls_file import OPTIONAL, REQUIRED
from londonpump.lifecycle.prepared_examples import Columns, Examples, first_us_of_incident, midnight_us

SUBMITTED = "submitted"
"""Name of the predictions of a file among the evaluated models."""
MEDIAN, MEAN = ("seconds", "p50_s", "p50"), "mean_s"
"""Columns that may hold the announced seconds, the first one that is there; and the one of the mean, which is optional."""
QUANTILE = re.compile(r"p(\d{1,2}(?:\.\d+)?)(?:_s)?", re.ASCII)
SHOWN_IDS = 3


def is_evaluated(examples: Examples, start: date) -> NDArray[np.bool_]:
    """Return (n,) whether an example is evaluated: its incident began on that day or later, and its time is known."""
    later = first_us_of_incident(examples.rows) >= midnight_us(start)
    return np.asarray(later & np.isfinite(examples.rows["attendance_s"]))


def dispatch_ids(rows: Columns) -> NDArray[np.str_]:
    """Return the (n,) ids of dispatches: `incident/pump`.

    The pump is its code, or `first` or `second` in records without codes. A pump that was sent to the same incident again
    has `/2`, `/3` and so on at the end, in the order of the mobilisations.
    """
    # no row number: the id must be the same for whoever prepares the records, in whatever order the files are given
    pumps = [
        pump if code is None else code for code, pump in zip(rows["resource_code"], rows["pump"], strict=True)
    ]
    ids = [f"{incident}/{pump}" for incident, pump in zip(rows["incident_number"], pumps, strict=True)]
    times: Counter[str] = Counter()
    for row in np.argsort(rows["mobilised_us"], kind="stable"):
        plain = ids[row]
        times[plain] += 1
        if times[plain] > 1:
            ids[row] = f"{plain}/{times[plain]}"
    return np.array(ids, np.str_)


def hash_of_ids(ids: Iterable[str]) -> str:
    """Return the SHA-256 of the sorted ids, one per line: two results are comparable if theirs are equal."""
    return hashlib.sha256("".join(f"{one}\n" for one in sorted(ids)).encode()).hexdigest()


def rows_to_predict(examples: Examples, start: date) -> dict[str, list[Any]]:
    """Return the dispatches that are evaluated from a day on, as columns of CALLS.csv, without what is known later."""
    rows = examples.take(is_evaluated(examples, start))
    columns: Columns = {"id": dispatch_ids(rows), **rows}
    columns["mobilised_at"] = rows["mobilised_us"].astype("datetime64[us]").astype(object)
    # the column of a call; the examples have the text of the records
    columns["is_home_station"] = np.array(
        [None if text is None else text == HOME_STATION for text in rows["deployed_from"]], object
    )
    return {
        name: [_known(value) for value in columns[name].tolist()]
        for name in (*REQUIRED, *OPTIONAL)
        if name in columns
    }


def _known(value: object) -> object:
    return None if isinstance(value, float) and math.isnan(value) else value


def read_predictions(path: Path, ids: Sequence[str]) -> Forecast:
    """Read a file of predictions: `id`, `seconds`, and quantiles in columns such as `p10` and `p90`.

    Returns: the forecast, in the order of `ids`.
    Raises: BadFile if the file has an unknown or a double id, lacks one, or a value is no time or a quantile is below a lower one.
    """
    header, rows = read_rows(path)
    median = next((name for name in MEDIAN if name in header), None)
    if "id" not in header or median is None:
        lacking = "id" if "id" not in header else "seconds"
        raise BadFile(
            path, f"has no column {lacking}", "It needs id and seconds, and may have p10, p50, p90."
        )
    # All ids are checked before any value: a file of another year has thousands of wrong ones, and one message is enough.
    _require_same_ids(path, [row["id"] for row in rows], ids)
    of_id = {row["id"]: row for row in rows}
    found = [name for name in header if QUANTILE.fullmatch(name)]
    level = {name: float(QUANTILE.fullmatch(name)[1]) / 100 for name in found}  # type: ignore[index]
    names = sorted((name for name in found if level[name] > 0), key=level.__getitem__)

    def column(name: str) -> Floats:
        return np.array([_seconds(path, of_id[one], name) for one in ids])

    # without quantiles only the point measures are computed; invented ones would be judged as the author's
    quantiles_s = np.stack([column(name) for name in names], axis=1) if names else None
    if quantiles_s is not None:
        _require_order(path, ids, names, quantiles_s)
    return Forecast(
        column(median),
        column(MEAN) if MEAN in header else None,
        tuple(level[name] for name in names) if names else None,
        quantiles_s,
    )


def _require_same_ids(path: Path, found: Sequence[str], wanted: Sequence[str]) -> None:
    """Require each id once: a dispatch that is left out could be one that is hard to predict."""
    times = Counter(found)
    known = set(wanted)
    problems = {
        "has ids that are not among the evaluated dispatches": [one for one in times if one not in known],
        "has ids twice": [one for one, n in times.items() if n > 1],
        f"lacks some of the {len(wanted):,} evaluated dispatches": [
            one for one in wanted if one not in times
        ],
    }
    texts = [
        f"{problem} ({len(ids):,}: {', '.join(map(repr, ids[:SHOWN_IDS]))}{', ...' if len(ids) > SHOWN_IDS else ''})"
        for problem, ids in problems.items()
        if ids
    ]
    if texts:
        raise BadFile(
            path,
            "; ".join(texts),
            "Give one row for each evaluated dispatch; docs/reference/benchmark.md says how to list them.",
        )


def _seconds(path: Path, row: dict[str, str], name: str) -> float:
    text = row[name]
    if not NUMBER.fullmatch(text) or not float(text) >= 0:
        raise BadFile(
            path,
            f"id {row['id']}, column {name}: {text!r} is not a time in seconds",
            "Correct it, or leave the column out.",
        )
    return float(text)


def _require_order(path: Path, ids: Sequence[str], names: Sequence[str], quantiles_s: Floats) -> None:
    is_crossed = np.diff(quantiles_s, axis=1) < 0
    if is_crossed.any():
        row, column = np.argwhere(is_crossed)[0]
        raise BadFile(
            path,
            f"id {ids[row]}: {names[column + 1]} is below {names[column]} ({int(is_crossed.any(axis=1).sum()):,} such rows)",
            "Sort the quantiles of each row.",
        )
