"""The fallbacks of a bundle: which columns it reads, what it imputes, and how it labels that."""

import numpy as np
import pytest

from londonpump.domain.json_values import from_json, to_json
from londonpump.domain.stations import open_stations
from londonpump.features.dispatches import Dispatches
from londonpump.features.ground_lookup import fit_ground
from londonpump.models.fitted_context import NO_CONTEXT, WEEK, FittedContext, fit_context

NOWHERE = fit_ground(np.empty(0), np.empty(0), np.empty(0, object), open_stations())
N = 8_000
FOLD = np.arange(N) % 5
HOUR_US = 3_600_000_000
FIRST_US = 1_672_617_600_000_000
"""Monday 2 January 2023."""
BUSY = np.arange(WEEK) % 24 // 12


def runs_of(n: int = N, /, **columns: object) -> Dispatches:
    hour = np.arange(n) % WEEK
    east_m = 530_000 + np.arange(n) % 3_000
    return Dispatches(
        {
            "mobilised_us": FIRST_US + hour * HOUR_US,
            "station_easting_m": np.full(n, 528_000.0),
            "station_northing_m": np.full(n, 182_000.0),
            "easting_m": east_m.astype(float),
            "northing_m": np.full(n, 182_000.0),
            **{name: np.array(values) for name, values in columns.items()},
        },
        NOWHERE,
    )


def busy_s() -> np.ndarray:
    draw = np.random.default_rng(2).normal(0, 0.1, N)
    return 200.0 * (1 + 0.3 * BUSY[np.arange(N) % WEEK]) * np.exp(draw)


def some(share: float, value: float) -> np.ndarray:
    """(N,) the value in a share of the rows."""
    return np.where(np.arange(N) < share * N, value, np.nan)


def test_without_any_context_nothing_is_read_and_nothing_changes() -> None:
    context, whole = fit_context(runs_of(), FOLD)
    assert context.reads == frozenset()
    assert set(context.card().values()) == {"missing"}
    assert np.isnan(whole.number("temp_c")).all()
    dispatches = runs_of(3)
    assert NO_CONTEXT.completed(dispatches) is dispatches


def test_weather_that_half_of_the_runs_know_is_read_and_its_gaps_are_the_climate() -> None:
    context, whole = fit_context(runs_of(temp_c=some(0.5, 7.0)), FOLD)
    assert context.card()["weather"] == "read"
    assert whole.number("temp_c") == pytest.approx(np.full(N, 7.0))


def test_weather_that_fewer_know_is_not_read_at_all() -> None:
    context, whole = fit_context(runs_of(temp_c=some(0.49, 7.0)), FOLD)
    assert context.card()["weather"] == "missing"
    assert np.isnan(whole.number("temp_c")).all()


def test_congestion_is_learnt_from_travel_times_where_nobody_observed_it() -> None:
    context, whole = fit_context(runs_of(travel_s=busy_s()), FOLD)
    assert context.card()["congestion"] == "travel times"
    rate = whole.number("congestion_rate")
    busy = BUSY[np.arange(N) % WEEK] == 1
    assert rate[busy].mean() - rate[~busy].mean() > 0.15


def test_a_training_run_has_the_congestion_of_others_and_a_later_run_that_of_all() -> None:
    dispatches = runs_of(travel_s=busy_s())
    context, whole = fit_context(dispatches, FOLD)
    assert (
        np.abs(
            whole.number("congestion_rate") - context.completed(dispatches).number("congestion_rate")
        ).max()
        > 0
    )


def test_what_is_observed_of_traffic_goes_before_travel_times() -> None:
    context, whole = fit_context(runs_of(travel_s=busy_s(), congestion_rate=some(0.6, 0.25)), FOLD)
    assert context.card()["congestion"] == "observed"
    assert whole.number("congestion_rate") == pytest.approx(np.full(N, 0.25), abs=1e-3)


def test_a_model_of_the_profile_takes_no_observation_later() -> None:
    context, _ = fit_context(runs_of(travel_s=busy_s()), FOLD)
    stated = context.completed(runs_of(5, congestion_rate=np.full(5, 0.9)))
    assert (stated.number("congestion_rate") < 0.5).all()
    assert "congestion_rate" not in context.takes
    assert list(context.imputation_flags(runs_of(1, congestion_rate=np.full(1, 0.9)))) == [
        ["congestion_rate=profile"]
    ]


def test_a_model_of_observations_takes_one_later_and_the_profile_else() -> None:
    context, _ = fit_context(runs_of(congestion_rate=np.full(N, 0.25)), FOLD)
    later = runs_of(2, congestion_rate=np.array([0.9, np.nan]))
    assert context.completed(later).number("congestion_rate") == pytest.approx([0.9, 0.25])
    assert list(context.imputation_flags(later)) == [[], ["congestion_rate=profile"]]


def test_each_stand_in_is_labelled_with_what_it_is() -> None:
    known_context = {"temp_c": 5.0, "is_school_holiday": 0.0, "is_working_day": 1.0}
    context, _ = fit_context(runs_of(**{name: np.full(N, v) for name, v in known_context.items()}), FOLD)
    assert list(context.imputation_flags(runs_of(1))) == [
        ["temp_c=climate", "is_school_holiday=unknown", "is_working_day=default"]
    ]
    assert list(
        context.imputation_flags(runs_of(1, **{name: np.array([v]) for name, v in known_context.items()}))
    ) == [[]]


def test_a_working_day_that_nobody_states_is_the_librarys_and_a_school_holiday_stays_unknown() -> None:
    known_context = {"is_school_holiday": np.zeros(N), "is_working_day": np.ones(N)}
    context, _ = fit_context(runs_of(**known_context), FOLD)
    whole = context.completed(runs_of(25))
    # 2 January 2023 was a bank holiday
    assert whole.number("is_working_day").tolist() == [0.0] * 24 + [1.0]
    assert np.isnan(whole.number("is_school_holiday")).all()


def test_completing_twice_is_completing_once() -> None:
    context, _ = fit_context(runs_of(travel_s=busy_s(), temp_c=some(0.9, 7.0)), FOLD)
    once = context.completed(runs_of(30))
    twice = context.completed(once)
    for name in context.reads:
        np.testing.assert_array_equal(once.number(name), twice.number(name))


def test_only_what_the_features_look_at_is_kept() -> None:
    context, _ = fit_context(runs_of(temp_c=some(1, 7.0), wind_kmh=some(1, 9.0), travel_s=busy_s()), FOLD)
    kept = context.of(frozenset({"temp_c", "hour"}))
    assert kept.reads == {"temp_c"}
    assert set(kept.climate.means) == {"temp_c"}
    assert kept.congestion is None


def test_stored_and_read_it_is_the_same() -> None:
    context, _ = fit_context(runs_of(temp_c=some(1, 7.0), travel_s=busy_s()), FOLD)
    assert to_json(from_json(FittedContext, to_json(context))) == to_json(context)
