"""New call: a place is found, the pumps are ranked, and those that were sent are recorded. One form, with script or without."""

import json
from datetime import timedelta
from http import HTTPStatus
from secrets import token_urlsafe
from typing import Annotated, Any, TypeVar

import numpy as np
from fastapi import APIRouter, Form, Query, Request, Response
from pydantic import BaseModel, ValidationError
from starlette.responses import JSONResponse, RedirectResponse

from londonpump.domain.canonical_spelling import PROPERTY_CATEGORIES
from londonpump.domain.errors import LondonPumpError
from londonpump.domain.incident_types import INCIDENT_TYPES
from londonpump.domain.json_values import JsonObject
from londonpump.domain.mobilisations import RANKED
from londonpump.domain.national_grid import to_grid
from londonpump.domain.stations import by_code, known_stations
from londonpump.places.text import MAX_LENGTH
from londonpump.service.board import routes as board
from londonpump.service.board.batch import NewMobilisations, SentPumps
from londonpump.service.board.schemas import MobilisationResponse, Withdrawal
from londonpump.service.console.pages import ConsoleRoute, assets, is_part, london_time, read_live, render
from londonpump.service.console.ranking import Ranking, by_distance, ranking_of
from londonpump.service.console.session import CALLERS, Caller, Visitor
from londonpump.service.console.texts import text
from londonpump.service.errors import Conflict, NotAllowed, NotSignedIn, Unprocessable, public_text, status_of
from londonpump.service.field_formats import IDEMPOTENCY_KEY, format_error
from londonpump.service.incidents.routes import READ_WITHIN_S
from londonpump.service.incidents.view import Nearby, NearbyIncident, find_nearby
from londonpump.service.places.routes import places as find_places
from londonpump.service.predictions.schemas import PredictionRequest
from londonpump.service.predictions.service import answer_question
from londonpump.service.rights import Person
from londonpump.service.state import Services, State

router = APIRouter(prefix="/console", route_class=ConsoleRoute, include_in_schema=False)
N_SHOWN = 6
MAX_TEXT = 200
MAX_CHOSEN = 4000
"""A label and a typed text of `MAX_TEXT`, each letter written as `\\u0000`, and a location."""
KEY_BYTES = 16
MAX_KEY = 128
Text = Annotated[str, Form(max_length=MAX_TEXT)]
Code = Annotated[str, Form(max_length=64)]
Key = Annotated[str, Form(max_length=MAX_KEY, pattern=IDEMPOTENCY_KEY)]
Metres = Annotated[float | None, Form()]
Reason = Annotated[str, Form(max_length=500)]
Word = Annotated[str, Query(max_length=MAX_TEXT)]
T = TypeVar("T", bound=BaseModel)


@router.get("/")
async def new_call_page(
    request: Request, state: State, person: Visitor, place: Word = "", incident: Word = ""
) -> Response:
    """Show the page of a new call; people who may not ask are shown the incidents.

    place, incident: where more pumps are needed, and for which incident.
    """
    if person.role not in CALLERS:
        return RedirectResponse("/console/incidents", 303)
    return await _page(request, state, {"place": place, "incident": incident})


@router.get("/places")
async def places(state: State, person: Caller, q: Word) -> Response:
    """Return the places that a text may mean, the likeliest first."""
    return JSONResponse(await _find_places(state, person, q))


async def _find_places(state: Services, person: Person, typed: str) -> list[JsonObject]:
    """Return [{label, detail, location, is_likely, is_certain}] of the places that a text may mean, the likeliest first."""
    found = await find_places(person, state, typed.replace("\0", " ")[:MAX_LENGTH]) if typed.strip() else None
    return [
        {
            "label": match.label,
            "detail": text("call.left_out", word=match.left_out) if match.left_out else match.exactness,
            # coordinates have no id in the gazetteer, and without a model only they can be used
            "location": {"text": match.id}
            if match.source is not None and state.champion.current is not None
            else {"easting_m": match.easting_m, "northing_m": match.northing_m},
            # what was found without a typed word is never taken by Enter alone
            "is_likely": match.left_out is None,
            "is_certain": match.is_certain,
        }
        for match in (found.matches if found else ())
    ]


