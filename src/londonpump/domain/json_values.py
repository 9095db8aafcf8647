"""Dataclasses as JSON and back: what commands write and what bundles hold.

The keys are the names of the fields, in their order. A field may be stored under another key (`stored_as`), or as entries
among the other fields (`INLINE`), or be left out where it is None (`IF_KNOWN`).
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import MISSING, fields, is_dataclass
from datetime import date
from functools import cache
from itertools import repeat
from types import NoneType, UnionType
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

import numpy as np

JsonObject = dict[str, Any]
"""A JSON object that is passed on as it is. What we make or read ourselves has a type of its own."""
INLINE, IF_KNOWN = {"json": "inline"}, {"json": "if known"}
T = TypeVar("T")


def stored_as(key: str) -> Mapping[str, str]:
    """Return the metadata of a field that has another key in JSON."""
    return {"key": key}


def rounded(digits: int) -> Mapping[str, int]:
    """Return the metadata of a number, or a table of numbers, that is rounded in JSON."""
    return {"digits": digits}


def to_json(value: Any) -> Any:
    """Return JSON-serializable values: dataclasses and mappings as objects, arrays as lists, sets sorted, days as ISO 8601."""
    if is_dataclass(value):
        found: JsonObject = {}
        for each in fields(value):
            entry, how = getattr(value, each.name), each.metadata.get("json")
            if entry is None and how is not None:
                continue
            entry = _round(to_json(entry), each.metadata.get("digits"))
            found |= entry if how == "inline" else {each.metadata.get("key", each.name): entry}
        return found
    if isinstance(value, Mapping):
        return {str(name): to_json(entry) for name, entry in value.items()}
    if isinstance(value, set | frozenset):
        return sorted(value)
    if isinstance(value, list | tuple):
        return [to_json(entry) for entry in value]
    if isinstance(value, np.ndarray):
        return value.tolist()
    return value.isoformat() if isinstance(value, date) else value


def _round(entry: Any, digits: int | None) -> Any:
    if isinstance(entry, dict):
        return {name: _round(one, digits) for name, one in entry.items()}
    return round(entry, digits) if digits is not None and isinstance(entry, float) else entry


def from_json(kind: type[T], value: Any) -> T:
    """Return the dataclass whose `to_json` is the value; keys that it does not have are ignored.

    Of `X | Y` the first that fits is built.
    Raises: KeyError for a missing key, ValueError for a value of another form.
    """
    try:
        return cast("T", _parsed(kind, value))
    except (TypeError, AttributeError) as error:
        raise ValueError(f"{kind} is stored in another form: {error}") from error


def from_stored(kind: type[T], value: JsonObject) -> T:
    """Return the dataclass of JSON that any version may have stored.

    A key that is missing, null or of another form is None: old evidence and damaged cards can be shown still.
    """
    return cast("T", _parsed(kind, value if isinstance(value, Mapping) else {}, is_lenient=True))


def to_document(view: object, schema: int = 1) -> JsonObject:
    """Return the JSON document that a command writes: its schema, and the fields of a view."""
    return {"schema": schema, **to_json(view)}


def view_of(kind: type[T], row: object) -> T:
    """Return a view with the values of the attributes of the same names."""
    return kind(**{name: getattr(row, name) for name in _hints(cast("Any", kind))})


def _parsed(kind: Any, value: Any, is_lenient: bool = False) -> Any:
    if is_lenient and value is None:
        return None
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is UnionType:
        return _one_of([one for one in arguments if one is not NoneType or value is None], value, is_lenient)
    if kind is NoneType:
        return None
    if is_dataclass(kind):
        return cast("Any", kind)(**_fields_of(kind, _of(Mapping, value), is_lenient))
    if origin in (tuple, list, frozenset):
        is_fixed = origin is tuple and arguments[-1] is not Ellipsis
        kinds = arguments if is_fixed else repeat(arguments[0], len(_of(list, value)))
        return origin(_parsed(one, entry, is_lenient) for one, entry in zip(kinds, value, strict=True))
    if origin in (dict, Mapping):
        return {name: _parsed(arguments[1], entry, is_lenient) for name, entry in _of(Mapping, value).items()}
    if origin is np.ndarray:
        return np.array(value, get_args(arguments[1])[0])
    if kind is date:
        return date.fromisoformat(value)
    # a bool is an int, and no number here
    return _of(_LEAVES[kind], value, is_bool=kind is bool) if kind in _LEAVES else value


def _one_of(kinds: Sequence[Any], value: Any, is_lenient: bool) -> Any:
    if value is None and NoneType in kinds:
        return None
    for kind in kinds[:-1]:
        with suppress(ValueError, TypeError, AttributeError, KeyError):
            return _parsed(kind, value, is_lenient)
    return _parsed(kinds[-1], value, is_lenient)


_LEAVES: Mapping[Any, Any] = {str: str, bool: bool, int: int, float: (int, float)}


def _of(kind: Any, value: Any, *, is_bool: bool = False) -> Any:
    if not isinstance(value, kind) or (isinstance(value, bool) and not is_bool):
        raise ValueError(f"{str(value)[:40]!r} is of another form")
    return value


def _fields_of(kind: Any, value: Mapping[str, Any], is_lenient: bool) -> JsonObject:
    found: JsonObject = {}
    keys = {each.metadata.get("key", each.name) for each in fields(kind)}
    for each in fields(kind):
        key, hint = each.metadata.get("key", each.name), _hints(kind)[each.name]
        if each.metadata.get("json") == "inline":
            others = {name: entry for name, entry in value.items() if name not in keys}
            found[each.name] = _parsed(hint, value if is_dataclass(hint) else others, is_lenient)
        elif is_lenient:
            try:
                found[each.name] = _parsed(hint, value.get(key), is_lenient)
            except (ValueError, TypeError, AttributeError):
                found[each.name] = None
        elif key in value or (each.default is MISSING and each.metadata.get("json") is None):
            found[each.name] = _parsed(hint, value[key])
        elif each.default is MISSING:
            found[each.name] = None
    return found


@cache
def _hints(kind: Any) -> Mapping[str, Any]:
    return get_type_hints(kind)
