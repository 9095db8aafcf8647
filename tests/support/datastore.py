"""A London Datastore on loopback: two datasets of small files, in each format of its API."""

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

import xlsxwriter
from support.publisher_server import Publisher, Responder, as_json

from londonpump.domain.published_columns import TABLES

IDS = {"incidents": "em8xy", "mobilisations": "24r65"}
SLUGS = {
    "incidents": "london-fire-brigade-incident-records",
    "mobilisations": "london-fire-brigade-mobilisation-records",
}
HOST = "https://data.london.gov.uk"
_DATE = {"incidents": ("DateOfCall", "%d-%b-%y"), "mobilisations": ("DateAndTimeMobilised", "%d/%m/%Y %H:%M")}


def every_day(first: date, last: date) -> list[date]:
    """Return all days, both ends included."""
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def records_csv(dataset_name: str, days: Iterable[date], renamed: dict[str, str] | None = None) -> bytes:
    """Return a published csv with one row per day that holds its date only. renamed: columns under another name."""
    text = io.StringIO(newline="")
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(_header(dataset_name, renamed))
    rows.writerows(_row(dataset_name, day) for day in days)
    return text.getvalue().encode()


def records_xlsx(dataset_name: str, days: Iterable[date]) -> bytes:
    """Return the same rows as a workbook, with dates as dates."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "records.xlsx"
        book = xlsxwriter.Workbook(str(path))
        sheet = book.add_worksheet("Sheet1")
        date_format = book.add_format({"num_format": "dd/mm/yyyy"})
        header = _header(dataset_name, None)
        sheet.write_row(0, 0, header)
        for row, day in enumerate(days, start=1):
            sheet.write_datetime(row, header.index(_DATE[dataset_name][0]), day, date_format)
        book.close()
        return path.read_bytes()


@dataclass(frozen=True)
class Listed:
    """A file of the catalogue. fields: replace those of its entry; None removes one."""

    dataset_name: str
    id: str
    title: str
    body: bytes
    fields: tuple[tuple[str, Any], ...] = ()
    first: tuple[Responder, ...] = ()

    @property
    def path(self) -> str:
        """Return the path of the download."""
        return f"/download/{IDS[self.dataset_name]}/{self.id}/{self.title}"

    def entry(self) -> dict[str, Any]:
        """Return the entry of the API; its address is on the Datastore's own host."""
        known = {
            "title": self.title,
            "url": HOST + quote(self.path),
            "check_size": len(self.body),
            **dict(self.fields),
        }
        return {name: value for name, value in known.items() if value is not None}


@dataclass(frozen=True)
class Datastore:
    """The catalogue of a Datastore. Tests damage the first file of `listed`."""

    listed: tuple[Listed, ...]

    def of(self, dataset_name: str) -> list[Listed]:
        """Return the files of a dataset."""
        return [one for one in self.listed if one.dataset_name == dataset_name]

    def dataset(self, dataset_name: str) -> dict[str, Any]:
        """Return a dataset as `/api/dataset/ID` returns it."""
        resources = {one.id: one.entry() for one in self.of(dataset_name)}
        dictionary = {"title": "Metadata.xlsx", "url": f"{HOST}/download/{IDS[dataset_name]}/m/Metadata.xlsx"}
        return {
            "id": IDS[dataset_name],
            "slug": SLUGS[dataset_name],
            "title": f"London Fire Brigade {dataset_name}",
            "resources": {"cb9d6550-e502": dictionary, **resources},
        }

    def export_v3(self) -> list[dict[str, Any]]:
        """Return the catalogue in the older format, with resources as lists under other names."""
        others = {"id": "abcde", "slug": "trees", "resources": []}
        return [others, *(self._in_v3(dataset_name) for dataset_name in IDS)]

    def _in_v3(self, dataset_name: str) -> dict[str, Any]:
        listed = [
            {
                "id": one.id,
                "title": one.title,
                "filename": one.title,
                "url": one.entry()["url"],
                "size": len(one.body),
            }
            for one in self.of(dataset_name)
        ]
        return {"id": IDS[dataset_name], "slug": SLUGS[dataset_name], "resources": listed}

    def with_first(self, **changes: Any) -> "Datastore":
        """Return the same Datastore with the first file changed."""
        return Datastore((replace(self.listed[0], **changes), *self.listed[1:]))

    def opens_at(self, publisher: Publisher) -> None:
        """Serve the API and the files."""
        for dataset_name, identity in IDS.items():
            publisher.answers(f"/api/dataset/{identity}", as_json(self.dataset(dataset_name)))
        for one in self.listed:
            publisher.holds(one.path, one.body, *one.first)


def small_datastore(first: date, last: date) -> Datastore:
    """Return a Datastore of both datasets between two days, with one file until the last year and one for it."""
    before = every_day(first, date(last.year - 1, 12, 31))
    after = every_day(date(last.year, 1, 1), last)
    old, new = f"{first.year} - {last.year - 1}", f"{last.year}"
    return Datastore(
        (
            Listed(
                "incidents",
                "58m",
                f"LFB Incident data from {new} onwards.xlsx",
                records_xlsx("incidents", after),
            ),
            Listed(
                "incidents", "f5066d66", f"LFB Incident data from {old}.csv", records_csv("incidents", before)
            ),
            Listed(
                "mobilisations",
                "3ff29fb5",
                f"LFB Mobilisation data from {old}.csv",
                records_csv("mobilisations", before),
            ),
            Listed(
                "mobilisations",
                "7d5b4e2f",
                f"LFB Mobilisation data from {new}.csv",
                records_csv("mobilisations", after),
            ),
        )
    )


def _header(dataset_name: str, renamed: dict[str, str] | None) -> list[str]:
    return [(renamed or {}).get(spec.published, spec.published) for spec in TABLES[dataset_name]]


def _row(dataset_name: str, day: date) -> list[str]:
    name, pattern = _DATE[dataset_name]
    return [day.strftime(pattern) if spec.published == name else "" for spec in TABLES[dataset_name]]
