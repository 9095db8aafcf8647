"""Location effects are shrunk and smooth, and never contain the target of their own row."""

from typing import Any

import numpy as np
import pytest

from londonpump.models.location_effect import (
    CLIP_S,
    SMOOTHINGS,
    LocationEffect,
    cell_keys,
    fit_location_effect,
)
from londonpump.models.response_training import LOCATION_FOLDS, fold_of

PAIR, _, PLACE = SMOOTHINGS


def scattered(n=300, seed=1):
    rng = np.random.default_rng(seed)
    easting_m, northing_m = rng.uniform(529_000, 531_000, n), rng.uniform(180_000, 182_000, n)
    return rng.integers(-1, 3, n), easting_m, northing_m, rng.normal(0, 60, n), rng.integers(0, n // 2, n)


def fitted(smoothing, residual_s, fold, where):
    return fit_location_effect(smoothing, cell_keys(smoothing, *where), residual_s, fold)


@pytest.mark.parametrize("smoothing", SMOOTHINGS, ids=lambda s: s.name)
def test_a_run_never_sees_its_own_answer_nor_its_incidents(smoothing):
    *where, residual_s, incident = scattered()
    fold = fold_of(incident, LOCATION_FOLDS, 1)
    _, before = fitted(smoothing, residual_s, fold, where)
    for row in range(0, 300, 30):
        changed = residual_s.copy()
        changed[incident == incident[row]] += 200.0
        _, after = fitted(smoothing, changed, fold, where)
        assert (after[fold == fold[row]] == before[fold == fold[row]]).all()


def test_other_runs_do_see_it():
    *where, residual_s, incident = scattered()
    fold = fold_of(incident, LOCATION_FOLDS, 1)
    changed = residual_s.copy()
    changed[0] += 200.0
    differs = fitted(PLACE, changed, fold, where)[1] != fitted(PLACE, residual_s, fold, where)[1]
    assert differs.any()
    assert not differs[fold == fold[0]].any()


def test_an_incident_lies_whole_in_one_fold():
    incident = np.random.default_rng(2).integers(0, 500, 3000)
    fold = fold_of(incident, 5, 3)
    assert set(fold.tolist()) == {0, 1, 2, 3, 4}
    assert all(len(set(fold[incident == i].tolist())) == 1 for i in set(incident.tolist()))


def test_the_same_seed_folds_alike_and_another_does_not():
    incident = np.arange(200)
    assert (fold_of(incident, 5, 3) == fold_of(incident, 5, 3)).all()
    assert (fold_of(incident, 5, 3) != fold_of(incident, 5, 4)).any()


def test_where_no_run_was_seen_nothing_is_added():
    *where, residual_s, incident = scattered()
    effect, _ = fitted(PLACE, residual_s, fold_of(incident, 5, 1), where)
    far = effect(np.array([1, -1]), np.array([400_000.0, 0.0]), np.array([100_000.0, 1_250_000.0]))
    assert far.tolist() == [0.0, 0.0]


def test_few_runs_are_believed_less_than_many():
    where: tuple[Any, ...] = (np.zeros(41, np.int64), np.full(41, 530_050.0), np.full(41, 180_050.0))
    fold = np.arange(41) % 5
    one = fit_location_effect(PLACE, cell_keys(PLACE, *(w[:1] for w in where)), np.full(1, 70.0), fold[:1])[0]
    many = fit_location_effect(PLACE, cell_keys(PLACE, *where), np.full(41, 70.0), fold)[0]
    assert one(*(w[:1] for w in where))[0] == pytest.approx(70 / (1 + PLACE.shrink), abs=0.06)
    assert many(*(w[:1] for w in where))[0] == pytest.approx(70 * 41 / (41 + PLACE.shrink), abs=0.06)


def test_a_wild_answer_weighs_no_more_than_the_clip():
    where = (np.zeros(1, np.int64), np.array([530_050.0]), np.array([180_050.0]))
    effect, _ = fitted(PLACE, np.array([1e6]), np.zeros(1, np.int64), where)
    assert effect(*where)[0] <= CLIP_S


def test_stations_keep_their_runs_apart():
    where = (np.array([0, 1]), np.full(2, 530_050.0), np.full(2, 180_050.0))
    pair, _ = fitted(PAIR, np.array([70.0, -70.0]), np.array([0, 1]), where)
    east, north = where[1][:1], where[2][:1]
    assert pair(np.array([0]), east, north)[0] == -pair(np.array([1]), east, north)[0] > 0


@pytest.mark.parametrize("smoothing", SMOOTHINGS, ids=lambda s: s.name)
def test_stored_and_read_it_answers_the_same(smoothing):
    *where, residual_s, incident = scattered()
    effect, _ = fitted(smoothing, residual_s, fold_of(incident, 5, 1), where)
    again = LocationEffect.from_arrays(effect.smoothing.name, effect.to_arrays())
    assert (again(*where) == effect(*where)).all()


def test_nothing_to_learn_from_answers_nothing():
    nothing = (np.empty(0, np.int64), np.empty(0), np.empty(0))
    effect, own = fitted(PLACE, np.empty(0), np.empty(0, np.int64), nothing)
    assert own.shape == (0,)
    assert effect(np.array([1]), np.array([530_000.0]), np.array([180_000.0])).tolist() == [0.0]
