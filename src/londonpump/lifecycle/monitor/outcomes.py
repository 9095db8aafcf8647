"""Outcomes of announced times: arrivals on the board, or else the published records of the month."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from londonpump.domain.attendance_targets import FIRST_PUMP_TARGET_S, MAX_PUBLISHED_S
from londonpump.domain.london_clock import LONDON
from londonpump.evaluation.evaluation_rows import Floats
from londonpump.evaluation.live import LiveRows
from londonpump.features.observations import FIRST_DAY
from londonpump.lifecycle.prepared_examples import Examples
from londonpump.persistence.database import Connection
from londonpump.persistence.repositories.outcomes import AnnouncedTime, announced_times
from londonpump.persistence.repositories.predictions import find_predictions

MAX_OUTCOME_AGE = timedelta(days=150)
"""Published records are eight weeks late and cover a month, so older announcements get no new outcome."""
FIGURES_DAYS = 28
CHUNK_SIZE = 500

Published = Mapping[tuple[str, str], float]
"""{(incident number, pump): attendance time, s}."""


@dataclass(frozen=True, slots=True)
class Joined:
    """Announced times with their outcomes."""

    announced: int
    from_board: int  # with an arrival on the board
    from_records: int  # with an arrival only in published records
    in_both: int  # with an arrival in both; that of the board counts
    rows: LiveRows  # all with an outcome
    location_m: Floats  # (n, 2) easting and northing of their incidents, NaN where unknown
    implausible: int = 0  # arrivals on the board after more than 1,200 s; they are ignored

    @property
    def share(self) -> float | None:
        """Share of announced times that have an outcome."""
        return round((self.from_board + self.from_records) / self.announced, 4) if self.announced else None


def published_times(examples: Examples) -> Published:
    """Return the attendance times of prepared records, except of pumps without a code (incident files only)."""
    rows = examples.rows
    # Without an arrival there is no outcome.
    kept = np.isfinite(rows["attendance_s"])
    keys = zip(rows["incident_number"][kept], rows["resource_code"][kept], strict=True)
    times = zip(keys, rows["attendance_s"][kept], strict=True)
    return {(number, pump): float(actual_s) for (number, pump), actual_s in times if pump is not None}


def join_outcomes(connection: Connection, at: datetime, published: Published) -> Joined:
    """Return the announced times of the last months with their outcomes until a time."""
    rows = announced_times(connection, at - MAX_OUTCOME_AGE, at)
    recorded = [published.get((row.incident_number, row.pump_code)) for row in rows]
    from_board_s = [_plausible(row.actual_s) for row in rows]
    actual = [
        recorded_s if board_s is None else board_s
        for board_s, recorded_s in zip(from_board_s, recorded, strict=True)
    ]
    matched = [(row, actual_s) for row, actual_s in zip(rows, actual, strict=True) if actual_s is not None]
    # Promised chances are read only for the days that the figures cover: stored answers are large.
    newest = matched[-1][0].mobilised_at - timedelta(days=FIGURES_DAYS) if matched else at
    predicted = _promised(connection, [row for row, _ in matched if row.mobilised_at > newest])
    from_board = sum(board_s is not None for board_s in from_board_s)
    in_both = sum(
        board_s is not None and recorded_s is not None
        for board_s, recorded_s in zip(from_board_s, recorded, strict=True)
    )
    implausible = sum(row.actual_s is not None for row in rows) - from_board
    location_m = np.array([(row.easting_m, row.northing_m) for row, _ in matched], np.float64).reshape(-1, 2)
    return Joined(
        announced=len(rows),
        from_board=from_board,
        from_records=len(matched) - from_board,
        in_both=in_both,
        rows=_live_rows(matched, predicted),
        location_m=location_m,
        implausible=implausible,
    )


def _plausible(actual_s: float | None) -> float | None:
    """Return an attendance time of the board if it is plausible; published records hold at most 20 minutes."""
    return actual_s if actual_s is not None and actual_s <= MAX_PUBLISHED_S else None


def newest_days(rows: LiveRows, days: int = FIGURES_DAYS) -> LiveRows:
    """Return the rows of the last days before the newest outcome."""
    return rows.take(rows.day > rows.day.max(initial=0) - days)


def _promised(connection: Connection, rows: Iterable[AnnouncedTime]) -> dict[str, float]:
    """Return {mobilisation: announced chance of more than six minutes} for stored predictions."""
    pumps: dict[str, list[tuple[str, str]]] = {}
    for row in rows:
        if row.prediction_id is not None:
            pumps.setdefault(row.prediction_id, []).append((row.id, row.pump_code))
    prediction_ids = list(pumps)
    chances: dict[str, float] = {}
    for first in range(0, len(prediction_ids), CHUNK_SIZE):
        stored = find_predictions(connection, prediction_ids[first : first + CHUNK_SIZE])
        for prediction_id, prediction in stored.items():
            within = ((sent, _chance_within(prediction.answer, pump)) for sent, pump in pumps[prediction_id])
            chances.update({sent: 1.0 - chance for sent, chance in within if chance is not None})
    return chances


def _chance_within(answer: object, pump: str) -> float | None:
    candidates = answer.get("candidates") if isinstance(answer, dict) else None
    for candidate in candidates or ():
        if candidate.get("pump") == pump:
            chance = candidate.get("chance_within_s", {}).get(str(FIRST_PUMP_TARGET_S))
            return None if chance is None else float(chance)
    return None


def _live_rows(matched: list[tuple[AnnouncedTime, float]], predicted: Mapping[str, float]) -> LiveRows:
    local_times = [row.mobilised_at.astimezone(UTC).astimezone(LONDON) for row, _ in matched]

    def numbers(values: Iterable[float]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        return np.fromiter(values, np.float64, len(matched))

    return LiveRows(
        model=np.array([row.model for row, _ in matched], np.str_),
        station_code=np.array([row.station_code for row, _ in matched], np.str_),
        day=np.array([(local_time.date() - FIRST_DAY).days for local_time in local_times], np.int64),
        hour=np.array([local_time.hour for local_time in local_times], np.int64),
        p10_s=numbers(row.announced_p10_s for row, _ in matched),
        p50_s=numbers(row.announced_p50_s for row, _ in matched),
        p90_s=numbers(row.announced_p90_s for row, _ in matched),
        actual_s=numbers(actual_s for _, actual_s in matched),
        predicted_late_share=numbers(predicted.get(row.id, np.nan) for row, _ in matched),
    )
