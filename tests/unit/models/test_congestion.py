"""The congestion profile: fitted on travel times, never on those of the row itself, and as measured on real journeys."""

import csv
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from londonpump.domain.json_values import from_json, to_json
from londonpump.domain.london_clock import LONDON
from londonpump.domain.stations import known_stations
from londonpump.models.fitted_context import (
    AREAS,
    INNER_M,
    MIN_JOURNEYS,
    WEEK,
    Congestion,
    Journeys,
    area_of,
    fit_congestion,
    fit_observed,
    profile_of,
)

REAL = Path(__file__).resolve().parents[3] / "../shared/data/travel_times_2020_2023.csv"
FACTS_S = [-7, None, None, 0, None, None, 2, 8, 3, 2, 11, 20, 18, 24, 24, 25, 23, 21, 12, 3, -4, -6, -9, -8]
"""Extra seconds against 03 h at equal distance, by GMT hour: the data's own facts, 3.6."""
BUSY = np.arange(WEEK) % 24 // 12


def made(n: int, busy: float = 0.2, longer: float = 1.0, seed: int = 1) -> Journeys:
    """Journeys that take a share longer after noon, and go farther then, by a factor."""
    draw = np.random.default_rng(seed)
    hour = draw.integers(0, WEEK, n)
    distance_m = draw.uniform(600, 4_000, n) * np.where(BUSY[hour], longer, 1.0)
    usual_s = 100 + 0.1 * distance_m
    travel_s = usual_s * (1 + busy * BUSY[hour]) * np.exp(draw.normal(0, 0.2, n))
    return Journeys(distance_m, travel_s, hour, draw.integers(0, AREAS, n))


def folds(n: int) -> np.ndarray:
    return np.arange(n) % 5


def test_the_share_by_which_busy_hours_are_slower_is_found() -> None:
    rates = profile_of(made(60_000)).rates
    middle = np.abs(np.arange(WEEK) % 12 - 5.5) < 3
    assert rates[:, (BUSY == 1) & middle].mean() == pytest.approx(0.2, abs=0.05)
    assert rates[:, (BUSY == 0) & middle].mean() == pytest.approx(0.0, abs=0.05)


def test_longer_journeys_in_busy_hours_are_no_congestion() -> None:
    rates = profile_of(made(60_000, busy=0.0, longer=1.5)).rates
    assert rates[:, BUSY == 1].mean() - rates[:, BUSY == 0].mean() == pytest.approx(0.0, abs=0.03)


def test_an_area_that_is_slow_at_all_hours_is_not_congested() -> None:
    drawn = made(60_000, busy=0.0)
    few_at_night = (drawn.hour % 24 >= 6) | (np.arange(60_000) % 20 == 0)
    journeys = drawn.take(few_at_night)
    slow = np.where(journeys.area == 3, 1.5 * journeys.travel_s, journeys.travel_s)
    rates = profile_of(Journeys(journeys.distance_m, slow, journeys.hour, journeys.area)).rates
    assert rates[3].mean() == pytest.approx(rates.mean(), abs=0.03)


def test_rates_lie_between_0_and_1_whatever_the_times() -> None:
    journeys = made(20_000)
    absurd = np.where(np.arange(20_000) % 7 == 0, 1e6, journeys.travel_s)
    rates = profile_of(Journeys(journeys.distance_m, absurd, journeys.hour, journeys.area)).rates
    assert 0 <= rates.min() <= rates.max() <= 1


def test_a_run_does_not_see_its_own_travel_time() -> None:
    journeys, fold = made(20_000), folds(20_000)
    canary = fold == 2
    absurd = np.where(canary & (BUSY[journeys.hour] == 0), 1_000.0, journeys.travel_s)
    one = fit_congestion(journeys, fold)
    two = fit_congestion(Journeys(journeys.distance_m, absurd, journeys.hour, journeys.area), fold)
    assert one is not None
    assert two is not None
    np.testing.assert_array_equal(one[1][canary], two[1][canary])
    assert np.abs(one[1][~canary] - two[1][~canary]).max() > 0.01


def test_the_profile_for_serving_has_seen_every_journey() -> None:
    journeys = made(20_000)
    fitted = fit_congestion(journeys, folds(20_000))
    assert fitted is not None
    np.testing.assert_array_equal(fitted[0].rates, profile_of(journeys).rates)
    assert fitted[0].rows == 20_000


def test_with_too_few_travel_times_there_is_no_profile() -> None:
    journeys = made(MIN_JOURNEYS)
    known = np.where(np.arange(MIN_JOURNEYS) == 0, np.nan, journeys.travel_s)
    fewer = Journeys(journeys.distance_m, known, journeys.hour, journeys.area)
    assert fit_congestion(fewer, folds(MIN_JOURNEYS)) is None
    assert fit_congestion(journeys, folds(MIN_JOURNEYS)) is not None


