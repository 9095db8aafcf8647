"""Names of boroughs and station grounds, and how much later pumps come there."""

from londonpump.domain.stations import by_code, known_stations
from londonpump.evaluation.intervals import Stat
from londonpump.evaluation.lateness import Level

LOWERCASE_WORDS = {"and", "of", "upon"}


def format_borough(name: str) -> str:
    """Return the name in title case, such as `Kensington and Chelsea`."""
    parts = [word.lower() if word.lower() in LOWERCASE_WORDS else word.capitalize() for word in name.split()]
    return " ".join(parts) or "not stated"


def format_ground(code: str) -> str:
    """Return code and name, such as `A24 Soho`."""
    station = by_code(known_stations()).get(code)
    return f"{code} {station.name}" if station is not None else code or "not stated"


def format_place(level: Level, name: str) -> str:
    """Return a place such as `All London`, `Camden` or `Ground of A24 Soho`."""
    if level is Level.LONDON:
        return "All London"
    return format_borough(name) if level is Level.BOROUGH else f"Ground of {format_ground(name)}"


def format_excess(excess_s: Stat) -> str:
    """Return the mean excess with its interval, such as `17.2 s (14.1 to 20.4)`."""
    if excess_s.value is None:
        return "unknown"
    low, high = excess_s.low, excess_s.high
    ends = "" if low is None or high is None else f" ({low:.1f} to {high:.1f})"
    return f"{excess_s.value:.1f} s{ends}"
