"""Predictions outside the training range are labelled and wider; missing values are imputed and labelled."""

import numpy as np
import pytest

from londonpump.domain.json_values import from_json, to_json
from londonpump.features.catalogue import LABELS
from londonpump.models.applicability_domain import (
    MAX_SCALING,
    OUTSIDE_SCALING,
    UNSEEN_STATION_SCALING,
    ApplicabilityDomain,
)
from londonpump.models.distribution import P10, P50, P90
from londonpump.models.explanations import TYPICAL, contributions, explanations, importance
from londonpump.models.predict import predict_dispatches
from londonpump.models.response_time_model import TOP_SPEED_M_S

INSIDE = (529_900.0, 181_000.0)
OUTSIDE = {
    "a village in Hertfordshire": (545_000.0, 225_000.0),
    "Brighton": (531_000.0, 104_000.0),
    "Shetland": (447_000.0, 1_141_000.0),
    "the corner of the grid": (0.0, 1_300_000.0),
}


@pytest.fixture
def calls(small_bundle):
    """Columns of one call from Soho at noon to a place, except the given values."""

    def make(location=INSIDE, **columns_given):
        station = next(s for s in small_bundle.stations if s.code == "A24")
        return {
            "mobilised_us": np.array([1_679_313_600_000_000]),
            "station_code": np.array(["A24"], object),
            "station_easting_m": np.array([station.easting_m]),
            "station_northing_m": np.array([station.northing_m]),
            "easting_m": np.array([location[0]]),
            "northing_m": np.array([location[1]]),
            **columns_given,
        }

    return make


def test_inside_nothing_is_wider_nor_labelled(calls, small_bundle) -> None:
    wide, imputation_flags = small_bundle.applicability_domain.interval_scaling(
        small_bundle.dispatches(calls())
    )
    assert wide.tolist() == [1.0]
    assert list(imputation_flags) == [[]]


@pytest.mark.parametrize("location", OUTSIDE.values(), ids=OUTSIDE)
def test_a_place_outside_london_is_labelled_wide_and_on_the_clock(location, calls, small_bundle) -> None:
    predictions = predict_dispatches(small_bundle, calls(location))
    assert {"location=unknown", "distance=unknown"} <= set(predictions.imputed[0])
    assert small_bundle.applicability_domain.interval_scaling(predictions.dispatches)[0][0] > OUTSIDE_SCALING
    seconds = predictions.times.quantiles((0.01, P10, P50, P90, 0.99))[0]
    assert (seconds >= 0).all()
    assert (seconds <= 1200).all()
    assert np.isfinite(predictions.times.mean_s).all()
    assert 1 <= predictions.pumps[0] <= 5


@pytest.mark.parametrize("location", OUTSIDE.values(), ids=OUTSIDE)
def test_no_run_outside_is_quicker_than_the_straight_line_at_100_km_an_hour(
    location, calls, small_bundle
) -> None:
    times = (columns_given := predict_dispatches(small_bundle, calls(location))).times
    fastest_s = min(1200.0, columns_given.dispatches.distance_m[0] / TOP_SPEED_M_S)
    assert times.quantile(P10)[0] >= fastest_s > 0
    for over_s in (360, 480, 600, 720):
        late = times.p_over(over_s)[0]
        if over_s < fastest_s:
            assert late == 1.0
        for level in (P10, P50, P90):
            assert (times.quantile(level)[0] > over_s) == (late > 1 - level)


@pytest.mark.parametrize("north_m", [201_000.0, 206_000.0, 211_000.0])
def test_a_place_20_to_30_km_out_keeps_a_spread(north_m, calls, small_bundle) -> None:
    times = predict_dispatches(small_bundle, calls((529_900.0, north_m))).times
    assert 0 < times.quantile(P10)[0] < times.quantile(P90)[0]


def test_what_lies_very_far_out_is_widened_threefold_at_most(calls, small_bundle) -> None:
    wide, _ = small_bundle.applicability_domain.interval_scaling(
        small_bundle.dispatches(calls(OUTSIDE["Shetland"]))
    )
    assert wide[0] == MAX_SCALING == 3.0


def test_just_outside_the_records_the_answer_is_wider_than_the_same_run_inside(calls, small_bundle) -> None:
    dispatches = small_bundle.dispatches(calls())
    inside = small_bundle.response(dispatches)
    outside = small_bundle.response(dispatches, OUTSIDE_SCALING)
    width = [times.quantile(P90)[0] - times.quantile(P10)[0] for times in (inside, outside)]
    assert width[1] == pytest.approx(OUTSIDE_SCALING * width[0])


