"""Tables as CSV and spreadsheet cells: numbers as numbers, and the ends of intervals in columns of their own."""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO

from londonpump.presentation.report.pages import Table

Value = str | int | float | None
_CLOCK = re.compile(r"(\d+):([0-5]\d)")
_NUMBER = re.compile(r"([+\u2212-]?[\d,]+(?:\.\d+)?)(?: (?:s|points|%))?")


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table for CSV and XLSX."""

    key: str
    """The name of its file; also that of its worksheet, which may have 31 characters."""
    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[Value]]

    def to_csv(self) -> str:
        """Return the text of the CSV file."""
        text = StringIO()
        csv.writer(text, lineterminator="\n").writerows([self.head, *self.rows])
        return text.getvalue()


def sheet_of(key: str, table: Table) -> Sheet:
    """Return a table of a page as it is shown there: rounded, with clock times in seconds."""
    head, columns = [table.head[0]], [[name for name, _ in table.rows]]
    out: list[list[Value]] = [list[Value](columns[0])]
    for at, name in enumerate(table.head[1:]):
        cells = [cells[at] if at < len(cells) else None for _, cells in table.rows]
        texts = ["" if cell is None else cell.value for cell in cells]
        head.append(f"{name}, s" if any(map(_CLOCK.fullmatch, texts)) else name)
        out.append([_value(text) for text in texts])
        # An interval is "low to high" on every page; whatever else stands there is a note.
        ends = ["" if cell is None else cell.interval for cell in cells]
        pairs = [end.split(" to ") for end in ends]
        if any(len(pair) == 2 for pair in pairs):
            for place, label in enumerate(("low", "high")):
                head.append(f"{name}, {label}")
                out.append([_value(pair[place]) if len(pair) == 2 else None for pair in pairs])
        elif any(end and end != "few" for end in ends):
            head.append(f"{name}, also")
            out.append([_value(end) for end in ends])
    return Sheet(key, table.caption, head, list(zip(*out, strict=True)))


def _value(text: str) -> Value:
    # A dash marks a figure that is not defined.
    if text in ("", "\u2013"):
        return None
    if clock := _CLOCK.fullmatch(text):
        return 60 * int(clock[1]) + int(clock[2])
    if found := _NUMBER.fullmatch(text):
        number = found[1].replace(",", "").replace("\u2212", "-")
        return float(number) if "." in number else int(number)
    return text
