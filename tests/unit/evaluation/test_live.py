"""Live figures: announced times with what became of them."""

import numpy as np
import pytest

from londonpump.domain.errors import TooFewRows
from londonpump.evaluation.live import Band, BandDay, BandRule, LiveRows, check_band, live_figures
from londonpump.features.observations import day_of


def live_rows(n: int = 600, days: int = 20, seed: int = 1, worse: float = 1.0) -> LiveRows:
    """Times announced with P50 300 s and a true spread of 60 s on both sides, `worse` times that in truth."""
    rng = np.random.default_rng(seed)
    actual_s = 300 + 60 * worse * rng.normal(size=n)
    return LiveRows(
        model=np.where(np.arange(n) % 3 == 0, "old", "new"),
        station_code=np.where(np.arange(n) % 2 == 0, "A21", "E36"),
        day=np.sort(rng.integers(0, days, n)),
        hour=rng.integers(0, 24, n),
        p10_s=np.full(n, 300 - 1.2816 * 60),
        p50_s=np.full(n, 300.0),
        p90_s=np.full(n, 300 + 1.2816 * 60),
        actual_s=actual_s,
        predicted_late_share=np.where(np.arange(n) % 4 == 0, np.nan, 0.1587),
    )


def test_error_is_the_mean_distance_from_the_announced_median() -> None:
    rows = live_rows()
    found = live_figures(rows).whole.mae_s
    assert found.value == pytest.approx(np.abs(rows.actual_s - 300).mean())


def test_bias_is_below_zero_where_pumps_come_later_than_said() -> None:
    rows = live_rows()
    later = LiveRows(
        **{name: getattr(rows, name) for name in LiveRows.__slots__ if name != "actual_s"},
        actual_s=rows.actual_s + 50,
    )
    assert live_figures(later).whole.bias_s.value == pytest.approx(-50, abs=8)


def test_the_interval_of_coverage_holds_what_is_true() -> None:
    found = live_figures(live_rows(5_000)).whole.cover_80_share
    assert found.low < 0.8 < found.high


def test_lateness_is_held_against_what_was_promised_where_that_is_known() -> None:
    found = live_figures(live_rows(5_000)).whole.late_beyond_predicted_share
    assert found.low < 0 < found.high


def test_lateness_without_a_promise_is_not_told() -> None:
    rows = live_rows()
    bare = LiveRows(
        **{name: getattr(rows, name) for name in LiveRows.__slots__ if name != "predicted_late_share"},
        predicted_late_share=np.full(len(rows), np.nan),
    )
    assert live_figures(bare).whole.late_share.value is None


@pytest.mark.parametrize("slice_name", ["model", "station", "hour_band"])
def test_every_slice_adds_up_to_all(slice_name: str) -> None:
    found = live_figures(live_rows(2_000))
    assert sum(each.n for each in found.by_name[slice_name].values()) == 2_000


def test_a_slice_of_few_rows_is_left_out() -> None:
    assert not live_figures(live_rows(30)).by_model


def test_no_row_is_refused() -> None:
    with pytest.raises(TooFewRows):
        live_figures(live_rows(0))


def test_a_model_that_is_as_it_was_evaluated_stays_in_its_band() -> None:
    assert not check_band(live_rows(5_000), 48.0, 19).has_left


def test_one_whose_error_grew_by_half_has_left_it() -> None:
    assert check_band(live_rows(5_000, worse=1.5), 48.0, 19).has_left


def test_coverage_alone_is_enough() -> None:
    assert "P10" in check_band(live_rows(5_000, worse=1.5), None, 19).days[-1].reason


def test_a_few_per_cent_more_are_borne() -> None:
    assert not check_band(live_rows(20_000, worse=1.05), 48.0, 19).has_left


def test_one_bad_day_is_not_long_enough() -> None:
    rows = live_rows(5_000)
    is_bad = rows.day == 19
    bad = LiveRows(
        **{name: getattr(rows, name) for name in LiveRows.__slots__ if name != "actual_s"},
        actual_s=np.where(is_bad, 3_000.0, rows.actual_s),
    )
    assert not check_band(bad, 48.0, 19).has_left


def test_few_outcomes_are_not_judged() -> None:
    band = check_band(live_rows(200, worse=3), 48.0, 19, BandRule(min_rows=300))
    assert [day.mae_s for day in band.days] == [None, None, None]


def test_every_one_of_the_days_must_be_outside() -> None:
    days = tuple(
        BandDay(day_of(day), 500, None, None, reason)
        for day, reason in ((17, "worse"), (18, ""), (19, "worse"))
    )
    assert not Band(days, 48.0).has_left
