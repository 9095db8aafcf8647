"""Which files a dataset has: its page of the API, or else the export of the whole catalogue.

Shapes: `resources` is an object keyed by id (API, v1, v2) or a list of objects with an id (v3).
"""

from collections.abc import Callable, Iterator
from typing import Any

from londonpump.brigade.errors import SourceFailed
from londonpump.sources.http import Http, PublisherAway
from londonpump.sources.london_datastore.datasets import PUBLISHER, Dataset, Resource
from londonpump.sources.london_datastore.entry import Entry, as_resource

EXPORTS = ("/api/v2/datasets/export.json", "/api/v3/datasets/export.json", "/api/datasets/export.json")
_ADVICE = "The last good files stand. Ask again later, or look at the page of the dataset"


def list_resources(http: Http, base: str, dataset: Dataset) -> tuple[Resource, ...]:
    """The record files of a dataset, dictionaries left out.

    Args: base: address of the Datastore, or of a mirror of it.
    Raises: SourceFailed, with the first thing that went wrong, when no way leads to a list of files.
    """
    troubles: list[SourceFailed] = []
    for ask in _ways(http, base, dataset):
        try:
            return _resources(ask(), base, dataset)
        except PublisherAway:
            raise
        except SourceFailed as trouble:
            troubles.append(trouble)
    first = troubles[0]
    tried = f"{first.problem} (nor do the {len(troubles) - 1} other ways to it give a list of files)"
    raise SourceFailed(PUBLISHER, tried, f"{_ADVICE}: {dataset.page}") from None


def _ways(http: Http, base: str, dataset: Dataset) -> Iterator[Callable[[], Any]]:
    def page(name: str) -> Any:
        return http.get(PUBLISHER, f"{base}/api/dataset/{name}").json()

    def export(path: str) -> Any:
        return _in_export(http.get(PUBLISHER, base + path).json(), dataset, path)

    yield lambda: page(dataset.id)
    yield lambda: page(dataset.slug)
    for path in EXPORTS:
        yield lambda path=path: export(path)  # type: ignore[misc]  # mypy infers no default of a lambda


def _in_export(value: Any, dataset: Dataset, path: str) -> Any:
    listed = value.get("datasets", value.get("result")) if isinstance(value, dict) else value
    if not isinstance(listed, list):
        raise _odd(f"the catalogue at {path} is no list of datasets")
    for entry in listed:
        if isinstance(entry, dict) and (
            entry.get("id") == dataset.id or str(entry.get("slug", "")).startswith(dataset.slug)
        ):
            return entry
    raise _odd(f"the catalogue at {path} does not list the {dataset.kind}")


def _resources(value: Any, base: str, dataset: Dataset) -> tuple[Resource, ...]:
    found = [
        as_resource(entry, base)
        for entry in _entries(value, dataset)
        if dataset.title.search(entry.title) and entry.years is not None
    ]
    if not found:
        raise _odd(f"the dataset of {dataset.kind} lists no file of records")
    return tuple(found)


def _entries(value: Any, dataset: Dataset) -> list[Entry]:
    listed = value.get("resources") if isinstance(value, dict) else None
    if isinstance(listed, dict):
        pairs = list(listed.items())
    elif isinstance(listed, list) and all(isinstance(one, dict) for one in listed):
        pairs = [(one.get("id"), one) for one in listed]
    else:
        raise _odd(f"the dataset of {dataset.kind} is of another shape: it has no list of resources")
    return [Entry(identity, fields) for identity, fields in pairs if isinstance(fields, dict)]


def _odd(problem: str) -> SourceFailed:
    return SourceFailed(PUBLISHER, problem, _ADVICE)