def test_the_farther_beyond_the_longest_run_the_wider(calls, small_bundle) -> None:
    wide = [
        small_bundle.applicability_domain.interval_scaling(
            small_bundle.dispatches(calls((529_900.0, north_m)))
        )[0][0]
        for north_m in (181_000.0, 220_000.0, 260_000.0, 400_000.0)
    ]
    assert wide == sorted(wide)
    assert wide[0] == 1.0 < wide[1] < wide[-1]


def test_a_station_that_sent_no_run_is_labelled_and_wider(calls, small_bundle) -> None:
    dispatches = small_bundle.dispatches(calls(station_code=np.array(["ZZZ"], object)))
    wide, imputation_flags = small_bundle.applicability_domain.interval_scaling(dispatches)
    assert wide[0] == UNSEEN_STATION_SCALING
    assert list(imputation_flags) == [["station=unknown"]]


def test_what_is_left_out_is_filled_with_what_is_typical_at_that_hour(calls, small_bundle) -> None:
    imputed, imputation_flags = small_bundle.applicability_domain.fill(calls(), np.array([12.0]))
    for name, by_hour in small_bundle.applicability_domain.typical.items():
        assert imputed[name][0] == by_hour[12]
        assert f"{name}=default" in imputation_flags[0]
    assert "is_home_station=default" in imputation_flags[0]
    assert "incident_type=unknown" in imputation_flags[0]


def test_what_is_stated_is_kept_and_not_labelled(calls, small_bundle) -> None:
    stated = calls(pumps_out=np.array([0.0]), incident_type=np.array(["Fire"], object))
    imputed, imputation_flags = small_bundle.applicability_domain.fill(stated, np.array([12.0]))
    assert imputed["pumps_out"].tolist() == [0.0]
    assert not {"pumps_out=default", "incident_type=unknown"} & set(imputation_flags[0])


def test_filling_leaves_the_callers_columns_alone(calls, small_bundle) -> None:
    stated = calls(pumps_out=np.array([np.nan]), deployed_from=np.array([None], object))
    small_bundle.applicability_domain.fill(stated, np.array([12.0]))
    assert np.isnan(stated["pumps_out"]).all()
    assert stated["deployed_from"].tolist() == [None]


def test_stored_and_read_it_is_the_same(small_bundle, calls) -> None:
    again = from_json(ApplicabilityDomain, to_json(small_bundle.applicability_domain))
    assert to_json(again) == to_json(small_bundle.applicability_domain)


@pytest.mark.parametrize("location", [INSIDE, *OUTSIDE.values()])
def test_reasons_add_up_to_the_median_that_is_shown(location, calls, small_bundle) -> None:
    predictions = predict_dispatches(small_bundle, calls(location))
    columns_given = predictions.explanations(small_bundle)[0]
    assert sum(reason.seconds for reason in columns_given) == pytest.approx(predictions.median_s[0], abs=1e-6)


def test_contributions_add_up_to_the_median_for_every_example(small_examples, small_bundle) -> None:
    dispatches = small_bundle.dispatches(small_examples.take(np.arange(small_examples.n) % 7 == 0))
    columns_given, median_s = contributions(small_bundle.response, dispatches)
    np.testing.assert_allclose(sum(columns_given.values()), median_s, rtol=0, atol=1e-9)
    np.testing.assert_allclose(median_s, small_bundle.response(dispatches).quantile(P50), rtol=0, atol=1e-9)


def test_importance_names_every_feature_and_adds_up_to_no_less_than_the_groups(
    small_examples, small_bundle
) -> None:
    dispatches = small_bundle.dispatches(small_examples.take(np.arange(small_examples.n) < 200))
    found = importance(small_bundle.response, dispatches)
    assert set(found) - set(LABELS) == set()
    assert set(small_bundle.response.names) < set(found)
    by_group, _ = contributions(small_bundle.response, dispatches)
    # No feature has the group of the river but the curve's part and the distance by bridge.
    river_s = found["curve: river"] + found["by_bridge_m"]
    assert river_s >= np.abs(by_group["river"]).mean() - 1e-9 > 0
    assert max(found, key=found.get) == "curve: distance"


def test_reasons_come_largest_first_and_the_typical_last(small_examples, small_bundle) -> None:
    dispatches = small_bundle.dispatches(small_examples.take(np.arange(small_examples.n) < 40))
    for columns_given in explanations(small_bundle.response, dispatches):
        sizes = [abs(reason.seconds) for reason in columns_given[:-1]]
        assert sizes == sorted(sizes, reverse=True)
        assert [reason.group == TYPICAL for reason in columns_given] == [False] * (len(columns_given) - 1) + [
            True
        ]
        assert all(reason.description for reason in columns_given)
