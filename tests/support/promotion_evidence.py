"""A simulated month on which two models are evaluated: its dispatches, and forecasts of known accuracy."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
from scipy.stats import norm

from londonpump.evaluation.evaluation_rows import EvaluationRows, Forecast
from londonpump.evaluation.metrics import CRPS_LEVELS
from londonpump.evaluation.promotion.evidence import EPOCH, EvaluatedModel, Evidence, SmokeTest

LEVELS = tuple(sorted({0.1, 0.25, 0.75, 0.9, *CRPS_LEVELS}))
FIRST_DAY = 17_198
TRAINED_UNTIL = EPOCH + timedelta(days=FIRST_DAY)
NOISE_S, DAY_NOISE_S = 85.0, 12.0
QUICK = SmokeTest(None, 4.0)
OWN_ERROR_S = 16.0
"""Standard deviation of the error that each of two good models has of its own, about that of two real ones."""


class Month:
    """A month of n dispatches on some days, with known true times."""

    def __init__(self, n=6_000, days=28, seed=7):
        self.rng = np.random.default_rng(seed)
        day = np.arange(n) % days
        self.true_s = self.rng.uniform(200, 600, n)
        noise_s = self.rng.normal(0, NOISE_S, n) + self.rng.normal(0, DAY_NOISE_S, days)[day]
        hour = self.rng.integers(0, 24, n)
        borough = np.where(np.arange(n) % 10 == 0, "CAMDEN", "BARNET")
        self.rows = EvaluationRows(
            actual_s=self.true_s + noise_s,
            day=day + FIRST_DAY,
            incident=np.arange(n),
            slices={
                "borough": borough,
                "station": np.array([f"A{i % 60 + 10}" for i in range(n)]),
                "hour_band": np.where(hour < 12, "00-05", "10-16"),
                "own_ground": np.where(np.arange(n) % 4 > 0, "own ground", "other ground"),
                "incident_type": np.where(np.arange(n) % 3 > 0, "Fire", "Domestic Incidents"),
            },
            station_code=np.full(n, "A21"),
            distance_m=np.full(n, 1000.0),
            hour=hour,
            easting_m=np.full(n, 530_000.0),
            northing_m=np.full(n, 180_000.0),
        )

    def forecast(self, own_error_s=OWN_ERROR_S):
        """Return the forecast of a model whose announced times differ from the true ones by a normal draw."""
        median_s = self.true_s + self.rng.normal(0, own_error_s, len(self.true_s))
        spread_s = np.sqrt(NOISE_S**2 + DAY_NOISE_S**2 + own_error_s**2)
        return Forecast(
            median_s=median_s,
            levels=LEVELS,
            quantiles_s=median_s[:, None] + spread_s * norm.ppf(LEVELS),
            p_over={t: norm.sf((t - median_s) / spread_s) for t in (360, 480, 600, 720)},
        )

    def evidence(self, champion, challenger):
        """Return evidence about two models of the same age and low latency. champion: None if no model is active."""
        return Evidence(
            self.rows,
            None if champion is None else contender(champion),
            contender(challenger),
            TRAINED_UNTIL + timedelta(days=int(self.rows.day.max()) - FIRST_DAY + 1),
        )


def contender(forecast, until=TRAINED_UNTIL, smoke_test=QUICK):
    """Return one of the two models."""
    return EvaluatedModel(until, smoke_test, forecast)


def farther_off(forecast, rows, by_s, where=None):
    """Return the forecast with every absolute error increased by some seconds and its chances unchanged."""
    away = np.where(forecast.median_s >= rows.actual_s, 1.0, -1.0) * by_s
    moved = away if where is None else np.where(where, away, 0.0)
    return replace(forecast, median_s=forecast.median_s + moved)


def aged(evidence, champion_until=date(2016, 1, 1)):
    """Return the same evidence with a champion that was trained long ago."""
    return replace(evidence, champion=replace(evidence.champion, trained_until=champion_until))
