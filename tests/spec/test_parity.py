"""A month through the original and through ours: the same, but for the mistakes that were mended.

Another month made the same way is tested with LONDONPUMP_PARITY_DIR=folder.
"""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from support.parity_columns import count_differences
from support.parity_comparisons import Comparisons
from support.parity_month import ParityMonth, read_parity_month
from support.parity_rows import count_copies, count_rows

SHARED = Path(__file__).resolve().parents[2] / "../shared/data/parity"
FOLDER = Path(os.environ.get("LONDONPUMP_PARITY_DIR", SHARED))
WITHIN_OF_KM = 0.001
"""A metre of the map is 0.9996 to 0.9999 of a metre of the ground in London."""


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> ParityMonth:
    if not FOLDER.is_dir():
        pytest.skip(f"there is no parity month in {FOLDER}")
    return read_parity_month(FOLDER, tmp_path_factory.mktemp("parity") / "data")


@pytest.fixture(scope="module")
def comparisons(month: ParityMonth) -> Comparisons:
    return Comparisons(month)


def test_every_row_of_the_final_frame_is_found_in_the_frame_before(month: ParityMonth) -> None:
    assert month.rows("SELECT count(*) FROM theirs WHERE mobilised_at IS NULL") == [(0,)]


def test_every_mobilisation_is_kept_or_lost_on_both_sides_or_the_reason_is_known(
    month: ParityMonth, record_property: Callable[[str, object], None]
) -> None:
    counts, unexplained = count_rows(month)
    record_property("rows", dict(counts))
    print("\nmobilisations", *sorted(counts.items()), sep="\n  ")
    assert not unexplained
    assert counts.total() == month.rows("SELECT count(*) FROM raw_mobilisations")[0][0]


def test_every_row_that_stands_twice_in_the_original_is_a_duplicate_of_its_input(month: ParityMonth) -> None:
    counts, unexplained = count_copies(month)
    print("\nrows that stand twice", *sorted(counts.items()), sep="\n  ")
    assert not unexplained


def test_every_column_is_equal_or_the_difference_is_one_that_is_known(
    comparisons: Comparisons, record_property: Callable[[str, object], None]
) -> None:
    counts, unexplained = count_differences(comparisons.all())
    record_property("columns", {f"{column}: {reason_name}": n for (column, reason_name), n in counts.items()})
    print(f"\n{comparisons.n} rows", *sorted(counts.items()), sep="\n  ")
    assert not unexplained


def test_no_column_of_the_original_is_left_out(month: ParityMonth, comparisons: Comparisons) -> None:
    theirs = {row[0] for row in month.rows("DESCRIBE final")} - {"seed_row"}
    assert {comparison.column for comparison in comparisons.all()} == theirs


def test_every_left_time_is_the_recorded_one_or_the_mean_of_its_kind(month: ParityMonth) -> None:
    differing = (
        "SELECT ours.source_row FROM ours JOIN used USING (source_row) WHERE ours.left_at <> used.left_at"
    )
    assert month.rows(differing) == []


def test_the_distance_on_the_map_is_the_distance_on_the_globe(comparisons: Comparisons) -> None:
    pairs = comparisons.pairs
    on_map_km = (
        np.hypot(
            pairs["easting_m"] - pairs["station_easting_m"], pairs["northing_m"] - pairs["station_northing_m"]
        )
        / 1000
    )
    np.testing.assert_allclose(on_map_km, comparisons.our_distance_km, rtol=4e-3, atol=WITHIN_OF_KM)
