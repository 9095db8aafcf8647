"""What a mobilisation takes from the prediction that it names: the announced times, the place, the recommended pump."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from londonpump.service.board.rules import RANKED
from londonpump.service.board.schemas import Announced, NewMobilisation, Place
from londonpump.service.errors import Unprocessable
from londonpump.service.predictions.repository import CALL, PredictionRecord, find_prediction


def with_prediction(connection: Connection, new: NewMobilisation) -> NewMobilisation:
    """The same with what the named prediction told; what is stated stays. One of another system tells nothing.

    A pump that was not among the candidates told has no announced time. Raises: Unprocessable if the prediction is about
    another incident, or a reason is given where no other pump was recommended.
    """
    record = find_prediction(connection, new.prediction_id) if new.prediction_id else None
    completed = new if record is None or record.kind != CALL else _completed(new, record)
    if completed.override_reason is not None and not completed.is_override:
        raise Unprocessable(("override_reason", "is given, but no other pump was recommended"))
    return completed


def _completed(new: NewMobilisation, record: PredictionRecord) -> NewMobilisation:
    if record.incident_number not in {None, new.incident_number}:
        raise Unprocessable(("prediction_id", f"is about incident {record.incident_number}"))
    answer: Mapping[str, Any] = record.answer or {}
    candidates = answer["candidates"]
    predicted = {
        "announced": next(
            (_announced(each, record) for each in candidates if each["pump"] == new.pump), None
        ),
        "place": _location(answer["place"]),
        "recommended_pump": next((each["pump"] for each in candidates if each["state"] in RANKED), None),
    }
    return new.model_copy(
        update={name: value for name, value in predicted.items() if getattr(new, name) is None}
    )


def _announced(candidate: Mapping[str, Any], record: PredictionRecord) -> Announced:
    times = {name: candidate[name] for name in ("p10_s", "p50_s", "p90_s")}
    return Announced(model=record.model or "", **times)


def _location(location: Mapping[str, Any]) -> Place | None:
    """None for a place that was only named: nobody said where on it."""
    if location["named"] is not None:
        return None
    return Place(easting_m=location["easting_m"], northing_m=location["northing_m"])
