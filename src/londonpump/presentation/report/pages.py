"""Tables of pages, and the templates that show them. Nothing here draws, so that `prepare` need not load matplotlib."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined, Template

PHONE_PX, PHONE_FIRST_PX, CELL_PX = 361, 104, 16
HEAD_PX, VALUE_PX, INTERVAL_PX = 9.3, 9.4, 7.4
"""Pixels of a table on a phone, of its first column, of the padding of a cell, and of one character."""


@dataclass(frozen=True)
class Cell:
    """One cell: a value, its interval (may be empty) and whether the interval favours the model."""

    value: str
    interval: str = ""
    verdict: str = ""
    note: str = ""
    """Meaning of the verdict, unless it is that the interval does not contain 0."""


@dataclass(frozen=True)
class Table:
    """A table with a heading, and rows that begin with their name."""

    caption: str
    head: Sequence[str]
    rows: Sequence[tuple[str, Sequence[Cell]]]

    @property
    def n_rows(self) -> int:
        """Return the number of rows."""
        return len(self.rows)

    @property
    def is_wide(self) -> bool:
        """Return whether a phone of 390 pixels must scroll it, estimated from texts that cannot wrap."""
        first = max(PHONE_FIRST_PX, HEAD_PX * _longest([self.head[0], *(name for name, _ in self.rows)]))
        widths = [first - CELL_PX / 2]
        for at, name in enumerate(self.head[1:]):
            cells = [cells[at] for _, cells in self.rows if at < len(cells)]
            # Heads keep a unit with its word, as the template joins them. A mark before a value takes the place of a character.
            marked = any(cell.verdict for cell in cells)
            widths.append(
                max(
                    HEAD_PX * _longest([name.replace(", s", "--s").replace(" %", "-%")]),
                    VALUE_PX * (marked + _longest(cell.value for cell in cells)),
                    INTERVAL_PX * max((len(cell.interval) for cell in cells), default=0),
                )
            )
        return sum(width + CELL_PX for width in widths) > PHONE_PX


def _longest(texts: Iterable[str]) -> int:
    return max((len(word) for text in texts for word in text.split()), default=0)


def load_page(name: str) -> Template:
    """Load a template of any report, with the style and the parts that they share."""
    # The loader imports its package: those of the reports would import matplotlib.
    folders = [f"{part}/templates" for part in ("monthly", "brigade", "report")]
    loader = ChoiceLoader([PackageLoader("londonpump.presentation", folder) for folder in folders])
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template(name)
