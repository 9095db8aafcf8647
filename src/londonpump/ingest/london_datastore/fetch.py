"""Fetches a complete set of files or none: choose, download new files, inspect them, and only then make them current."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from londonpump.domain.errors import BadFile, SourceFailed
from londonpump.ingest.http import Downloaded, Expected, Http
from londonpump.ingest.london_datastore import datasets, file_store
from londonpump.ingest.london_datastore.catalogue import file_name, list_resources
from londonpump.ingest.london_datastore.datasets import DATASETS, PUBLISHER, Dataset, Resource, choose
from londonpump.ingest.london_datastore.file_contents import (
    FileContents,
    inspect_file,
    require_complete,
    require_newer,
)
from londonpump.ingest.london_datastore.file_store import StoredFile

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


def _provenance(new_file: _NewFile, request: FetchRequest) -> dict[str, Any]:
    return {
        "publisher": f"London Fire Brigade, on the {PUBLISHER}",
        "dataset": new_file.dataset.id,
        "dataset_page": new_file.dataset.page,
        "kind": new_file.dataset.record_type,
        "resource": new_file.resource.id,
        "title": new_file.resource.title,
        "address": _without_user(new_file.resource.url),
        "version": new_file.resource.version,
        "bytes": new_file.file.size_bytes,
        "sha256": new_file.file.sha256,
        "etag": new_file.file.etag,
        "last_modified": new_file.file.last_modified,
        "fetched_at": request.at.astimezone(UTC).isoformat(timespec="seconds"),
        "newest_row_date": new_file.contents.newest.isoformat(),
        "months": new_file.contents.months,
        "licence": datasets.LICENCE,
        "licence_address": datasets.LICENCE_URL,
        "attribution": datasets.ATTRIBUTION,
    }


def _without_user(address: str) -> str:
    """Remove the user and password of a mirror's address, so that they are not stored."""
    parts = urlsplit(address)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
