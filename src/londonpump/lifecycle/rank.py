"""The command `rank`: which stations reach a place first, without the service and its board."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from londonpump.domain.errors import BadValue
from londonpump.domain.london_clock import LONDON
from londonpump.domain.stations import by_code
from londonpump.lifecycle.calls_file import EPOCH, as_columns, parse_call
from londonpump.lifecycle.context_store import ContextStore
from londonpump.lifecycle.predict import predict_at
from londonpump.models.bundle import Bundle
from londonpump.models.distribution import P10, P90
from londonpump.places.resolve import Resolved

ALL_HOME = "Every pump is assumed to be at its station: only the service knows the board. Check it before you send a pump."


@dataclass(frozen=True, slots=True)
class RankedStation:
    """A station with the time in which its pump arrives."""

    station: str
    name: str
    distance_m: int
    p10_s: float
    p50_s: float
    p90_s: float
    risk_underestimated: bool


@dataclass(frozen=True, slots=True)
class Ranking:
    """The stations that reach a place first, as --json writes them."""

    location: str
    at: str
    stations: Sequence[RankedStation]
    pumps_needed: int
    simulated: bool

    def to_text(self) -> str:
        """Format the ranking as a table."""
        width = max(len(each.name) for each in self.stations)
        lines = [
            self.location,
            *(
                f"{number:>3}  {each.station:<5}{each.name:<{width}}  {_minutes(each.p50_s)}  8 in 10 between "
                f"{_minutes(each.p10_s)} and {_minutes(each.p90_s)}  {each.distance_m:>6,} m"
                + ("  WARNING: may take much longer" if each.risk_underestimated else "")
                for number, each in enumerate(self.stations, 1)
            ),
            f"Pumps usually sent to such calls: {self.pumps_needed}",
            ALL_HOME,
        ]
        return "\n".join([*lines, "The model is trained on SIMULATED records."] if self.simulated else lines)


def rank_stations(
    bundle: Bundle,
    place: Resolved,
    values: dict[str, Any],
    max_stations: int,
    store: ContextStore | None = None,
) -> Ranking:
    """Rank the stations that have a pump on the day of the call by their median time. Raises: BadValue.

    Args: values: texts of `mobilised_at` and, where they are known, of what a call of CALLS.csv may have.
    """
    match, stations = place.match, by_code(bundle.stations)
    located = {"easting_m": f"{match.easting_m:.0f}", "northing_m": f"{match.northing_m:.0f}"}
    calls = []
    for each in bundle.stations:
        try:
            calls.append(parse_call({**values, **located, "station_code": each.code}, stations)[0])
        except BadValue as error:
            # a station that was closed on that day is no candidate; any other mistake concerns all of them
            if error.column != "station_code":
                raise
    columns = as_columns(calls)
    rows, predictions = predict_at(bundle, columns, store, place.points)
    at = EPOCH + timedelta(microseconds=int(columns["mobilised_us"][0]))
    day = at.astimezone(LONDON).date()
    times = predictions.times
    seconds = np.column_stack([times.quantile(P10), predictions.median_s, times.quantile(P90)]).round(1)
    ranked = []
    for i in np.argsort(predictions.median_s, kind="stable"):
        station = stations[str(columns["station_code"][rows[i]])]
        # the list of stations has those without a pump of their own
        if not station.pumps_on(day):
            continue
        distance_m = np.hypot(station.easting_m - match.easting_m, station.northing_m - match.northing_m)
        p10_s, p50_s, p90_s = seconds[i].tolist()
        is_flagged = bool(predictions.is_flagged[i])
        ranked.append(
            RankedStation(
                station.code, station.name, round(float(distance_m)), p10_s, p50_s, p90_s, is_flagged
            )
        )
    simulated = bundle.card.data.is_simulated
    return Ranking(place.text, _iso(at), ranked[:max_stations], int(predictions.pumps[0]), simulated)


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="seconds")


def _minutes(seconds: float) -> str:
    return f"{round(seconds) // 60}:{round(seconds) % 60:02d}"
