"""Which files a dataset has: its page of the API, or else the export of the whole catalogue.

Shapes: `resources` is an object keyed by id (API, v1, v2) or a list of objects with an id (v3).
"""

from collections.abc import Callable, Iterator
from typing import Any

from londonpump.domain.errors import SourceFailed
from londonpump.ingest.http import Http, PublisherUnavailable
from londonpump.ingest.london_datastore.catalogue_entry import Entry, as_resource
from londonpump.ingest.london_datastore.datasets import PUBLISHER, Dataset, Resource

EXPORTS = ("/api/v2/datasets/export.json", "/api/v3/datasets/export.json", "/api/datasets/export.json")
_ADVICE = "The last good files stand. Ask again later, or look at the page of the dataset"


def list_resources(http: Http, base: str, dataset: Dataset) -> tuple[Resource, ...]:
    """The record files of a dataset, dictionaries left out.

    Args: base: address of the Datastore, or of a mirror of it.
    Raises: SourceFailed, with the first thing that went wrong, when no way leads to a list of files.
    """
    failures: list[SourceFailed] = []
    for read_entry in _readers(http, base, dataset):
        try:
            return _resources(read_entry(), base, dataset)
        except PublisherUnavailable:
            raise
        except SourceFailed as error:
            failures.append(error)
    first = failures[0]
    first_problem = f"{first.problem} (nor do the {len(failures) - 1} other ways to it give a list of files)"
    raise SourceFailed(PUBLISHER, first_problem, f"{_ADVICE}: {dataset.page}") from None


def _readers(http: Http, base: str, dataset: Dataset) -> Iterator[Callable[[], Any]]:
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
        raise _unexpected(f"the catalogue at {path} is no list of datasets")
    for entry in listed:
        if isinstance(entry, dict) and (
            entry.get("id") == dataset.id or str(entry.get("slug", "")).startswith(dataset.slug)
        ):
            return entry
    raise _unexpected(f"the catalogue at {path} does not list the {dataset.record_type}")


def _resources(value: Any, base: str, dataset: Dataset) -> tuple[Resource, ...]:
    found = [
        as_resource(entry, base)
        for entry in _entries(value, dataset)
        if dataset.title.search(entry.title) and entry.years is not None
    ]
    if not found:
        raise _unexpected(f"the dataset of {dataset.record_type} lists no file of records")
    return tuple(found)


def _entries(value: Any, dataset: Dataset) -> list[Entry]:
    listed = value.get("resources") if isinstance(value, dict) else None
    if isinstance(listed, dict):
        pairs = list(listed.items())
    elif isinstance(listed, list) and all(isinstance(fields_of_entry, dict) for fields_of_entry in listed):
        pairs = [(fields_of_entry.get("id"), fields_of_entry) for fields_of_entry in listed]
    else:
        raise _unexpected(
            f"the dataset of {dataset.record_type} is of another shape: it has no list of resources"
        )
    return [Entry(identity, fields) for identity, fields in pairs if isinstance(fields, dict)]


def _unexpected(problem: str) -> SourceFailed:
    return SourceFailed(PUBLISHER, problem, _ADVICE)
