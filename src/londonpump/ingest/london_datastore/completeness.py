"""Is a set complete? No month may be empty, and the newest record may not be old."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date

from londonpump.domain.errors import SourceFailed
from londonpump.ingest.london_datastore.datasets import PUBLISHER
from londonpump.ingest.london_datastore.selection import MAX_AGE_DAYS, min_newest_date

_UNCHANGED_ADVICE = "Nothing was changed, the last good files stand. Ask again later"


def require_complete(
    record_type: str, files: Sequence[Mapping[str, int]], newest: date, since: date, today: date
) -> None:
    """Args: files: rows by month ("2024-01") of each. newest: day of the latest row.

    Raises: SourceFailed naming the newest day, or the first month without a row.
    """
    if newest < min_newest_date(today):
        problem = f"the newest record of the {record_type} is of {newest}, more than {MAX_AGE_DAYS} days ago"
        raise SourceFailed(PUBLISHER, problem, _UNCHANGED_ADVICE)
    rows: Counter[str] = Counter()
    for months in files:
        rows.update(months)
    for month in _months(since, newest):
        if not rows[month]:
            raise SourceFailed(PUBLISHER, f"the {record_type} hold no record of {month}", _UNCHANGED_ADVICE)


def _months(first: date, last: date) -> Iterator[str]:
    year, month = first.year, first.month
    while (year, month) <= (last.year, last.month):
        yield f"{year}-{month:02d}"
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)


def require_newer(until: date, current_until: date | None) -> None:
    """A mirror that is behind, or a file cut by its publisher: a later month is here already.

    Args: until: day up to which the new set holds both kinds; good_until: the same of the good set.
    Raises: SourceFailed naming both days.
    """
    if current_until is not None and (until.year, until.month) < (current_until.year, current_until.month):
        problem = f"the newest records are of {until}, and records until {current_until} are here already"
        raise SourceFailed(PUBLISHER, problem, _UNCHANGED_ADVICE)
