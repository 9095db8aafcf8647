"""How long to wait before asking again."""

import random
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from londonpump.ingest.http.limits import Limits

MAX_RETRY_AFTER_S = timedelta(days=366).total_seconds()


def retry_after_s(header: str | None, now: datetime) -> float | None:
    """Seconds of a Retry-After header, which holds seconds or a date; None if it says nothing usable."""
    if header is None:
        return None
    text = header.strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:12]), MAX_RETRY_AFTER_S)
    try:
        when = parsedate_to_datetime(text)
    except (ValueError, OverflowError):  # a year or a zone beyond all calendars
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return min(max((when - now).total_seconds(), 0.0), MAX_RETRY_AFTER_S)


def backoff_s(next_try: int, requested_s: float | None, limits: Limits) -> float:
    """What the publisher asked for, or twice as long each time; and up to half as much more, so that many
    machines that failed together do not ask again together."""
    own_s = min(limits.first_wait_s * 2.0 ** (next_try - 2), limits.max_wait_s)
    spread = 1 + random.random() / 2  # noqa: S311 - chance spreads the load, it guards nothing
    return max(own_s * spread, requested_s or 0.0)