@router.post("/call")
async def rank(
    request: Request,
    state: State,
    person: Caller,
    place: Text = "",
    chosen: Annotated[str, Form(max_length=MAX_CHOSEN)] = "",
    incident_type: Text = "",
    property_category: Text = "",
    key: Key = "",
    incident: Text = "",
    join: Text = "",
    separate: Text = "",
) -> Response:
    """Rank the pumps for a place. Without a chosen match, the first place that the text may mean is taken, if it is the only one.

    join, separate: the buttons for adding the pumps to an incident nearby and for not adding them, for pages without script.
    """
    match = _parse_chosen(chosen, place) if chosen else None
    if separate or (chosen and match is None):
        # an incident was joined for its place: another text is another call
        incident = ""
    incident = join or incident
    typed: JsonObject = {
        "place": place,
        "incident_type": incident_type,
        "property_category": property_category,
        "key": key,
        "incident": incident,
    }
    if match is None:
        matches = await _find_places(state, person, place)
        if len(matches) != 1 or not matches[0]["is_certain"]:
            typed["problem"] = (
                ""
                if matches
                else text("call.no_match", place=place)
                if place.strip()
                else text("call.no_place")
            )
            return await _page(request, state, {**typed, "matches": matches})
        match = matches[0]
    question = {
        "location": match["location"],
        **({"incident_type": incident_type} if incident_type in INCIDENT_TYPES else {}),
        **({"property_category": property_category} if property_category in PROPERTY_CATEGORIES else {}),
        "max_candidates": N_SHOWN,
        "quantiles": True,
    }
    ranking = await _rank(state, person, question, match["label"])
    # after the ranking: its answer has the point of a place that was only named
    near = await state.store.read(
        lambda connection: find_nearby(
            connection, person.id, (ranking.point.easting_m, ranking.point.northing_m), state.clock()
        ),
        within_s=READ_WITHIN_S,
    )
    # with the text that it was found for: it must not be taken for another one
    taken = json.dumps({"label": match["label"], "location": match["location"], "typed": place})
    return await _page(request, state, {**typed, "ranking": ranking, "nearby": near, "chosen": taken})


def _parse_chosen(chosen: str, place: str) -> JsonObject | None:
    """Return the match that the page sent back; None if another text was typed since."""
    try:
        match = json.loads(chosen)
        label, location, typed = str(match["label"])[:MAX_TEXT], dict(match["location"]), match["typed"]
        # JSON can hold half a surrogate pair, and no page can
        json.dumps(match, ensure_ascii=False).encode()
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return {"label": label, "location": location} if typed == place else None


async def _rank(state: Services, person: Person, question: JsonObject, label: str) -> Ranking:
    try:
        request = PredictionRequest.model_validate(question)
    except ValidationError as error:
        raise Unprocessable(("place", text("call.outside"))) from error
    if state.champion.current is None:
        return await _rank_by_distance(state, request, label)
    # no idempotency key: each ranking is a question of its own, and its answer is stored before it is shown
    stored = await answer_question(state, person, request, None)
    answer: JsonObject = json.loads(stored.texts[0] or "{}")
    return ranking_of(answer, state.clock(), label)


async def _rank_by_distance(state: Services, request: PredictionRequest, label: str) -> Ranking:
    location = request.location
    if location.easting_m is not None and location.northing_m is not None:
        point = location.easting_m, location.northing_m
    elif location.latitude is not None and location.longitude is not None:
        east, north = to_grid(np.array([location.latitude]), np.array([location.longitude]))
        point = float(east[0]), float(north[0])
    else:
        # points of districts belong to a model
        raise Unprocessable(("place", text("call.no_model_place")))
    live = await read_live(state)
    stations = by_code(known_stations())
    pumps = [
        pump for pump in live.board.pumps.values() if pump.state in RANKED and pump.station_code in stations
    ]
    return by_distance(pumps, stations, point, label, N_SHOWN)


@router.post("/record")
async def record(
    request: Request,
    state: State,
    person: Caller,
    pump: Annotated[list[Code], Form()],
    key: Key = "",
    first: Code = "",
    prediction_id: Text = "",
    easting_m: Metres = None,
    northing_m: Metres = None,
    incident: Text = "",
    reason: Reason = "",
    own_reason: Reason = "",
    user: Text = "",
) -> Response:
    """Record the ticked pumps as sent, once however often the request comes, and show what the database says.

    user: whose page it is.
    """
    if user and user != person.username:
        # somebody else has signed in beside the page: keys belong to users, and a repeated body would be recorded again
        raise NotSignedIn(text("call.other_user", user=user))
    if not state.settings.console_records:
        raise NotAllowed(text("call.recording_off"))
    why = own_reason.strip() or reason
    # asked by the server too: without script nothing hides or shows the reasons
    if first and first not in pump and not why:
        raise Unprocessable(("reason", text("call.first_not_ticked", pump=first)))
    sent = {
        "pumps": [
            # a reason belongs to pumps that replace the first one: the others are the second or third of several
            {
                "pump": code,
                **({"prediction_id": prediction_id} if prediction_id else {}),
                **(
                    {"override_reason": why, "recommended_pump": first}
                    if why and first and first not in pump
                    else {}
                ),
            }
            for code in pump
        ],
        **({"incident_number": incident} if incident else {}),
        # without a model no stored prediction has the place, and the incident would have none
        **(
            {"location": {"easting_m": easting_m, "northing_m": northing_m}}
            if easting_m is not None and not prediction_id
            else {}
        ),
    }
    new = require_valid(NewMobilisations, sent)
    answer = await board.mobilise_several(person, state, new, key or None)
    return recorded_page(request, SentPumps.model_validate_json(bytes(answer.body)))