def test_an_area_without_a_journey_has_the_hours_of_london() -> None:
    journeys = made(30_000)
    one = Journeys(journeys.distance_m, journeys.travel_s, journeys.hour, np.zeros(30_000, np.int64))
    rates = profile_of(one).rates
    np.testing.assert_array_equal(rates[5], rates[6])
    assert rates[5].max() > 0.1


def test_the_areas_are_the_quarters_around_charing_cross() -> None:
    east_m = np.array([-1.0, 1.0, -1.0, 1.0, 0.0, -INNER_M])
    north_m = np.array([-1.0, -1.0, 1.0, 1.0, INNER_M, -1.0])
    assert area_of(530_000 + east_m, 180_400 + north_m).tolist() == [0, 1, 2, 3, 7, 4]


def test_observed_rates_are_meant_by_hour_of_the_week() -> None:
    hour = np.repeat(np.arange(WEEK), 50)
    rate = np.where(hour % 24 == 8, 0.6, 0.2)
    rate[0] = np.nan
    profile = fit_observed(rate, hour)
    assert profile(np.array([8, 12]), np.array([3, 7])) == pytest.approx([0.6, 0.2], abs=0.01)
    assert (profile.source, profile.rows) == ("observed", len(hour) - 1)


def test_an_hour_never_observed_has_the_usual_rate_of_its_hour_of_day() -> None:
    hour = np.repeat(np.setdiff1d(np.arange(WEEK), [32]), 50)
    profile = fit_observed(np.where(hour % 24 < 12, 0.1, 0.4), hour)
    assert profile(np.array([32]), np.array([0])) == pytest.approx([0.1], abs=0.01)


def test_stored_and_read_it_is_the_same() -> None:
    profile = profile_of(made(20_000))
    again = from_json(Congestion, to_json(profile))
    np.testing.assert_array_equal(again.rates, profile.rates)
    assert (again.source, again.rows) == (profile.source, profile.rows)


@pytest.fixture(scope="module")
def real() -> tuple[Journeys, np.ndarray]:
    """Real journeys from the station's area, and their GMT hours."""
    if not REAL.exists():
        pytest.skip("the real travel times are not beside the repository")
    station_by_name = {s.name.lower(): s for s in known_stations() if s.status != "former_site"}
    with REAL.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    stations = [station_by_name[row["deployed_from_station"].lower()] for row in rows]
    gmt = np.array([int(row["hour_gmt"]) for row in rows])
    days = [datetime.strptime(row["IncidentNumber"][-8:], "%d%m%Y").date() for row in rows]
    hour = [day.weekday() * 24 + (h + summer_h(day)) % 24 for day, h in zip(days, gmt.tolist(), strict=True)]
    journeys = Journeys(
        np.array([float(row["distance_m"]) for row in rows]),
        np.array([float(row["travel_time_s"]) for row in rows]),
        np.array(hour),
        area_of(np.array([s.easting_m for s in stations]), np.array([s.northing_m for s in stations])),
    )
    informative = journeys.is_informative
    return journeys.take(informative), gmt[informative]


def summer_h(day: date) -> int:
    offset = datetime(day.year, day.month, day.day, 12, tzinfo=LONDON).utcoffset()
    return int((offset or timedelta()).total_seconds() // 3600)


@pytest.fixture(scope="module")
def extra_s(real: tuple[Journeys, np.ndarray]) -> np.ndarray:
    """(24,) seconds more than at 03 h GMT over the mean journey, by the profile."""
    journeys, gmt = real
    rate = profile_of(journeys)(journeys.hour, journeys.area)
    by_hour = np.array([rate[gmt == h].mean() for h in range(24)])
    return ((1 + by_hour) / (1 + by_hour[3]) - 1) * journeys.travel_s.mean()


def test_on_real_journeys_each_hour_is_slower_by_what_was_measured_before(extra_s: np.ndarray) -> None:
    measured = [(h, s) for h, s in enumerate(FACTS_S) if s is not None]
    assert max(abs(extra_s[h] - s) for h, s in measured) < 8


def test_on_real_journeys_the_hours_come_in_the_order_measured_before(extra_s: np.ndarray) -> None:
    hours = [h for h, s in enumerate(FACTS_S) if s is not None]
    assert np.corrcoef(extra_s[hours], [FACTS_S[h] for h in hours])[0, 1] > 0.97


def test_congestion_moves_real_engines_by_about_five_per_cent(real: tuple[Journeys, np.ndarray]) -> None:
    journeys, _ = real
    rate = 1 + profile_of(journeys)(journeys.hour, journeys.area)
    low, high = np.quantile(rate / rate.mean(), (0.1, 0.9)) - 1
    assert -0.08 < low < -0.03 < 0.03 < high < 0.08
