"""Conversion between frozen dataclasses with plain fields and the JSON that commands write and the database stores."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from types import NoneType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

T = TypeVar("T")
JsonObject = dict[str, Any]
"""A JSON object that is passed on as it is. What we make or read ourselves has a type of its own."""


def to_json(value: Any) -> Any:
    """Return JSON values: the fields of a dataclass in their order, dates and times in ISO form."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_json(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {name: to_json(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(inner) for inner in value]
    return value.isoformat() if isinstance(value, date) else value


def from_json(cls: type[T], value: JsonObject) -> T:
    """Return the dataclass that JSON values describe. A missing key is None, an unknown one is ignored."""
    return cls(**{name: _read(hint, value.get(name)) for name, hint in get_type_hints(cls).items()})


def _read(hint: Any, value: Any) -> Any:
    origin, inner = get_origin(hint), [each for each in get_args(hint) if each is not NoneType]
    if value is None:
        return None
    if NoneType in get_args(hint):
        return _read(inner[0], value)
    if is_dataclass(hint) and isinstance(hint, type):
        return from_json(hint, value)
    if origin is tuple:
        return tuple(_read(inner[0], each) for each in value)
    if origin is Mapping:
        return {name: _read(inner[1], each) for name, each in value.items()}
    return hint.fromisoformat(value) if hint in (date, datetime) else value


def to_document(view: object, schema: int = 1) -> JsonObject:
    """Return the JSON document that a command writes: its schema, and the fields of a view."""
    return {"schema": schema, **to_json(view)}


def view_of(cls: type[T], row: object) -> T:
    """Return a view with the values of the attributes of the same names."""
    return cls(**{name: getattr(row, name) for name in get_type_hints(cls)})
