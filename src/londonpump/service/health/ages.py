"""Words and figures of health, from plain values."""

from datetime import datetime


def age_s(since_at: datetime | None, now: datetime) -> float | None:
    """Seconds since a moment; never below 0, as a clock may have been set back. None if it never was."""
    return None if since_at is None else round(max((now - since_at).total_seconds(), 0.0), 1)
