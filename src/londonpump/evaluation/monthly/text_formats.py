"""Times, places and changes as a person reads them."""

from londonpump.domain.stations import by_code, known_stations
from londonpump.evaluation.intervals import Stat
from londonpump.evaluation.monthly.attendance import MET, MISSED, NOT_EVALUATED, UNSURE, Figure, Target
from londonpump.evaluation.report.text_formats import NOT_DEFINED, format_interval, format_number

LOWERCASE_WORDS = {"and", "of", "upon"}
VERDICTS = {
    MET: "met",
    MISSED: "missed",
    UNSURE: "not sure: the interval holds the target",
    NOT_EVALUATED: "too few to say",
}


def format_clock(seconds: float | None) -> str:
    """`5:17`, minutes and seconds."""
    if seconds is None:
        return NOT_DEFINED
    whole = round(seconds)
    return f"{whole // 60}:{whole % 60:02d}"


def format_borough(name: str) -> str:
    """`Kensington and Chelsea`, out of any case."""
    parts = [word.lower() if word.lower() in LOWERCASE_WORDS else word.capitalize() for word in name.split()]
    return " ".join(parts) or "not stated"


def format_ground(code: str) -> str:
    """`A24 Soho`."""
    station = by_code(known_stations()).get(code)
    return f"{code} {station.name}" if station is not None else code or "not stated"


def format_figure_value(figure: Figure) -> str:
    """The figure itself: a time or a percentage."""
    value = figure.stat["value"]
    return format_clock(value) if figure.target.share is None else f"{format_number(value, '%')}"


def format_figure_interval(figure: Figure) -> str:
    """Its interval; empty where it has none."""
    low, high = figure.stat["low"], figure.stat["high"]
    if low is None or high is None:
        return ""
    if figure.target.share is None:
        return f"{format_clock(low)} to {format_clock(high)}"
    return format_interval(figure.stat, "%")


def format_target(target: Target) -> str:
    """`6:00 or less`, `90 % or more`."""
    return (
        f"{format_clock(target.limit_s)} or less"
        if target.share is None
        else f"{100 * target.share:.0f} % or more"
    )


def format_change(change: Stat, target: Target) -> tuple[str, str]:
    """A change and its interval: seconds or points."""
    unit = "s" if target.share is None else "points"
    value = format_number(change["value"], unit, is_signed=True)
    return f"{value} {unit}", format_interval(change, unit, is_signed=True)
