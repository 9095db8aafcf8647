"""Is each answer exactly that of the model it names? Asked again of the bundle itself, without the service."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from londonpump.domain import incident_types
from londonpump.domain.stations import by_code
from londonpump.features.observations import us_of
from londonpump.models.bundle import Bundle
from londonpump.models.distribution import P10, P90
from londonpump.models.predict import predict_dispatches
from londonpump.rehearsal.request_traffic import Answer
from londonpump.storage.verified_bundle import folder_of, open_verified

PREDICTED_COLUMNS = ("p10_s", "p50_s", "p90_s")
ROUNDED_S = 0.051
"""Times are told to 0.1 s."""
UNSTATED = ("property_category", "property_type", "address_qualifier", "station_ground_code")
AT_ONCE = 2_000


@dataclass(frozen=True, slots=True)
class Exactness:
    """checked: answers asked again of their bundles. mixed: those that were not exactly their bundle's."""

    checked: int
    mixed: int


def exactness_of(bundles: Path, answers: Sequence[Answer]) -> Exactness:
    """Ask the bundles again. bundles: the store. Raises: BadFile if one that answered cannot be opened."""
    answered = [each for each in answers if each.response is not None]
    mixed = 0
    for model in sorted({str(each.model) for each in answered}):
        _, bundle, _ = open_verified(folder_of(bundles, model))
        own = [each for each in answered if each.model == model]
        for first in range(0, len(own), AT_ONCE):
            mixed += _mixed(bundle, own[first : first + AT_ONCE])
    return Exactness(len(answered), mixed)


def _mixed(bundle: Bundle, answers: Sequence[Answer]) -> int:
    candidates = [
        (i, each, candidate) for i, each in enumerate(answers) for candidate in _response(each)["candidates"]
    ]
    predicted = predict_dispatches(bundle, _columns(bundle, candidates))
    ends_s = predicted.times.quantiles((P10, P90))
    own_s = np.column_stack([ends_s[:, 0], predicted.median_s, ends_s[:, 1]])
    served_s = np.array([[candidate[name] for name in PREDICTED_COLUMNS] for *_, candidate in candidates])
    is_other = (np.abs(own_s - served_s) > ROUNDED_S).any(axis=1)
    of_answer = np.array([i for i, *_ in candidates])
    empty = len(answers) - len(np.unique(of_answer))
    return len(np.unique(of_answer[is_other])) + empty


def _columns(
    bundle: Bundle, candidates: Sequence[tuple[int, Answer, dict[str, Any]]]
) -> dict[str, NDArray[Any]]:
    """What the bundle was asked, from the question and what the answer says that it counted."""
    stations, n = by_code(bundle.stations), len(candidates)
    bodies = [each.question.body for _, each, _ in candidates]
    station = [stations[candidate["station"]["code"]] for *_, candidate in candidates]
    counted = ("pumps_out", "ground_pumps_available", "recent_ground_calls")
    homes = [
        incident_types.HOME_STATION if candidate["home_station"] is None else incident_types.OTHER_STATION
        for *_, candidate in candidates
    ]
    return {
        "mobilised_us": np.array([us_of(datetime.fromisoformat(body["at"])) for body in bodies], np.int64),
        "station_code": np.array([each.code for each in station], object),
        "station_easting_m": np.array([each.easting_m for each in station]),
        "station_northing_m": np.array([each.northing_m for each in station]),
        "deployed_from": np.array(homes, object),
        "incident_type": np.array([body["kind_of_call"] for body in bodies], object),
        **{name: np.full(n, None, object) for name in UNSTATED},
        **{
            axis: np.array([float(body["place"][axis]) for body in bodies])
            for axis in ("easting_m", "northing_m")
        },
        **{name: np.array([_number(_response(each)[name]) for _, each, _ in candidates]) for name in counted},
    }


def _number(value: float | None) -> float:
    return np.nan if value is None else float(value)


def _response(answer: Answer) -> dict[str, Any]:
    assert answer.response is not None  # noqa: S101 - those without an answer were left out
    return answer.response
