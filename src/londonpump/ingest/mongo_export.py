"""Files as mongoexport writes them: MongoDB extended json, canonical or relaxed, an array or a document a line."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isfinite
from pathlib import Path
from typing import Any, NoReturn, TypeVar
from unicodedata import category

from bson.errors import BSONError
from bson.json_util import JSONMode, JSONOptions, object_hook
from bson.objectid import ObjectId

from londonpump.domain.errors import BadFile

T = TypeVar("T")
ADVICE = "Mend the document or export the collection again. Nothing was imported."
OPTIONS = JSONOptions(json_mode=JSONMode.RELAXED, tz_aware=True, tzinfo=UTC)
UNSTORABLE = {"Cc", "Cs"}
"""Controls, of which PostgreSQL takes not all and a screen obeys some, and halves of characters."""
SECONDS = re.compile(r"\s*(-?\d+(?:[.,]\d+)?)\s*(?:s|secondes?|seconds?)?\s*")


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a collection. number: its place in the file, from 1.

    Every reader of a field raises BadFile that names file, document and field.
    """

    file: Path
    number: int
    fields: Mapping[str, Any]

    def reject(self, name: str, problem: str) -> NoReturn:
        """Raises: BadFile about one field."""
        raise BadFile(self.file, f"document {self.number}, field {name}: {problem}", ADVICE)

    def has(self, name: str) -> bool:
        """Whether the field is there and not null."""
        return self.fields.get(name) is not None

    def value(self, name: str) -> Any:
        """A field that must be there."""
        if not self.has(name):
            self.reject(name, "is missing")
        return self.fields[name]

    def text(self, name: str) -> str:
        """Text that is not blank."""
        value = self.value(name)
        if not isinstance(value, str) or not value.strip():
            self.reject(name, f"{value!r} is not text")
        return self._storable(name, value.strip())

    def number_of(self, name: str) -> float:
        """A finite number; the original stores some as text."""
        return self._as_number(name, self.value(name))

    def seconds(self, name: str) -> float:
        """A number, or text such as `316 secondes`."""
        value = self.value(name)
        match = SECONDS.fullmatch(value) if isinstance(value, str) else None
        return self._as_number(name, match[1].replace(",", ".") if match else value)

    def flag(self, name: str) -> bool:
        """True or false."""
        value = self.value(name)
        if not isinstance(value, bool):
            self.reject(name, f"{value!r} is neither true nor false")
        return value

    def timestamp_of(self, name: str) -> datetime:
        """A date of MongoDB, in UTC."""
        return self.as_timestamp(name, self.value(name))

    def as_timestamp(self, name: str, value: object) -> datetime:
        """A value inside a field, as `moment`."""
        if not isinstance(value, datetime):
            self.reject(name, f"{value!r} is not a date")
        return value.astimezone(UTC)

    def id_of(self, name: str) -> str:
        """The id of a document as text: 24 hexadecimal digits as a rule."""
        value = self.value(name)
        if not isinstance(value, ObjectId | str) or not str(value):
            self.reject(name, f"{value!r} is not an id")
        return self._storable(name, str(value))

    def items(self, name: str) -> list[Any]:
        """A list."""
        value = self.value(name)
        if not isinstance(value, list):
            self.reject(name, "is not a list")
        return value

    def _storable(self, name: str, text: str) -> str:
        if not UNSTORABLE.isdisjoint(map(category, text)):
            self.reject(name, f"{text!r} holds a sign that is none")
        return text

    def _as_number(self, name: str, value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            self.reject(name, f"{value!r} is not a number")
        try:
            number = float(value)
        except (ValueError, OverflowError):
            self.reject(name, f"{value!r} is not a number")
        if not isfinite(number):
            self.reject(name, f"{value!r} is not a number")
        return number


def read_documents(file: Path, parse: Callable[[Document], T]) -> tuple[list[T], tuple[str, ...]] | None:
    """Parse each document of one collection; None if there is no such file.

    Returns the parsed documents, and one problem for each document that `parse` refused: a single bad record does
    not keep the others out. Raises: BadFile for a file that cannot be read, or that holds no usable document at all.
    """
    values = _values_in(file)
    if values is None:
        return None
    usable: list[T] = []
    rejected: list[BadFile] = []
    for number, value in enumerate(values, start=1):
        if not isinstance(value, dict):
            raise BadFile(file, f"document {number}: is not a document", ADVICE)
        try:
            usable.append(parse(_document(file, number, value)))
        except BadFile as error:
            rejected.append(error)
    if rejected and not usable:
        # every document is wrong: more likely another file than so many bad records
        raise rejected[0]
    return usable, tuple(error.problem for error in rejected)


def _values_in(file: Path) -> list[Any] | None:
    try:
        text = file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BadFile(file, f"cannot be read ({error.strerror})", "Check the path.") from error
    except UnicodeDecodeError as error:
        raise BadFile(file, "is not UTF-8 text", ADVICE) from error
    return _values(file, text)


def _values(file: Path, text: str) -> list[Any]:
    decoder = json.JSONDecoder()
    values: list[Any] = []
    position = _skip_blank(text, 0)
    while position < len(text):
        try:
            value, position = decoder.raw_decode(text, position)
        except (ValueError, RecursionError) as error:
            line = text.count("\n", 0, getattr(error, "pos", position)) + 1
            problem = f"document {len(values) + 1}, line {line}: is not json, or is cut off"
            raise BadFile(file, problem, ADVICE) from error
        values.append(value)
        position = _skip_blank(text, position)
    is_array = len(values) == 1 and isinstance(values[0], list)
    return values[0] if is_array else values


def _skip_blank(text: str, position: int) -> int:
    while position < len(text) and text[position].isspace():
        position += 1
    return position


def _document(file: Path, number: int, value: dict[str, Any]) -> Document:
    fields = {}
    for name, content in value.items():
        try:
            fields[name] = _as_bson(content)
        except (BSONError, TypeError, ValueError, KeyError, OverflowError) as error:
            problem = f"document {number}, field {name}: is not MongoDB extended json"
            raise BadFile(file, problem, ADVICE) from error
    return Document(file, number, fields)


def _as_bson(content: Any) -> Any:
    if isinstance(content, list):
        return [_as_bson(item) for item in content]
    if isinstance(content, dict):
        return object_hook({name: _as_bson(item) for name, item in content.items()}, OPTIONS)
    return content
