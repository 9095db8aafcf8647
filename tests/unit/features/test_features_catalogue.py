"""The catalogue of features: what each reads, when it is known, and one row as one in many."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest

from londonpump.domain.columns import ARRIVAL, CALL, EXAMPLES, MOBILISATION
from londonpump.features.catalogue import (
    FEATURES,
    Feature,
    KnownTooLate,
    build,
    require_known_in_time,
    usable,
)
from londonpump.features.dispatches import Dispatches
from londonpump.models.pump_boosters import FEATURES_OF_CALLS

TOO_LATE = [c.name for c in EXAMPLES if c.known not in (CALL, MOBILISATION)]


class RecordingColumns(Mapping[str, Any]):
    """Columns that remember which of them were asked for."""

    def __init__(self, columns: Mapping[str, Any]) -> None:
        self.columns, self.read_columns = columns, set[str]()

    def __getitem__(self, name: str) -> Any:
        self.read_columns.add(name)
        return self.columns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def __len__(self) -> int:
        return len(self.columns)


def canary(*reads: str) -> Feature:
    return Feature(
        "canary", "s", "the future", reads, "canary", lambda dispatches: dispatches.number(reads[0])
    )


@pytest.mark.parametrize("column", TOO_LATE)
def test_a_feature_that_reads_what_is_known_too_late_is_refused(column: str) -> None:
    with pytest.raises(KnownTooLate, match="canary is known at"):
        require_known_in_time((*FEATURES, canary("easting_m", column)))


@pytest.mark.parametrize("column", ["travel_s", "turnout_s", "pumps_attending", "attendance_s", "left_at"])
def test_the_canaries_are_known_too_late(column: str) -> None:
    assert column in TOO_LATE


def test_a_feature_is_known_when_the_last_of_what_it_reads_is() -> None:
    assert canary("easting_m").known == CALL
    assert canary("easting_m", "pumps_out").known == MOBILISATION
    assert canary("pumps_out", "travel_s", "easting_m").known == ARRIVAL


def test_a_feature_of_bookkeeping_is_refused_in_words() -> None:
    with pytest.raises(KnownTooLate, match="canary is known at bookkeeping"):
        require_known_in_time((canary("repairs"),))


def test_a_feature_that_reads_no_known_column_is_refused_in_words() -> None:
    with pytest.raises(KnownTooLate, match="canary reads no_such_column"):
        require_known_in_time((canary("no_such_column"),))


def test_no_feature_in_use_is_known_too_late() -> None:
    require_known_in_time(FEATURES)
    require_known_in_time(FEATURES_OF_CALLS)


@pytest.mark.parametrize("feature", {f.name: f for f in (*FEATURES, *FEATURES_OF_CALLS)}.values())
def test_a_feature_reads_no_column_that_it_does_not_declare(feature: Feature, small_examples, small_bundle):
    watched = RecordingColumns(small_examples.rows)
    feature.make(Dispatches(watched, small_bundle.ground))
    read = {"mobilised_at" if name == "mobilised_us" else name for name in watched.read_columns}
    # the number of rows is counted in this column
    assert read - {"mobilised_at"} <= set(feature.reads)
    assert ("mobilised_at" in feature.reads) == (feature.group == "hour" or feature.name == "year")


def test_each_feature_has_a_name_of_its_own_a_unit_and_a_source() -> None:
    assert len({feature.name for feature in FEATURES}) == len(FEATURES)
    assert all(feature.unit and feature.source and feature.reads for feature in FEATURES)


def test_one_row_gives_what_it_gives_among_thousands(small_examples, small_bundle) -> None:
    rows = {**small_examples.rows, "recent_ground_calls": np.zeros(small_examples.n)}
    whole = build(Dispatches(rows, small_bundle.ground), FEATURES)
    for i in range(0, small_examples.n, 97):
        one = {name: values[i : i + 1] for name, values in rows.items()}
        np.testing.assert_array_equal(build(Dispatches(one, small_bundle.ground), FEATURES)[0], whole[i])


def test_the_order_of_rows_does_not_matter(small_examples, small_bundle) -> None:
    order = np.random.default_rng(3).permutation(small_examples.n)
    mixed = {name: values[order] for name, values in small_examples.rows.items()}
    np.testing.assert_array_equal(
        build(Dispatches(mixed, small_bundle.ground), FEATURES),
        build(Dispatches(small_examples.rows, small_bundle.ground), FEATURES)[order],
    )


def test_a_text_nobody_has_seen_is_neither_unknown_nor_another(made_runs) -> None:
    (feature,) = [f for f in FEATURES if f.name == "property_category"]
    texts = np.array(["Dwelling", None, "Space Station", ""], object)
    codes = feature.make(made_runs(4, property_category=texts))
    assert codes[0] == 0
    assert np.isnan(codes[1])
    assert codes[2] == codes[3] == 9


def test_a_column_that_is_absent_is_unknown(made_runs) -> None:
    dispatches = made_runs(3)
    assert np.isnan(dispatches.number("pumps_out")).all()
    assert dispatches.text("incident_type").tolist() == [None, None, None]


def test_features_that_no_row_can_tell_are_left_out(made_runs) -> None:
    names = {feature.name for feature in usable(made_runs(5), FEATURES)}
    assert {"distance_m", "hour"} <= names
    assert not names & {"pumps_out", "ground_pumps_available", "incident_type", "is_home_station"}


def test_a_feature_that_one_row_can_tell_is_kept(made_runs) -> None:
    some = np.array([np.nan, np.nan, 7.0])
    assert "pumps_out" in {feature.name for feature in usable(made_runs(3, pumps_out=some), FEATURES)}
