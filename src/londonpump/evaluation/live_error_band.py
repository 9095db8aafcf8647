"""Whether a model's live error or coverage has left its band for long enough to take the model back.

A day is outside if the two weeks that end with it are, beyond chance: the lower end of the interval of the live MAE is
above the MAE that the model was put on duty with by more than `mae_worse_pct`, or the upper end of the interval of the
coverage of P10 to P90 is below `min_cover_share`. So many days one after another are needed.
"""

from dataclasses import dataclass

from londonpump.evaluation.intervals import Stat
from londonpump.evaluation.live import LiveRows, live_figures


@dataclass(frozen=True, slots=True)
class BandRule:
    """on_days: one after another. least_rows: in each window, else the day is not judged, and not outside."""

    mae_worse_pct: float = 10.0
    min_cover_share: float = 0.70
    consecutive_days: int = 3
    window_days: int = 14
    min_rows: int = 300


@dataclass(frozen=True, slots=True)
class BandDay:
    """One day's window. reason: why it is outside; empty if it is not, or cannot be judged."""

    day: int
    rows: int
    mae_s: Stat | None
    cover_80_share: Stat | None
    reason: str


@dataclass(frozen=True, slots=True)
class Band:
    """days: those that were looked at, in order. has_left: all of them are outside."""

    days: tuple[BandDay, ...]
    evaluated_mae_s: float | None

    @property
    def has_left(self) -> bool:
        """Outside on every one of the last days."""
        return bool(self.days) and all(day.reason for day in self.days)


def check_band(
    rows: LiveRows, evaluated_mae_s: float | None, last_day: int, rule: BandRule = BandRule()
) -> Band:
    """Judge the last days of one model.

    Args: rows: of that model alone. evaluated_mae_s: what it was put on duty with; None: the error is not judged.
    last_day: London days since 1970.
    """
    days = range(last_day - rule.consecutive_days + 1, last_day + 1)
    return Band(tuple(_evaluate_day(rows, evaluated_mae_s, day, rule) for day in days), evaluated_mae_s)


def _evaluate_day(rows: LiveRows, evaluated_mae_s: float | None, day: int, rule: BandRule) -> BandDay:
    window = rows.take((rows.day > day - rule.window_days) & (rows.day <= day))
    if len(window) < rule.min_rows:
        return BandDay(day, len(window), None, None, "")
    found = live_figures(window)["all"]["all"]
    mae_s, cover = found["mae_s"], found["cover_80_share"]
    return BandDay(day, len(window), mae_s, cover, _reason(mae_s, cover, evaluated_mae_s, rule))


def _reason(mae_s: Stat, cover: Stat, evaluated_mae_s: float | None, rule: BandRule) -> str:
    low, high = mae_s["low"], cover["high"]
    if (
        evaluated_mae_s is not None
        and low is not None
        and low > evaluated_mae_s * (1 + rule.mae_worse_pct / 100)
    ):
        return f"live error {mae_s['value']:.1f} s (at least {low:.1f} s), {evaluated_mae_s:.1f} s when it was evaluated"
    if high is not None and high < rule.min_cover_share:
        return f"{cover['value']:.0%} of arrivals between P10 and P90 (at most {high:.0%}), 80 % meant"
    return ""
