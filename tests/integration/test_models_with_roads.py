"""Models that were trained with a table of roads: what they hold, and what happens where the table is missing."""

from dataclasses import replace

import numpy as np
import pytest

from londonpump.domain.errors import BadFile
from londonpump.lifecycle.evaluate import attribution_of
from londonpump.lifecycle.predict import open_bundle
from londonpump.models.bundle import check_self_test, from_files, to_files
from londonpump.models.distribution import P50
from londonpump.models.explanations import contributions
from londonpump.models.response_time_model import N_ROAD_TERMS, ROAD_TIME
from londonpump.persistence.verified_bundle import open_verified
from londonpump.presentation.texts.models import format_training
from londonpump.roads.store import current_table


@pytest.fixture(scope="module")
def rows(small_examples):
    return small_examples.take(np.arange(small_examples.n) % 10 == 0)


def test_the_card_names_the_table_and_what_must_be_shown_with_it(road_bundle, roads_folder) -> None:
    facts = road_bundle.card.roads
    assert facts.name == current_table(roads_folder).name
    assert 0.05 < facts.known_share < 1
    assert facts.attribution in attribution_of(facts.attribution)
    assert facts.attribution in format_training(roads_folder, road_bundle.card)


def test_a_model_without_roads_says_so(small_bundle, small_brigade) -> None:
    assert small_bundle.card.roads is None
    assert small_bundle.response.roads is None
    assert ROAD_TIME not in small_bundle.response.names
    assert "Without roads" in format_training(small_brigade.bundle, small_bundle.card)
    assert "OpenStreetMap" not in attribution_of(None)


def test_no_class_of_road_has_a_negative_speed(road_bundle) -> None:
    assert (road_bundle.response.roads.curve.coefficients[1 : N_ROAD_TERMS + 1] >= 0).all()


def test_files_and_back_predict_the_same(road_bundle, rows) -> None:
    files = to_files(road_bundle)
    again = replace(from_files(files, "bundle"), roads=road_bundle.roads)
    assert to_files(again) == files
    one, two = (each.response_times(each.dispatches(rows)).quantile(P50) for each in (road_bundle, again))
    np.testing.assert_array_equal(one, two)


def test_without_its_table_it_passes_its_self_test_and_predicts_as_where_no_road_is_known(
    road_bundle, road_bundle_folder, rows
) -> None:
    without = open_bundle(road_bundle_folder)
    assert without.lacks_roads
    assert check_self_test(without, "bundle") == pytest.approx(road_bundle.card.self_test.p50_s, abs=0.01)
    dispatches = road_bundle.dispatches(rows)
    with_s = road_bundle.response_times(dispatches).quantile(P50)
    without_s = without.response_times(without.dispatches(rows)).quantile(P50)
    assert np.isfinite(without_s).all()
    unknown = ~np.isfinite(dispatches.on_way("road_s"))
    assert 0 < unknown.sum() < len(unknown)
    np.testing.assert_array_equal(with_s[unknown], without_s[unknown])
    assert (with_s[~unknown] != without_s[~unknown]).mean() > 0.9


def test_a_bundle_whose_table_is_missing_is_refused_with_the_command(road_bundle_folder, tmp_path) -> None:
    with pytest.raises(BadFile, match=r"trained with.*londonpump roads import FILE"):
        open_bundle(road_bundle_folder, tmp_path / "no-roads")
    # the smoke test needs no table
    assert open_verified(road_bundle_folder)[1].lacks_roads


def test_the_contributions_add_up_with_roads(road_bundle, rows) -> None:
    dispatches = road_bundle.dispatches({name: values[:60] for name, values in rows.items()})
    assert dispatches.has_way.any()
    assert not dispatches.has_way.all()
    by_group, median_s = contributions(road_bundle.response, dispatches)
    np.testing.assert_allclose(sum(by_group.values()), median_s, atol=1e-6)
    without = contributions(road_bundle.response, road_bundle.dispatches(rows).take(slice(60)))[1]
    np.testing.assert_allclose(median_s, without, atol=1e-6)


def test_the_description_of_the_distance_gives_the_way(road_bundle, rows) -> None:
    from londonpump.models.predict import predict_dispatches

    some = np.flatnonzero(road_bundle.dispatches(rows).has_way)[:3]
    predicted = predict_dispatches(road_bundle, {name: values[some] for name, values in rows.items()})
    texts = [one.description for one in predicted.explanations(road_bundle)[0]]
    assert any("km by road" in text for text in texts)
