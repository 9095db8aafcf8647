"""The forecast of calls: resolve what a question means, build the columns of the model, predict, and rank the pumps."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from londonpump.domain import incident_types
from londonpump.domain.canonical_spelling import spelling_normaliser
from londonpump.domain.mobilisations import RANKED, State
from londonpump.features.context import ContextSnapshot
from londonpump.features.observations import us_of
from londonpump.models.bundle import Bundle
from londonpump.models.explanations import Contribution
from londonpump.models.predict import (
    MAX_AREA_DISPATCHES,
    SOURCE_COLUMN,
    Columns,
    Predictions,
    predict_area,
    predict_dispatches,
)
from londonpump.service.board.rules import PumpState
from londonpump.service.board.view import BoardView, london_day
from londonpump.service.errors import Unprocessable
from londonpump.service.predictions.location import CallLocation, read_location
from londonpump.service.predictions.request_context import Candidates, RequestContext, Start, StationIndex
from londonpump.service.predictions.schemas import ContextOverrides, PredictionRequest

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Counts = dict[str, float | None]
COUNT_COLUMNS = ("pumps_out", "ground_pumps_available", "recent_ground_calls")
STATED_COLUMNS = tuple(name for name in ContextOverrides.model_fields if name not in COUNT_COLUMNS)
PUMP_LABELS = ("distance=unknown", "station=unknown")
"""Imputation labels that may differ between candidates."""


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


async def call_of(question: PredictionRequest, user_id: str, request_context: RequestContext) -> Call:
    """Build the call of a question. Raises: Unprocessable."""
    at, bundle = question.at or request_context.now, request_context.bundle
    location = await read_location(
        request_context.state,
        question.location,
        bundle,
        london_day(at),
        request_context.station_index.stations,
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


def _columns(calls: Sequence[Call], counts: Sequence[Counts], station_index: StationIndex) -> Columns:
    """Return the input columns, one row per start of each call. A call to a named area has no coordinates."""
    each = zip(calls, counts, strict=True)
    return _concatenate([_call_columns(call, count_values, station_index) for call, count_values in each])


def _context_columns(calls: Sequence[Call], column_names: frozenset[str]) -> Columns:
    """Return the requested context columns with their sources, one row per start of each call."""
    return _concatenate([_call_context(call, sorted(column_names)) for call in calls])


def _counts_of(call: Call) -> Counts:
    """Return the workload of the Brigade. Values of the question take precedence over the board; None if unknown."""
    stated, own, ground = call.question.context, call.question.incident_number, call.location.ground_code
    counts_known: Counts = {name: getattr(stated, name) for name in COUNT_COLUMNS}
    # the incident's own pumps and calls are not workload, hence `own`
    if counts_known["pumps_out"] is None:
        counts_known["pumps_out"] = call.board.pumps_out(own)
    # a named area may lie on several grounds, and then has no counts per ground
    if ground is not None and counts_known["ground_pumps_available"] is None:
        counts_known["ground_pumps_available"] = call.board.ground_pumps_available(ground)
    if ground is not None and counts_known["recent_ground_calls"] is None:
        counts_known["recent_ground_calls"] = call.board.recent_ground_calls(ground, call.ground_of, own)
    return counts_known


def _call_columns(call: Call, count_values: Counts, station_index: StationIndex) -> Columns:
    starts, question = call.starts, call.question
    n = len(starts)
    station = np.array([station_index.row_of[code] for code, _ in starts], np.int64)
    home = [incident_types.HOME_STATION if is_home else incident_types.OTHER_STATION for _, is_home in starts]
    stated = question.context
    numbers = {**{name: getattr(stated, name) for name in STATED_COLUMNS}, **count_values}
    location = (
        {}
        if call.location.is_area
        else dict(zip(("easting_m", "northing_m"), call.location.centre, strict=True))
    )
    return {
        "mobilised_us": np.full(n, us_of(call.at), np.int64),
        "station_code": station_index.code[station],
        "station_easting_m": station_index.easting_m[station],
        "station_northing_m": station_index.northing_m[station],
        "deployed_from": np.array(home, object),
        "station_ground_code": np.full(n, call.location.stated_ground, object),
        "incident_type": np.full(n, question.incident_type, object),
        "property_category": np.full(
            n, _as_published("property_category", question.property_category), object
        ),
        "property_type": np.full(n, _as_published("property_type", question.property_type), object),
        "address_qualifier": np.full(
            n, _as_published("address_qualifier", question.address_qualifier), object
        ),
        **{name: np.full(n, value) for name, value in location.items()},
        **{name: np.full(n, np.nan if value is None else float(value)) for name, value in numbers.items()},
    }


def _as_published(name: str, text: str | None) -> str | None:
    """Return a category in its published spelling, as the model would treat another spelling as unknown."""
    return None if text is None else spelling_normaliser(name)(text.strip())


def _call_context(call: Call, names: Sequence[str]) -> Columns:
    n = len(call.starts)
    values = {} if call.context is None else {each.name: each for each in call.context.values}
    known: Columns = {}
    for name in names:
        found = values.get(name)
        value = None if found is None or isinstance(found.value, str) else found.value
        known[name] = np.full(n, np.nan if value is None else float(value))
        if name in SOURCE_COLUMN:
            known[SOURCE_COLUMN[name]] = np.full(n, found.source if found else None, object)
    return known


def _concatenate(parts: Sequence[Columns]) -> Columns:
    # most requests are a single call, which needs no copy
    if len(parts) == 1:
        return parts[0]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


@dataclass(frozen=True, slots=True)
class Ranked:
    """The ranked candidates of one call."""

    call: Call
    counts: Counts
    predictions: Predictions
    first: int
    """First row of the call in `predictions`."""
    row_of: dict[int, int]
    """Row of `predictions` by index of `Call.starts`, for the starts that were predicted."""
    order: tuple[int, ...]
    """Indices of `Call.pumps`, the earliest arrival first."""
    sendable: tuple[int, ...]
    """The first two of `order` that can be sent; pumps requested by name are ranked even if they cannot."""
    contributions: Mapping[int, Sequence[Contribution]] = field(default_factory=dict)
    """Contributions of the inputs to the median, by row in `explained`."""

    def row(self, pump: int) -> int:
        """Return the row of `predictions` for an index of `Call.pumps`."""
        return self.row_of[self.call.candidates.start_of[pump]]

    @property
    def returned(self) -> tuple[int, ...]:
        """The candidates that are returned."""
        return self.order[: self.call.question.max_candidates]

    @property
    def explained(self) -> list[int]:
        """The rows to explain: of the first returned candidate, of all or of none."""
        return [self.row(pump) for pump in self.returned[: self.call.question.max_explained]]

    def distances_m(self, rows: Ints) -> Floats:
        """Return the straight distance from the station per row; for a named area, the mean over its points."""
        dispatches, (east_m, north_m) = self.predictions.dispatches, self.call.location.points.T
        station_east_m = dispatches.number("station_easting_m")[rows, None]
        station_north_m = dispatches.number("station_northing_m")[rows, None]
        return np.asarray(np.hypot(east_m - station_east_m, north_m - station_north_m).mean(axis=1))

    @property
    def common_labels(self) -> list[str]:
        """Imputation labels that all candidates share."""
        return [label for label in self.predictions.imputed[self.first] if label not in PUMP_LABELS]

    def own_labels(self, row: int) -> list[str]:
        """Return the labels that only the pumps of one row have, for inputs outside the training data."""
        return [label for label in self.predictions.imputed[row] if label in PUMP_LABELS]


def _rank(call: Call, counts: Counts, predictions: Predictions, first: int, starts: Sequence[int]) -> Ranked:
    """Rank the candidates of a call. `starts` are the starts that the rows of predictions from `first` belong to."""
    row_of = {start: first + i for i, start in enumerate(starts)}
    # plain floats sort faster than NumPy scalars
    median_s = predictions.median_s[first : first + len(starts)].tolist()
    pumps = call.pumps
    start_of = call.candidates.start_of
    answered = [i for i, start in enumerate(start_of) if start in row_of]
    arrival_s = {i: median_s[row_of[start_of[i]] - first] for i in answered}
    # at equal times a pump known to be available goes first; the code makes the order deterministic
    order = sorted(answered, key=lambda i: (arrival_s[i], pumps[i].state is State.UNKNOWN, pumps[i].code))
    sendable = tuple(islice((i for i in order if pumps[i].state in RANKED), 2))
    return Ranked(call, counts, predictions, first, row_of, tuple(order), sendable)


def forecast(calls: Sequence[Call], bundle: Bundle, station_index: StationIndex) -> list[Ranked]:
    """Rank the pumps of each call: exact locations go through the model together, named areas one by one."""
    exact = [i for i, call in enumerate(calls) if not call.location.is_area]
    ranked = dict(zip(exact, _rank_exact([calls[i] for i in exact], bundle, station_index), strict=True))
    for i, call in enumerate(calls):
        if call.location.is_area:
            ranked[i] = _rank_area(call, bundle, station_index)
    return [ranked[i] for i in range(len(calls))]


def _rank_exact(calls: Sequence[Call], bundle: Bundle, station_index: StationIndex) -> list[Ranked]:
    if not calls:
        return []
    counts = [_counts_of(call) for call in calls]
    known = _context_columns(calls, bundle.response.context.takes)
    predictions = predict_dispatches(bundle, _columns(calls, counts, station_index), known)
    ranked, first = [], 0
    for call, count_values in zip(calls, counts, strict=True):
        ranked.append(_rank(call, count_values, predictions, first, range(len(call.starts))))
        first += len(call.starts)
    return _add_contributions(bundle, ranked)


def _rank_area(call: Call, bundle: Bundle, station_index: StationIndex) -> Ranked:
    counts = _counts_of(call)
    known = _context_columns([call], bundle.response.context.takes)
    columns = _columns([call], [counts], station_index)
    # pumps requested by name are all ranked
    is_open = call.question.pumps is None
    max_dispatches = max(MAX_AREA_DISPATCHES, call.question.max_candidates) if is_open else len(call.starts)
    rows, predictions = predict_area(bundle, columns, call.location.points, known, max_dispatches)
    return _add_contributions(bundle, [_rank(call, counts, predictions, 0, rows.tolist())])[0]


def _add_contributions(bundle: Bundle, ranked: Sequence[Ranked]) -> list[Ranked]:
    """Add the contributions to ranked calls, which must share one `predictions`."""
    rows = list(dict.fromkeys(row for each in ranked for row in each.explained))
    if not rows:
        return list(ranked)
    contributions = dict(zip(rows, ranked[0].predictions.explanations(bundle, np.array(rows)), strict=True))
    return [replace(each, contributions=contributions) for each in ranked]