@router.post("/withdraw")
async def withdraw(
    request: Request, state: State, person: Caller, mobilisation: Annotated[list[Code], Form()]
) -> Response:
    """Withdraw what was recorded by mistake."""
    done, problems, left = await _withdraw_each(person, state, mobilisation)
    said = text(
        "call.withdrawn",
        time=london_time(state.clock()),
        pumps=", ".join(each.pump for each in done),
        incident=done[0].incident_number,
    )
    return render(request, "recorded.html", said=said, problems=problems, mobilisations=left, key=_new_key())


async def _withdraw_each(
    person: Person, state: Services, mobilisation: list[str]
) -> tuple[list[MobilisationResponse], list[str], list[str]]:
    """Withdraw what can be withdrawn.

    Returns: those, what is said of the others, and the ids of those that can be tried again.
    Raises: Conflict if none can be withdrawn; what failed if none was.
    """
    # each in a transaction of its own: one that has arrived meanwhile must not keep the others recorded
    withdrawal = Withdrawal(reason=text("call.mistake"))
    done: list[MobilisationResponse] = []
    problems: dict[str, LondonPumpError] = {}
    for each in mobilisation:
        try:
            done.append(await board.withdraw(person, state, each, withdrawal))
        except LondonPumpError as error:
            # never raised at once: it would hide that others were withdrawn before
            problems[each] = error
    failed = [
        each for each, error in problems.items() if status_of(error) >= HTTPStatus.INTERNAL_SERVER_ERROR
    ]
    why = " ".join(dict.fromkeys(map(public_text, problems.values())))
    if not done:
        raise problems[failed[0]] if failed else Conflict(why)
    said = [text("call.not_withdrawn", n=len(problems), all=len(mobilisation), why=why)] if problems else []
    return done, said, failed


def recorded_page(request: Request, result: SentPumps) -> Response:
    """Return what was recorded. Nothing is said that the database did not answer."""
    # what was recorded before by the same key counts as recorded: the operator asks what is so, not when it became so
    found = [entry.mobilisation for entry in result.pumps if entry.mobilisation is not None]
    # a form that is sent again after a withdrawal must not look like a record
    done = [each for each in found if each.withdrawn_at is None]
    arrivals = [
        each.mobilised_at + timedelta(seconds=each.announced.p50_s)
        for each in done
        if each.announced is not None
    ]
    said = ""
    if done:
        said = text(
            "call.done",
            time=london_time(max(each.mobilised_at for each in done)),
            pumps=", ".join(each.pump for each in done),
            incident=result.incident_number,
        )
        if arrivals:
            said = f"{said} {text('call.done_there', time=london_time(min(arrivals)))}"
    problems = [
        text("call.refused", pump=entry.pump, why=entry.problem.detail)
        for entry in result.pumps
        if entry.problem is not None
    ] + [
        text("call.was_withdrawn", pump=each.pump, time=london_time(each.withdrawn_at))
        for each in found
        if each.withdrawn_at is not None
    ]
    mobilisations = [each.id for each in done]
    return render(
        request, "recorded.html", said=said, problems=problems, mobilisations=mobilisations, key=_new_key()
    )


def _new_key() -> str:
    return token_urlsafe(KEY_BYTES)


def require_valid(model: type[T], values: JsonObject) -> T:
    """Return the values as a model. Raises: Unprocessable."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        problems = [
            (".".join(map(str, each["loc"])) or "form", format_error(each)) for each in error.errors()
        ]
        raise Unprocessable(*problems) from error


def _away_text(near: NearbyIncident, ranking: Ranking) -> str:
    """Return how far an incident nearby is, without metres where they would be those to the middle of a wide area."""
    if near.area and near.area == ranking.area:
        return text("call.same_area", area=near.area)
    wide = near.area if near.is_area_wide else ranking.area if ranking.is_area_wide else None
    if wide:
        return text("call.wide_area", area=wide)
    key = "call.away_area" if near.area else "call.away_about" if ranking.area else "call.away"
    return text(key, distance=round(near.distance_m), area=near.area)


async def _page(request: Request, state: Services, values: dict[str, Any]) -> Response:
    about = {
        "place": "",
        "incident_type": "",
        "property_category": "",
        "chosen": "",
        "key": "",
        "incident": "",
        "problem": "",
        "matches": [],
        "ranking": None,
        "nearby": Nearby(incidents=[], calls=[]),
        **values,
    }
    if not is_part(request):
        about["status_line"] = (await read_live(state)).line
    about["key"] = about["key"] or _new_key()
    return render(
        request,
        "call_list.html" if is_part(request) else "new_call.html",
        types=INCIDENT_TYPES,
        properties=PROPERTY_CATEGORIES,
        has_map="vendor/ol.js" in assets(),
        records=state.settings.console_records,
        away=_away_text,
        **about,
    )
