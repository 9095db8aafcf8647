"""The number of incidents that the Brigade attends, and the days on which records are complete.

Source: LFB incident records by year (facts, 1.3); for 2009 to 2013 only the total is known.
"""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from itertools import groupby
from statistics import median

INCIDENTS_PER_YEAR = {
    **dict.fromkeys(range(2009, 2014), 117_203),
    2014: 96_079,
    2015: 97_831,
    2016: 104_838,
    2017: 103_514,
    2018: 105_974,
    2019: 105_010,
    2020: 98_568,
    2021: 109_577,
    2022: 125_392,
    2023: 126_114,
    2024: 134_117,
    2025: 137_957,
}
COMPLETE_SHARE = 0.6
"""Records with fewer incidents per day than this share of the year's known rate are a sample."""
DAYS_PER_YEAR = 365.25
WINDOW_DAYS = 7
"""Each day is compared together with the recorded days around it."""
MAX_SHARE_OF_MEDIAN = 1.25
"""A day counts at most this many times the median of the days around it, so that a storm does not make a sample
look complete."""
MIN_SHARE_OF_USUAL = 0.65
"""A day with fewer incidents than this share of the month's median complete day is missing in part. The quietest
day of January and February 2017 has 0.75."""


def known_rate_per_day(year: int) -> float:
    """Return the incidents per day of a year; outside 2009 to 2025 those of the nearest known year."""
    nearest = min(INCIDENTS_PER_YEAR, key=lambda known: abs(known - year))
    return INCIDENTS_PER_YEAR[nearest] / DAYS_PER_YEAR


def complete_days(incidents: Mapping[date, int]) -> list[date]:
    """Return the days, in order, for which the records hold every incident.

    Each calendar month is checked by itself, because records are published and joined by month.
    Args: incidents: the number per day, for each day that has any.
    """
    months = groupby(sorted(incidents), lambda day: (day.year, day.month))
    return [day for _, days in months for day in _complete_days_of_month(list(days), incidents)]


def _complete_days_of_month(days: list[date], incidents: Mapping[date, int]) -> list[date]:
    min_per_day = COMPLETE_SHARE * known_rate_per_day(days[0].year)
    dense = []
    for index, day in enumerate(days):
        first = max(0, min(index - WINDOW_DAYS // 2, len(days) - WINDOW_DAYS))
        window_counts = [incidents[neighbour] for neighbour in days[first : first + WINDOW_DAYS]]
        # The cap keeps one storm day from making a sample look complete.
        cap = MAX_SHARE_OF_MEDIAN * median(window_counts)
        if sum(min(n, cap) for n in window_counts) >= min_per_day * len(window_counts):
            dense.append(day)
    usual = median(incidents[day] for day in dense) if dense else 0
    return [day for day in dense if incidents[day] >= MIN_SHARE_OF_USUAL * usual]


def days_of_recorded_months(incidents: Mapping[date, int]) -> list[date]:
    """Return every day from the first record to the last, in order, but for months without any record."""
    first, last = min(incidents), max(incidents)
    months = {(day.year, day.month) for day in incidents}
    days = (first + timedelta(days=n) for n in range((last - first).days + 1))
    return [day for day in days if (day.year, day.month) in months]


def consecutive_spans(days: Iterable[date]) -> list[tuple[date, date]]:
    """Return the first and last day of each unbroken run of days, in order."""
    ordered = sorted(days)
    groups = groupby(enumerate(ordered), lambda pair: pair[1].toordinal() - pair[0])
    return [(span[0][1], span[-1][1]) for span in (list(group) for _, group in groups)]
