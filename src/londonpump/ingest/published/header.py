"""Which column of a file is which: today's names, the older ones and those of the BigQuery copy."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from londonpump.domain.canonical_spelling import strip_blanks
from londonpump.domain.errors import BadFile
from londonpump.domain.published_columns import TABLES, PublishedColumn

OWN_COLUMNS = ("source_file", "source_row")
MAX_NAMES_LISTED = 4
"""So many names stand in a message; the rest are counted."""


@dataclass(frozen=True, slots=True)
class Header:
    """The columns of one file, left to right, and which of them the product knows.

    stored: a unique name for every column of the file, an index without a name among them.
    published: the stored names to keep. found: {product's name: stored name}.
    """

    stored: tuple[str, ...]
    published: tuple[str, ...]
    found: dict[str, str]


def parse_header(path: Path, names: tuple[str, ...], table: str) -> Header:
    """Match the names on the first line, whatever their case and the blanks around them.

    A first column without a name is an index that somebody's program wrote: it is left out.

    Raises: BadFile where a required column is missing, a name stands twice, or two names mean the same.
    """
    stored = tuple(strip_blanks(name) or f"unnamed_{i}" for i, name in enumerate(names, start=1))
    _require_unique_names(path, stored)
    _require_known_columns(path, stored, table)
    published = stored[1:] if names and not strip_blanks(names[0]) else stored
    return Header(stored, published, _found(path, published, table))


def is_header_of(names: Iterable[str], table: str) -> bool:
    """Do half of the required columns stand there? Then the row was meant as the header."""
    required = [spec for spec in TABLES[table] if spec.is_required]
    return 2 * len(_missing(names, table)) <= len(required)


def _found(path: Path, published: tuple[str, ...], table: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for spec in TABLES[table]:
        spellings = _spellings(spec)
        matches = [name for name in published if name.casefold() in spellings]
        if len(matches) > 1:
            problem = f"the columns {' and '.join(matches)} mean the same"
            raise BadFile(path, problem, "Remove one of them")
        if matches:
            found[spec.name] = matches[0]
    return found


def _spellings(spec: PublishedColumn) -> set[str]:
    return {name.casefold() for name in (spec.published, *spec.aliases)}


def _missing(names: Iterable[str], table: str) -> list[str]:
    present = {strip_blanks(name).casefold() for name in names}
    return [spec.published for spec in TABLES[table] if spec.is_required and not present & _spellings(spec)]


def _require_unique_names(path: Path, stored: tuple[str, ...]) -> None:
    counts = Counter(name.casefold() for name in stored)
    doubled = [name for name in stored if counts[name.casefold()] > 1]
    if doubled:
        raise BadFile(path, f"the column {doubled[0]} stands twice in the header", "Remove one of them")
    taken = [name for name in stored if name.casefold() in OWN_COLUMNS]
    if taken:
        raise BadFile(path, f"the name of the column {taken[0]} is reserved", "Rename or remove the column")


def _require_known_columns(path: Path, stored: tuple[str, ...], table: str) -> None:
    missing = _missing(stored, table)
    if not missing:
        return
    for other in TABLES:
        if other != table and not _missing(stored, other):
            raise BadFile(path, f"these are {other}, not {table}", f"Give the file as {other}")
    names = ", ".join(missing[:MAX_NAMES_LISTED]) + (
        f" and {len(missing) - MAX_NAMES_LISTED} more" if len(missing) > MAX_NAMES_LISTED else ""
    )
    problem = f"required columns of the {table} are missing: {names}"
    if not is_header_of(stored, table):
        begins = ", ".join(stored[:MAX_NAMES_LISTED])
        problem = f"its first line is not the header of the {table} (it reads: {begins}); {problem}"
    raise BadFile(path, problem, "Use the file as published, with its header as the first line")
