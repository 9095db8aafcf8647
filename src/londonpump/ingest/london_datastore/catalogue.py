"""The files of a dataset, from its page of the API or else from the export of the whole catalogue.

The format differs between versions: `resources` is an object keyed by id (API, v1, v2) or a list of objects with an
id (v3), fields have other names, and only titles contain the years that a file covers.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

from londonpump.domain.errors import SourceFailed
from londonpump.domain.json_values import JsonObject
from londonpump.ingest.http import Http, PublisherUnavailable
from londonpump.ingest.london_datastore.datasets import HOST, PUBLISHER, Dataset, Resource

_YEAR = re.compile(r"(?<!\d)(20\d\d)(?!\d)")
_SHORT_RANGE = re.compile(r"(?<!\d)(20)(\d\d)\s*[-\u2013\u2014/]\s*(\d\d)(?!\d|\s*[-/]\s*\d)")
"""A range such as `2025-26`, but no day or month of an ISO date."""
_OPEN = re.compile(r"\b(from|onwards?|since)\b|(?<=\d)\s*(\+|[-\u2013\u2014]\s*$)", re.IGNORECASE)
_GROWING = re.compile(
    r"\b(?:present|current|ongoing|now|today|so\s+far|(?:and|or)\s+(?:later|after)|(?<!up )(?:to|till|until)\s+date)\b"
    r"|(?:[-\u2013\u2014]|\b(?:to|till|until)\b)\s*latest\b(?!\s+(?:version|update|release))|(?<![a-z])ytd\b",
    re.IGNORECASE,
)
_ENDING = re.compile(r"(\.(csv|xlsx?|zip))+$", re.IGNORECASE)
_CHANGED = (
    r"(?:updated?|revised|published|released|uploaded|refreshed|amended|corrected|extracted|downloaded|generated"
    r"|created|version|as\s+(?:at|of))"
)
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sept?|oct|nov|dec)[a-z]*"
_DAY = (
    rf"(?:\d{{1,2}}(?:st|nd|rd|th)?[\s/.-]+)?(?:(?:{_MONTH}|\d{{1,2}})[\s/.,-]+)?20\d\d(?:-\d\d){{0,2}}"
    r"(?!\d|\s*(?:[-/\u2013\u2014]|to\b)\s*20\d\d)"
)
"""A date, except the first year of a range: records created 2018 - 2023 are of these years."""
_CHANGED_ON = re.compile(
    rf"\b{_CHANGED}\b\W*(?:(?:last|on|in|at|monthly|weekly)\W+)*{_DAY}"
    rf"|\b(?:{_MONTH}|new)\s+20\d\d\s+(?:update|release|version)\b",
    re.IGNORECASE,
)
"""The date of a change of the file, which is not the period that it covers."""
_NOTE = re.compile(
    rf"[(\[][^)\]]*(?:\b{_CHANGED}\b|\b{_MONTH}\s+20\d\d|\d[/.]\d{{1,2}}[/.]20\d\d|20\d\d-\d\d-\d\d)[^)\]]*[)\]]",
    re.IGNORECASE,
)
"""A date or a change in brackets. It belongs to the file if there are years outside the brackets."""
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
Years = tuple[int, int | None]


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of the catalogue."""

    identity: Any
    """The key of the entry, or its id in a list."""
    fields: JsonObject

    @property
    def title(self) -> str:
        """Return the title, else the name of the file, without unprintable characters."""
        raw_title = str(self.fields.get("title") or self.fields.get("filename") or "")
        return "".join(sign for sign in " ".join(raw_title.split()) if sign.isprintable())

    @property
    def years(self) -> Years | None:
        """Return the first and last year; the last is None while the file grows. Return None if no year is stated."""
        stated = [
            str(self._first(*names) or "")
            for names in (
                ("timeframeFrom", "temporal_coverage_from"),
                ("timeframeTo", "temporal_coverage_to"),
            )
        ]
        return years_of(self.title) or years_of(f"from {' - '.join(stated)}")

    def text(self, *names: str) -> str | None:
        """Return the first of these fields if it is printable text."""
        value = self._first(*names)
        return value if isinstance(value, str) and value.isprintable() else None

    def whole_number(self, *names: str) -> int | None:
        """Return the first of these fields that holds a size, as a number or as digits."""
        value = self._first(*names)
        if isinstance(value, str) and value.isascii() and value.isdigit():
            value = int(value)
        return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None

    def _first(self, *names: str) -> Any:
        return next((self.fields[name] for name in names if self.fields.get(name)), None)


