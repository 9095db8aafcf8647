"""Slices that differ from the rest, corrected for having been chosen."""

from dataclasses import replace

import numpy as np
import pytest

from londonpump.evaluation.evaluation_rows import EvaluationRows
from londonpump.evaluation.slices import slice_differences, worse_slices


def rows_of(rng, n=6000, n_stations=40):
    station = np.char.zfill(rng.integers(0, n_stations, n).astype(str), 2)
    return EvaluationRows(
        actual_s=np.full(n, 300.0),
        day=rng.integers(19_600, 19_690, n),
        incident=np.arange(n),
        slices={
            "station": station,
            "borough": np.char.add("B", (station.astype(int) // 4).astype(str)),
            "hour": np.char.zfill(rng.integers(0, 24, n).astype(str), 2),
        },
        station_code=station,
        distance_m=np.zeros(n),
        hour=np.zeros(n, np.int64),
        easting_m=np.zeros(n),
        northing_m=np.zeros(n),
    )


def errors(rng, rows):
    """Skewed errors, and days that are bad for all."""
    of_day = rng.normal(0, 8, 100)[rows.day - 19_600]
    return rng.gamma(1.2, 55, len(rows)) + of_day


@pytest.mark.long
def test_where_all_slices_are_alike_hardly_ever_one_is_chosen():
    chosen = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        rows = rows_of(rng)
        by_error = worse_slices(slice_differences(rows, errors(rng, rows), 100, 200))
        held = (rng.random(len(rows)) < 0.8).astype(float)
        by_coverage = worse_slices(slice_differences(rows, held, 100, 200), -1)
        chosen.append((bool(by_error), bool(by_coverage)))
    # One in forty by design, one side of 95 %: without the correction nearly every table would choose some.
    assert np.mean(chosen, axis=0).max() <= 0.09


def test_without_the_correction_chance_alone_would_choose_slices():
    n_alone = n_together = 0
    for seed in range(4):
        rng = np.random.default_rng(seed)
        rows = rows_of(rng)
        values = errors(rng, rows)
        n_together += len(worse_slices(slice_differences(rows, values, 100, 200)))
        for station in np.unique(rows.slices["station"]):
            one = {"station": np.where(rows.slices["station"] == station, "a", "")}
            n_alone += len(worse_slices(slice_differences(replace(rows, slices=one), values, 100, 200)))
    assert n_together == 0
    assert n_alone >= 3


def test_a_slice_that_is_worse_is_found_with_an_interval_that_holds_its_difference():
    rng = np.random.default_rng(3)
    rows = rows_of(rng)
    late = errors(rng, rows) + np.where(rows.slices["station"] == "07", 60.0, 0.0)
    found = slice_differences(rows, late, 100)
    worst = worse_slices(found)[0]
    assert (worst.slice_name, worst.value) == ("station", "07")
    assert worst.difference.low < 60 < worst.difference.high
    assert worst.n == (rows.slices["station"] == "07").sum()
    assert "07" not in {one.value for one in worse_slices(found, -1)}
    assert worse_slices(slice_differences(rows, -late, 100), -1)[0].value == "07"


def test_the_difference_is_that_of_the_means():
    rng = np.random.default_rng(4)
    rows = rows_of(rng)
    values = errors(rng, rows)
    one = next(found for found in slice_differences(rows, values, 100, 50) if found.value == "11")
    inside = rows.slices["station"] == "11"
    # Every row of the slice against all rows of its day.
    of_day = np.array([values[rows.day == day].mean() for day in rows.day[inside]])
    assert one.difference.value == pytest.approx((values[inside] - of_day).mean())
    assert one.mean == pytest.approx(values[inside].mean())


def test_thin_slices_are_left_out_and_rows_of_a_few_days_give_none():
    rng = np.random.default_rng(5)
    rows = rows_of(rng)
    assert slice_differences(rows, errors(rng, rows), 10_000, 50) == []
    few = rows.take(rows.day < 19_605)
    assert slice_differences(few, np.ones(len(few)), 1, 50) == []


def test_values_that_never_vary_are_not_chosen():
    rng = np.random.default_rng(6)
    rows = rows_of(rng)
    found = slice_differences(rows, np.ones(len(rows)), 100, 50)
    assert found
    assert worse_slices(found) == worse_slices(found, -1) == []
