"""Issue 11, C4: on which days records are complete is decided by month, and by days within a month."""

from datetime import date, timedelta

import numpy as np
import pytest

from londonpump.domain.completeness import (
    complete_days,
    consecutive_spans,
    days_of_recorded_months,
    known_rate_per_day,
)

START, SAMPLE_SHARE = date(2023, 1, 1), 0.3
FULL = known_rate_per_day(2023)


def incidents(first: date, last: date, share: float = 1.0) -> dict[date, int]:
    """A share of London's incidents by day, as uneven as real days are."""
    rng = np.random.default_rng(first.toordinal())
    days = (first + timedelta(days=n) for n in range((last - first).days + 1))
    return {day: round(share * FULL * rng.uniform(0.7, 1.3)) for day in days}


def test_a_month_that_is_a_sample_is_left_out_and_the_month_before_it_is_not() -> None:
    records = incidents(START, date(2023, 1, 31)) | incidents(
        date(2023, 2, 1), date(2023, 2, 28), SAMPLE_SHARE
    )
    assert consecutive_spans(complete_days(records)) == [(START, date(2023, 1, 31))]


def test_a_gap_between_two_complete_months_makes_neither_a_sample() -> None:
    records = incidents(START, date(2023, 1, 31)) | incidents(date(2023, 6, 1), date(2023, 6, 30))
    assert consecutive_spans(complete_days(records)) == [
        (START, date(2023, 1, 31)),
        (date(2023, 6, 1), date(2023, 6, 30)),
    ]


def test_records_that_start_and_end_within_a_month_are_complete_there() -> None:
    records = incidents(date(2023, 1, 15), date(2023, 3, 4))
    assert consecutive_spans(complete_days(records)) == [(date(2023, 1, 15), date(2023, 3, 4))]


@pytest.mark.parametrize("cut", [9, 14, 20])
def test_a_month_of_which_a_part_is_a_sample_is_complete_in_the_other_part(cut: int) -> None:
    records = incidents(START, date(2023, 1, cut)) | incidents(
        date(2023, 1, cut + 1), date(2023, 1, 31), SAMPLE_SHARE
    )
    ((first, last),) = consecutive_spans(complete_days(records))
    assert first == START
    assert date(2023, 1, cut - 2) <= last <= date(2023, 1, cut)


def test_the_last_day_cut_off_in_the_morning_is_not_complete_and_the_day_before_is() -> None:
    records = incidents(START, date(2023, 1, 20)) | {date(2023, 1, 21): round(0.2 * FULL)}
    assert complete_days(records)[-1] == date(2023, 1, 20)


def test_a_day_that_is_missing_within_a_month_divides_it() -> None:
    records = incidents(START, date(2023, 1, 31))
    del records[date(2023, 1, 11)]
    assert [span[0] for span in consecutive_spans(complete_days(records))] == [START, date(2023, 1, 12)]


def test_a_storm_of_a_day_does_not_make_a_sample_complete() -> None:
    records = incidents(date(2021, 7, 1), date(2021, 7, 31), SAMPLE_SHARE)
    records[date(2021, 7, 12)] = round(SAMPLE_SHARE * 1_058)
    assert complete_days(records) == []


def test_a_storm_of_a_day_does_not_make_half_of_the_incidents_complete() -> None:
    records = incidents(date(2023, 2, 1), date(2023, 2, 28), 0.5)
    records[date(2023, 2, 10)] = round(1.5 * FULL)
    assert complete_days(records) == []


def test_two_days_of_storm_at_the_end_of_a_sample_do_not_make_the_days_before_complete() -> None:
    records = incidents(date(2023, 2, 1), date(2023, 2, 28), SAMPLE_SHARE)
    records |= {date(2023, 2, 27): round(3 * FULL), date(2023, 2, 28): round(3 * FULL)}
    assert complete_days(records) == []


def test_a_day_of_which_a_good_half_is_there_is_not_complete() -> None:
    records = incidents(START, date(2023, 1, 31)) | {date(2023, 1, 17): round(0.55 * FULL)}
    assert consecutive_spans(complete_days(records)) == [
        (START, date(2023, 1, 16)),
        (date(2023, 1, 18), date(2023, 1, 31)),
    ]


def test_a_storm_of_a_day_does_not_make_the_quiet_days_around_it_incomplete() -> None:
    records = incidents(date(2021, 7, 1), date(2021, 7, 31)) | {date(2021, 7, 12): 1_058}
    assert len(complete_days(records)) == 31


def test_records_stated_as_complete_are_so_on_every_day_but_in_months_without_any() -> None:
    stated = days_of_recorded_months({date(2023, 1, 5): 1, date(2023, 1, 9): 2, date(2023, 3, 2): 1})
    assert consecutive_spans(stated) == [
        (date(2023, 1, 5), date(2023, 1, 31)),
        (date(2023, 3, 1), date(2023, 3, 2)),
    ]


def test_no_record_is_no_complete_day() -> None:
    assert complete_days({}) == []
