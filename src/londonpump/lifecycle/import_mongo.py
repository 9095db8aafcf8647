"""Import the exports of the original system into our tables, in one transaction.

A document that cannot be used is skipped and named; after it is corrected, a second import adds it. Otherwise a second
import adds nothing but passwords that an earlier version left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from math import hypot
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from londonpump.domain.columns import SchoolHoliday
from londonpump.domain.national_grid import to_grid
from londonpump.domain.stations import Station, by_code, known_stations
from londonpump.domain.usernames import MAX_USERNAME_LENGTH, username_key
from londonpump.ingest.mongo_collections import (
    COLLECTIONS,
    ExportedPrediction,
    ExportedRiskList,
    ExportedStation,
    ExportedUser,
    ExportedYear,
    MongoExport,
    read_export,
)
from londonpump.persistence.database import Connection, open_database, writing
from londonpump.persistence.repositories.audit import append_audit
from londonpump.persistence.repositories.context import put_school_holidays, put_stations, select_stations
from londonpump.persistence.repositories.predictions import (
    ImportedPrediction,
    RiskStation,
    imported_ids,
    put_imported_predictions,
    put_risk_stations,
    select_risk_stations,
)
from londonpump.persistence.repositories.users import User, list_users, put_users, set_initial_password

PREDICTION_TYPE = "imported"
MAX_NAMED = 20
ROLE = "operator"
"""The smallest role that covers what every user of the original could do."""
SPACE = uuid5(NAMESPACE_URL, "https://github.com/QuentinFontenay/MLOPS-LondonPump")
"""Our ids are derived from the original's, so that two imports of one export give the same ids."""


@dataclass(frozen=True, slots=True)
class CollectionCounts:
    """Counts of the documents of one collection."""

    collection: str
    read: int
    added: int
    already_there: int
    corrected: int  # added documents that were corrected, as `remarks` say
    remarks: tuple[str, ...] = ()
    skipped: int = 0  # documents that cannot be used, named in `remarks`

    def with_unusable(self, problems: Sequence[str]) -> "CollectionCounts":
        """Count the documents that were skipped, and name the first of them."""
        named = [f"{problem}: skipped" for problem in problems[:MAX_NAMED]]
        if len(problems) > MAX_NAMED:
            named.append(f"and {len(problems) - MAX_NAMED} more that cannot be used: skipped")
        read = self.read + len(problems)
        return replace(self, read=read, skipped=len(problems), remarks=(*self.remarks, *named))


def add_users(connection: Connection, exported: list[ExportedUser]) -> CollectionCounts:
    """Add new users with the hashes of their passwords. A name that is taken gets a number, so two people stay two."""
    existing = list_users(connection)
    ids = {user.imported_from for user in existing}
    names = {username_key(user.username) for user in existing}
    new, remarks = [], []
    # Oldest first, so that the account that had a name first keeps it, in every import.
    for each in sorted(exported, key=lambda user: (user.created_at, user.id)):
        if each.id in ids:
            continue
        username = _free_name(each.username, names)
        if username != each.username:
            remarks.append(
                f"{each.username!r} is taken (names differ only in case or spelling): imported as {username!r}"
            )
        ids.add(each.id)
        names.add(username_key(username))
        new.append(
            User(_our_id(each.id), username, ROLE, each.created_at, each.password_hash, imported_from=each.id)
        )
    put_users(connection, new)
    corrected = len(remarks)
    with_password = sum(user.password_hash is not None for user in new)
    if with_password:
        remarks.append(f"{with_password} keep their password, which is hashed again at their next sign-in")
    if with_password < len(new):
        without = ", ".join(user.username for user in new if user.password_hash is None)
        remarks.append(
            f"{len(new) - with_password} without a usable password hash; set a password for: {without}"
        )
    return CollectionCounts(
        "users", len(exported), len(new), len(exported) - len(new), corrected, tuple(remarks)
    )


