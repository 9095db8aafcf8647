"""The original's five collections, as its scripts and its API wrote them."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TypeVar

from londonpump.domain.errors import BadFile
from londonpump.domain.london_clock import LONDON
from londonpump.domain.usernames import MAX_USERNAME_LENGTH, normalise_username
from londonpump.ingest.mongo_export import Document, read_documents

T = TypeVar("T")
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
