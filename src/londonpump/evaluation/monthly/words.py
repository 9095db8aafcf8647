"""Times, places and changes as a person reads them."""

from londonpump.brigade.stations import by_code, known_stations
from londonpump.evaluation.intervals import Stat
from londonpump.evaluation.monthly.attendance import MET, MISSED, NOT_JUDGED, UNSURE, Figure, Target
from londonpump.evaluation.report.words import NOT_DEFINED, interval_words, number_words

SMALL_WORDS = {"and", "of", "upon"}
VERDICTS = {
    MET: "met",
    MISSED: "missed",
    UNSURE: "not sure: the interval holds the target",
    NOT_JUDGED: "too few to say",
}


def clock_words(seconds: float | None) -> str:
    """`5:17`, minutes and seconds."""
    if seconds is None:
        return NOT_DEFINED
    whole = round(seconds)
    return f"{whole // 60}:{whole % 60:02d}"


def borough_words(name: str) -> str:
    """`Kensington and Chelsea`, out of any case."""
    words = [word.lower() if word.lower() in SMALL_WORDS else word.capitalize() for word in name.split()]
    return " ".join(words) or "not stated"


def ground_words(code: str) -> str:
    """`A24 Soho`."""
    station = by_code(known_stations()).get(code)
    return f"{code} {station.name}" if station is not None else code or "not stated"


def value_words(figure: Figure) -> str:
    """The figure itself: a time or a percentage."""
    value = figure.stat["value"]
    return clock_words(value) if figure.target.share is None else f"{number_words(value, '%')}"


def ends_words(figure: Figure) -> str:
    """Its interval; empty where it has none."""
    low, high = figure.stat["low"], figure.stat["high"]
    if low is None or high is None:
        return ""
    if figure.target.share is None:
        return f"{clock_words(low)} to {clock_words(high)}"
    return interval_words(figure.stat, "%")


def aim_words(target: Target) -> str:
    """`6:00 or less`, `90 % or more`."""
    return (
        f"{clock_words(target.limit_s)} or less"
        if target.share is None
        else f"{100 * target.share:.0f} % or more"
    )


def change_words(change: Stat, target: Target) -> tuple[str, str]:
    """A change and its interval: seconds or points."""
    unit = "s" if target.share is None else "points"
    value = number_words(change["value"], unit, is_signed=True)
    return f"{value} {unit}", interval_words(change, unit, is_signed=True)