def add_passwords(connection: Connection, exported: list[ExportedUser], now: datetime) -> str | None:
    """Add missing passwords to accounts that an earlier version imported without one. Returns: a remark, if any.

    Each account gets a line in the audit. Call this last, because other writers wait for the lock of the audit.
    """
    hashes = {each.id: each.password_hash for each in exported if each.password_hash is not None}
    updated = [
        user
        for user in list_users(connection)
        if user.imported_from in hashes
        and set_initial_password(connection, user.id, hashes[user.imported_from])
    ]
    for user in updated:
        append_audit(connection, now, "user_password_imported", None, {"user": user.id})
    names = ", ".join(user.username for user in updated)
    return (
        f"{len(updated)} existed without a password and now have that of the export: {names}"
        if updated
        else None
    )


def add_predictions(connection: Connection, exported: list[ExportedPrediction]) -> CollectionCounts:
    """Add new predictions with their users and the time of the risk list that they used."""
    owners = {user.imported_from: user.id for user in list_users(connection)}
    lists = {station.imported_id: station.listed_at for station in select_risk_stations(connection)}
    existing = imported_ids(connection)
    new: dict[str, ImportedPrediction] = {}
    for each in exported:
        if each.id in existing or each.id in new:
            continue
        owner = owners.get(each.user_id)
        new[each.id] = ImportedPrediction(
            id=_our_id(each.id),
            user_id=owner,
            created_at=each.created_at,
            endpoint=PREDICTION_TYPE,
            response_time_s=each.response_time_s,
            risk_underestimated=each.risk_underestimated,
            risk_listed_at=lists.get(each.risk_list_id) if each.risk_list_id else None,
            inputs={} if owner else {"original_user": each.user_id},
            imported_id=each.id,
        )
    put_imported_predictions(connection, list(new.values()))
    without_user = sum(prediction.user_id is None for prediction in new.values())
    without_list = sum(each.id in new and new[each.id].risk_listed_at is None for each in exported)
    remarks = [f"{without_user} of an unknown user: kept without a user"] if without_user else []
    if without_list:
        remarks.append(f"{without_list} with an unknown list of risk stations: kept without its date")
    return CollectionCounts(
        "predictions", len(exported), len(new), len(exported) - len(new), without_user, tuple(remarks)
    )


def _free_name(username: str, taken: set[str]) -> str:
    name, number = username, 2
    while username_key(name) in taken:
        name, number = f"{username[: MAX_USERNAME_LENGTH - len(f'-{number}')]}-{number}", number + 1
    return name


def _our_id(original_id: str) -> str:
    return str(uuid5(SPACE, original_id))


SOURCE = "original"
MAX_OFFSET_M = 500
"""All but one of the original's stations lie within 224 m of ours, half of them within 18 m; Ruislip is 17.9 km off."""
AREAS_OF_LONDON = frozenset("AEFGH")
"""First letters of the Brigade's own station codes."""


@dataclass(frozen=True, slots=True)
class ImportResult:
    """Counts per collection, and the collections without a file."""

    counts: tuple[CollectionCounts, ...]
    absent: tuple[str, ...]

    def to_text(self) -> str:
        """Format a table with one row per collection, and remarks."""
        lines = [f"{'':16}{'read':>8}{'added':>8}{'already there':>15}{'corrected':>11}{'skipped':>9}"]
        for each in self.counts:
            figures = f"{each.read:8}{each.added:8}{each.already_there:15}{each.corrected:11}{each.skipped:9}"
            lines += [f"{each.collection:16}{figures}", *(f"  {remark}" for remark in each.remarks)]
        return "\n".join(
            [*lines, *(f"{name}.json does not exist: nothing was imported from it" for name in self.absent)]
        )


def import_mongo(folder: Path, database: str) -> ImportResult:
    """Import a folder of exports. Raises: BadFile or DatabaseFailed, and then nothing is changed."""
    export = read_export(folder)
    engine = open_database(database)
    try:
        with writing(engine) as connection:
            return _import(connection, export)
    finally:
        engine.dispose()


