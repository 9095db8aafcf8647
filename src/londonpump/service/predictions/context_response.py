"""The context that an answer was made in: each value with its source and age, and what nobody knows."""

from typing import Any

import numpy as np

from londonpump.domain.context_records import WEATHER_NUMBERS
from londonpump.features.context import NAMES, UNITS, ContextValue
from londonpump.models.bundle import Bundle
from londonpump.models.fitted_context import CLIMATE, CONGESTION, LIBRARY, PROFILE, SCHOOL, UNKNOWN, WORKING
from londonpump.service.predictions.calls import Call
from londonpump.service.predictions.model_inputs import STATED_COLUMNS
from londonpump.service.predictions.ranking import Ranked

CALL = "call"
FLAGS = (SCHOOL, WORKING)
FALLBACK_SOURCES = {**dict.fromkeys(WEATHER_NUMBERS, CLIMATE), CONGESTION: PROFILE, WORKING: LIBRARY}
DATABASE_LATE = "weather, traffic and calendar: the database did not answer in time"
MISSING_PREFIXES = {
    CONGESTION: "traffic",
    SCHOOL: "school holidays",
    **{name: NAMES[name] for name in WEATHER_NUMBERS},
}
"""How `ContextSnapshot.missing` begins for each column; where there is no weather at all it speaks of that."""
JsonObject = dict[str, Any]


def context_response(ranked: Ranked, bundle: Bundle) -> dict[str, JsonObject]:
    """{column: value, unit, source, observed_at, age_min, is_filled} of what the question states, or the model reads."""
    call = ranked.call
    known = {} if call.context is None else {each.name: each for each in call.context.values}
    reads, takes = bundle.response.context.reads, bundle.response.context.takes
    entries: dict[str, JsonObject] = {}
    for name in STATED_COLUMNS:
        stated = getattr(call.question.context, name)
        if stated is not None:
            entries[name] = _entry(name, stated, CALL)
        elif name in takes and name in known and known[name].value is not None:
            entries[name] = _from_database(known[name], call)
        elif name in reads:
            entries[name] = _fallback_entry(name, ranked)
    return entries


def missing_texts(call: Call, bundle: Bundle) -> list[str]:
    """What is not there although the model would take it, in words."""
    takes = bundle.response.context.takes
    texts = []
    if call.context is not None:
        unused = [text for name, text in MISSING_PREFIXES.items() if name not in takes]
        texts = [text for text in call.context.missing if text.split(":")[0] not in unused]
    elif takes and call.is_database_late:
        texts = [DATABASE_LATE]
    return [*texts, call.board_missing] if call.board_missing else texts


def _fallback_entry(name: str, ranked: Ranked) -> JsonObject:
    value = float(ranked.predictions.dispatches.number(name)[ranked.first])
    if np.isnan(value):
        return _entry(name, None, UNKNOWN, is_filled=True)
    return _entry(
        name, bool(value) if name in FLAGS else round(value, 4), FALLBACK_SOURCES[name], is_filled=True
    )


def _from_database(known: ContextValue, call: Call) -> JsonObject:
    age_min = known.age_min(call.at)
    return {
        **_entry(known.name, known.value, known.source, is_filled=known.is_filled),
        "observed_at": known.observed_at.isoformat().replace("+00:00", "Z") if known.observed_at else None,
        "age_min": None if age_min is None else round(age_min, 1),
    }


def _entry(name: str, value: Any, source: str | None, *, is_filled: bool = False) -> JsonObject:
    return {
        "value": value,
        "unit": UNITS.get(name),
        "source": source,
        "observed_at": None,
        "age_min": None,
        "is_filled": is_filled,
    }
