"""The two datasets, their files, and the selection of the fewest files that cover the requested years."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from londonpump.domain.errors import SourceFailed

PUBLISHER = "London Datastore"
HOST = "https://data.london.gov.uk"
LICENCE = "Open Government Licence v3.0"
LICENCE_URL = "https://www.nationalarchives.gov.uk/doc/open-government-licence/version/3/"
ATTRIBUTION = (
    f"Contains public sector information licensed under the {LICENCE} ({LICENCE_URL}). "
    "Source: London Fire Brigade (London Fire Commissioner), published on the London Datastore, "
    "Greater London Authority."
)


@dataclass(frozen=True, slots=True)
class Dataset:
    """One dataset."""

    record_type: str
    """The table that its files hold."""
    id: str
    slug: str
    """The name before there were ids, still valid in addresses."""
    title: re.Pattern[str]
    """Matches the titles of record files, but not those of dictionaries and other files."""

    @property
    def page(self) -> str:
        """The address of its web page."""
        return f"{HOST}/dataset/{self.slug}-{self.id}"


DATASETS = (
    Dataset(
        "incidents",
        "em8xy",
        "london-fire-brigade-incident-records",
        re.compile(r"LFB Incidents? data", re.IGNORECASE),
    ),
    Dataset(
        "mobilisations",
        "24r65",
        "london-fire-brigade-mobilisation-records",
        re.compile(r"LFB Mobilisations? data", re.IGNORECASE),
    ),
)


@dataclass(frozen=True, slots=True)
class Resource:
    """One file as listed in the catalogue."""

    id: str
    title: str
    url: str
    first_year: int
    last_year: int | None
    """The last year in the title; None if the file still grows."""
    size_bytes: int | None = None
    digest: str | None = None
    stamp: str = ""

    @property
    def version(self) -> str | None:
        """A text that changes when the file does; None if the catalogue gives neither hash nor size."""
        if self.digest:
            return f"hash {self.digest}"
        return None if self.size_bytes is None else f"size {self.size_bytes}"


MAX_AGE_DAYS = 100
"""The greatest age of the newest record. Records are published monthly, about eight weeks late."""
_FOREVER = 9999
MAX_TITLES_LISTED = 10


def min_newest_date(today: date) -> date:
    """Return the earliest acceptable date of the newest record."""
    return today - timedelta(days=MAX_AGE_DAYS)


def choose(resources: Sequence[Resource], since: date, today: date, record_type: str) -> tuple[Resource, ...]:
    """Return the fewest files whose titles cover every year from `since` to the newest, by year.

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
    """End a growing file where another one begins: a title such as `2018 onwards` is often not corrected."""
    growing = [one.first_year for one in resources if one.last_year is None]
    ended = []
    for one in resources:
        later = [year for year in growing if year > one.first_year]
        ended.append(replace(one, last_year=min(later) - 1) if one.last_year is None and later else one)
    return ended


def _furthest(ranges: Sequence[Resource], year: int) -> Resource | None:
    covering = [one for one in ranges if one.first_year <= year <= _last(one)]
    # The file that reaches furthest keeps the set small; the newest stamp decides between equal ranges.
    return max(covering, key=lambda one: (_last(one), one.first_year, one.stamp), default=None)


def _last(resource: Resource) -> int:
    return _FOREVER if resource.last_year is None else resource.last_year


def _not_covered(record_type: str, year: int, resources: Sequence[Resource]) -> SourceFailed:
    titles = ", ".join(repr(one.title) for one in resources[:MAX_TITLES_LISTED])
    advice = "Nothing was changed, the files fetched before stay in use. Ask again later, or choose a later --since"
    return SourceFailed(PUBLISHER, f"no file of {record_type} covers {year} (their titles: {titles})", advice)
