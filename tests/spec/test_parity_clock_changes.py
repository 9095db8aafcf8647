"""The parity test on months with a clock change or a one-off holiday in them, made by the replica of the original.

And on a month with calls whose exact place is published without the rounded one (issue 11, B13).
"""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
from support.original_cleaning import OriginalMonth, clean_as_the_original, write_original
from support.parity_columns import count_differences
from support.parity_comparisons import Comparisons
from support.parity_month import ParityMonth, read_parity_month
from support.parity_rows import count_copies, count_rows
from support.shifted_parity_month import Shift, write_shifted_month

SHARED = Path(__file__).resolve().parents[2] / "../shared/data/parity"
MONTHS = {
    "October, its weather hour told twice": Shift(weeks=22),
    "October, its weather hour told once": Shift(weeks=22, is_repeated_hour_kept=False),
    "March, an hour skipped": Shift(weeks=-6),
    "September, a one-off bank holiday": Shift(weeks=20),
    "May, exact places without their rounded ones": Shift(weeks=0, without_cell_every=50),
}
IS_IN_IT = {
    "October, its weather hour told twice": "SELECT count(*) - count(DISTINCT date) FROM weather",
    "October, its weather hour told once": "SELECT count(*) FROM weather WHERE date = '2022-10-30 01'",
    "March, an hour skipped": "SELECT count(*) FROM dropped WHERE step LIKE 'datetime/%'",
    "September, a one-off bank holiday": (
        "SELECT count(*) FROM theirs WHERE mobilised_at::DATE = '2022-09-19' AND workingday = 1"
    ),
    "May, exact places without their rounded ones": (
        "SELECT count(*) FROM theirs JOIN raw_incidents USING (IncidentNumber) "
        "WHERE Distance = 0 AND Easting_rounded IS NULL AND Easting_m IS NOT NULL"
    ),
}
"""What shows that a month has what its name says: a count of 1 or more."""
GRID_KM = 0.0011
"""Another library's grid differs by less than a millimetre, which may tip the third decimal."""

pytestmark = pytest.mark.skipif(not SHARED.is_dir(), reason="the shared parity month is not there")


@pytest.fixture(scope="module")
def replica() -> OriginalMonth:
    return clean_as_the_original(SHARED, order_of=SHARED / "seed_mid_1m.parquet")


ORDINARY = "October, its weather hour told twice"
"""The hardest month; `make test-slow` has them all."""


@pytest.fixture(
    scope="module",
    params=[pytest.param(name, marks=[pytest.mark.slow] * (name != ORDINARY)) for name in MONTHS],
)
def shifted(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ParityMonth]:
    folder = tmp_path_factory.mktemp("shifted") / "month"
    write_shifted_month(SHARED, folder, MONTHS[request.param])
    write_original(folder, "other", clean_as_the_original(folder))
    month = read_parity_month(folder, folder / "data")
    assert month.rows(IS_IN_IT[request.param])[0][0] > 0
    yield month
    month.connection.close()


@pytest.mark.parametrize("name", ["mid", "cleaned"])
def test_the_replica_makes_the_frames_of_the_original(replica: OriginalMonth, name: str) -> None:
    theirs, ours = pq.read_table(SHARED / f"seed_{name}_1m.parquet"), getattr(replica, name)
    assert ours.column_names == theirs.column_names
    differing = [column for column in theirs.column_names if not _is_same(theirs[column], ours[column])]
    assert differing == []


def test_the_replica_drops_the_rows_of_the_original(replica: OriginalMonth) -> None:
    theirs = pa_csv.read_csv(SHARED / "seed_dropped_rows_1m.csv.gz")
    assert _sorted_texts(replica.dropped) == _sorted_texts(theirs)


@pytest.mark.slow
def test_every_mobilisation_of_a_month_elsewhere_in_the_year_is_explained(shifted: ParityMonth) -> None:
    counts, unexplained = count_rows(shifted)
    assert not unexplained
    assert counts.total() == 14_992


def test_every_doubled_row_of_a_month_elsewhere_in_the_year_is_explained(shifted: ParityMonth) -> None:
    _, unexplained = count_copies(shifted)
    assert not unexplained


@pytest.mark.slow
def test_every_column_of_a_month_elsewhere_in_the_year_is_explained(shifted: ParityMonth) -> None:
    _, unexplained = count_differences(Comparisons(shifted).all())
    assert not unexplained


def _is_same(theirs: pa.ChunkedArray, ours: pa.ChunkedArray) -> bool:
    if pa.types.is_timestamp(theirs.type):
        return bool(theirs.cast(pa.timestamp("us")).equals(ours.cast(pa.timestamp("us"))))
    if not pa.types.is_floating(theirs.type):
        return bool(theirs.cast(ours.type).equals(ours))
    is_near = pc.less(pc.abs(pc.subtract(theirs, ours)), GRID_KM)
    return theirs.null_count == ours.null_count and bool(pc.all(is_near).as_py())


def _sorted_texts(table: pa.Table) -> list[tuple[str, ...]]:
    return sorted(tuple(map(str, row.values())) for row in table.to_pylist())
