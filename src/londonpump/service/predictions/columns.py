"""Calls as the columns that the models read: stated values, what the board tells, and the context of the moment."""

from collections.abc import Sequence

import numpy as np

from londonpump.brigade import kinds
from londonpump.brigade.published_names import speller
from londonpump.features.weather import us_of
from londonpump.models.answering import SOURCE_COLUMN, Columns
from londonpump.service.predictions.around import Standing
from londonpump.service.predictions.calls import Call
from londonpump.service.predictions.shapes import StatedContext

COUNTED = ("pumps_out", "ground_pumps_available", "recent_ground_calls")
STATED = tuple(name for name in StatedContext.model_fields if name not in COUNTED)
Counted = dict[str, float | None]


def columns_of(calls: Sequence[Call], counts: Sequence[Counted], standing: Standing) -> Columns:
    """(n,) each: for every call its starts. Without the place, where that is only named."""
    return _joined([_columns(call, counted, standing) for call, counted in zip(calls, counts, strict=True)])


def known_of(calls: Sequence[Call], wanted: frozenset[str]) -> Columns:
    """(n,) each: what the context of the moments tells of the wanted columns, with its source."""
    return _joined([_known(call, sorted(wanted)) for call in calls])


def counted(call: Call) -> Counted:
    """How busy the Brigade is, as the question states it, else as the board tells it; None where nobody knows."""
    stated, own, ground = call.question.context, call.question.incident_number, call.place.ground_code
    told: Counted = {name: getattr(stated, name) for name in COUNTED}
    if told["pumps_out"] is None:
        told["pumps_out"] = call.board.pumps_out(own)
    if ground is not None and told["ground_pumps_available"] is None:
        told["ground_pumps_available"] = call.board.ground_pumps_available(ground)
    if ground is not None and told["recent_ground_calls"] is None:
        told["recent_ground_calls"] = call.board.recent_ground_calls(ground, call.ground_of, own)
    return told


def _columns(call: Call, counted: Counted, standing: Standing) -> Columns:
    starts, question = call.starts, call.question
    n = len(starts)
    station = np.array([standing.row_of[code] for code, _ in starts], np.int64)
    home = [kinds.HOME_STATION if is_home else kinds.OTHER_STATION for _, is_home in starts]
    stated = question.context
    numbers = {**{name: getattr(stated, name) for name in STATED}, **counted}
    place = (
        {} if call.place.is_named else dict(zip(("easting_m", "northing_m"), call.place.middle, strict=True))
    )
    return {
        "mobilised_us": np.full(n, us_of(call.at), np.int64),
        "station_code": standing.code[station],
        "station_easting_m": standing.easting_m[station],
        "station_northing_m": standing.northing_m[station],
        "deployed_from": np.array(home, object),
        "station_ground_code": np.full(n, call.place.stated_ground, object),
        "incident_type": np.full(n, question.kind_of_call, object),
        "property_category": np.full(
            n, _as_published("property_category", question.property_category), object
        ),
        "property_type": np.full(n, _as_published("property_type", question.property_type), object),
        "address_qualifier": np.full(
            n, _as_published("address_qualifier", question.address_qualifier), object
        ),
        **{name: np.full(n, value) for name, value in place.items()},
        **{name: np.full(n, np.nan if value is None else float(value)) for name, value in numbers.items()},
    }


def _as_published(name: str, text: str | None) -> str | None:
    """A category in another case would be one that the model does not know."""
    return None if text is None else speller(name)(text.strip())


def _known(call: Call, names: Sequence[str]) -> Columns:
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


def _joined(parts: Sequence[Columns]) -> Columns:
    if len(parts) == 1:
        return parts[0]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
