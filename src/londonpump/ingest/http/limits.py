"""The time, size and retry limits of a request, and the wait before the next try."""

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of a request."""

    connect_s: float = 10.0
    read_s: float = 30.0
    """The longest wait for one more byte."""
    total_s: float = 120.0
    """The limit for one try with its redirects."""
    min_bytes_per_s: int = 100_000
    """The speed that a download must have: `total_s` grows with its size."""
    tries: int = 4
    """The number of tries, including the first."""
    first_wait_s: float = 1.0
    """The wait before the second try. It doubles with each further try."""
    max_wait_s: float = 60.0
    """If a publisher asks for a longer wait, there is no further try."""
    redirects: int = 5
    max_response_bytes: int = 64 << 20
    max_file_bytes: int = 2 << 30

    def download_s(self, size_bytes: int | None) -> float:
        """Return the time limit for one try of a download. A file of unknown size may take as long as the largest."""
        return self.total_s + (size_bytes or self.max_file_bytes) / self.min_bytes_per_s


MAX_RETRY_AFTER_S = timedelta(days=366).total_seconds()


def retry_after_s(header: str | None, now: datetime) -> float | None:
    """Return the seconds of a Retry-After header, which holds seconds or a date; None if it cannot be parsed."""
    if header is None:
        return None
    text = header.strip()
    if text.isascii() and text.isdigit():
        # Twelve digits exceed the cap already, and int() of an endless text would be slow.
        return min(float(text[:12]), MAX_RETRY_AFTER_S)
    try:
        when = parsedate_to_datetime(text)
    except (ValueError, OverflowError):  # The year or the zone is out of range.
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return min(max((when - now).total_seconds(), 0.0), MAX_RETRY_AFTER_S)


def backoff_s(next_try: int, requested_s: float | None, limits: Limits) -> float:
    """Return the wait before a try: what the publisher asked for, or a wait that doubles with each try.

    Up to half as much is added at random, so that machines that failed together do not retry together.
    """
    own_s = min(limits.first_wait_s * 2.0 ** (next_try - 2), limits.max_wait_s)
    spread = 1 + random.random() / 2  # noqa: S311 - spreads load, guards no secret
    return max(own_s * spread, requested_s or 0.0)
