"""The number of pumps: valid probabilities from incident type, property and location."""

import json
from typing import Any

import numpy as np
import pytest

from londonpump.domain.stations import open_stations
from londonpump.features.dispatches import Dispatches
from londonpump.features.ground_lookup import fit_ground
from londonpump.models.npz import from_npz
from londonpump.models.pump_boosters import chances_from, choose, fit_weights, further_from
from londonpump.models.pump_count import PumpsModel, fit_pumps
from londonpump.models.pump_frequencies import BY_PROPERTY, encode, fit_frequencies, fit_vocabulary

HOUR_US = 3_600_000_000
JANUARY_2023_US = 1_672_531_200_000_000
TALL = "Purpose Built Flats/Maisonettes - 10 or more storeys"
SHARES = {
    ("Fire", "Dwelling", TALL): (0.15, 0.10, 0.05, 0.05, 0.65),
    ("Fire", "Dwelling", "House - single occupancy"): (0.15, 0.72, 0.09, 0.03, 0.01),
    ("Fire", "Non Residential", "Purpose built office"): (0.80, 0.17, 0.02, 0.01, 0.0),
    ("Fire", "Outdoor", "Grassland, pasture, grazing etc"): (0.82, 0.15, 0.02, 0.01, 0.0),
    ("Domestic Incidents", "Dwelling", TALL): (0.98, 0.02, 0.0, 0.0, 0.0),
    ("Domestic Incidents", "Dwelling", "House - single occupancy"): (0.99, 0.01, 0.0, 0.0, 0.0),
    ("Local Emergencies", "Road Vehicle", "Car"): (0.74, 0.22, 0.03, 0.01, 0.0),
}
"""Like the shares of 2023: only a fire in a tall block of flats gets five."""
STATED = ("incident_type", "property_category", "property_type", "address_qualifier")


def made_calls(n, seed):
    """(columns of n calls, pumps attending) drawn from SHARES."""
    rng = np.random.default_rng(seed)
    which = rng.integers(0, len(SHARES), n)
    incident_types = np.array(list(SHARES), object)[which]
    shares = np.array(list(SHARES.values()))[which]
    pumps = 1.0 + (rng.random((n, 1)) > np.cumsum(shares, axis=1)).sum(axis=1).clip(0, 4)
    columns = {
        "mobilised_us": JANUARY_2023_US + rng.integers(0, 24 * 365, n) * HOUR_US,
        "easting_m": rng.integers(5100, 5500, n) * 100.0 + 50.0,
        "northing_m": rng.integers(1650, 1950, n) * 100.0 + 50.0,
        **dict(zip(STATED, incident_types.T, strict=False)),
        "address_qualifier": np.full(n, "Correct incident location", object),
    }
    return columns, pumps


def as_runs(columns):
    nowhere = np.empty(0)
    return Dispatches(columns, fit_ground(nowhere, nowhere, np.empty(0, object), open_stations()))


def trained_model(n=3000, seed=7):
    columns, pumps = made_calls(n, seed=1)
    return fit_pumps(as_runs(columns), pumps, np.arange(n), seed)


def one_call(**given_columns):
    """A fire in a tall block of flats by day, except the given values."""
    call = {
        "mobilised_us": np.array([JANUARY_2023_US + 12 * HOUR_US]),
        "easting_m": np.array([530_050.0]),
        "northing_m": np.array([180_050.0]),
    }
    texts = dict(zip(STATED, ("Fire", "Dwelling", TALL, "Correct incident location"), strict=True))
    return as_runs(call | {name: np.array([text], object) for name, text in (texts | given_columns).items()})


def log_loss(probabilities, pumps):
    return -np.log(probabilities.probability[np.arange(len(pumps)), pumps.astype(int) - 1]).mean()


@pytest.fixture(scope="module")
def model():
    return trained_model()


@pytest.fixture(scope="module")
def later():
    return made_calls(4000, seed=2)


def test_chances_lie_between_0_and_1_and_sum_to_1(model, later):
    probabilities = model(as_runs(later[0]))
    assert probabilities.probability.shape == (4000, 5)
    assert (probabilities.probability > 0).all()
    assert (probabilities.probability < 1).all()
    assert probabilities.probability.sum(axis=1) == pytest.approx(1.0)
    assert set(np.unique(probabilities.chosen)) <= {1, 2, 3, 4, 5}


