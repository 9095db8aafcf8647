"""The context that an answer was made in: each value with its source and age, and what nobody knows."""

from typing import Any

import numpy as np

from londonpump.features.moment import NAMES, UNITS, ContextValue
from londonpump.models.bundle import Bundle
from londonpump.models.learnt_context import CLIMATE, CONGESTION, LIBRARY, PROFILE, SCHOOL, UNKNOWN, WORKING
from londonpump.service.predictions.calls import Call
from londonpump.service.predictions.columns import STATED
from londonpump.service.predictions.ranking import Ranked
from londonpump.tables.context import WEATHER_NUMBERS

CALL = "call"
FLAGS = (SCHOOL, WORKING)
STANDS_IN = {**dict.fromkeys(WEATHER_NUMBERS, CLIMATE), CONGESTION: PROFILE, WORKING: LIBRARY}
SILENT = "weather, traffic and calendar: the database did not answer in time"
WORDS_OF = {
    CONGESTION: "traffic",
    SCHOOL: "school holidays",
    **{name: NAMES[name] for name in WEATHER_NUMBERS},
}
"""How `MomentContext.missing` begins for each column; where there is no weather at all it speaks of that."""
Told = dict[str, Any]


def context_told(ranked: Ranked, bundle: Bundle) -> dict[str, Told]:
    """{column: value, unit, source, observed_at, age_min, is_filled} of what the question states, or the model reads."""
    call = ranked.call
    known = {} if call.context is None else {each.name: each for each in call.context.values}
    reads, takes = bundle.response.context.reads, bundle.response.context.takes
    told: dict[str, Told] = {}
    for name in STATED:
        stated = getattr(call.question.context, name)
        if stated is not None:
            told[name] = _told(name, stated, CALL)
        elif name in takes and name in known and known[name].value is not None:
            told[name] = _from_database(known[name], call)
        elif name in reads:
            told[name] = _stood_in(name, ranked)
    return told


def missing_told(call: Call, bundle: Bundle) -> list[str]:
    """What is not there although the model would take it, in words."""
    takes = bundle.response.context.takes
    told = []
    if call.context is not None:
        unused = [words for name, words in WORDS_OF.items() if name not in takes]
        told = [words for words in call.context.missing if words.split(":")[0] not in unused]
    elif takes and call.is_silent:
        told = [SILENT]
    return [*told, call.board_missing] if call.board_missing else told


def _stood_in(name: str, ranked: Ranked) -> Told:
    value = float(ranked.predictions.runs.number(name)[ranked.first])
    if np.isnan(value):
        return _told(name, None, UNKNOWN, is_filled=True)
    return _told(name, bool(value) if name in FLAGS else round(value, 4), STANDS_IN[name], is_filled=True)


def _from_database(known: ContextValue, call: Call) -> Told:
    age_min = known.age_min(call.at)
    return {
        **_told(known.name, known.value, known.source, is_filled=known.is_filled),
        "observed_at": known.observed_at.isoformat().replace("+00:00", "Z") if known.observed_at else None,
        "age_min": None if age_min is None else round(age_min, 1),
    }


def _told(name: str, value: Any, source: str | None, *, is_filled: bool = False) -> Told:
    return {
        "value": value,
        "unit": UNITS.get(name),
        "source": source,
        "observed_at": None,
        "age_min": None,
        "is_filled": is_filled,
    }
