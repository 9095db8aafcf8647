"""Model input columns of calls: values stated in the question, counts from the board, and context from the database."""

from collections.abc import Sequence

import numpy as np

from londonpump.domain import incident_types
from londonpump.domain.canonical_spelling import spelling_normaliser
from londonpump.features.observations import us_of
from londonpump.models.predict import SOURCE_COLUMN, Columns
from londonpump.service.predictions.calls import Call
from londonpump.service.predictions.request_context import StationIndex
from londonpump.service.predictions.schemas import ContextOverrides

COUNT_COLUMNS = ("pumps_out", "ground_pumps_available", "recent_ground_calls")
STATED_COLUMNS = tuple(name for name in ContextOverrides.model_fields if name not in COUNT_COLUMNS)
Counts = dict[str, float | None]


def columns_of(calls: Sequence[Call], counts: Sequence[Counts], station_index: StationIndex) -> Columns:
    """Return the input columns, one row per start of each call. A call to a named area has no coordinates."""
    return _concatenate(
        [
            _columns(call, count_values, station_index)
            for call, count_values in zip(calls, counts, strict=True)
        ]
    )


def context_columns(calls: Sequence[Call], column_names: frozenset[str]) -> Columns:
    """Return the requested context columns with their sources, one row per start of each call."""
    return _concatenate([_context_columns(call, sorted(column_names)) for call in calls])


def counts_of(call: Call) -> Counts:
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


def _columns(call: Call, count_values: Counts, station_index: StationIndex) -> Columns:
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


def _context_columns(call: Call, names: Sequence[str]) -> Columns:
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
