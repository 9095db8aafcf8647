"""The shared parity month shifted to another time of year, so that it contains a clock change.

Every instant is moved by whole weeks; what London clocks show then is worked out anew by the zone database.
"""

import csv
import gzip
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copy

from support.wall_clock import LONDON

TIMESTAMP, DAY, CLOCK, HOUR = "%d/%m/%Y %H:%M:%S", "%d %b %Y", "%H:%M:%S", "%Y-%m-%d %H"
MISSING = ("", "NULL")
GMT = UTC
TIMESTAMP_COLUMNS = tuple(f"DateAndTime{what}" for what in ("Mobilised", "Mobile", "Arrived", "Left"))
Row = dict[str, str]


@dataclass(frozen=True, slots=True)
class Shift:
    """The shift of the month to another time of year."""

    weeks: int
    is_repeated_hour_kept: bool = True
    """Whether the weather file has two rows for the hour that the clocks show twice in October."""
    without_cell_every: int = 0
    """One of this many calls with a published exact location loses its rounded location; 0 for none."""

    def gmt(self, timestamp: datetime) -> datetime:
        """Shift a GMT time."""
        return timestamp + timedelta(weeks=self.weeks)

    def london(self, wall: datetime) -> datetime:
        """Shift a London wall time as a timestamp."""
        moved = self.gmt(wall.replace(tzinfo=LONDON).astimezone(GMT))
        return moved.astimezone(LONDON)


def write_shifted_month(shared: Path, folder: Path, shift: Shift) -> None:
    """Write the shifted input files of the parity folder."""
    folder.mkdir(parents=True)
    for name in ("stations.csv", "school_holidays.csv"):
        copy(shared / name, folder / name)
    calls: dict[str, datetime] = {}
    exact: list[str] = []

    def incident(row: Row) -> Row:
        call = shift.london(datetime.strptime(f"{row['DateOfCall']} {row['TimeOfCall']}", f"{DAY} {CLOCK}"))
        calls[row["IncidentNumber"]] = call
        if shift.without_cell_every and row["Easting_m"] not in MISSING:
            exact.append(row["IncidentNumber"])
            if len(exact) % shift.without_cell_every == 0:
                row |= {"Easting_rounded": "", "Northing_rounded": ""}
        return row | {
            "IncidentNumber": _numbered(row, call),
            "DateOfCall": call.strftime(DAY),
            "CalYear": str(call.year),
            "TimeOfCall": call.strftime(CLOCK),
            "HourOfCall": str(call.hour),
        }

    def mobilisation(row: Row) -> Row:
        moved = {name: _moved(row[name], shift) for name in TIMESTAMP_COLUMNS}
        mobilised = datetime.strptime(moved["DateAndTimeMobilised"], TIMESTAMP).replace(tzinfo=GMT)
        call = calls.get(row["IncidentNumber"], mobilised.astimezone(LONDON))
        number = _numbered(row, call)
        return (
            row | moved | {"IncidentNumber": number, "CalYear": str(call.year), "HourOfCall": str(call.hour)}
        )

    _rewrite(shared, folder, "incidents.csv.gz", incident)
    _rewrite(shared, folder, "mobilisations.csv.gz", mobilisation)
    _write_weather(shared, folder, shift)
    copy(shared / "traffic_index.csv.gz", folder / "traffic_index.csv.gz")


def _numbered(row: Row, call: datetime) -> str:
    """Return the number of an incident, which contains the London day of its call."""
    return f"{row['IncidentNumber'].split('-')[0]}-{call:%d%m%Y}"


def _moved(text: str, shift: Shift) -> str:
    return text if text in MISSING else shift.gmt(datetime.strptime(text, TIMESTAMP)).strftime(TIMESTAMP)


def _write_weather(shared: Path, folder: Path, shift: Shift) -> None:
    def hour(row: Row) -> Row:
        return row | {"date": shift.london(datetime.strptime(row["date"], HOUR)).strftime(HOUR)}

    seen_times: set[str] = set()

    def is_wanted(row: Row) -> bool:
        is_again = row["date"] in seen_times
        seen_times.add(row["date"])
        return shift.is_repeated_hour_kept or not is_again

    _rewrite(shared, folder, "weather_hourly.csv.gz", hour, is_wanted)


def _rewrite(
    shared: Path,
    folder: Path,
    name: str,
    change: Callable[[Row], Row],
    is_wanted: Callable[[Row], bool] = bool,
) -> None:
    with gzip.open(shared / name, "rt", encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        rows: Iterable[Row] = [row for row in map(change, reader) if is_wanted(row)]
        names = reader.fieldnames or []
    with gzip.open(folder / name, "wt", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
