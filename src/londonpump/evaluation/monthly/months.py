"""Calendar months of London."""

import re
from dataclasses import dataclass
from datetime import date, timedelta

from londonpump.domain.errors import BadValue
from londonpump.evaluation.evaluation_rows import Bools, Ints

EPOCH_DATE = date(1970, 1, 1)
_WRITTEN = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")
LAST_YEAR = 9998


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """number: 1 to 12."""

    year: int
    number: int

    @classmethod
    def of(cls, day: date) -> "Month":
        """The month of a London day."""
        return cls(day.year, day.month)

    @classmethod
    def read(cls, text: str) -> "Month":
        """`2017-01`. Raises: BadValue for anything else."""
        found = _WRITTEN.fullmatch(text)
        if found is None or not EPOCH_DATE.year <= int(found[1]) <= LAST_YEAR:
            raise BadValue("--month", text, "is no month; write it like 2026-09")
        return cls(int(found[1]), int(found[2]))

    @property
    def first_date(self) -> date:
        """Its first day."""
        return date(self.year, self.number, 1)

    @property
    def last_date(self) -> date:
        """Its last day."""
        return self.next.first_date - timedelta(days=1)

    @property
    def next(self) -> "Month":
        """The month after it."""
        return Month(self.year + self.number // 12, self.number % 12 + 1)

    @property
    def before(self) -> "Month":
        """The month before it."""
        return Month.of(self.first_date - timedelta(days=1))

    @property
    def days(self) -> int:
        """How many days it has."""
        return self.last_date.day

    def holds(self, day: Ints) -> Bools:
        """(n,) whether London days since 1970 lie in it."""
        first, end = ((month.first_date - EPOCH_DATE).days for month in (self, self.next))
        return (day >= first) & (day < end)

    def __str__(self) -> str:
        return f"{self.first_date:%B} {self.year}"
