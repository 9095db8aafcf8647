"""Drift: what is found, how soon, and how seldom something is found in stable data."""

from dataclasses import replace

import numpy as np
import pytest
from support.simulated_years import FIRST_DAY, LOCAL, StableYears, stable_years

from londonpump.domain.errors import TooFewRows
from londonpump.evaluation.drift.detection import Drift, MonitoredInput, Span, find_drift
from londonpump.evaluation.drift.thresholds import (
    NOT_KNOWN,
    OTHER,
    DriftMeasure,
    Expected,
    daily_counts,
    fit_bins,
)
from londonpump.features.observations import day_of

TWO_YEARS = 730
LAST_TRAINING_DAY = FIRST_DAY + TWO_YEARS - 1
SHIFT_DAY = LAST_TRAINING_DAY + 31
FIRE, DOMESTIC = 0, 1


def span_to(last: int) -> Span:
    return Span(FIRST_DAY, LAST_TRAINING_DAY, last)


def drift_of(years: StableYears, name: str, last: int) -> Drift:
    found = find_drift(years.watched(), span_to(last))
    return next(one for one in found.inputs if one.name == name)


@pytest.fixture(scope="module")
def three_years() -> StableYears:
    return stable_years(TWO_YEARS + 365, seed=1)


@pytest.mark.long
def test_stable_years_raise_an_alarm_a_year_or_less() -> None:
    seeds = range(2, 6)
    starts = [
        one.starts
        for seed in seeds
        for one in find_drift(
            stable_years(TWO_YEARS + 365, seed).watched(), span_to(FIRST_DAY + TWO_YEARS + 364)
        ).inputs
    ]
    assert sum(map(len, starts)) <= len(seeds)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("one", "other"), [(FIRE, LOCAL), (LOCAL, DOMESTIC), (DOMESTIC, FIRE)])
def test_five_points_of_the_mix_of_calls_are_found_within_two_weeks(seed: int, one: int, other: int) -> None:
    years = stable_years(TWO_YEARS + 60, seed=100 + seed)
    shifted = years.with_incident_types_moved(0.05, SHIFT_DAY, one, other, seed)
    assert drift_of(shifted, "incident_type", SHIFT_DAY + 13).is_drifting


def test_what_moved_most_is_told_with_what_it_should_be(three_years: StableYears) -> None:
    shifted = three_years.with_incident_types_moved(0.08, SHIFT_DAY, FIRE, LOCAL, 1)
    moved = drift_of(shifted, "incident_type", SHIFT_DAY + 13).shifted
    assert {moved[0].bin, moved[1].bin} == {"Fire", "Local Emergencies"}


def test_its_effect_is_the_share_of_rows_that_lie_elsewhere(three_years: StableYears) -> None:
    shifted = three_years.with_incident_types_moved(0.10, SHIFT_DAY, FIRE, LOCAL, 1)
    assert drift_of(shifted, "incident_type", SHIFT_DAY + 13).effect == pytest.approx(0.10, abs=0.025)


def test_a_source_that_falls_silent_is_found_within_a_week(three_years: StableYears) -> None:
    silent = replace(three_years, temp_c=np.where(three_years.day >= SHIFT_DAY, np.nan, three_years.temp_c))
    assert drift_of(silent, "temp_c", SHIFT_DAY + 6).is_drifting


def test_it_says_since_when(three_years: StableYears) -> None:
    silent = replace(three_years, temp_c=np.where(three_years.day >= SHIFT_DAY, np.nan, three_years.temp_c))
    since = drift_of(silent, "temp_c", SHIFT_DAY + 60).since
    assert since is not None
    assert day_of(SHIFT_DAY) < since <= day_of(SHIFT_DAY + 6)


def test_drift_that_is_over_is_over(three_years: StableYears) -> None:
    was_silent = (three_years.day >= SHIFT_DAY) & (three_years.day < SHIFT_DAY + 10)
    years = replace(three_years, temp_c=np.where(was_silent, np.nan, three_years.temp_c))
    assert not drift_of(years, "temp_c", SHIFT_DAY + 40).is_drifting


