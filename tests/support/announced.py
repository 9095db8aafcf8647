"""Announced times and arrivals in a database, as the board would have stored them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine, insert

from londonpump.storage.database import writing
from londonpump.storage.database.board_tables import mobilisations, outcomes


@dataclass(frozen=True)
class Announced:
    """One pump sent. actual_s None: no arrival was reported."""

    model: str
    pump: str
    at: datetime
    actual_s: float | None
    incident_number: str = "000001-01012025"
    prediction_id: str | None = None
    times_s: tuple[float, float, float] = (200.0, 300.0, 420.0)


def announce(engine: Engine, runs: Sequence[Announced]) -> None:
    """Store them with what came of them."""
    ids = [f"m{number:06d}" for number in range(len(runs))]
    sent = [
        {
            "id": id_,
            "incident_number": run.incident_number,
            "pump_code": run.pump,
            "mobilised_at": run.at,
            "arrived_at": run.actual_s and run.at + timedelta(seconds=run.actual_s),
            "station_code": run.pump[:3],
            "is_from_road": False,
            "prediction_id": run.prediction_id,
            "model": run.model,
            **dict(zip(_TIMES, run.times_s, strict=True)),
        }
        for id_, run in zip(ids, runs, strict=True)
    ]
    came = [
        {
            "mobilisation_id": id_,
            "incident_number": run.incident_number,
            "pump_code": run.pump,
            "model": run.model,
            "station_code": run.pump[:3],
            **dict(zip(_TIMES, run.times_s, strict=True)),
            "actual_s": run.actual_s,
            "error_s": run.actual_s - run.times_s[1],
            "is_inside_80": run.times_s[0] <= run.actual_s <= run.times_s[2],
            "arrived_at": run.at + timedelta(seconds=run.actual_s),
        }
        for id_, run in zip(ids, runs, strict=True)
        if run.actual_s is not None
    ]
    with writing(engine) as connection:
        connection.execute(insert(mobilisations), sent)
        if came:
            connection.execute(insert(outcomes), came)


_TIMES = ("announced_p10_s", "announced_p50_s", "announced_p90_s")