def test_a_fire_in_a_tall_block_of_flats_gets_five(model):
    answer = model(one_call())
    assert answer.chosen.tolist() == [5]
    assert answer.probability[0, 4] == pytest.approx(0.65, abs=0.12)


def test_a_lift_release_in_the_same_block_gets_one(model):
    assert model(one_call(incident_type="Domestic Incidents")).chosen.tolist() == [1]


def test_a_fire_in_a_house_gets_two(model):
    assert model(one_call(property_type="House - single occupancy")).chosen.tolist() == [2]


def test_a_property_type_never_seen_is_answered_like_its_category(model):
    new = model(one_call(property_category="Non Residential", property_type="Lighthouse"))
    office = model(one_call(property_category="Non Residential", property_type="Purpose built office"))
    assert new.chosen.tolist() == office.chosen.tolist() == [1]
    assert new.probability == pytest.approx(office.probability, abs=0.1)


@pytest.mark.parametrize(
    "hidden", [{"incident_type": None}, dict.fromkeys(STATED[1:]), dict.fromkeys(STATED)], ids=str
)
def test_what_is_not_stated_is_averaged_over(model, later, hidden):
    columns, pumps = later
    without = columns | {name: np.full(len(pumps), None, object) for name in hidden}
    probabilities = model(as_runs(without))
    shares = np.bincount(pumps.astype(int), minlength=6)[1:] / len(pumps)
    assert probabilities.probability.mean(axis=0) == pytest.approx(shares, abs=0.02)
    assert log_loss(probabilities, pumps) > log_loss(model(as_runs(columns)), pumps)


def test_the_chances_are_close_to_those_the_calls_were_drawn_from(model, later):
    columns, _ = later
    true = np.array([SHARES[key] for key in zip(*(columns[name] for name in STATED[:3]), strict=True)])
    assert np.abs(model(as_runs(columns)).probability - true).mean() < 0.03


@pytest.mark.long
def test_shuffled_answers_teach_nothing(later):
    columns, pumps = made_calls(3000, seed=1)
    shuffled = np.random.default_rng(0).permutation(pumps)
    untrained = fit_pumps(as_runs(columns), shuffled, np.arange(3000), 7)
    shares = np.bincount(pumps.astype(int), minlength=6)[1:] / len(pumps)
    constant = -np.log(shares[later[1].astype(int) - 1]).mean()
    assert log_loss(untrained(as_runs(later[0])), later[1]) == pytest.approx(constant, abs=0.02)
    assert log_loss(trained_model()(as_runs(later[0])), later[1]) < constant - 0.3


def test_files_bring_back_the_same_model(model, later):
    files = model.to_files()
    again = PumpsModel.from_files({"unrelated.json": b"{}", **files})
    before, after = model(as_runs(later[0])), again(as_runs(later[0]))
    assert np.array_equal(before.probability, after.probability)
    assert np.array_equal(before.chosen, after.chosen)
    assert again.to_files() == files


def test_files_are_json_native_text_and_numbers_only(model):
    reads: dict[str, Any] = {
        "txt": lambda content: content.decode().startswith("tree\n"),
        "json": json.loads,
        "npz": from_npz,
    }
    for name, content in model.to_files().items():
        assert reads[name.rpartition(".")[2]](content)


@pytest.mark.long
def test_the_same_seed_gives_the_same_bytes(model):
    assert trained_model().to_files() == model.to_files()
    assert trained_model(seed=8).to_files() != model.to_files()


def test_one_call_alone_is_answered_as_among_thousands(model, later):
    columns, _ = later
    together = model(as_runs(columns))
    alone = [model(as_runs({name: values[i : i + 1] for name, values in columns.items()})) for i in range(40)]
    assert np.array_equal(np.concatenate([a.probability for a in alone]), together.probability[:40])
    assert np.array_equal(np.concatenate([a.chosen for a in alone]), together.chosen[:40])


def test_a_call_outside_the_grid_is_answered(model):
    columns = one_call().columns | {"easting_m": np.array([-5000.0]), "northing_m": np.array([9e6])}
    assert model(as_runs(columns)).probability.sum() == pytest.approx(1.0)


