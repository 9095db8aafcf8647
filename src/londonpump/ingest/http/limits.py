"""How long, how much and how often: the bounds of one request."""

from dataclasses import dataclass


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
