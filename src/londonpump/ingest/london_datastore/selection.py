"""Which files to fetch: the fewest that cover the wanted years, the newest among them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

from londonpump.domain.errors import SourceFailed
from londonpump.ingest.london_datastore.datasets import PUBLISHER, Resource

MAX_AGE_DAYS = 100
"""Records are published about eight weeks late, once a month: older than this and something is wrong."""
_FOREVER = 9999
MAX_TITLES_LISTED = 10


def min_newest_date(today: date) -> date:
    """The newest record may not be older than this."""
    return today - timedelta(days=MAX_AGE_DAYS)


def choose(resources: Sequence[Resource], since: date, today: date, record_type: str) -> tuple[Resource, ...]:
    """The fewest files whose titles cover every year from `since` to the newest, by year.

    Raises: SourceFailed naming the year that no file covers.
    """
    ranges = _close_superseded_ranges(resources)
    needed_year = min_newest_date(today).year
    newest_year = max((_last(one) for one in ranges), default=0)
    if newest_year < needed_year:
        raise _not_covered(record_type, needed_year, resources)
    chosen: list[Resource] = []
    year = since.year
    while year <= min(newest_year, today.year):
        best = _furthest(ranges, year)
        if best is None:
            raise _not_covered(record_type, year, resources)
        chosen.append(best)
        year = _last(best) + 1
    by_id = {one.id: one for one in resources}
    return tuple(by_id[one.id] for one in chosen)


def _close_superseded_ranges(resources: Sequence[Resource]) -> list[Resource]:
    """A title such as `2018 onwards` outlives its file: where another grows from a later year, it has ended."""
    growing = [one.first_year for one in resources if one.last_year is None]
    ended = []
    for one in resources:
        later = [year for year in growing if year > one.first_year]
        ended.append(replace(one, last_year=min(later) - 1) if one.last_year is None and later else one)
    return ended


def _furthest(ranges: Sequence[Resource], year: int) -> Resource | None:
    covering = [one for one in ranges if one.first_year <= year <= _last(one)]
    return max(covering, key=lambda one: (_last(one), one.first_year, one.stamp), default=None)


def _last(resource: Resource) -> int:
    return _FOREVER if resource.last_year is None else resource.last_year


def _not_covered(record_type: str, year: int, resources: Sequence[Resource]) -> SourceFailed:
    titles = ", ".join(repr(one.title) for one in resources[:MAX_TITLES_LISTED])
    advice = "Nothing was changed, the last good files stand. Ask again later, or choose a later --since"
    return SourceFailed(PUBLISHER, f"no file of {record_type} covers {year} (their titles: {titles})", advice)
