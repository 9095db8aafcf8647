"""The settings of the promotion rule, all of them, with their reasons."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PromotionSettings:
    """What the rule asks for. The defaults are those whose error rates docs/explanation/promotion.md shows.

    least_rows, least_days: fewer later rows or days than that decide nothing. least_slice_rows: a slice value
    needs as many in the newest `slice_days`. slices: names of slices that must not get worse.
    confidence: of the interval of the whole, both ends. slice_error_share: how often a challenger that is as good
    as the champion in every slice is refused for any of them. cover_low_share, cover_high_share: the whole interval
    of the share of runs between P10 and P90 must lie between them. calibration_error: the whole interval of the
    mean gap between chance and share over 360 s must lie below it. latency_ms: an answer may take so long.
    champion_age_days: a champion trained until longer ago may be replaced by a newer model that costs less than
    `not_worse_s`, the whole interval; None: never. resamples, seed: of the drawn days.
    """

    least_rows: int = 1000
    least_days: int = 7
    least_slice_rows: int = 500
    slice_days: int = 92
    slices: tuple[str, ...] = ("borough", "station", "hour_band", "own_ground", "incident_type")
    confidence: float = 0.95
    slice_error_share: float = 0.05
    cover_low_share: float = 0.75
    cover_high_share: float = 0.85
    calibration_error: float = 0.08
    latency_ms: float = 50.0
    champion_age_days: int | None = 180
    not_worse_s: float = 0.5
    resamples: int = 1000
    seed: int = 0