def test_one_day_of_storm_is_no_drift(three_years: StableYears) -> None:
    is_storm = (three_years.day == SHIFT_DAY) & (three_years.incident_type == FIRE)
    years = replace(three_years, incident_type=np.where(is_storm, LOCAL, three_years.incident_type))
    assert not drift_of(years, "incident_type", SHIFT_DAY + 5).is_drifting


def test_a_reference_under_a_year_knows_no_season() -> None:
    years = stable_years(160, seed=1)
    found = find_drift(years.watched(), Span(FIRST_DAY, FIRST_DAY + 119, FIRST_DAY + 159))
    assert not found.has_season


@pytest.mark.parametrize(("training_days", "later"), [(30, 60), (100, 5)])
def test_too_few_days_are_refused(training_days: int, later: int) -> None:
    years = stable_years(training_days + later, seed=1)
    with pytest.raises(TooFewRows, match="needed"):
        find_drift(
            years.watched(),
            Span(FIRST_DAY, FIRST_DAY + training_days - 1, FIRST_DAY + training_days + later - 1),
        )


def test_a_window_of_few_rows_is_not_judged() -> None:
    years = stable_years(TWO_YEARS + 40, seed=1)
    is_kept = (years.day <= LAST_TRAINING_DAY) | (np.arange(len(years.day)) % 50 == 0)
    few = StableYears(**{name: values[is_kept] for name, values in vars(years).items()})
    assert drift_of(few, "hour", LAST_TRAINING_DAY + 40).effect is None


def test_the_same_rows_give_the_same_answer(three_years: StableYears) -> None:
    assert find_drift(three_years.watched(), span_to(SHIFT_DAY)) == find_drift(
        three_years.watched(), span_to(SHIFT_DAY)
    )


def test_a_category_that_nobody_knew_is_counted_among_the_others() -> None:
    bins = fit_bins(np.array(["a", "b", "a", "b"], object), DriftMeasure.MIX)
    assert [bins.names[i] for i in bins.index(np.array(["a", "new", None], object))] == [
        "a",
        OTHER,
        NOT_KNOWN,
    ]


def test_numbers_are_binned_by_tenths_of_the_reference() -> None:
    values = np.arange(1000.0)
    bins = fit_bins(values, DriftMeasure.SPREAD)
    assert np.bincount(bins.index(values)).tolist() == [100] * 10


def test_an_input_that_is_never_known_has_one_bin_for_it() -> None:
    nothing = np.full(3, np.nan)
    bins = fit_bins(nothing, DriftMeasure.SPREAD)
    assert [bins.names[i] for i in bins.index(nothing)] == [NOT_KNOWN] * 3


def test_rows_of_other_days_are_not_counted() -> None:
    counts = daily_counts(np.array([9, 10, 11, 12]), np.zeros(4, np.int64), np.array([10, 11]), 1)
    assert counts.tolist() == [[1.0], [1.0]]


def test_the_season_is_not_taken_for_drift() -> None:
    days = np.arange(3 * 365)
    share = 0.05 + 0.03 * np.cos(2 * np.pi * days / 365.25)
    counts = 1000 * np.stack([share, 1 - share], axis=1)
    expected = Expected.of(days[:730], counts[:730].sum(axis=1))
    later = expected.shares_on(days[730:], counts[:730])
    assert np.abs(later[:, 0] - share[730:]).max() < 1e-6


def test_an_unknown_input_of_the_reference_that_is_known_later_is_found() -> None:
    years = stable_years(TWO_YEARS + 40, seed=3)
    temp_c = np.where(years.day <= LAST_TRAINING_DAY, np.nan, years.temp_c)
    watched = [MonitoredInput("temp_c", DriftMeasure.KNOWN, temp_c, years.day)]
    assert find_drift(watched, span_to(LAST_TRAINING_DAY + 40)).inputs[0].is_drifting
