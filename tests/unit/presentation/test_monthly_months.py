"""Calendar months of London."""

from datetime import date

import numpy as np
import pytest

from londonpump.domain.errors import BadValue
from londonpump.presentation.monthly.inputs import EPOCH_DATE, Month


def test_a_month_is_read_as_it_is_written() -> None:
    assert Month.read("2017-02") == Month(2017, 2)


@pytest.mark.parametrize(
    "text", ["2017", "2017-13", "2017-00", "02-2017", "February", "0001-01", "9999-12", ""]
)
def test_what_is_no_month_is_refused(text: str) -> None:
    with pytest.raises(BadValue, match="not a month"):
        Month.read(text)


def test_the_month_before_january_is_december() -> None:
    assert Month(2017, 1).before == Month(2016, 12)


def test_the_month_after_december_is_january() -> None:
    assert Month(2016, 12).next == Month(2017, 1)


def test_february_has_its_leap_day() -> None:
    assert (Month(2024, 2).last_date, Month(2024, 2).days) == (date(2024, 2, 29), 29)


def test_it_holds_its_first_and_last_day_and_no_other() -> None:
    days = [
        (day - EPOCH_DATE).days
        for day in (date(2017, 1, 31), date(2017, 2, 1), date(2017, 2, 28), date(2017, 3, 1))
    ]
    assert Month(2017, 2).holds(np.array(days)).tolist() == [False, True, True, False]
