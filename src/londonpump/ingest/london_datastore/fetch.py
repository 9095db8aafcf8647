"""Fetches a complete set of files or none: choose, download new files, inspect them, and only then make them current."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from urllib.parse import urlsplit

import duckdb
import fastexcel
import ibis
import pyarrow as pa
from ibis.backends.duckdb import Backend

from londonpump.domain.errors import BadFile, SourceFailed
from londonpump.domain.published_columns import TABLES, UNREADABLE_SHARE, PublishedColumn
from londonpump.ingest.file_type import XLSX, DetectedFile, detect_file
from londonpump.ingest.http import Downloaded, Expected, Http
from londonpump.ingest.london_datastore import datasets, file_store
from londonpump.ingest.london_datastore.catalogue import file_name, list_resources
from londonpump.ingest.london_datastore.datasets import (
    DATASETS,
    MAX_AGE_DAYS,
    PUBLISHER,
    Dataset,
    Resource,
    choose,
    min_newest_date,
)
from londonpump.ingest.london_datastore.file_store import FileProvenance, StoredFile
from londonpump.ingest.published.format_checks import counted_format, no_format, sampled_formats
from londonpump.ingest.published.header import is_header_of, parse_header
from londonpump.ingest.published.input_files import as_utf8, csv_header, read_into
from londonpump.ingest.published.parsing import column_texts, value_of

_UNCHANGED_ADVICE = "Nothing was changed, the files fetched before stay in use. Ask again later"


def require_complete(
    record_type: str, files: Sequence[Mapping[str, int]], newest: date, since: date, today: date
) -> None:
    """Check that no month is empty and that the newest record is not too old.

    Args: files: rows by month ("2024-01") of each file. newest: day of the latest row.
    Raises: SourceFailed naming the newest day, or the first month without a row.
    """
    if newest < min_newest_date(today):
        problem = f"the newest record of the {record_type} is of {newest}, more than {MAX_AGE_DAYS} days ago"
        raise SourceFailed(PUBLISHER, problem, _UNCHANGED_ADVICE)
    rows: Counter[str] = Counter()
    for months in files:
        rows.update(months)
    for month in _months(since, newest):
        if not rows[month]:
            raise SourceFailed(PUBLISHER, f"the {record_type} hold no record of {month}", _UNCHANGED_ADVICE)


def _months(first: date, last: date) -> Iterator[str]:
    year, month = first.year, first.month
    while (year, month) <= (last.year, last.month):
        yield f"{year}-{month:02d}"
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)


def require_newer(until: date, current_until: date | None) -> None:
    """Reject a set that is behind the current one, from an outdated mirror or a truncated file.

    Args: until: day up to which the new set holds both record types. current_until: the same of the current set.
    Raises: SourceFailed naming both days.
    """
    if current_until is not None and (until.year, until.month) < (current_until.year, current_until.month):
        problem = f"the newest records are of {until}, and records until {current_until} are here already"
        raise SourceFailed(PUBLISHER, problem, _UNCHANGED_ADVICE)


_DATED_BY = {"incidents": "call_date", "mobilisations": "mobilised_at"}
_FETCH_AGAIN = "Ask again later"


@dataclass(frozen=True, slots=True)
class FileContents:
    """The contents of one file."""

    months: dict[str, int]
    """Rows by month, "2024-01"."""
    newest: date
    """The day of the latest row."""


def inspect_file(path: Path, record_type: str, today: date) -> FileContents:
    """Check the header as `prepare` does, and count rows by month. Rows after today are ignored.

    Raises: BadFile, as the reader of published files does.
    """
    detected = detect_file(path)
    spec = next(spec for spec in TABLES[record_type] if spec.name == _DATED_BY[record_type])
    with closing(_Connection()) as connection:
        texts = column_texts(
            _dates(connection.engine, detected, record_type, spec), {spec.name: spec.published}
        )
        days = _days(path, texts, spec)
        rows = days.filter(days.day <= today).group_by(days.day).agg(rows=lambda t: t.count()).to_pyarrow()
    counts: Counter[str] = Counter()
    for row in rows.to_pylist():
        counts[f"{row['day']:%Y-%m}"] += row["rows"]
    if not counts:
        raise BadFile(path, "it holds no row of the past", _FETCH_AGAIN)
    return FileContents(dict(sorted(counts.items())), max(rows["day"].to_pylist()))


class _Connection:
    def __init__(self) -> None:
        # Two threads are enough for one column, and leave CPU to other processes.
        self.engine: Backend = ibis.duckdb.connect(threads=2)

    def close(self) -> None:
        self.engine.disconnect()


def _dates(engine: Backend, detected: DetectedFile, record_type: str, spec: PublishedColumn) -> ibis.Table:
    """Return one column of text under its published name, with source_file and source_row."""
    if detected.container == XLSX:
        rows = engine.create_table("dates", _of_workbook(detected.path, record_type, spec))
    else:
        rows = _of_csv(engine, detected, record_type, spec)
    return rows.select(
        **{spec.published: rows[spec.published]},
        source_file=ibis.literal(0, "int16"),
        source_row=rows.rowid() + 1,
    )


def _of_csv(engine: Backend, detected: DetectedFile, record_type: str, spec: PublishedColumn) -> ibis.Table:
    names, layout = csv_header(detected)
    header = parse_header(detected.path, names, record_type)
    with as_utf8(detected, layout) as utf8:
        column = header.found[spec.name].replace('"', '""')
        try:
            read_into(engine, utf8, header.stored, layout, "dates", f'"{column}" AS "{spec.published}"')
        except duckdb.InvalidInputException as error:
            raise BadFile(
                detected.path, "its rows do not all have the columns of its header", _FETCH_AGAIN
            ) from error
    return engine.table("dates")


def _of_workbook(path: Path, record_type: str, spec: PublishedColumn) -> pa.Table:
    try:
        reader = fastexcel.read_excel(path)
        headers = {name: _first_row(reader, name) for name in reader.sheet_names}
        fitting = [
            name for name, row in headers.items() if is_header_of(row, record_type)
        ] or reader.sheet_names[:1]
        header = parse_header(path, headers[fitting[0]], record_type)
        column_index = header.stored.index(header.found[spec.name])
        sheet = reader.load_sheet(
            fitting[0], header_row=None, skip_rows=1, use_columns=[column_index], dtypes="string"
        )
    except fastexcel.FastExcelError as error:
        problem = f"the workbook cannot be read ({str(error).splitlines()[0]})"
        raise BadFile(path, problem, _FETCH_AGAIN) from error
    cells = pa.Table.from_batches([sheet.to_arrow()]).rename_columns([spec.published])
    return cells.cast(pa.schema([(spec.published, pa.string())]))


def _first_row(reader: fastexcel.ExcelReader, name: str) -> tuple[str, ...]:
    cells = reader.load_sheet(name, header_row=None, n_rows=1, dtypes="string").to_arrow()
    return tuple(column[0].as_py() or "" for column in cells.columns) if cells.num_rows else ()


def _days(path: Path, texts: ibis.Table, spec: PublishedColumn) -> ibis.Table:
    """Return the day of each row in the format that fits. Raises: BadFile if too many rows have none."""
    # The first rows usually suffice; if their format fails on others, all rows are counted.
    for is_sample in (True, False):
        candidate = sampled_formats(texts, [spec])[spec] if is_sample else counted_format(texts, spec)
        if candidate is None:
            continue
        day = value_of(texts[spec.name], spec.dtype, candidate).cast("date")
        days = texts.select(day=day, text=texts[spec.name])
        failed = (days.text.notnull() & days.day.isnull()).mean().to_pyarrow().as_py()
        if failed is not None and failed <= UNREADABLE_SHARE:
            return days
    if not texts.filter(texts[spec.name].notnull()).count().to_pyarrow().as_py():
        raise BadFile(path, f"{spec.published} is empty in every row", _FETCH_AGAIN)
    raise no_format(path, texts, spec)


Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class FetchRequest:
    """One request to fetch records."""

    base: str
    """The address of the Datastore or a mirror."""
    home: Path
    """The folder of records."""
    since: date
    at: datetime
    """The current time in UTC."""

    @property
    def today(self) -> date:
        """The UTC date of the request."""
        return self.at.date()


@dataclass(frozen=True, slots=True)
class Fetched:
    """The current set of files after a fetch."""

    files: tuple[StoredFile, ...]
    new: tuple[StoredFile, ...]
    """The files that this fetch downloaded."""
    has_changed: bool
    """Whether the set differs from the one before."""


@dataclass(frozen=True, slots=True)
class _NewFile:
    dataset: Dataset
    resource: Resource
    file: Downloaded
    contents: FileContents


def fetch_set(http: Http, request: FetchRequest, progress: Progress) -> Fetched:
    """Fetch the fewest files that cover both datasets from `since` to now.

    Raises: SourceFailed if a file cannot be fetched or the set is not complete: then the current set stays unchanged
    and no new file is kept; BadFile if the folder cannot be used.
    """
    progress("Asking which files there are", 0.0)
    chosen = [
        (dataset, resource)
        for dataset in DATASETS
        for resource in choose(
            list_resources(http, request.base, dataset), request.since, request.today, dataset.record_type
        )
    ]
    with file_store.exclusive_workspace(request.home) as workspace:
        stored = {
            (dataset.record_type, resource.id): file_store.find_file(
                request.home, dataset.record_type, resource.id, resource.version
            )
            for dataset, resource in chosen
        }
        missing = [pair for pair in chosen if stored[pair[0].record_type, pair[1].id] is None]
        new_files = []
        for n, pair in enumerate(missing):
            progress(f"Fetching {pair[1].title}", 0.05 + 0.95 * n / len(missing))
            new_files.append(_download(http, request, workspace, pair))
        # Nothing is stored before the whole set is known to be complete.
        _require_complete_set([file for file in stored.values() if file is not None], new_files, request)
        return _store_set(request, chosen, stored, new_files)


def _download(http: Http, request: FetchRequest, workspace: Path, pair: tuple[Dataset, Resource]) -> _NewFile:
    dataset, resource = pair
    part = workspace / f"{dataset.record_type}-{resource.id}"
    expected = Expected(size_bytes=resource.size_bytes, digest=resource.digest)
    try:
        file = http.download(PUBLISHER, resource.url, part, expected)
    except SourceFailed as failed:
        # Not chained: this message repeats the first in full and adds the file.
        raise SourceFailed(PUBLISHER, f"{resource.title}: {failed.problem}", failed.advice) from None
    try:
        contents = inspect_file(part, dataset.record_type, request.today)
    except BadFile as bad:
        if bad.file != str(part):
            raise
        advice = (
            "Nothing was changed, the files fetched before stay in use. Look at the file on the Datastore"
        )
        raise SourceFailed(
            PUBLISHER, f"{resource.title}: {bad.problem}", f"{advice}: {dataset.page}"
        ) from bad
    return _NewFile(dataset, resource, file, contents)


def _require_complete_set(
    stored: Sequence[StoredFile], new_files: Sequence[_NewFile], request: FetchRequest
) -> None:
    until = []
    for dataset in DATASETS:
        months = [file.months for file in stored if file.record_type == dataset.record_type]
        newest = [file.newest for file in stored if file.record_type == dataset.record_type]
        fresh = [new_file.contents for new_file in new_files if new_file.dataset is dataset]
        whole = [*months, *(contents.months for contents in fresh)]
        latest = max([*newest, *(contents.newest for contents in fresh)])
        require_complete(dataset.record_type, whole, latest, request.since, request.today)
        until.append(latest)
    require_newer(min(until), file_store.current_until(request.home))


def _store_set(
    request: FetchRequest,
    chosen: Sequence[tuple[Dataset, Resource]],
    stored: dict[tuple[str, str], StoredFile | None],
    new_files: Sequence[_NewFile],
) -> Fetched:
    new = {
        (new_file.dataset.record_type, new_file.resource.id): file_store.store_file(
            request.home,
            new_file.file.path,
            file_name(new_file.resource, new_file.file.container),
            _provenance(new_file, request),
        )
        for new_file in new_files
    }
    keys = [(dataset.record_type, resource.id) for dataset, resource in chosen]
    files = tuple(file for key in keys if (file := stored[key] or new.get(key)) is not None)
    has_changed = file_store.set_current(request.home, request.since, files)
    # Old versions are removed last, when no list refers to them any more.
    file_store.prune(request.home, [dataset.record_type for dataset in DATASETS])
    return Fetched(files, tuple(new.values()), has_changed)


def _provenance(new_file: _NewFile, request: FetchRequest) -> FileProvenance:
    return FileProvenance(
        publisher=f"London Fire Brigade, on the {PUBLISHER}",
        dataset=new_file.dataset.id,
        dataset_page=new_file.dataset.page,
        record_type=new_file.dataset.record_type,
        resource=new_file.resource.id,
        title=new_file.resource.title,
        address=_without_user(new_file.resource.url),
        version=new_file.resource.version,
        size_bytes=new_file.file.size_bytes,
        sha256=new_file.file.sha256,
        etag=new_file.file.etag,
        last_modified=new_file.file.last_modified,
        fetched_at=request.at.astimezone(UTC).isoformat(timespec="seconds"),
        newest=new_file.contents.newest,
        months=new_file.contents.months,
        licence=datasets.LICENCE,
        licence_address=datasets.LICENCE_URL,
        attribution=datasets.ATTRIBUTION,
    )


def _without_user(address: str) -> str:
    """Remove the user and password of a mirror's address, so that they are not stored."""
    parts = urlsplit(address)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
