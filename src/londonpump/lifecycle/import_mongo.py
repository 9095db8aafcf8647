"""The original's exports into our tables, in one transaction. A second run adds nothing but passwords
that an earlier version left out. Single documents that cannot
be used are skipped and named: after they are mended, a second run adds them.

`import_people` does the users and predictions; here are the reference data and what a run says.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from math import hypot
from pathlib import Path

from sqlalchemy import Connection

from londonpump.domain.context_records import SchoolHoliday
from londonpump.domain.national_grid import to_grid
from londonpump.domain.stations import Station, by_code, known_stations
from londonpump.ingest.mongo_collections import (
    COLLECTIONS,
    ExportedRiskList,
    ExportedStation,
    ExportedYear,
    MongoExport,
    read_export,
)
from londonpump.lifecycle.import_people import CollectionCounts, add_passwords, add_predictions, add_users
from londonpump.storage.database import open_database, writing
from londonpump.storage.database.context_repository import put_school_holidays, put_stations, select_stations
from londonpump.storage.database.imported_repository import (
    RiskStation,
    put_risk_stations,
    select_risk_stations,
)

SOURCE = "original"
MAX_OFFSET_M = 500
"""All but one of the original's places are within 224 m of ours, half of them within 18 m; Ruislip is 17.9 km off."""
AREAS_OF_LONDON = frozenset("AEFGH")
"""First letters of the Brigade's own station codes."""


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What a run did, a collection each, and the collections whose file was not there."""

    counts: tuple[CollectionCounts, ...]
    absent: tuple[str, ...]

    def to_text(self) -> str:
        """For a person."""
        lines = [f"{'':16}{'read':>8}{'added':>8}{'already there':>15}{'mended':>8}{'skipped':>9}"]
        for each in self.counts:
            figures = f"{each.read:8}{each.added:8}{each.already_there:15}{each.mended:8}{each.skipped:9}"
            lines += [f"{each.collection:16}{figures}", *(f"  {remark}" for remark in each.remarks)]
        return "\n".join(
            [*lines, *(f"{name}.json is not there: nothing of it imported" for name in self.absent)]
        )


def import_mongo(folder: Path, database: str) -> ImportResult:
    """Import a folder of exports. Raises: BadFile, DatabaseFailed; nothing is changed then."""
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
    # after the lists, as predictions refer to lists and users
    if export.users is not None:
        counts.append(add_users(connection, export.users))
    if export.predictions is not None:
        counts.append(add_predictions(connection, export.predictions))
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
    """Stations into the imported list, which begins as our own. One that was imported before stays as it is."""
    before = select_stations(connection)
    stations = by_code(before or known_stations())
    existing = {station.code for station in before}
    remarks, mended = [], 0
    for each in exported:
        if each.code in existing:
            continue
        existing.add(each.code)
        stations[each.code], remark = _station(each, stations.get(each.code))
        if remark:
            remarks.append(remark)
            mended += 1
    added = len(existing) - len(before)
    if added:
        put_stations(connection, [stations[code] for code in sorted(stations)])
    return CollectionCounts("stations", len(exported), added, len(exported) - added, mended, tuple(remarks))


def add_school_years(connection: Connection, exported: list[ExportedYear]) -> CollectionCounts:
    """School years that are not there yet. mended: those with days that UTC would put a day early."""
    days = {day: SchoolHoliday(day, SOURCE) for each in exported for day in each.days}
    stored = put_school_holidays(connection, list(days.values()))
    new = {*stored.added, *stored.replaced}
    mended = [each for each in exported if each.year in new and each.n_days_earlier_in_utc]
    n_days = sum(day.year in new for day in days)
    n_mended = sum(each.n_days_earlier_in_utc for each in mended)
    remarks = [f"{n_days} days added, {n_mended} of them stored a day early in UTC"] if new else []
    n_new = sum(each.year in new for each in exported)
    return CollectionCounts(
        "schoolVacations", len(exported), n_new, len(exported) - n_new, len(mended), tuple(remarks)
    )


def add_risk_lists(connection: Connection, exported: list[ExportedRiskList]) -> CollectionCounts:
    """Lists of risk stations whose moment is not there yet."""
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
    remarks = (f"{empty} without stations: nothing to keep",) if empty else ()
    return CollectionCounts("riskStations", len(exported), added, len(exported) - added - empty, 0, remarks)


def _station(each: ExportedStation, ours: Station | None) -> tuple[Station, str]:
    """The station as it is stored, and what had to be mended."""
    easting_m, northing_m = (round(float(value), 1) for value in to_grid(each.latitude, each.longitude))
    if ours is None:
        status = "open" if each.code[0] in AREAS_OF_LONDON else "border"
        return (
            Station(each.code, each.name, status, easting_m, northing_m),
            f"{each.code} {each.name} is not in our list: taken as {status}, one pump",
        )
    apart_m = hypot(easting_m - ours.easting_m, northing_m - ours.northing_m)
    if apart_m > MAX_OFFSET_M:
        return (
            replace(ours, name=each.name),
            f"{each.code} {each.name} is {apart_m / 1000:.1f} km from where we know it: our place is kept",
        )
    return replace(ours, name=each.name, easting_m=easting_m, northing_m=northing_m), ""