def years_of(title: str) -> Years | None:
    """Return the first and the last year that a title names; the last is None for a file that still grows.

    Recognised are `2018 - 2023`, `2025-26`, `2024 onwards`, `from 2025`, `2025 - present`, `2025 to date`, or one year
    alone. The date on which the file was updated is ignored.
    """
    text = _CHANGED_ON.sub(" ", _ENDING.sub("", title.strip()).replace("_", " "))
    return _years(_NOTE.sub(_without_note, text)) or _years(text)


def _without_note(found: re.Match[str]) -> str:
    """Remove a note, but keep one such as `(to date, updated monthly)`, which says that the file grows."""
    return found[0] if _GROWING.search(found[0]) else " "


def _years(text: str) -> Years | None:
    text = _SHORT_RANGE.sub(_in_full, text).strip()
    years = [int(year) for year in _YEAR.findall(text)]
    if not years:
        return None
    if _GROWING.search(text) or (len(years) == 1 and _OPEN.search(text)):
        return min(years), None
    return min(years), max(years)


def _in_full(found: re.Match[str]) -> str:
    """Write `2025-26` as `2025 - 2026`, but keep `2025-03`, which is a month."""
    century, first, last = found.groups()
    return f"{century}{first} - {century}{last}" if last > first else found[0]


def as_resource(entry: Entry, base: str) -> Resource:
    """Convert an entry. Raises: SourceFailed for an entry without a usable id, address or years."""
    years = entry.years
    if not isinstance(entry.identity, str) or not _ID.fullmatch(entry.identity) or years is None:
        # The id becomes the name of a folder.
        raise _unusable(entry, "has an id that cannot be used")
    address = entry.text("url")
    if address is None:
        raise _unusable(entry, "has no address")
    try:
        url = _address(address, base)
    except ValueError:
        raise _unusable(entry, "has an address that is none") from None
    return Resource(
        id=entry.identity,
        title=entry.title,
        url=url,
        first_year=years[0],
        last_year=years[1],
        size_bytes=entry.whole_number("check_size", "size"),
        digest=entry.text("check_hash", "hash"),
        stamp=str(entry.fields.get("check_timestamp") or entry.fields.get("timestamp") or ""),
    )


def file_name(resource: Resource, container: str) -> str:
    """Return the published name with only safe characters, and the ending of the actual container."""
    published = unquote(urlsplit(resource.url).path.rsplit("/", 1)[-1]) or resource.title
    stem = re.sub(r"(\.(csv|xlsx?|zip))+$", "", published, flags=re.IGNORECASE)
    return re.sub(r"[^A-Za-z0-9 ()_-]", "_", stem).strip()[:100] + f".{container}"


def _address(address: str, base: str) -> str:
    """Resolve an address against the base. An address on the Datastore's own host moves to the mirror, if there is one.

    Raises: ValueError for an address that cannot be split.
    """
    absolute = urljoin(f"{base}/", address)
    own = urlsplit(HOST).netloc
    parts = urlsplit(absolute)
    if parts.netloc != own or urlsplit(base).netloc == own:
        return absolute
    return base + parts.path + (f"?{parts.query}" if parts.query else "")


def _unusable(entry: Entry, problem: str) -> SourceFailed:
    return SourceFailed(PUBLISHER, f"the entry {entry.title!r} {problem}", "Look at the page of the dataset")


EXPORTS = ("/api/v2/datasets/export.json", "/api/v3/datasets/export.json", "/api/datasets/export.json")
_ADVICE = "The files fetched before stay in use. Ask again later, or look at the page of the dataset"


def list_resources(http: Http, base: str, dataset: Dataset) -> tuple[Resource, ...]:
    """Return the record files of a dataset, without data dictionaries.

    Args: base: address of the Datastore, or of a mirror of it.
    Raises: SourceFailed with the first problem, if none of the ways leads to a list of files.
    """
    failures: list[SourceFailed] = []
    for read_entry in _readers(http, base, dataset):
        try:
            return _resources(read_entry(), base, dataset)
        # An outage of the publisher affects every way, so the others are not tried.
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
        # The slug in an export may end with the id.
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
