"""Reader of mongoexport files: MongoDB extended JSON, canonical or relaxed, as an array or one document per line."""

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
ADVICE = "Correct the document or export the collection again. Nothing was imported."
OPTIONS = JSONOptions(json_mode=JSONMode.RELAXED, tz_aware=True, tzinfo=UTC)
UNSTORABLE = {"Cc", "Cs"}
"""Unicode categories of control characters, which PostgreSQL or a screen may not accept, and of surrogates."""
SECONDS = re.compile(r"\s*(-?\d+(?:[.,]\d+)?)\s*(?:s|secondes?|seconds?)?\s*")


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a collection.

    Every reader of a field raises BadFile that names file, document and field.
    """

    file: Path
    number: int
    """The position in the file, from 1."""
    fields: Mapping[str, Any]

    def reject(self, name: str, problem: str) -> NoReturn:
        """Raise BadFile about one field."""
        raise BadFile(self.file, f"document {self.number}, field {name}: {problem}", ADVICE)

    def has(self, name: str) -> bool:
        """Return whether the field is present and not null."""
        return self.fields.get(name) is not None

    def value(self, name: str) -> Any:
        """Return a required field."""
        if not self.has(name):
            self.reject(name, "is missing")
        return self.fields[name]

    def text(self, name: str) -> str:
        """Return a text that is not blank."""
        value = self.value(name)
        if not isinstance(value, str) or not value.strip():
            self.reject(name, f"{value!r} is not text")
        return self._storable(name, value.strip())

    def number_of(self, name: str) -> float:
        """Return a finite number. The original stores some numbers as text."""
        return self._as_number(name, self.value(name))

    def seconds(self, name: str) -> float:
        """Return a number, or the number in a text such as `316 secondes`."""
        value = self.value(name)
        match = SECONDS.fullmatch(value) if isinstance(value, str) else None
        return self._as_number(name, match[1].replace(",", ".") if match else value)

    def flag(self, name: str) -> bool:
        """Return true or false."""
        value = self.value(name)
        if not isinstance(value, bool):
            self.reject(name, f"{value!r} is neither true nor false")
        return value

    def timestamp_of(self, name: str) -> datetime:
        """Return a MongoDB date in UTC."""
        return self.as_timestamp(name, self.value(name))

    def as_timestamp(self, name: str, value: object) -> datetime:
        """Return a date inside a field in UTC, as `timestamp_of` does."""
        if not isinstance(value, datetime):
            self.reject(name, f"{value!r} is not a date")
        return value.astimezone(UTC)

    def id_of(self, name: str) -> str:
        """Return the id of a document as text, usually 24 hexadecimal digits."""
        value = self.value(name)
        if not isinstance(value, ObjectId | str) or not str(value):
            self.reject(name, f"{value!r} is not an id")
        return self._storable(name, str(value))

    def items(self, name: str) -> list[Any]:
        """Return a list."""
        value = self.value(name)
        if not isinstance(value, list):
            self.reject(name, "is not a list")
        return value

    def _storable(self, name: str, text: str) -> str:
        if not UNSTORABLE.isdisjoint(map(category, text)):
            self.reject(name, f"{text!r} holds a character that cannot be stored")
        return text

    def _as_number(self, name: str, value: object) -> float:
        # bool is a subclass of int, so it is excluded first.
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

    Returns the parsed documents, and one problem per document that `parse` rejected, so that one bad record does
    not exclude the others. Raises: BadFile for a file that cannot be read, or that has no usable document at all.
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
        # If every document is wrong, the file is more likely another one than full of bad records.
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
    # mongoexport writes one array with --jsonArray, else one document per line.
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
