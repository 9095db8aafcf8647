"""Figures on the map: smoothing by empirical Bayes, and layers as GeoJSON."""

import numpy as np
import pytest

from londonpump.domain.london_map import borough_outlines, thames_outline
from londonpump.evaluation.map_layers import (
    borough_shapes,
    cell_names,
    cell_shapes,
    map_layer,
    smooth,
    station_shapes,
)

LAYER = ("k", "Title", "Mean, s")


def test_the_formula_gives_what_a_calculation_by_hand_gives():
    # Means 2 and 10 of four and two rows; rows within areas have a variance of (2 + 2) / 4 = 1.
    values = np.array([1.0, 2.0, 2.0, 3.0, 9.0, 11.0])
    found = smooth(values, np.array(list("aaaabb")))
    # w = 4, 2; m0 = 28 / 6; Q = 4 (8/3)² + 2 (16/3)² = 85.33; t² = (85.33 - 1) / (6 - 20 / 6) = 31.625
    between = (256 / 3 - 1) / (6 - 20 / 6)
    weights = np.array([1 / (between + 1 / 4), 1 / (between + 1 / 2)])
    common = (weights * [2, 10]).sum() / weights.sum()
    kept = between / (between + 1 / 2)
    assert found["b"].n == 2
    assert found["b"].mean == 10
    assert found["b"].smoothed == pytest.approx(common + kept * (10 - common))
    half = 1.959964 * np.sqrt(kept / 2 + (1 - kept) ** 2 / weights.sum())
    assert found["b"].high - found["b"].smoothed == pytest.approx(half)


def test_areas_that_differ_by_chance_alone_become_one_and_those_that_differ_keep_their_means():
    rng = np.random.default_rng(4)
    area = np.repeat(np.arange(40).astype(str), 50)
    noise = rng.normal(300, 90, len(area))
    alike = [one.smoothed for one in smooth(noise, area).values()]
    raw = [one.mean for one in smooth(noise, area).values()]
    assert np.ptp(alike) < np.ptp(raw) / 3
    apart = smooth(noise + 200 * (area.astype(int) % 2), area)
    assert all(abs(one.smoothed - one.mean) < 6 for one in apart.values())


def test_smoothed_figures_are_nearer_to_the_truth_and_their_intervals_hold_it():
    rng = np.random.default_rng(5)
    truth = rng.normal(320, 25, 102)
    errors, raw_errors, held = [], [], []
    for _ in range(60):
        n = rng.integers(3, 60, 102)
        area = np.repeat(np.arange(102), n)
        found = smooth(truth[area] + rng.normal(0, 110, len(area)), np.char.zfill(area.astype(str), 3))
        rows = list(found.values())
        errors += [(one.smoothed - true) ** 2 for one, true in zip(rows, truth, strict=True)]
        raw_errors += [(one.mean - true) ** 2 for one, true in zip(rows, truth, strict=True)]
        held += [one.low <= true <= one.high for one, true in zip(rows, truth, strict=True)]
    assert np.mean(errors) < 0.6 * np.mean(raw_errors)
    assert 0.92 <= np.mean(held) <= 0.97


def test_a_share_is_smoothed_as_a_mean_of_zeros_and_ones():
    values = np.array([1.0] * 3 + [1.0, 0.0] * 300)
    found = smooth(values, np.array(["few"] * 3 + [str(at // 2 % 6) for at in range(600)]))
    assert found["few"].mean == 1
    assert found["few"].smoothed < 0.9


@pytest.mark.parametrize("values", [[5.0], [5.0, 5.0], [5.0, 7.0]])
def test_a_single_area_keeps_its_mean(values):
    (one,) = smooth(np.array(values), np.array(["a"] * len(values))).values()
    assert one.smoothed == pytest.approx(np.mean(values))
    assert one.low <= one.smoothed <= one.high


def test_areas_of_one_row_each_have_figures():
    assert [one.n for one in smooth(np.array([1.0, 9.0]), np.array(["a", "b"])).values()] == [1, 1]


def test_every_borough_of_the_records_and_every_station_has_a_shape():
    boroughs = borough_shapes()
    assert len(boroughs) == len(borough_outlines()["features"]) == 33
    assert {"CITY OF LONDON", "KINGSTON UPON THAMES", "HAMMERSMITH AND FULHAM"} <= set(boroughs)
    assert station_shapes()["A24"][1] == "Soho"
    assert len(thames_outline()["features"]) == 1


def test_a_layer_says_what_is_worse_than_the_limit_the_worst_first():
    rng = np.random.default_rng(6)
    area = np.array(["CAMDEN", "BRENT", "BARNET", "NOWHERE"] * 200)
    late = np.select([area == "CAMDEN", area == "BRENT"], [60.0, 90.0], 0.0)
    found = smooth(300 + late + rng.normal(0, 20, 800), area)
    layer = map_layer(LAYER, borough_shapes(), found, 330)
    assert layer.worse == ["Brent", "Camden"]
    assert map_layer(LAYER, borough_shapes(), found, 330, is_more_worse=False).worse == ["Barnet"]
    assert [each["properties"]["name"] for each in layer.collection["features"]] == [
        "Barnet",
        "Brent",
        "Camden",
    ]
    assert "Crown copyright" in layer.collection["londonpump"]["attribution"]


def test_a_cell_is_a_square_around_its_locations():
    (name,) = set(cell_names(np.array([530_000.0, 530_999.0]), np.array([180_500.0, 180_001.0])))
    assert name == "530000,180000"
    _, _, geometry = cell_shapes([name])[name]
    longitude, latitude = np.array(geometry["coordinates"][0]).T
    # Charing Cross lies at 51.5074 N, 0.1278 W, some 300 m from the corner.
    assert longitude.min() == pytest.approx(-0.128, abs=0.002)
    assert latitude.min() == pytest.approx(51.504, abs=0.002)
    assert np.ptp(latitude) * 111_300 == pytest.approx(1000, rel=0.04)
