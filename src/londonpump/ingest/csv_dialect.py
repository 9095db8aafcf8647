"""Detection of the separator, decimal mark and header of a table of text.

Published files and users' files follow the same rules. Ambiguous text is rejected.
"""

import csv
import io
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from londonpump.domain.canonical_spelling import strip_blanks
from londonpump.domain.errors import BadFile
from londonpump.domain.text_files import COMMA, POINT, SEPARATORS, TextFormat
from londonpump.ingest.file_type import BYTE_ORDER_MARK, XLSX, DetectedFile

COMMA_NUMBER = r"[-+]?[0-9]+,[0-9]+(?:[eE][-+]?[0-9]{1,2})?"
COMMA_GROUPED = r"[-+]?[1-9][0-9]{0,2}(?:,[0-9]{3})+"
POINT_NUMBER = r"[-+]?[0-9]*\.[0-9]+(?:[eE][-+]?[0-9]{1,2})?"
POINT_GROUPED = r"[-+]?[1-9][0-9]{0,2}(?:\.[0-9]{3})+"
NUMBER_FORMS = {
    "comma": (COMMA_NUMBER, COMMA_GROUPED),
    "comma_or_thousands": (COMMA_GROUPED, None),
    "point": (POINT_NUMBER, POINT_GROUPED),
    "point_or_thousands": (POINT_GROUPED, None),
}
"""The forms of a number with a mark, each as (pattern to match, pattern that must not match)."""
_SEP_LINE = re.compile(r'"?sep=(.)"?[,;\t]*(?:\r\n|\r|\n|$)', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Layout:
    """The separator between the fields of a file."""

    separator: str = COMMA
    has_sep_line: bool = False
    """Whether the first line is Excel's `sep=`."""


def find_layout(path: Path, text: str) -> tuple[Layout, tuple[str, ...]]:
    """Find the separator in the start of a text, and the names on its header line.

    Raises: BadFile where two separators explain the header, or the `sep=` line contradicts the header.
    """
    text = text.removeprefix(BYTE_ORDER_MARK)
    sep_line = _SEP_LINE.match(text)
    names = {mark: _first_record(text[sep_line.end() if sep_line else 0 :], mark) for mark in SEPARATORS}
    best = max(names, key=lambda mark: len(names[mark]))
    if sep_line and sep_line[1] != best and len(names[best]) > 1:
        problem = f"its first line says sep={sep_line[1]!r} and its header is separated by {SEPARATORS[best]}"
        raise BadFile(path, problem, "Correct or remove the sep= line")
    # A rival that explains more than half as many names makes the separator ambiguous.
    rivals = [mark for mark in names if mark != best and 2 * len(names[mark]) > max(len(names[best]), 2)]
    if rivals and not sep_line:
        both = f"{SEPARATORS[best]} or by {SEPARATORS[rivals[0]]}"
        problem = f"it is not clear whether its fields are separated by {both}"
        raise BadFile(path, problem, "Put names that hold a separator in quotes, or save it again as csv")
    return Layout(best, sep_line is not None), names[best]


def drop_sep_line(text: str) -> str:
    """Return the text without its byte order marks and its `sep=` line."""
    text = text.replace(BYTE_ORDER_MARK, "")
    sep_line = _SEP_LINE.match(text)
    return text[sep_line.end() :] if sep_line else text


def decimal_mark(path: Path, examples: Mapping[str, str | None]) -> str:
    """Decide between decimal commas and points.

    Args: examples: one text of each of NUMBER_FORMS that occurs in the number columns, with its position.
    Raises: BadFile where a mark may also separate thousands.
    """
    comma, comma_or = examples["comma"], examples["comma_or_thousands"]
    point, point_or = examples["point"], examples["point_or_thousands"]
    # 51,5 and 4.5 are clear beside each other; 1.234 beside 51,5 is not.
    other = point_or or (comma_or if point else None)
    if comma and other:
        problem = (
            f"some numbers have a decimal comma ({comma}), and {other} may hold one or separate thousands"
        )
        raise BadFile(path, problem, "Write all of them with points")
    if comma:
        return COMMA
    ambiguous = comma_or or point_or
    if ambiguous and not point:
        problem = f"it is not clear whether {ambiguous} holds a decimal mark or separates thousands"
        raise BadFile(path, problem, "Write numbers with a decimal point and without separators of thousands")
    return POINT


def number_examples(numbers: Iterable[tuple[str, Callable[[], str]]]) -> dict[str, str | None]:
    """Return the first text of each of NUMBER_FORMS. Takes pairs of a text and a function that returns its position."""
    found: dict[str, str | None] = dict.fromkeys(NUMBER_FORMS)
    for text, where in numbers:
        if COMMA not in text and POINT not in text:
            continue
        for number_form, (pattern, other) in NUMBER_FORMS.items():
            is_other = other is not None and re.fullmatch(other, text)
            if found[number_form] is None and re.fullmatch(pattern, text) and not is_other:
                found[number_form] = f"{text!r} in {where()}"
    return found


def is_repeated_header(cells: Sequence[str | None], names: Sequence[str]) -> bool:
    """Return whether a row repeats the header, so that each cell holds the name of its own column."""
    pairs = list(zip(cells, names, strict=False))
    is_same = all(_name(cell or "") in ("", _name(name)) for cell, name in pairs)
    return is_same and any(_name(cell or "") for cell, _ in pairs)


def text_format_of(
    detected: DetectedFile, layout: Layout, decimal: str, n_headers: int, n_empty: int
) -> TextFormat:
    """Return the detected format of one file."""
    if detected.container == XLSX:
        return TextFormat(detected.container, separator="", n_headers=n_headers, n_empty=n_empty)
    return TextFormat(
        detected.container,
        detected.encoding,
        layout.separator,
        decimal,
        layout.has_sep_line,
        n_headers,
        n_empty,
    )


def _name(text: str) -> str:
    return strip_blanks(strip_blanks(text).strip('"')).casefold()


def _first_record(text: str, separator: str) -> tuple[str, ...]:
    try:
        return tuple(next(csv.reader(io.StringIO(text, newline=""), delimiter=separator), ()))
    except csv.Error:
        return ()
