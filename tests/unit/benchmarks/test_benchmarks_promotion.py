"""The simulated months behind the error rates of the promotion rule, and the rates themselves where records are."""

from pathlib import Path

import numpy as np
import pytest
from support.promotion_evidence import Month

from benchmarks.accuracy.pages import filled
from benchmarks.accuracy.records import SHARED
from benchmarks.promotion import tables
from benchmarks.promotion.__main__ import PAGE, RESULTS, all_scenarios
from benchmarks.promotion.error_rates import counted, measured
from benchmarks.promotion.local_losses import SCATTERED, WAYS
from benchmarks.promotion.model_pairs import real_month
from benchmarks.promotion.scenario_truth import improved_by, true_gains, worse_in_slice
from benchmarks.promotion.simulated_months import month, population
from londonpump.persistence.atomic_files import read_json

BOROUGH_SLICE = ("borough", "CAMDEN")


@pytest.fixture(scope="module")
def those():
    """Two models that are equally far off, on their own, on 3,000 runs."""
    made = Month(n=3_000)
    return population(made.rows, made.forecast(0.0), made.forecast(), made.forecast())


def test_a_truth_is_as_good_for_the_challenger_as_was_asked(those):
    found = true_gains(those, improved_by(those, 0.01), ("borough",), 100)
    assert found["gain_share"] == pytest.approx(0.01, abs=2e-4)


@pytest.mark.parametrize("way", WAYS)
def test_a_challenger_is_worse_in_the_place_by_what_was_asked(those, way):
    truth = worse_in_slice(those, improved_by(those, 0.01), BOROUGH_SLICE, way, 0.10)
    found = true_gains(those, truth, ("borough",), 100)
    assert found["least_slice_gain_share"] == pytest.approx(-0.10, abs=2e-3)


def test_months_of_one_number_are_the_same(those):
    truth = worse_in_slice(those, improved_by(those, 0.0), BOROUGH_SLICE, SCATTERED, 0.10)
    one, other = (month(those, truth, np.random.default_rng(3)) for _ in range(2))
    assert np.array_equal(one.challenger.forecast.median_s, other.challenger.forecast.median_s)


def test_a_day_drawn_twice_is_two_days(those):
    simulated = month(those, improved_by(those, 0.0), np.random.default_rng(3))
    assert len(np.unique(simulated.rows.day)) == 28


def test_the_tables_of_the_page_are_those_of_the_json():
    text = PAGE.read_text(encoding="utf-8")
    assert text == filled(text, tables.TABLES, read_json(RESULTS), PAGE)


def test_every_rate_that_is_wanted_was_reached():
    checks = [one for found in read_json(RESULTS)["scenarios"].values() for one in found["wanted"]]
    assert all(one["is_met"] for one in checks)


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    if not Path(SHARED).exists():
        pytest.skip("the shared real records are not there")
    work = tmp_path_factory.mktemp("promotion")
    return {one.name: one for one in all_scenarios(real_month(SHARED, work))}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["equal", "equal_seeds", "better", "worse_too_long", "worse_too_short"])
def test_the_rule_errs_as_rarely_as_is_stated(real, name):
    """The bound may be missed by chance of so few months, not by more."""
    found = measured(real[name], 200)
    far = [found["rates"][one["rate"]]["low" if one["is_at_most"] else "high"] for one in found["wanted"]]
    sides = [(-1 if one["is_at_most"] else 1) for one in found["wanted"]]
    bounds = [one["bound"] for one in found["wanted"]]
    assert all(side * end >= side * bound for side, end, bound in zip(sides, far, bounds, strict=True))


@pytest.mark.slow
def test_months_counted_again_give_the_same(real):
    assert counted(real["equal"], 20) == counted(real["equal"], 20)
