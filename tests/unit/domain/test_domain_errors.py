"""The tree of errors: what happened, to what, what to do next."""

import pytest

from londonpump.domain.attendance_targets import LATENESS_LIMITS_S, MAX_PUBLISHED_S
from londonpump.domain.errors import BadFile, BadSetting, BadValue, LondonPumpError, TooFewRows


@pytest.mark.parametrize(
    "error", [BadFile("a", "b", "c"), BadSetting("a", "b", "c"), BadValue("a", 1, "c"), TooFewRows("a")]
)
def test_every_error_is_one_a_person_can_mend(error):
    assert isinstance(error, LondonPumpError)


def test_a_bad_file_names_the_file_the_problem_and_the_way_out():
    error = BadFile("calls.csv", "no column easting_m", "Add it.")
    assert str(error) == "calls.csv: no column easting_m. Add it."
    assert (error.file, error.problem, error.advice) == ("calls.csv", "no column easting_m", "Add it.")


def test_a_bad_value_names_the_column_and_the_value():
    error = BadValue("station_code", "Z99", "no such station")
    assert str(error) == "station_code 'Z99': no such station"
    assert (error.column, error.value, error.problem) == ("station_code", "Z99", "no such station")


def test_lateness_is_counted_from_six_to_twelve_minutes_within_what_is_published():
    assert LATENESS_LIMITS_S == (360, 480, 600, 720)
    assert max(LATENESS_LIMITS_S) < MAX_PUBLISHED_S
