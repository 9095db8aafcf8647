# ruff: noqa: S105, S106 - passwords of tests
"""Responses of the original by request: a table of its behaviour, written from its specification.

`derived` marks what the specification leaves open and what follows from the libraries that the original used (FastAPI
of early 2023 with pydantic 1, python-jose, passlib). `ours` is the status of our answer where it differs on purpose;
docs/how-to/move-from-the-original.md gives the reason.
"""

import re
from dataclasses import dataclass, field
from typing import Any

HEX24 = re.compile(r"[0-9a-f]{24}")
NAIVE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{6})?")
NAIVE_ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?")
EXPIRY = re.compile(r"\d\d/\d\d/\d{4}, \d\d:\d\d:\d\d")
JWT = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+")
SECONDS = re.compile(r"-?\d+ secondes")
JSON, HTML = "application/json", "text/html; charset=utf-8"
PASSWORD = "test-password"
READER, OTHER = "reader", "other"
"""Existing accounts; the first one has one prediction with a risk, made at this time."""
MADE_AT = "2025-06-01 12:00:00.250000"
SIGNED_IN, NOBODY, EXPIRED = "signed in", "nobody", "expired"
DEFAULTS = {
    "DeployedFromLocation": "Home Station", "Appliance": "Pump Ladder", "PropertyCategory": "Other Residential",
    "AddressQualifier": "Correct incident location", "IncidentType": "Fire", "Distance": 0.608,
    "TotalOfPumpInLondon_Out": 3, "Station_Code_of_ressource": "G30", "IncidentStationGround_Code": "G30",
    "PumpAvailable": "2", "month": 1, "temp": 2.6, "precip": 0.0, "cloudcover": 0.0, "visibility": 28.3,
    "conditions": "Clear", "workingday": 1, "school_holidays": 0, "congestion_rate": 0.04,
}  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One request. body: the required content of the response; a pattern matches a text, a type any value of it.

    who: whose token, or the whole Authorization header. ours: the status of our answer, where it differs.
    """

    name: str
    request: str
    status: int
    body: Any = None
    who: str = NOBODY
    send: dict[str, Any] = field(default_factory=dict)
    media: str = JSON
    derived: bool = False
    ours: int | None = None


def wrong(*entries: tuple[str, str, str]) -> dict[str, Any]:
    """Return the body of a 422. entries: location, message and type of each value."""
    return {
        "detail": [
            {"loc": loc.split("."), "msg": msg, "type": error_type} for loc, msg, error_type in entries
        ]
    }


def missing(*places: str) -> dict[str, Any]:
    return wrong(*((json_path, "field required", "value_error.missing") for json_path in places))


def says(text: str) -> dict[str, str]:
    return {"detail": text}


def new(name: Any, **changes: Any) -> dict[str, Any]:
    """Return the body of a registration."""
    return {"json": {"username": name, "password": PASSWORD, "passwordConfirm": PASSWORD, **changes}}


def raw(content: str, media: str | None = JSON) -> dict[str, Any]:
    return {"content": content.encode(), "headers": {"Content-Type": media} if media else {}}


def account(name: object = str) -> dict[str, Any]:
    return {"id": HEX24, "username": name, "created_at": NAIVE}


TOKEN = {"access_token": JWT, "token_expiry": EXPIRY}
TIME = {"time_pump": SECONDS, "risk_underestimated": bool}
ENTRY = {
    "id": HEX24,
    "userId": HEX24,
    "prediction": int,
    "risk_underestimated": bool,
    "created_at": NAIVE,
}
ME = {"status": "success", "user": {"id": HEX24, "username": READER, "created_at": NAIVE_ISO}}
NO_DICT = wrong(("body", "value is not a valid dict", "type_error.dict"))
SHORT = wrong(
    ("body.password", "ensure this value has at least 6 characters", "value_error.any_str.min_length")
)
STRING = ("str type expected", "type_error.str")
TAKEN, DIFFER = says("Account already exist"), says("Passwords do not match")
NOT_IN, NO_TOKEN = says("You are not logged in"), says("Not authenticated")
EXPIRED_RESPONSE, WRONG_LOGIN = says("Token has expired"), says("Incorrect Email or Password")
NO_METHOD = says("Method Not Allowed")
LOGIN = {"username": READER, "password": PASSWORD}
FORM = "application/x-www-form-urlencoded"
NONE_JWT = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJzdWIiOiJ4In0."  # gitleaks:allow
OTHER_KEY = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJ4In0.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

STATUS_ROWS = [
    Row("status", "GET /", 200, {"message": "Bienvenue sur l'api", "statut": "Ready"}),
    Row("status with a parameter", "GET /?verbose=1", 200, {"statut": "Ready"}, derived=True),
    Row("status by POST", "POST /", 405, NO_METHOD, derived=True),
    Row("swagger", "GET /docs", 200, media=HTML),
    Row("redoc", "GET /redoc", 200, media=HTML),
    Row("document", "GET /openapi.json", 200, {"openapi": str, "info": dict, "paths": dict}),
]
REGISTER = "POST /register"
REGISTER_ROWS = [
    Row("an account", REGISTER, 201, account("a1"), send=new("a1")),
    Row("with created_at", REGISTER, 201, account(), send=new("a2", created_at="2023-02-11T11:25:15")),
    Row("with created_at as it writes it", REGISTER, 201, account(), send=new("a3", created_at=MADE_AT)),
    Row("with created_at in seconds", REGISTER, 201, account(), send=new("a4", created_at=1), derived=True),
    Row(
        "with created_at that is none", REGISTER, 422,
        wrong(("body.created_at", "invalid datetime format", "value_error.datetime")),
        send=new("b1", created_at="yesterday"), derived=True,
    ),
    Row("with a field it does not know", REGISTER, 201, account(), send=new("a5", email="a@b.example")),
    Row("with a role", REGISTER, 201, account(), send=new("a6", role="admin"), derived=True),
    Row(
        "json without a type", REGISTER, 201, account("a7"),
        send=raw(f'{{"username": "a7", "password": "{PASSWORD}", "passwordConfirm": "{PASSWORD}"}}', None),
    ),
    Row(
        "json with a charset", REGISTER, 201, account("a8"),
        send=raw(
            f'{{"username": "a8", "password": "{PASSWORD}", "passwordConfirm": "{PASSWORD}"}}',
            "application/json; charset=utf-8",
        ),
    ),
    Row("json as text", REGISTER, 422, NO_DICT, send=raw("{}", "text/plain"), derived=True),
    Row("a form", REGISTER, 422, NO_DICT, send=raw("username=b2", FORM), derived=True),
    Row("a list", REGISTER, 422, NO_DICT, send={"json": []}, derived=True),
    Row("no body", REGISTER, 422, missing("body"), derived=True),
    Row("null", REGISTER, 422, missing("body"), send=raw("null"), derived=True),
    Row(
        "no json", REGISTER, 422,
        {"detail": [{"loc": list, "msg": str, "type": "value_error.jsondecode"}]}, send=raw("{"), derived=True,
    ),
    Row("no name", REGISTER, 422, missing("body.username"),
        send={"json": {"password": PASSWORD, "passwordConfirm": PASSWORD}}),
    Row("no password", REGISTER, 422, missing("body.password"),
        send={"json": {"username": "b3", "passwordConfirm": PASSWORD}}),
    Row("no confirmation", REGISTER, 422, missing("body.passwordConfirm"),
        send={"json": {"username": "b4", "password": PASSWORD}}),
    Row("nothing", REGISTER, 422, missing("body.username", "body.password", "body.passwordConfirm"),
        send={"json": {}}),
    Row("null for a name", REGISTER, 422, send=new(None), derived=True,
        body=wrong(("body.username", "none is not an allowed value", "type_error.none.not_allowed"))),
    Row("a list for a name", REGISTER, 422, wrong(("body.username", *STRING)), send=new(["b5"]), derived=True),
    Row("a number for a name", REGISTER, 201, account("12345"), send=new(12345), derived=True),
    Row("a number for a password", REGISTER, 201, account(), derived=True,
        send=new("a9", password=123456, passwordConfirm="123456")),
    Row("five characters", REGISTER, 422, SHORT, send=new("b6", password="12345", passwordConfirm="12345")),
    Row("six characters", REGISTER, 201, account(),
        send=new("a10", password="123456", passwordConfirm="123456")),
    Row("a hundred characters", REGISTER, 201, account(), derived=True,
        send=new("a11", password="x" * 100, passwordConfirm="x" * 100)),
    Row("passwords differ", REGISTER, 400, DIFFER, send=new("b7", passwordConfirm="test-password2")),
    Row("name taken", REGISTER, 409, TAKEN, send=new(READER)),
    Row("name taken and passwords differ", REGISTER, 409, TAKEN, send=new(READER, passwordConfirm="other")),
    Row("name taken and too short", REGISTER, 422, SHORT, send=new(READER, password="12345")),
    Row("accents", REGISTER, 201, account("Zo\u00eb"), send=new("Zo\u00eb")),
    Row("by GET", "GET /register", 405, NO_METHOD, derived=True),
    Row("an empty name", REGISTER, 201, send=new(""), ours=422),
    Row("a name like another but for case", REGISTER, 201, send=new("READER"), ours=409),
    Row("a name of 65 characters", REGISTER, 201, send=new("x" * 65), derived=True, ours=422),
    Row("a password of 129 characters", REGISTER, 201, derived=True, ours=422,
        send=new("b8", password="x" * 129, passwordConfirm="x" * 129)),
]  # fmt: skip
SIGN_IN = "POST /login"
SIGN_IN_ROWS = [
    Row("a form", SIGN_IN, 200, TOKEN, send={"data": LOGIN}),
    Row("a multipart form", SIGN_IN, 200, TOKEN, send={"data": LOGIN, "files": {"x": b""}}, derived=True),
    Row("with the fields of OAuth2", SIGN_IN, 200, TOKEN,
        send={"data": {**LOGIN, "grant_type": "password", "scope": "", "client_id": ""}}),
    Row("a wrong password", SIGN_IN, 400, WRONG_LOGIN, send={"data": {**LOGIN, "password": "x"}}),
    Row("no such user", SIGN_IN, 400, WRONG_LOGIN, send={"data": {**LOGIN, "username": "none"}}),
    Row("no password", SIGN_IN, 422, missing("body.password"), send={"data": {"username": READER}}),
    Row("no body", SIGN_IN, 422, {"detail": [{"loc": list, "msg": str, "type": str}]}, derived=True),
    Row("json", SIGN_IN, 422, {"detail": [{"msg": str}]}, send={"json": LOGIN}, derived=True),
    Row("in the query", SIGN_IN, 422, {"detail": [{"msg": str}]}, send={"params": LOGIN}, derived=True),
    Row("by GET", "GET /login", 405, NO_METHOD, derived=True),
    Row("another grant", SIGN_IN, 422, derived=True, ours=200,
        send={"data": {**LOGIN, "grant_type": "client_credentials"}}),
    Row("the name in capitals", SIGN_IN, 400, send={"data": {**LOGIN, "username": "READER"}}, ours=200),
]  # fmt: skip
REFRESH, ABOUT_ME = "POST /refresh", "GET /me"
TOKEN_ROWS = [
    Row("refresh", REFRESH, 200, TOKEN, who=SIGNED_IN),
    Row("refresh with an empty object", REFRESH, 200, TOKEN, who=SIGNED_IN, send={"json": {}}, derived=True),
    Row("refresh with any body", REFRESH, 200, TOKEN, who=SIGNED_IN, send={"json": {"a": 1}}, derived=True),
    Row("refresh with a form", REFRESH, 200, TOKEN, who=SIGNED_IN, send={"data": LOGIN}, derived=True),
    Row("refresh without a token", REFRESH, 401, NO_TOKEN),
    Row("refresh after its time", REFRESH, 403, EXPIRED_RESPONSE, who=EXPIRED),
    Row("refresh with no token of its", REFRESH, 401, NOT_IN, who="Bearer x", derived=True),
    Row("me", ABOUT_ME, 200, ME, who=SIGNED_IN),
    Row("me without a token", ABOUT_ME, 401, NO_TOKEN),
    Row("me by Basic", ABOUT_ME, 401, NO_TOKEN, who="Basic YTpi", derived=True),
    Row("me with no token of its", ABOUT_ME, 401, NOT_IN, who="Bearer x.y.z", derived=True),
    Row("me with a token of another key", ABOUT_ME, 401, NOT_IN, who=f"Bearer {OTHER_KEY}", derived=True),
    Row("me with an unsigned token", ABOUT_ME, 401, NOT_IN, who=f"Bearer {NONE_JWT}", derived=True),
    Row("me after its time", ABOUT_ME, 403, EXPIRED_RESPONSE, who=EXPIRED),
    Row("me by POST", "POST /me", 405, NO_METHOD, derived=True),
]
PREDICT = "POST /predict/time_pump"
NO_FLOAT, NO_INT = ("value is not a valid float", "type_error.float"), ("value is not a valid integer", "type_error.integer")  # fmt: skip
PREDICT_ROWS = [
    Row("the defaults", PREDICT, 200, TIME, who=SIGNED_IN),
    Row("all in the query", PREDICT, 200, TIME, who=SIGNED_IN, send={"params": DEFAULTS}),
    Row("all in a form", PREDICT, 200, TIME, who=SIGNED_IN, send={"data": DEFAULTS}),
    Row("all in json", PREDICT, 200, TIME, who=SIGNED_IN, send={"json": DEFAULTS}, derived=True),
    Row("another station", PREDICT, 200, TIME, who=SIGNED_IN, send={"params": {"Station_Code_of_ressource": "A21"}}),
    Row("a text for a number", PREDICT, 422, wrong(("query.Distance", *NO_FLOAT)), who=SIGNED_IN,
        send={"params": {"Distance": "abc"}}),
    Row("a fraction for a month", PREDICT, 422, wrong(("query.month", *NO_INT)), who=SIGNED_IN,
        send={"params": {"month": "1.5"}}, derived=True),
    Row("nothing for a month", PREDICT, 422, wrong(("query.month", *NO_INT)), who=SIGNED_IN,
        send={"params": {"month": ""}}, derived=True),
    Row("without a token", PREDICT, 401, NO_TOKEN),
    Row("after its time", PREDICT, 403, EXPIRED_RESPONSE, who=EXPIRED),
    Row("by GET", "GET /predict/time_pump", 405, NO_METHOD, derived=True),
    Row("an unknown category", PREDICT, 500, who=SIGNED_IN, send={"params": {"IncidentType": "Dragon"}}, ours=200),
    Row("-5 km", PREDICT, 200, who=SIGNED_IN, send={"params": {"Distance": -5}}, ours=422),
    Row("month 13", PREDICT, 200, who=SIGNED_IN, send={"params": {"month": 13}}, derived=True, ours=422),
    Row("no such station", PREDICT, 500, who=SIGNED_IN, ours=422,
        send={"params": {"Station_Code_of_ressource": "Z99"}}),
]  # fmt: skip
HISTORY = "GET /historique"
NO_USER, NO_PREDICTIONS = says("No user found"), says("No predictions found")
HISTORY_ROWS = [
    Row("everything", HISTORY, 200, [ENTRY], who=SIGNED_IN),
    Row("of a user", HISTORY, 200, [ENTRY], who=SIGNED_IN, send={"params": {"username": READER}}),
    Row("of no user", HISTORY, 404, NO_USER, who=SIGNED_IN, send={"params": {"username": "none"}}),
    Row("with a risk", HISTORY, 200, [{**ENTRY, "risk_underestimated": True}], who=SIGNED_IN,
        send={"params": {"risk": "true", "created_at": MADE_AT}}),
    Row("with a risk, in another spelling", HISTORY, 200, [ENTRY], who=SIGNED_IN,
        send={"params": {"risk": "1", "created_at": MADE_AT}}, derived=True),
    Row("without a risk", HISTORY, 404, NO_PREDICTIONS, who=SIGNED_IN,
        send={"params": {"risk": "false", "created_at": MADE_AT}}),
    Row("a risk that is none", HISTORY, 422, who=SIGNED_IN, send={"params": {"risk": "maybe"}}, derived=True,
        body=wrong(("query.risk", "value could not be parsed to a boolean", "type_error.bool"))),
    Row("of a moment as it was written", HISTORY, 200, [{**ENTRY, "created_at": MADE_AT}], who=SIGNED_IN,
        send={"params": {"created_at": MADE_AT}}),
    Row("of a moment in ISO 8601", HISTORY, 200, [ENTRY], who=SIGNED_IN,
        send={"params": {"created_at": MADE_AT.replace(" ", "T")}}),
    Row("of another moment", HISTORY, 404, NO_PREDICTIONS, who=SIGNED_IN,
        send={"params": {"created_at": "2020-01-01T00:00:00"}}),
    Row("of no moment", HISTORY, 422, who=SIGNED_IN, send={"params": {"created_at": "yesterday"}}, derived=True,
        body=wrong(("query.created_at", "invalid datetime format", "value_error.datetime"))),
    Row("with a parameter it does not know", HISTORY, 200, [ENTRY], who=SIGNED_IN, send={"params": {"a": 1}},
        derived=True),
    Row("without a token", HISTORY, 401, NO_TOKEN),
    Row("after its time", HISTORY, 403, EXPIRED_RESPONSE, who=EXPIRED),
    Row("by POST", "POST /historique", 405, NO_METHOD, derived=True),
    Row("of another user", HISTORY, 200, who=SIGNED_IN, send={"params": {"username": OTHER}}, ours=404),
    Row("of a name of 51 characters", HISTORY, 422, who=SIGNED_IN, send={"params": {"username": "x" * 51}}, ours=404,
        derived=True),
]  # fmt: skip
ROWS = [*STATUS_ROWS, *REGISTER_ROWS, *SIGN_IN_ROWS, *TOKEN_ROWS, *PREDICT_ROWS, *HISTORY_ROWS]


def faults(actual: Any, expected: Any, json_path: str = "") -> list[str]:
    """Return the differences between a response and the table. Additional fields are allowed."""
    if isinstance(expected, dict):
        if not isinstance(actual, dict):
            return [f"{json_path} is no object"]
        lacking = [f"{json_path}.{name} is missing" for name in expected if name not in actual]
        inner = [
            faults(actual[name], each, f"{json_path}.{name}")
            for name, each in expected.items()
            if name in actual
        ]
        return lacking + [fault for found in inner for fault in found]
    if isinstance(expected, list):
        if not isinstance(actual, list) or not actual:
            return [f"{json_path} is no list with something in it"]
        pairs = [(each, expected[min(number, len(expected) - 1)]) for number, each in enumerate(actual)]
        return [
            fault for number, (a, b) in enumerate(pairs) for fault in faults(a, b, f"{json_path}[{number}]")
        ]
    if isinstance(expected, re.Pattern):
        is_right = isinstance(actual, str) and expected.fullmatch(actual) is not None
    elif isinstance(expected, type):
        is_right = type(actual) is expected
    else:
        is_right = type(actual) is type(expected) and actual == expected
    return [] if is_right else [f"{json_path} is {actual!r}, not {expected!r}"]
