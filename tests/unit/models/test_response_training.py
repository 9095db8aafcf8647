"""The distribution is fitted out of sample, half without incident type, and wider where errors are large."""

import numpy as np
import pytest

from londonpump.domain.stations import open_stations
from londonpump.features.catalogue import FEATURES, usable
from londonpump.features.dispatches import Dispatches
from londonpump.features.ground_lookup import fit_ground
from londonpump.models import boosters
from londonpump.models.response_time_model import BaseCurve, design, fit_base_curve
from londonpump.models.response_training import (
    LARGE,
    SMALL,
    SMALL_ROWS,
    TrainingDispatches,
    fit_response_time,
    fit_with_errors,
    hidden,
    hyperparameters_for,
)

TRUTH_S = np.array([70.0, 120.0, 55.0, 3.0, 12.0, -4.0, 2.0, -10.0, 0.0])
INCIDENT_TYPES = ("Fire", "Domestic Incidents", "Local Emergencies")


def silent(doing, share):
    pass


def made_runs(n, seed):
    """n runs of four stations on random days to places within 4 km."""
    rng = np.random.default_rng(seed)
    stations = open_stations()[:4]
    which = rng.integers(0, 4, n)
    location = np.array([[s.easting_m, s.northing_m] for s in stations])[which]
    columns = {
        "mobilised_us": 1_672_531_200_000_000 + rng.integers(0, 365 * 24 * 60, n) * 60_000_000,
        "station_code": np.array([s.code for s in stations], object)[which],
        "station_easting_m": location[:, 0],
        "station_northing_m": location[:, 1],
        "easting_m": location[:, 0] + rng.uniform(-4000, 4000, n),
        "northing_m": location[:, 1] + rng.uniform(-4000, 4000, n),
        "incident_type": np.array(INCIDENT_TYPES, object)[rng.integers(0, 3, n)],
    }
    nowhere = np.empty(0)
    return Dispatches(columns, fit_ground(nowhere, nowhere, np.empty(0, object), open_stations()))


@pytest.fixture(scope="module")
def trained_with_errors():
    """(model, dispatches after the training rows, their times, errors out of fold): noise grows with distance."""
    dispatches, later = made_runs(3000, 1), made_runs(3000, 2)
    answers = []
    for seed, part in ((3, dispatches), (4, later)):
        noise = np.random.default_rng(seed).normal(0, 1, part.n) * (15 + part.distance_m / 60)
        answers.append(np.clip(design(part) @ TRUTH_S + noise, 1, 1200))
    training = TrainingDispatches(
        dispatches, answers[0], np.arange(dispatches.n), dispatches.columns["mobilised_us"]
    )
    model, error_s = fit_with_errors(training, usable(dispatches, FEATURES), 1, silent)
    return model, later, answers[1], error_s


@pytest.fixture(scope="module")
def trained(trained_with_errors):
    return trained_with_errors[:3]


def test_errors_out_of_fold_are_as_large_as_those_of_later_runs(trained_with_errors) -> None:
    model, later, actual_s, error_s = trained_with_errors
    later_s = actual_s - model(later).quantile(0.5)
    assert np.abs(error_s).mean() == pytest.approx(np.abs(later_s).mean(), rel=0.05)
    assert np.median(error_s) == pytest.approx(0, abs=2)


def test_intervals_cover_what_they_claim_on_runs_never_seen(trained) -> None:
    model, later, actual_s = trained
    times = model(later)
    for share in (0.5, 0.8, 0.9):
        low, high = (times.quantile(p) for p in ((1 - share) / 2, (1 + share) / 2))
        assert np.mean((low <= actual_s) & (actual_s <= high)) == pytest.approx(share, abs=0.03)


def test_the_chance_of_being_late_comes_true(trained) -> None:
    model, later, actual_s = trained
    for threshold_s in (360, 480):
        p_late = model(later).p_over(threshold_s)
        assert p_late.mean() == pytest.approx(np.mean(actual_s > threshold_s), abs=0.02)


def test_it_is_less_sure_where_errors_are_larger(trained) -> None:
    model, later, _ = trained
    times = model(later)
    width_s = times.quantile(0.9) - times.quantile(0.1)
    near, far = later.distance_m < 1000, later.distance_m > 3500
    assert width_s[far].mean() > 1.5 * width_s[near].mean()


def test_the_same_runs_and_seed_teach_the_same_trees() -> None:
    dispatches = made_runs(600, 5)
    seconds = design(dispatches) @ TRUTH_S
    training = TrainingDispatches(dispatches, seconds, np.arange(600), dispatches.columns["mobilised_us"])
    texts = [
        boosters.to_bytes(fit_response_time(training, FEATURES[:13], seed, silent).centre[0])
        for seed in (1, 1, 2)
    ]
    assert texts[0] == texts[1] != texts[2]


def test_the_curve_finds_what_made_the_times() -> None:
    dispatches = made_runs(4000, 6)
    found = fit_base_curve(dispatches, design(dispatches) @ TRUTH_S)
    np.testing.assert_allclose(found(dispatches), design(dispatches) @ TRUTH_S, atol=0.05)


def test_one_wild_time_in_a_hundred_hardly_moves_the_curve() -> None:
    dispatches = made_runs(4000, 6)
    seconds = design(dispatches) @ TRUTH_S
    wild = seconds.copy()
    wild[::100] = 1200.0
    assert np.abs(fit_base_curve(dispatches, wild)(dispatches) - seconds).max() < 5.0


def test_the_parts_of_the_curve_add_up_to_it() -> None:
    dispatches = made_runs(200, 7)
    curve = BaseCurve(TRUTH_S)
    *parts, constant_s = curve.parts(dispatches)
    np.testing.assert_allclose(np.sum(parts, axis=0) + constant_s, curve(dispatches), atol=1e-9)


def test_half_of_the_calls_are_learnt_without_their_kind_and_other_columns_stay() -> None:
    names = ("distance_m", "incident_type", "property_category", "address_qualifier")
    table = np.ones((10_000, 4))
    masked = hidden(table, names, seed=1)
    assert np.isnan(masked[:, 1]).mean() == pytest.approx(0.5, abs=0.02)
    assert np.isnan(masked[:, 2]).mean() == pytest.approx(0.1, abs=0.01)
    assert (np.isnan(masked[:, 2]) == np.isnan(masked[:, 3])).all()
    assert (masked[:, 0] == 1).all()
    assert (table == 1).all()


def test_a_table_without_a_kind_of_call_is_left_as_it_is() -> None:
    assert (hidden(np.ones((50, 1)), ("distance_m",), seed=1) == 1).all()


def test_large_records_are_learnt_with_less_care_a_row() -> None:
    assert hyperparameters_for(SMALL_ROWS) is SMALL
    assert hyperparameters_for(SMALL_ROWS + 1) is LARGE


def test_a_booster_is_the_same_after_a_trip_as_text() -> None:
    rng = np.random.default_rng(1)
    table, target = rng.normal(size=(500, 3)), rng.normal(size=500)
    booster = boosters.train(table, target, ("a", "b", "c"), {"num_trees": 5, "seed": 1})
    text = boosters.to_bytes(booster)
    again = boosters.from_bytes(text)
    assert boosters.to_bytes(again) == text
    assert (boosters.predict(again, table) == boosters.predict(booster, table)).all()
