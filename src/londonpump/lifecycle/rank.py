"""Which stations reach a place first, without the service and its board: for `londonpump rank` and the Python API."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
from numpy.typing import NDArray

from londonpump.domain.london_clock import LONDON
from londonpump.domain.stations import by_code, land_stations
from londonpump.lifecycle.calls_file import as_columns, parse_call, parse_timestamp
from londonpump.lifecycle.context_store import ContextStore
from londonpump.lifecycle.predict import predict_at
from londonpump.models.bundle import Bundle
from londonpump.models.distribution import P10, P90
from londonpump.models.predict import MAX_AREA_DISPATCHES, Predictions
from londonpump.places.resolve import Resolved

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
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
            f"Suggested number of pumps: {self.pumps_needed}",
            ALL_HOME,
        ]
        return "\n".join([*lines, "The model is trained on SIMULATED records."] if self.simulated else lines)


def stations_with_pumps(bundle: Bundle, day: date) -> list[str]:
    """Return the codes of the stations on land that have a pump of their own on a day in London."""
    return [each.code for each in land_stations(bundle.stations) if each.pumps_on(day)]


def predict_from(
    bundle: Bundle,
    call: Mapping[str, str],
    codes: Sequence[str],
    points_m: Floats,
    store: ContextStore | None,
    most: int = MAX_AREA_DISPATCHES,
) -> tuple[Ints, NDArray[np.str_], Predictions]:
    """Predict a pump of each station, at home, to one location.

    Args: call: texts as CALLS.csv has them, with a time and a location. codes: one or more stations. points_m: (k, 2) equally
    likely points of the location. most: see `predict_at`.
    Returns: the rows of the predictions by median time; the station of each row; the predictions. Raises: BadValue.
    """
    stations = by_code(bundle.stations)
    # the question is about a pump at its station, not about one that is out
    parsed = [
        parse_call({**call, "is_home_station": "true", "station_code": code}, stations) for code in codes
    ]
    columns = as_columns([dispatch for dispatch, _ in parsed])
    rows, predictions = predict_at(bundle, columns, store, points_m, most)
    return np.argsort(predictions.median_s, kind="stable"), columns["station_code"][rows], predictions


def rank_stations(
    bundle: Bundle,
    place: Resolved,
    values: Mapping[str, str],
    max_stations: int,
    store: ContextStore | None = None,
) -> Ranking:
    """Rank the stations that have a pump on the day of the call by their median time. Raises: BadValue.

    Args: values: texts of `mobilised_at` and, where they are known, of what a call of CALLS.csv may have.
    """
    match, stations = place.match, by_code(bundle.stations)
    located = {"easting_m": f"{match.easting_m:.0f}", "northing_m": f"{match.northing_m:.0f}"}
    at, _ = parse_timestamp(values["mobilised_at"])
    codes = stations_with_pumps(bundle, at.astimezone(LONDON).date())
    order, station_of, predictions = predict_from(bundle, {**values, **located}, codes, place.points, store)
    times = predictions.times
    seconds = np.column_stack([times.quantile(P10), predictions.median_s, times.quantile(P90)]).round(1)
    ranked = []
    for i in order[:max_stations]:
        station = stations[str(station_of[i])]
        distance_m = np.hypot(station.easting_m - match.easting_m, station.northing_m - match.northing_m)
        p10_s, p50_s, p90_s = seconds[i].tolist()
        is_flagged = bool(predictions.is_flagged[i])
        ranked.append(
            RankedStation(
                station.code, station.name, round(float(distance_m)), p10_s, p50_s, p90_s, is_flagged
            )
        )
    simulated = bundle.card.data.is_simulated
    return Ranking(place.text, _iso(at), ranked, int(predictions.pumps[0]), simulated)


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="seconds")


def _minutes(seconds: float) -> str:
    return f"{round(seconds) // 60}:{round(seconds) % 60:02d}"
