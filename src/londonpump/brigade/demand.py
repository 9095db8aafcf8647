"""How many incidents the Brigade attends: what a complete stream looks like.

Source: LFB incident records by year (facts, 1.3); 2009 to 2013 are known together only.
"""

INCIDENTS_OF_YEAR = {
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
"""Fewer incidents a day than this share of the year's known rate: a sample, not a stream."""
DAYS_A_YEAR = 365.25


def known_rate_a_day(year: int) -> float:
    """Incidents a day in a year; of the nearest known year outside 2009 to 2025."""
    nearest = min(INCIDENTS_OF_YEAR, key=lambda known: abs(known - year))
    return INCIDENTS_OF_YEAR[nearest] / DAYS_A_YEAR
