"""Calls: a question together with its resolved location, the board, the candidate pumps and the context."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
from numpy.typing import NDArray

from londonpump.domain.national_grid import MAX_DISTANCE_TO_STATION_M, TOO_FAR_PROBLEM, to_grid
from londonpump.domain.stations import Station
from londonpump.features.context import ContextSnapshot
from londonpump.features.observations import EPOCH
from londonpump.models.bundle import Bundle
from londonpump.service.board.rules import PumpState
from londonpump.service.board.view import BoardView, london_day
from londonpump.service.errors import Unprocessable
from londonpump.service.predictions.request_context import Candidates, RequestContext, Start
from londonpump.service.predictions.schemas import LocationQuery, PredictionRequest

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class CallLocation:
    """The location of an incident as k equally likely points; k is 1 for an exact location."""

    points: Floats
    """(k, 2) easting and northing."""
    ground_codes: tuple[str, ...]
    """(k,) station ground of each point."""
    area: str | None = None
    """Postcode district or station ground, if the question names only an area."""
    stated_ground: str | None = None
    """Station ground, if the question names only that."""

    @property
    def ground_code(self) -> str | None:
        """Station ground of all points; None if they lie on more than one."""
        return self.ground_codes[0] if len(set(self.ground_codes)) == 1 else None

    @property
    def is_area(self) -> bool:
        """Return whether the location is an area, which is answered for several points together."""
        return self.area is not None

    @property
    def centre(self) -> tuple[float, float]:
        """Mean easting and northing of the points."""
        easting_m, northing_m = self.points.mean(axis=0)
        return float(easting_m), float(northing_m)


def resolve_location(
    query: LocationQuery, bundle: Bundle, day: date, stations: Mapping[str, Station]
) -> CallLocation:
    """Resolve the location of a question. `day` is the London date of the call. Raises: Unprocessable."""
    if query.postcode_district is not None:
        return _district(query.postcode_district, bundle, day)
    if query.station_ground is not None:
        return _ground(query.station_ground, bundle, stations)
    easting_m, northing_m = _point(query)
    lookup = bundle.ground
    nearest_m = float(np.hypot(lookup.station_m[:, 0] - easting_m, lookup.station_m[:, 1] - northing_m).min())
    # "not <=" also rejects NaN
    if not nearest_m <= MAX_DISTANCE_TO_STATION_M:
        raise Unprocessable(("location", TOO_FAR_PROBLEM.format(nearest_m / 1000)))
    points = np.array([[easting_m, northing_m]])
    return CallLocation(points, _grounds_of(points, bundle, day))


def _point(query: LocationQuery) -> tuple[float, float]:
    if query.easting_m is not None and query.northing_m is not None:
        return query.easting_m, query.northing_m
    easting_m, northing_m = to_grid(query.latitude or 0.0, query.longitude or 0.0)
    return float(easting_m), float(northing_m)


def _district(code: str, bundle: Bundle, day: date) -> CallLocation:
    points = bundle.area_points.district(code)
    if points is None:
        raise Unprocessable(
            (
                "location.postcode_district",
                f"the active model has no past calls from {code}. Give easting_m and northing_m, or the station_ground",
            )
        )
    return CallLocation(points, _grounds_of(points, bundle, day), area=code)


def _ground(code: str, bundle: Bundle, stations: Mapping[str, Station]) -> CallLocation:
    if code not in stations:
        raise Unprocessable(("location.station_ground", f"{code} is no station. Use a code such as G30"))
    points = bundle.area_points.ground(code)
    if points is None:
        raise Unprocessable(
            (
                "location.station_ground",
                f"the active model has no past calls on the ground of {stations[code].name}. Give easting_m and northing_m",
            )
        )
    return CallLocation(points, (code,) * len(points), area=code, stated_ground=code)


def _grounds_of(points: Floats, bundle: Bundle, day: date) -> tuple[str, ...]:
    days = np.full(len(points), (day - EPOCH.date()).days, np.int64)
    grounds = bundle.ground(points[:, 0], points[:, 1], days)
    return tuple(bundle.ground.codes[ground] for ground in grounds)


@dataclass(frozen=True, slots=True)
class Call:
    """A question with everything that its prediction needs."""

    question: PredictionRequest
    user_id: str
    at: datetime
    location: CallLocation
    board: BoardView
    candidates: Candidates
    context: ContextSnapshot | None
    """Weather, traffic and calendar; None if the model does not read them or the database did not answer in time."""
    is_database_late: bool
    board_missing: str | None
    """Why the board is not known; None if it is."""
    board_age_s: float | None
    """Seconds since the board was verified; None if the board is not used."""
    board_warning: str | None
    """Warning about the board for whoever sends a pump."""
    ground_of: Callable[[float, float], str]
    """Return the station ground of a recent incident by its easting and northing."""

    @property
    def pumps(self) -> tuple[PumpState, ...]:
        """The candidate pumps."""
        return self.candidates.pumps

    @property
    def starts(self) -> tuple[Start, ...]:
        """The distinct starts of the candidate pumps."""
        return self.candidates.starts


async def call_of(
    question: PredictionRequest, user_id: str, bundle: Bundle, request_context: RequestContext
) -> Call:
    """Build the call of a question. Raises: Unprocessable."""
    at = question.at or request_context.now
    location = resolve_location(
        question.location, bundle, london_day(at), request_context.station_index.stations
    )
    board = request_context.board(at)
    candidates = (
        request_context.candidates(board)
        if question.pumps is None
        else Candidates.of(_named(question.pumps, board), request_context.station_index.row_of)
    )
    # a model that reads no context must not wait for the database
    context = await request_context.context(at) if bundle.response.context.takes else None
    return Call(
        question=question,
        user_id=user_id,
        at=at,
        location=location,
        board=board,
        candidates=candidates,
        context=context,
        is_database_late=request_context.is_database_late,
        board_missing=request_context.board_missing(at),
        board_age_s=request_context.board_age_s(at),
        board_warning=request_context.board_warning(at),
        ground_of=request_context.ground_of,
    )


def _named(codes: Sequence[str], board: BoardView) -> Iterator[PumpState]:
    unknown = sorted(set(codes) - board.pumps.keys())
    if unknown:
        raise Unprocessable(
            ("pumps", f"{', '.join(unknown[:10])}: not in the fleet of {london_day(board.at)}")
        )
    return (board.pumps[code] for code in dict.fromkeys(codes))
