"""Announced times and arrivals in a database, as the board stores them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine, insert

from londonpump.persistence.database import writing
from londonpump.persistence.database.schema import mobilisations, outcomes


@dataclass(frozen=True)
class StoredMobilisation:
    """Mobilisation of one pump. actual_s None: no arrival was reported."""

    model: str
    pump: str
    at: datetime
    actual_s: float | None
    incident_number: str = "000001-01012025"
    prediction_id: str | None = None
    times_s: tuple[float, float, float] = (200.0, 300.0, 420.0)
    location_m: tuple[float, float] | tuple[None, None] = (None, None)


def store_mobilisations(engine: Engine, runs: Sequence[StoredMobilisation]) -> None:
    """Store mobilisations with their outcomes."""
    ids = [f"m{number:06d}" for number in range(len(runs))]
    sent = [
        {
            "id": id_,
            "incident_number": dispatch.incident_number,
            "pump_code": dispatch.pump,
            "mobilised_at": dispatch.at,
            "arrived_at": dispatch.actual_s and dispatch.at + timedelta(seconds=dispatch.actual_s),
            "station_code": dispatch.pump[:3],
            "is_from_road": False,
            "easting_m": dispatch.location_m[0],
            "northing_m": dispatch.location_m[1],
            "prediction_id": dispatch.prediction_id,
            "model": dispatch.model,
            **dict(zip(_TIMES, dispatch.times_s, strict=True)),
        }
        for id_, dispatch in zip(ids, runs, strict=True)
    ]
    came = [
        {
            "mobilisation_id": id_,
            "incident_number": dispatch.incident_number,
            "pump_code": dispatch.pump,
            "model": dispatch.model,
            "station_code": dispatch.pump[:3],
            **dict(zip(_TIMES, dispatch.times_s, strict=True)),
            "actual_s": dispatch.actual_s,
            "error_s": dispatch.actual_s - dispatch.times_s[1],
            "is_inside_80": dispatch.times_s[0] <= dispatch.actual_s <= dispatch.times_s[2],
            "arrived_at": dispatch.at + timedelta(seconds=dispatch.actual_s),
        }
        for id_, dispatch in zip(ids, runs, strict=True)
        if dispatch.actual_s is not None
    ]
    with writing(engine) as connection:
        connection.execute(insert(mobilisations), sent)
        if came:
            connection.execute(insert(outcomes), came)


_TIMES = ("announced_p10_s", "announced_p50_s", "announced_p90_s")
