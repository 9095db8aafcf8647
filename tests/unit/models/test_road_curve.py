"""The time by road: speeds that are recovered and never negative, and ways that a model learns to do without."""

import numpy as np
import pytest

from londonpump.domain.stations import open_stations
from londonpump.features.catalogue import FEATURES, usable
from londonpump.features.dispatches import Dispatches
from londonpump.features.ground_lookup import fit_ground
from londonpump.features.roads import ROAD_FIELDS
from londonpump.models.response_time_model import ROAD_KM, RoadCurve, fit_road_curve, road_design
from londonpump.models.response_training import MIN_WAYS, TrainingDispatches, fit_response_time

N = 3_000
S_PER_KM = np.array([61.0, 65.0, 73.0, 75.0, 86.0])
TRUTH_S = np.array([90.0, 0.0, *S_PER_KM, 1.4, 3.0, 5.0, 5.0, 0.0, 0.0, -10.0, 0.0])


class Maze:
    """Ways that have little to do with straight distances, known west of a line only."""

    def __init__(self, border_m: float = np.inf) -> None:
        self.border_m = border_m

    def look_up(self, stations, easting_m, northing_m):
        easting_m, northing_m = np.asarray(easting_m), np.asarray(northing_m)
        draw = [(np.sin(easting_m * (0.7 + k)) + np.cos(northing_m * (1.3 + k)) + 2) / 4 for k in range(9)]
        by_class = {name: 1_500 * part for name, part in zip(ROAD_KM, draw, strict=False)}
        road_m = np.sum(list(by_class.values()), axis=0)
        found = {
            **by_class,
            "road_m": road_m,
            "road_s": road_m / 13,
            "road_junctions": 20 * draw[5],
            "road_turns": 8 * draw[6],
        }
        return {name: np.where(easting_m < self.border_m, value, np.nan) for name, value in found.items()}

    def has_moved(self, stations, easting_m, northing_m):
        return np.zeros(np.shape(stations), bool)


def runs(seed: int, roads=None) -> Dispatches:
    """Dispatches of three stations to places within 3 km."""
    rng = np.random.default_rng(seed)
    stations = open_stations()[:3]
    which = rng.integers(0, 3, N)
    place_m = np.array([[each.easting_m, each.northing_m] for each in stations])[which]
    columns = {
        "mobilised_us": 1_672_531_200_000_000 + rng.integers(0, 364 * 24 * 60, N) * 60_000_000,
        "station_code": np.array([each.code for each in stations], object)[which],
        "station_easting_m": place_m[:, 0],
        "station_northing_m": place_m[:, 1],
        "easting_m": place_m[:, 0] + rng.uniform(-3_000, 3_000, N).round(),
        "northing_m": place_m[:, 1] + rng.uniform(-3_000, 3_000, N).round(),
    }
    ground = fit_ground(columns["easting_m"], columns["northing_m"], columns["station_code"], stations)
    return Dispatches(columns, ground, roads)


def times_s(dispatches: Dispatches, seed: int = 0, noise_s: float = 20.0):
    noise = np.random.default_rng(seed).laplace(0, noise_s, dispatches.n)
    return RoadCurve(TRUTH_S)(dispatches) + noise


def test_speeds_of_the_classes_of_road_are_recovered() -> None:
    dispatches = runs(1, Maze())
    fitted = fit_road_curve(dispatches, times_s(dispatches, noise_s=2.0)).coefficients
    # the root of the fastest minutes takes a part of them, because it goes with the metres
    np.testing.assert_allclose(fitted[2:7], S_PER_KM, atol=4)
    assert fitted[7] == pytest.approx(1.4, abs=0.2)


def test_a_class_that_seems_to_save_time_gets_no_negative_time() -> None:
    dispatches = runs(2, Maze())
    saving = times_s(dispatches) - 120 * dispatches.on_way("road_m_minor") / 1000
    assert (fit_road_curve(dispatches, saving).coefficients[1:9] >= 0).all()


def test_a_few_extreme_times_do_not_change_the_speeds() -> None:
    dispatches = runs(3, Maze())
    wild_s = times_s(dispatches)
    wild_s[::50] = 1_200.0
    np.testing.assert_allclose(fit_road_curve(dispatches, wild_s).coefficients[2:7], S_PER_KM, atol=8)


def test_the_parts_of_the_curve_add_up() -> None:
    dispatches = runs(4, Maze())
    curve = RoadCurve(TRUTH_S)
    np.testing.assert_allclose(sum(curve.parts(dispatches)), curve(dispatches))
    assert road_design(dispatches).shape == (N, len(TRUTH_S))


@pytest.fixture(scope="module")
def half_known():
    border_m = float(np.median(runs(5).number("easting_m")))
    dispatches = runs(5, Maze(border_m))
    # where the way is unknown it still takes its time
    actual_s = times_s(runs(5, Maze()))
    incident = np.arange(N)
    training = TrainingDispatches(dispatches, actual_s, incident, dispatches.columns["mobilised_us"])
    model = fit_response_time(training, usable(dispatches, FEATURES), 1, lambda *_: None)
    return model, border_m


def test_ways_are_used_where_they_are_known_and_only_there(half_known) -> None:
    model, border_m = half_known
    later = runs(6, Maze(border_m))
    error_s = np.abs(model(later).quantile(0.5) - times_s(runs(6, Maze()), seed=7))
    known = later.has_way
    assert error_s[known].mean() < 0.6 * error_s[~known].mean()
    alone = model(runs(6)).quantile(0.5)
    np.testing.assert_array_equal(alone[~known], model(later).quantile(0.5)[~known])
    # a model that had always seen these ways would miss by their whole time
    assert (
        np.abs(alone[known] - times_s(runs(6, Maze()), seed=7)[known]).mean() < 1.2 * error_s[~known].mean()
    )


def test_too_few_known_ways_are_left_out() -> None:
    east_m = np.sort(runs(8).number("easting_m"))
    dispatches = runs(8, Maze(float(east_m[MIN_WAYS - 1])))
    assert 0 < dispatches.has_way.sum() < MIN_WAYS
    training = TrainingDispatches(
        dispatches, times_s(runs(8, Maze())), np.arange(N), dispatches.columns["mobilised_us"]
    )
    assert fit_response_time(training, usable(dispatches, FEATURES), 1, lambda *_: None).roads is None


def test_every_field_has_a_feature_and_none_is_known_without_a_table() -> None:
    assert set(ROAD_FIELDS) <= {feature.name for feature in FEATURES}
    assert not np.isfinite(runs(9).way).any()
    assert not runs(9).has_way.any()
