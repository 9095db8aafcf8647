"""How long, how much and how often: the bounds of one request."""

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of a request.

    connect_s, read_s: without a connection, without one more byte. total_s: one try with its redirects; a
    download gets a second more for each `min_bytes_per_s` it holds. tries: the first one included.
    first_wait_s doubles with each try; longest_wait_s: a publisher that asks for more is given up.
    """

    connect_s: float = 10.0
    read_s: float = 30.0
    total_s: float = 120.0
    min_bytes_per_s: int = 100_000
    tries: int = 4
    first_wait_s: float = 1.0
    max_wait_s: float = 60.0
    redirects: int = 5
    max_response_bytes: int = 64 << 20
    max_file_bytes: int = 2 << 30

    def download_s(self, size_bytes: int | None) -> float:
        """How long one try of a download may take; of a file of unknown size, as long as the largest."""
        return self.total_s + (size_bytes or self.max_file_bytes) / self.min_bytes_per_s


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