def _import(connection: Connection, export: MongoExport) -> ImportResult:
    counts = []
    if export.stations is not None:
        counts.append(add_stations(connection, export.stations))
    if export.school_years is not None:
        counts.append(add_school_years(connection, export.school_years))
    if export.risk_lists is not None:
        counts.append(add_risk_lists(connection, export.risk_lists))
    # Users and predictions come after the lists, because predictions refer to both.
    if export.users is not None:
        counts.append(add_users(connection, export.users))
    if export.predictions is not None:
        counts.append(add_predictions(connection, export.predictions))
    # Last, because it locks the audit, and the service waits for that lock.
    if export.users is not None:
        remark = add_passwords(connection, export.users, datetime.now(UTC))
        counts = [
            replace(each, remarks=(*each.remarks, remark)) if remark and each.collection == "users" else each
            for each in counts
        ]
    done = {each.collection for each in counts}
    whole = tuple(each.with_unusable(export.rejected_documents[each.collection]) for each in counts)
    return ImportResult(whole, tuple(name for name in COLLECTIONS if name not in done))


def add_stations(connection: Connection, exported: list[ExportedStation]) -> CollectionCounts:
    """Add stations to the imported list, which starts as a copy of ours. A station imported earlier stays as it is."""
    before = select_stations(connection)
    stations = by_code(before or known_stations())
    existing = {station.code for station in before}
    remarks, corrected = [], 0
    for each in exported:
        if each.code in existing:
            continue
        existing.add(each.code)
        stations[each.code], remark = _station(each, stations.get(each.code))
        if remark:
            remarks.append(remark)
            corrected += 1
    added = len(existing) - len(before)
    if added:
        put_stations(connection, [stations[code] for code in sorted(stations)])
    return CollectionCounts(
        "stations", len(exported), added, len(exported) - added, corrected, tuple(remarks)
    )


def add_school_years(connection: Connection, exported: list[ExportedYear]) -> CollectionCounts:
    """Add new school years. Days that UTC would put a day early count as corrected."""
    days = {day: SchoolHoliday(day, SOURCE) for each in exported for day in each.days}
    stored = put_school_holidays(connection, list(days.values()))
    new = {*stored.added, *stored.replaced}
    corrected = [each for each in exported if each.year in new and each.n_days_earlier_in_utc]
    n_days = sum(day.year in new for day in days)
    n_corrected = sum(each.n_days_earlier_in_utc for each in corrected)
    remarks = [f"{n_days} days added, {n_corrected} of them stored a day early in UTC"] if new else []
    n_new = sum(each.year in new for each in exported)
    return CollectionCounts(
        "schoolVacations", len(exported), n_new, len(exported) - n_new, len(corrected), tuple(remarks)
    )


def add_risk_lists(connection: Connection, exported: list[ExportedRiskList]) -> CollectionCounts:
    """Add lists of risk stations whose timestamp is new."""
    existing = {station.listed_at for station in select_risk_stations(connection)}
    rows, added = [], 0
    for each in exported:
        if each.listed_at in existing or not each.stations:
            continue
        existing.add(each.listed_at)
        added += 1
        rows += [RiskStation(each.listed_at, code, name, SOURCE, each.id) for code, name in each.stations]
    put_risk_stations(connection, rows)
    empty = sum(not each.stations for each in exported)
    remarks = (f"{empty} without stations: nothing to import",) if empty else ()
    return CollectionCounts("riskStations", len(exported), added, len(exported) - added - empty, 0, remarks)


def _station(each: ExportedStation, ours: Station | None) -> tuple[Station, str]:
    """Return the station as it is stored, and what was corrected."""
    easting_m, northing_m = (round(float(value), 1) for value in to_grid(each.latitude, each.longitude))
    if ours is None:
        status = "open" if each.code[0] in AREAS_OF_LONDON else "border"
        return (
            Station(each.code, each.name, status, easting_m, northing_m),
            f"{each.code} {each.name} is not in our list: taken as {status}, one pump",
        )
    # The original's coordinates are rounded; a large offset is an error such as that of Ruislip.
    apart_m = hypot(easting_m - ours.easting_m, northing_m - ours.northing_m)
    if apart_m > MAX_OFFSET_M:
        return (
            replace(ours, name=each.name),
            f"{each.code} {each.name} is {apart_m / 1000:.1f} km from its known location, which is kept",
        )
    return replace(ours, name=each.name, easting_m=easting_m, northing_m=northing_m), ""
