"""The generated parts of docs/reference/api.md, from the routes, their OpenAPI document and the table of errors.

For `write_docs.py`, which puts them on the page.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from http import HTTPStatus
from inspect import Parameter, signature
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from londonpump.assembly import create_app
from londonpump.domain.columns import EXAMPLES
from londonpump.service.errors import STATUS_OF
from londonpump.service.openapi import (
    ANY_REQUEST_RESPONSES,
    AUTH_RESPONSES,
    BODY_RESPONSES,
    DATABASE_RESPONSES,
    PUBLIC_RESPONSES,
    VALIDATION_RESPONSES,
)
from londonpump.service.rights import Right, Role
from londonpump.settings import Settings

SCHEMAS = "#/components/schemas/"
EVERYWHERE = {
    status: meaning
    for table in (
        ANY_REQUEST_RESPONSES,
        PUBLIC_RESPONSES,
        BODY_RESPONSES,
        AUTH_RESPONSES,
        VALIDATION_RESPONSES,
        DATABASE_RESPONSES,
    )
    for status, meaning in table.items()
}
"""Errors that follow from a right, a body or a parameter."""
PLAIN_DESCRIPTIONS = {"Successful Response": "Done.", "Service Unavailable": "Not now."}
UNIT_OF_ENDING = {
    "_s": "s",
    "_m": "m",
    "_min": "min",
    "_mm": "mm",
    "_km": "km",
    "_kmh": "km/h",
    "_pct": "%",
    "_c": "degrees C",
    "_days": "days",
    "_at": "UTC",
}
UNIT = {
    "at": "UTC",
    **{column.name: column.unit for column in EXAMPLES if column.range is not None},
    "latitude": "degrees, WGS84",
    "longitude": "degrees, WGS84",
    "chance_within_s": "chance, 0 to 1, by seconds",
    "chances": "chance, 0 to 1, by pumps",
    "number": "pumps",
    "n_ranked": "pumps",
    "expires_in": "s",
    "token_expiry": "UTC",
    "time_pump": "s, as text",
    "prediction": "s",
}
EXAMPLE_ARGUMENTS = {"NameTaken": ("amelia",), "TooManyAttempts": (12,)}
"""Example arguments of errors whose message contains a value."""
SIGN_IN = "SignIn"
FORM_DESCRIPTIONS = {SIGN_IN: "The fields of a form."}
ALL_ROLES, EVERYBODY = "any account", "everybody"


def table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a Markdown table; a column that is empty in every row is left out."""
    names, cells = list(header), [list(row) for row in rows]
    columns = [number for number in range(len(names)) if any(row[number] for row in cells)]
    lines = [[row[number] for number in columns] for row in (names, ["---"] * len(names), *cells)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def overview() -> str:
    """Return every route with the roles that may call it."""
    rows = [
        (_link(method, path), _right(method, path), _first_sentence(operation))
        for method, path, operation in _operations()
    ]
    return table(("Route", "Who", "Does"), rows)


def operations() -> str:
    """Return every route with its parameters, its body and its responses."""
    return "\n".join(_format_operation(method, path, operation) for method, path, operation in _operations())


def shapes() -> str:
    """Return every schema of requests and responses, field by field."""
    schemas = _document()["components"]["schemas"]
    schemas_shown = [name for name in sorted(schemas, key=_title) if "properties" in schemas[name]]
    return "\n".join(_shape(name, schemas[name]) for name in schemas_shown)


def everywhere() -> str:
    """Return the table of the errors that any route may answer with."""
    return table(
        ("Status", "When"), [(f"{status}", meaning) for status, meaning in sorted(EVERYWHERE.items())]
    )


def problems() -> str:
    """Return every error that the service maps to a response, by status."""
    known = {*STATUS_OF, *(error for kind in STATUS_OF for error in _below(kind))}
    own = [kind for kind in known if kind in STATUS_OF or _is_service_error(kind)]
    rows = sorted(
        ((int(_status(kind)), kind.__name__, kind) for kind in own),
        key=lambda row: (*row[:2], row[2].__module__),
    )
    return table(
        ("Status", "In the log", "Means", "`Retry-After`"),
        [(str(status), f"`{name}`", _meaning(kind), _retry(status)) for status, name, kind in rows],
    )


@cache
def _app() -> FastAPI:
    # nothing is opened before its lifespan begins, and no setting of this machine counts
    return create_app(Settings.model_construct(home=Path("nowhere")))


@cache
def _document() -> dict[str, Any]:
    return _app().openapi()


def _operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in _document()["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def _link(method: str, path: str) -> str:
    anchor = re.sub(r"[^\w\- ]", "", f"{method} {path}".lower()).replace(" ", "-")
    # of a blank at the end each host of the code makes something else
    return f"`{method} {path}`" if anchor.endswith("-") else f"[`{method} {path}`](#{anchor})"


@cache
def _roles() -> dict[tuple[str, str | None], frozenset[Role]]:
    return {
        # the document names a parameter without its converter
        (method, route.path_format): guard.roles
        for route in iter_route_contexts(_app().routes)
        for method in route.methods or ()
        for guard in _guards(route)
    }


def _guards(route: Any) -> list[Right]:
    dependant = getattr(route, "dependant", None)
    calls = [each.call for each in dependant.dependencies] if dependant else []
    return [call for call in calls if isinstance(call, Right)]


def _right(method: str, path: str) -> str:
    roles = _roles().get((method, path))
    if roles is None:
        return EVERYBODY
    return ALL_ROLES if roles == frozenset(Role) else ", ".join(sorted(roles))


def _first_sentence(operation: dict[str, Any]) -> str:
    sentence = " ".join(operation["description"].split())
    return sentence.partition(". ")[0].removesuffix(".") + "."


def _format_operation(method: str, path: str, operation: dict[str, Any]) -> str:
    parts = [f"### `{method} {path}`\n", f"For {_right(method, path)}. {operation['description']}\n"]
    if operation.get("parameters"):
        parts.append(
            table(("Parameter", "In", "Type", "Default", "Meaning"), map(_parameter, operation["parameters"]))
        )
    if "requestBody" in operation:
        parts.append(_body(operation["requestBody"]))
    parts.append(_answers(operation["responses"]))
    return "\n".join(parts)


def _parameter(parameter: dict[str, Any]) -> tuple[str, ...]:
    schema = parameter["schema"]
    default = "needed" if parameter["required"] else _default(schema)
    return f"`{parameter['name']}`", parameter["in"], _type(schema), default, parameter.get("description", "")


def _body(body: dict[str, Any]) -> str:
    of_kind = {kind: content["schema"] for kind, content in body["content"].items()}
    named = [_type(schema) for schema in of_kind.values() if "properties" not in schema]
    shape = f"{named[0]}, " if named else ""
    needed = "" if body.get("required") else " It may be left out."
    description = f" {body['description']}" if "description" in body else ""
    return f"Body: {shape}{' or '.join(f'`{kind}`' for kind in of_kind)}.{needed}{description}\n"


def _answers(responses: dict[str, Any]) -> str:
    usual = [
        status for status, answer in responses.items() if EVERYWHERE.get(int(status)) == answer["description"]
    ]
    rows = [(status, *_answer(answer)) for status, answer in sorted(responses.items()) if status not in usual]
    also = f"\nAlso {', '.join(sorted(usual))}, as [everywhere](#errors-of-any-route).\n" if usual else ""
    return table(("Status", "Means", "Body", "Headers"), rows) + also


def _answer(answer: dict[str, Any]) -> tuple[str, ...]:
    sentence = PLAIN_DESCRIPTIONS.get(answer["description"], answer["description"])
    bodies = [
        _type(content["schema"]) for content in answer.get("content", {}).values() if content.get("schema")
    ]
    headers = ", ".join(f"`{name}`" for name in answer.get("headers", {}))
    return sentence, " or ".join(bodies), headers


def _shape(name: str, schema: dict[str, Any]) -> str:
    is_given, needed = name in _usual_parameters(), set(schema.get("required", ()))
    rows = [
        (
            f"`{field}`",
            _type(inner),
            _unit(field, inner),
            "" if is_given else "needed" if field in needed else _default(inner),
            inner.get("description", ""),
        )
        for field, inner in schema["properties"].items()
    ]
    sentence = schema.get("description", FORM_DESCRIPTIONS.get(_title(name), ""))
    return f"### {_title(name)}\n\n{sentence}\n\n" + table(
        ("Field", "Type", "Unit", "Default", "Meaning"), rows
    )


@cache
def _usual_parameters() -> frozenset[str]:
    """Return schemas that occur in responses only, where a default means nothing."""
    referenced: set[str] = set()
    waiting = [
        content["schema"]
        for _, _, operation in _operations()
        for content in operation.get("requestBody", {}).get("content", {}).values()
    ]
    while waiting:
        names = set(re.findall(rf"{SCHEMAS}(\w+)", str(waiting.pop()))) - referenced
        referenced |= names
        waiting += [_document()["components"]["schemas"][name] for name in names]
    return frozenset(_document()["components"]["schemas"]) - referenced


def _unit(field: str, schema: dict[str, Any]) -> str:
    if field in UNIT:
        return UNIT[field]
    endings = [unit for ending, unit in UNIT_OF_ENDING.items() if field.endswith(ending)]
    is_measured = any(kind in str(schema) for kind in ("number", "integer", "date-time"))
    return endings[0] if endings and is_measured else ""


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return _reference(schema["$ref"].removeprefix(SCHEMAS))
    if "anyOf" in schema:
        return " or ".join(_type(each) for each in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if "const" in schema:
        return f"`{schema['const']}`"
    if schema.get("type") == "array":
        return f"list of {_type(schema['items'])}{_between(schema, 'Items', ' of them')}"
    if schema.get("type") == "object":
        inner = schema.get("additionalProperties")
        return f"object of {_type(inner)}" if isinstance(inner, dict) and inner else "object"
    if schema.get("type") == "string":
        return _text(schema)
    return _number(schema)


def _reference(name: str) -> str:
    schema = _document()["components"]["schemas"][name]
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    return f"[{_title(name)}](#{_title(name).lower()})"


def _title(name: str) -> str:
    return SIGN_IN if name.startswith("Body_") else name


def _text(schema: dict[str, Any]) -> str:
    if schema.get("format") == "date-time":
        return "instant"
    pattern = schema.get("pattern", "")
    if pattern and "\\x" not in pattern:
        return f"text `{pattern}`"
    return f"text{_between(schema, 'Length', ' characters')}"


def _between(schema: dict[str, Any], what: str, of: str) -> str:
    minimum, maximum = schema.get(f"min{what}"), schema.get(f"max{what}")
    if maximum is None:
        return ""
    return f", {minimum or 0:,} to {maximum:,}{of}"


def _number(schema: dict[str, Any]) -> str:
    kind = {"integer": "whole number", "number": "number", "boolean": "`true` or `false`", "null": "null"}
    sentence = kind.get(schema.get("type", ""), "anything")
    minimum, maximum = schema.get("minimum"), schema.get("maximum")
    limits = "" if minimum is None or maximum is None else f", {minimum:,.15g} to {maximum:,.15g}"
    return sentence + limits


def _default(schema: dict[str, Any]) -> str:
    if schema.get("default") in (None, ""):
        return ""
    value = schema["default"]
    return f"`{value if isinstance(value, str) else str(value).lower()}`"


def _below(kind: type[Exception]) -> set[type[Exception]]:
    children = set(kind.__subclasses__())
    return children | {deeper for child in children for deeper in _below(child)}


def _is_service_error(kind: type[Exception]) -> bool:
    # a process that runs tests knows more errors than the product has
    return kind.__module__.startswith(
        ("londonpump.service.", "londonpump.original.", "londonpump.persistence.database.store")
    )


def _status(kind: type[Exception]) -> HTTPStatus:
    return next(STATUS_OF[each] for each in kind.__mro__ if each in STATUS_OF)


def _meaning(kind: type[Exception]) -> str:
    """Return the message of an error if it is always the same except for one value, else its purpose."""
    if "__init__" in vars(kind) and (kind.__name__ in EXAMPLE_ARGUMENTS or _needs_nothing(kind)):
        return str(kind(*EXAMPLE_ARGUMENTS.get(kind.__name__, ())))
    # some name their status too
    return re.sub(r" \(\d{3}[^)]*\)", "", (kind.__doc__ or "").splitlines()[0])


def _needs_nothing(kind: type[Exception]) -> bool:
    return all(each.default is not Parameter.empty for each in signature(kind).parameters.values())


def _retry(status: int) -> str:
    return "yes" if status in {HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS} else ""


PARTS: dict[str, Callable[[], str]] = {
    "api-overview": overview,
    "api-operations": operations,
    "api-shapes": shapes,
    "api-everywhere": everywhere,
    "api-problems": problems,
}
