"""Routes below `/v1/predictions`."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Path, Response

from londonpump.persistence.database import Connection
from londonpump.persistence.repositories.mobilisations import is_prediction_referenced
from londonpump.persistence.repositories.predictions import CALL, PredictionRecord, as_text, find_prediction
from londonpump.persistence.stored_json import rename_answer, request_to_hash
from londonpump.service.errors import NotFound
from londonpump.service.field_formats import OUR_ID, Responses
from londonpump.service.idempotency import OTHER_BODY, REPLAY, REPLAY_HEADERS, IdempotencyKey, Key
from londonpump.service.predictions.schemas import (
    BatchRequest,
    BatchResponse,
    InvalidQuestion,
    PredictionRequest,
    PredictionResponse,
)
from londonpump.service.predictions.service import StoredAnswers, answer_batch, answer_question
from londonpump.service.rights import SEES_ALL, Operator, Person, SignedIn
from londonpump.service.state import State

router = APIRouter(prefix="/v1/predictions", tags=["predictions"])
PredictionId = Annotated[str, Path(pattern=OUR_ID, description="Id of the prediction")]
PREDICTION_RESPONSES: Responses = {
    200: {
        "description": "The prediction, which was stored before it was returned.",
        "headers": REPLAY_HEADERS,
    },
    **OTHER_BODY,
}
TOO_MANY: Responses = {
    429: {"description": "Too many batches are waiting. `Retry-After` is the number of seconds to wait."}
}


@router.post("", operation_id="rank_pumps", response_model=PredictionResponse, responses=PREDICTION_RESPONSES)
async def predict(
    person: Operator, state: State, question: PredictionRequest, idempotency_key: IdempotencyKey = None
) -> Response:
    """Rank the pumps that can reach an incident by their predicted arrival.

    Inputs that are not sent are derived and labelled. Pumps that are out, on their way back or off the run are not
    ranked unless they are named in `pumps`. Pumps on standby leave from where they are. The board is not known for
    times more than 15 minutes from now, and `warning` says so: all pumps are then ranked as if they were available, up
    to 4 hours from now without those that are out, on their way back or off the run now. A named area
    (`postcode_district`, `station_ground`) is answered for up to 24 past locations together, so its intervals are
    wider.
    """
    key = _key(person, idempotency_key, "predictions", [question], state)
    result = await answer_question(state, person, question, key)
    return _json(result.texts[0] or "null", result)


@router.post(
    "/batch",
    operation_id="rank_pumps_of_batch",
    response_model=BatchResponse,
    responses=PREDICTION_RESPONSES | TOO_MANY,
)
async def predict_many(
    person: Operator, state: State, batch: BatchRequest, idempotency_key: IdempotencyKey = None
) -> Response:
    """Answer up to 1,000 questions, each with a prediction or a problem, in their order. One batch runs at a time."""
    # joined as text: parsing and serialising 1,000 stored answers again would block the event loop
    key = _key(person, idempotency_key, "predictions/batch", batch.questions, state)
    result = await answer_batch(state, person, batch.questions, key)
    items = ",".join(
        f'{{"answer":{text or "null"},"problem":{as_text(item.get("problem"))}}}'
        for item, text in zip(result.items, result.texts, strict=True)
    )
    return _json(f'{{"items":[{items}]}}', result)


@router.get(
    "/{prediction_id}",
    operation_id="get_prediction",
    response_description="The prediction as it was returned first, under the present names of its fields.",
    response_model=PredictionResponse,
    responses={
        404: {
            "description": "The prediction does not exist, or it belongs to another person and no mobilisation refers to it."
        }
    },
)
async def prediction(person: SignedIn, state: State, prediction_id: PredictionId) -> Response:
    """Return a stored prediction.

    Everybody can read their own predictions and those that a mobilisation refers to; analysts, supervisors and admins can read all.
    """

    def read_if_allowed(connection: Connection) -> PredictionRecord | None:
        found = find_prediction(connection, prediction_id)
        is_theirs = found is not None and (found.user_id == person.id or person.role in SEES_ALL)
        # every signed-in person may read all mobilisations, and so the predictions that they are based on
        return found if is_theirs or is_prediction_referenced(connection, prediction_id) else None

    found = await state.store.read(read_if_allowed)
    if found is None or found.endpoint != CALL:
        raise NotFound(f"There is no prediction {prediction_id}.")
    return Response(as_text(rename_answer(found.answer)), media_type="application/json")


def _key(
    person: Person,
    key: str | None,
    route: str,
    sent_questions: Sequence[PredictionRequest | InvalidQuestion],
    state: State,
) -> Key | None:
    if key is None:
        return None
    return Key.of(
        person.id,
        key,
        route,
        [_to_hash(question) for question in sent_questions],
        state.clock(),
    )


def _to_hash(question: PredictionRequest | InvalidQuestion) -> Any:
    # marked, so that a question with former names never has the digest of the one that corrects it
    if isinstance(question, InvalidQuestion):
        return {"invalid": question.as_json()}
    return request_to_hash(question.as_json())


def _json(text: str, result: StoredAnswers) -> Response:
    headers = {REPLAY: "true"} if result.is_replay else {}
    return Response(text, media_type="application/json", headers=headers)
