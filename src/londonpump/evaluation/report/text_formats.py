"""Display formats of numbers and names."""

from collections.abc import Mapping
from datetime import date

from londonpump.domain.stations import by_code, known_stations
from londonpump.evaluation.intervals import Stat

MODEL_LABELS = {
    "constant": "One time for all",
    "distance": "Distance alone",
    "seed": "Original model",
    "ours": "londonpump",
    "ours_kind_not_stated": "londonpump, incident type not given",
}
IN_SENTENCE = {
    "constant": "one time for all",
    "distance": "distance alone",
    "seed": "the original model",
    "ours_kind_not_stated": "londonpump without the incident type",
}
SLICE_LABELS = {
    "distance_band": "distance",
    "distance_decile": "tenth by distance",
    "hour_band": "hours",
    "hour": "hour",
    "own_ground": "own ground",
    "is_own_ground": "own ground",
    "incident_type": "incident type",
    "stated_kind": "incident type given",
}
NOT_DEFINED = "–"


def model_label(name: str) -> str:
    """Return the name of a model in a table."""
    return MODEL_LABELS.get(name, name)


def model_in_sentence(name: str) -> str:
    """Return the name of a model inside a sentence."""
    return IN_SENTENCE.get(name, model_label(name))


def format_slice(name: str, value: str) -> str:
    """Return a slice and its value for a table, such as `hours: 00-05`, `station: A24 Soho`."""
    station = by_code(known_stations()).get(value)
    if station is not None:
        value = f"{value} {station.name}"
    return f"{SLICE_LABELS.get(name, name.replace('_', ' '))}: {value or 'not stated'}"


def format_day(day: date) -> str:
    """Return a date such as `1 October 2023`."""
    return f"{day.day} {day:%B %Y}"


def format_count(n: int) -> str:
    """Return a count such as `12,345`."""
    return f"{n:,}"


def format_number(value: float | None, unit: str, is_signed: bool = False) -> str:
    """Return a value in its unit: `s` one decimal, `%` of a share, `points` of a share, else three decimals."""
    if value is None:
        return NOT_DEFINED
    if unit in {"%", "points"}:
        value = 100 * value
    text = f"{value:{'+' if is_signed else ''}.{3 if unit == '' else 1}f}"
    bare = text.lstrip("+-")
    if float(bare) == 0:
        text = bare
    return text.replace("-", "\u2212")


def format_interval(stat: Stat | Mapping[str, float | None], unit: str, is_signed: bool = False) -> str:
    """Return an interval such as `67.1 to 68.9`; empty if unknown."""
    if stat["low"] is None or stat["high"] is None:
        return ""
    return f"{format_number(stat['low'], unit, is_signed)} to {format_number(stat['high'], unit, is_signed)}"