def test_an_incident_counts_once_however_many_pumps_it_has():
    columns, pumps = made_calls(400, seed=3)
    rows = np.repeat(np.arange(400), pumps.astype(int))
    repeated = {name: values[rows] for name, values in columns.items()}
    once = fit_pumps(as_runs(columns), pumps, np.arange(400), 0)
    assert fit_pumps(as_runs(repeated), pumps[rows], rows, 0).to_files() == once.to_files()


def test_incidents_without_a_number_of_pumps_are_left_out():
    columns, pumps = made_calls(400, seed=3)
    known = {name: values[:300] for name, values in columns.items()}
    pumps[300:] = np.nan
    partly = fit_pumps(as_runs(columns), pumps, np.arange(400), 0)
    assert partly.to_files() == fit_pumps(as_runs(known), pumps[:300], np.arange(300), 0).to_files()


@pytest.mark.parametrize("n", [0, 1, 4, 60, 199])
def test_few_incidents_are_answered_by_the_table_alone(n):
    columns, pumps = made_calls(n, seed=4)
    small = fit_pumps(as_runs(columns), pumps, np.arange(n), 0)
    assert list(small.to_files()) == ["pumps.json", "tables.npz"]
    answer = small(one_call())
    assert answer.probability.sum() == pytest.approx(1.0)
    assert answer.probability == pytest.approx(small.tables[0](encode(one_call(), small.vocabulary)))
    assert answer.chosen.tolist() == [answer.probability.argmax() + 1]


def test_a_number_of_pumps_never_seen_keeps_a_small_chance():
    columns, pumps = made_calls(1000, seed=5)
    pumps[pumps > 2] = 2.0
    without = fit_pumps(as_runs(columns), pumps, np.arange(1000), 0)
    answer = without(one_call())
    assert answer.chosen.tolist() == [2]
    assert (answer.probability[0, 2:] > 0).all()
    assert (answer.probability[0, 2:] < 0.02).all()


def test_a_call_never_sees_its_own_answer_in_the_table_of_its_fold():
    columns, pumps = made_calls(200, seed=6)
    dispatches, fold = as_runs(columns), np.arange(200) % 5
    codes = encode(dispatches, fit_vocabulary(dispatches))
    number = pumps.astype(int)
    changed = np.where(fold == 2, 6 - number, number)
    before = fit_frequencies(BY_PROPERTY, codes, number, fold)
    after = fit_frequencies(BY_PROPERTY, codes, changed, fold)
    assert np.array_equal(before[1 + 2](codes), after[1 + 2](codes))
    assert not np.array_equal(before[0](codes), after[0](codes))


def test_a_share_is_the_count_pulled_towards_its_parent():
    columns, _ = made_calls(3, seed=0)
    for name, text in zip(STATED[:3], ("Fire", "Dwelling", TALL), strict=True):
        columns[name] = np.full(3, text, object)
    dispatches = as_runs(columns)
    codes = encode(dispatches, fit_vocabulary(dispatches))
    table = fit_frequencies(BY_PROPERTY, codes, np.array([5, 5, 2]), np.zeros(3, int))[0]
    root = np.array([1, 2, 1, 1, 3]) / 8
    pump_shares = (np.array([0, 1, 0, 0, 2]) + 12 * root) / 15
    assert table.root == pytest.approx(root)
    assert table.shares[0] == pytest.approx(np.array([pump_shares, pump_shares]))


def test_steps_and_chances_are_two_ways_to_say_the_same():
    probabilities = np.random.default_rng(0).dirichlet(np.ones(5), 50)
    assert chances_from(further_from(probabilities)) == pytest.approx(probabilities)


def test_weights_name_the_rare_numbers_without_losing_more_than_a_point_of_accuracy():
    rng = np.random.default_rng(0)
    probability = rng.dirichlet([4.0, 2.0, 0.3, 0.2, 0.3], 5000)
    pumps = 1 + (rng.random((5000, 1)) > np.cumsum(probability, axis=1)).sum(axis=1).clip(0, 4)
    weights = fit_weights(probability, pumps)
    plain, weighted = choose(probability, np.ones(5)), choose(probability, weights)
    assert (weighted == pumps).mean() >= (plain == pumps).mean() - 0.01
    assert (weighted >= 3).sum() > 1.2 * (plain >= 3).sum()
