"""The original's five collections, as its scripts and its API wrote them, and the reader of mongoexport files.

The files are MongoDB extended JSON, canonical or relaxed, as an array or one document per line.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from math import isfinite
from pathlib import Path
from typing import Any, NoReturn, TypeVar
from unicodedata import category

from bson.errors import BSONError
from bson.json_util import JSONMode, JSONOptions, object_hook
from bson.objectid import ObjectId

from londonpump.domain.errors import BadFile
from londonpump.domain.json_values import JsonObject
from londonpump.domain.london_clock import LONDON
from londonpump.domain.usernames import MAX_USERNAME_LENGTH, normalise_username

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
    fields: JsonObject

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


def _document(file: Path, number: int, value: JsonObject) -> Document:
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


COLLECTIONS = ("stations", "schoolVacations", "riskStations", "users", "predictions")
BCRYPT = re.compile(r"\$2[aby]\$(0[4-9]|1[0-5])\$[./A-Za-z0-9]{53}")
"""bcrypt hashes of passlib. A cost above 15 would take more than 2 s of CPU per sign-in."""


@dataclass(frozen=True, slots=True)
class ExportedStation:
    """One station."""

    code: str
    name: str

    latitude: float
    longitude: float
    """WGS84 degrees, like the latitude."""


@dataclass(frozen=True, slots=True)
class ExportedYear:
    """The school holidays of a year, as London days."""

    year: int
    days: frozenset[date]
    n_days_earlier_in_utc: int
    """The number of days whose UTC timestamp lies on the day before."""


@dataclass(frozen=True, slots=True)
class ExportedRiskList:
    """One list of risk stations."""

    id: str | None
    """None in the original's own seed file."""
    listed_at: datetime
    stations: tuple[tuple[str, str], ...]
    """Pairs of code and name."""


@dataclass(frozen=True, slots=True)
class ExportedUser:
    """One user."""

    id: str
    username: str
    created_at: datetime
    password_hash: str | None = field(repr=False)
    """The bcrypt hash; None if the export has none, or one that cannot be verified."""


@dataclass(frozen=True, slots=True)
class ExportedPrediction:
    """One prediction of the original."""

    id: str
    user_id: str
    created_at: datetime
    response_time_s: float
    risk_underestimated: bool
    risk_list_id: str | None
    """The id of the list of risk stations that was used."""


@dataclass(frozen=True, slots=True)
class MongoExport:
    """The collections of an export. A collection is None if its file does not exist."""

    stations: list[ExportedStation] | None
    school_years: list[ExportedYear] | None
    risk_lists: list[ExportedRiskList] | None
    users: list[ExportedUser] | None
    predictions: list[ExportedPrediction] | None
    rejected_documents: dict[str, tuple[str, ...]]
    """The problems of rejected documents, by collection."""


def read_export(folder: Path) -> MongoExport:
    """Read every collection of a folder. Raises: BadFile for a file without a usable document, or no collection."""
    if not folder.is_dir():
        raise BadFile(
            folder, "is no folder", "Name the folder that holds stations.json, users.json and so on."
        )
    if not any((folder / f"{name}.json").exists() for name in COLLECTIONS):
        names = ", ".join(f"{name}.json" for name in COLLECTIONS)
        raise BadFile(folder, f"holds none of {names}", "Name the folder of the exports.")
    rejected_documents: dict[str, tuple[str, ...]] = {}

    def read(name: str, parse: Callable[[Document], T]) -> list[T] | None:
        found = read_documents(folder / f"{name}.json", parse)
        if found is None:
            return None
        usable, rejected_documents[name] = found
        return usable

    return MongoExport(
        stations=read("stations", _station),
        school_years=read("schoolVacations", _school_year),
        risk_lists=read("riskStations", _risk_list),
        users=read("users", _user),
        predictions=read("predictions", _prediction),
        rejected_documents=rejected_documents,
    )


def london_day(timestamp: datetime) -> date | None:
    """Return the London day of a UTC timestamp that is midnight of London or of UTC; None for any other time."""
    london = timestamp.astimezone(LONDON)
    is_midnight = (london.hour, london.minute, london.second, london.microsecond) == (0, 0, 0, 0)
    utc = timestamp.astimezone(UTC)
    is_utc_midnight = (utc.hour, utc.minute, utc.second, utc.microsecond) == (0, 0, 0, 0)
    # UTC midnight is 00:00 or 01:00 in London, which is the same day.
    return london.date() if is_midnight or is_utc_midnight else None


def _station(document: Document) -> ExportedStation:
    latitude, longitude = document.number_of("latitude"), document.number_of("longitude")
    if not 49 <= latitude <= 61:
        document.reject("latitude", f"{latitude} is not in Great Britain")
    if not -9 <= longitude <= 2:
        document.reject("longitude", f"{longitude} is not in Great Britain")
    return ExportedStation(document.text("code"), document.text("name"), latitude, longitude)


def _school_year(document: Document) -> ExportedYear:
    year = document.number_of("year")
    timestamps = [document.as_timestamp("dates", value) for value in document.items("dates")]
    days = []
    for timestamp in timestamps:
        day = london_day(timestamp)
        if day is None:
            document.reject(
                "dates", f"{timestamp:%Y-%m-%d %H:%M} UTC is midnight neither in London nor in UTC"
            )
        if day.year != year:
            document.reject("dates", f"{day} is not in the year {year:g}")
        days.append(day)
    if not days:
        document.reject("dates", "is empty")
    earlier = {day for day, at in zip(days, timestamps, strict=True) if at.date() != day}
    return ExportedYear(int(year), frozenset(days), len(earlier))


def _risk_list(document: Document) -> ExportedRiskList:
    stations = []
    for station in document.items("stations"):
        if not isinstance(station, dict):
            document.reject("stations", f"{station!r} is not a station")
        inner = Document(document.file, document.number, station)
        stations.append((inner.text("code"), inner.text("name")))
    codes = [code for code, _ in stations]
    if len(set(codes)) < len(codes):
        document.reject("stations", "names a station twice")
    # The original's own seed file has lists without an id.
    identity = document.id_of("_id") if document.has("_id") else None
    return ExportedRiskList(identity, document.timestamp_of("created_at"), tuple(stations))


def _user(document: Document) -> ExportedUser:
    username = document.text("username")
    if normalise_username(username) is None:
        # Sign-in would reject this name.
        document.reject(
            "username", f"{username!r} is not a name of 1 to {MAX_USERNAME_LENGTH} visible characters"
        )
    password = document.fields.get("password")
    is_hash = isinstance(password, str) and BCRYPT.fullmatch(password) is not None
    return ExportedUser(
        id=document.id_of("_id"),
        username=username,
        created_at=document.timestamp_of("created_at"),
        password_hash=password if is_hash else None,
    )


def _prediction(document: Document) -> ExportedPrediction:
    return ExportedPrediction(
        id=document.id_of("_id"),
        user_id=document.id_of("userId"),
        created_at=document.timestamp_of("created_at"),
        response_time_s=document.seconds("prediction"),
        risk_underestimated=document.flag("risk_underestimated"),
        risk_list_id=document.id_of("stationId") if document.has("stationId") else None,
    )
