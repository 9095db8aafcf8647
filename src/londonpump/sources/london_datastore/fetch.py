"""A whole set of files, or none: choose, fetch what is new, look into it, and only then call it good."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from londonpump.brigade.errors import BadFile, SourceFailed
from londonpump.sources.http import Downloaded, Expected, Http
from londonpump.sources.london_datastore import datasets, kept
from londonpump.sources.london_datastore.catalogue import list_resources
from londonpump.sources.london_datastore.choice import choose
from londonpump.sources.london_datastore.complete import refuse_incomplete, refuse_older
from londonpump.sources.london_datastore.contents import Contents, look_into
from londonpump.sources.london_datastore.datasets import DATASETS, PUBLISHER, Dataset, Resource
from londonpump.sources.london_datastore.entry import file_name
from londonpump.sources.london_datastore.kept import KeptFile

Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to fetch. base: address of the Datastore. home: the folder of records. at: now, UTC."""

    base: str
    home: Path
    since: date
    at: datetime

    @property
    def today(self) -> date:
        """Today."""
        return self.at.date()


@dataclass(frozen=True, slots=True)
class Fetched:
    """The set now good. new: the files that were brought, the others were here. is_other: not the set before."""

    files: tuple[KeptFile, ...]
    new: tuple[KeptFile, ...]
    is_other: bool


@dataclass(frozen=True, slots=True)
class _Brought:
    dataset: Dataset
    resource: Resource
    file: Downloaded
    contents: Contents


def fetch_set(http: Http, wanted: Wanted, progress: Progress) -> Fetched:
    """Bring the fewest files that cover both datasets from `since` to now.

    Raises: SourceFailed where a file cannot be had or the set is not complete: then the good set stays as it
    was, and nothing of the new one stays; BadFile where the folder cannot be used.
    """
    progress("Asking which files there are", 0.0)
    chosen = [
        (dataset, resource)
        for dataset in DATASETS
        for resource in choose(
            list_resources(http, wanted.base, dataset), wanted.since, wanted.today, dataset.kind
        )
    ]
    with kept.alone_in(wanted.home) as workplace:
        here = {
            (dataset.kind, resource.id): kept.find(wanted.home, dataset.kind, resource.id, resource.version)
            for dataset, resource in chosen
        }
        absent = [pair for pair in chosen if here[pair[0].kind, pair[1].id] is None]
        brought = []
        for n, pair in enumerate(absent):
            progress(f"Fetching {pair[1].title}", 0.05 + 0.95 * n / len(absent))
            brought.append(_bring(http, wanted, workplace, pair))
        _refuse_incomplete([one for one in here.values() if one is not None], brought, wanted)
        return _settle(wanted, chosen, here, brought)


def _bring(http: Http, wanted: Wanted, workplace: Path, pair: tuple[Dataset, Resource]) -> _Brought:
    dataset, resource = pair
    part = workplace / f"{dataset.kind}-{resource.id}"
    expected = Expected(size_bytes=resource.size_bytes, digest=resource.digest)
    try:
        file = http.download(PUBLISHER, resource.url, part, expected)
    except SourceFailed as failed:
        # from None: said again in full, with the file it is about
        raise SourceFailed(PUBLISHER, f"{resource.title}: {failed.problem}", failed.advice) from None
    try:
        contents = look_into(part, dataset.kind, wanted.today)
    except BadFile as bad:
        if bad.file != str(part):
            raise
        advice = "Nothing was changed, the last good files stand. Look at the file on the Datastore"
        raise SourceFailed(
            PUBLISHER, f"{resource.title}: {bad.problem}", f"{advice}: {dataset.page}"
        ) from bad
    return _Brought(dataset, resource, file, contents)


def _refuse_incomplete(here: Sequence[KeptFile], brought: Sequence[_Brought], wanted: Wanted) -> None:
    until = []
    for dataset in DATASETS:
        months = [file.months for file in here if file.kind == dataset.kind]
        newest = [file.newest for file in here if file.kind == dataset.kind]
        fresh = [one.contents for one in brought if one.dataset is dataset]
        whole = [*months, *(one.months for one in fresh)]
        latest = max([*newest, *(one.newest for one in fresh)])
        refuse_incomplete(dataset.kind, whole, latest, wanted.since, wanted.today)
        until.append(latest)
    refuse_older(min(until), kept.good_until(wanted.home))


def _settle(
    wanted: Wanted,
    chosen: Sequence[tuple[Dataset, Resource]],
    here: dict[tuple[str, str], KeptFile | None],
    brought: Sequence[_Brought],
) -> Fetched:
    new = {
        (one.dataset.kind, one.resource.id): kept.keep(
            wanted.home, one.file.path, file_name(one.resource, one.file.container), _provenance(one, wanted)
        )
        for one in brought
    }
    places = [(dataset.kind, resource.id) for dataset, resource in chosen]
    files = tuple(file for place in places if (file := here[place] or new.get(place)) is not None)
    is_other = kept.make_current(wanted.home, wanted.since, files)
    kept.prune(wanted.home, [dataset.kind for dataset in DATASETS])
    return Fetched(files, tuple(new.values()), is_other)


def _provenance(one: _Brought, wanted: Wanted) -> dict[str, Any]:
    return {
        "publisher": f"London Fire Brigade, on the {PUBLISHER}",
        "dataset": one.dataset.id,
        "dataset_page": one.dataset.page,
        "kind": one.dataset.kind,
        "resource": one.resource.id,
        "title": one.resource.title,
        "address": _without_user(one.resource.url),
        "version": one.resource.version,
        "bytes": one.file.size_bytes,
        "sha256": one.file.sha256,
        "etag": one.file.etag,
        "last_modified": one.file.last_modified,
        "fetched_at": wanted.at.astimezone(UTC).isoformat(timespec="seconds"),
        "newest_row_date": one.contents.newest.isoformat(),
        "months": one.contents.months,
        "licence": datasets.LICENCE,
        "licence_address": datasets.LICENCE_URL,
        "attribution": datasets.ATTRIBUTION,
    }


def _without_user(address: str) -> str:
    """A mirror may ask for a name and a password: they are not written down."""
    parts = urlsplit(address)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
