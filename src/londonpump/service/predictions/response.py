"""Build the response to a question as plain values, in the form that is returned and stored."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from londonpump.domain.columns import WEATHER_NUMBERS
from londonpump.domain.json_values import JsonObject
from londonpump.features.context import NAMES, UNITS, ContextValue
from londonpump.models.bundle import Bundle
from londonpump.models.distribution import (
    OTHER_START,
    P10,
    P50,
    P90,
    SAME_START,
    chance_before,
    later_of_two_s,
)
from londonpump.models.explanations import Contribution
from londonpump.models.fitted_context import CLIMATE, CONGESTION, LIBRARY, PROFILE, SCHOOL, UNKNOWN, WORKING
from londonpump.models.predict import OVER_S
from londonpump.places.resolve import Resolved
from londonpump.service.board.rules import PumpState
from londonpump.service.champion import Champion
from londonpump.service.predictions.forecast import STATED_COLUMNS, Call, Ranked
from londonpump.service.predictions.request_context import StationIndex

CALL = "call"
FLAGS = (SCHOOL, WORKING)
FALLBACK_SOURCES = {**dict.fromkeys(WEATHER_NUMBERS, CLIMATE), CONGESTION: PROFILE, WORKING: LIBRARY}
DATABASE_LATE = "weather, traffic and calendar: the database did not answer in time"
MISSING_PREFIXES = {
    CONGESTION: "traffic",
    SCHOOL: "school holidays",
    **{name: NAMES[name] for name in WEATHER_NUMBERS},
}
"""Prefix of the texts in `ContextSnapshot.missing` per column; without any weather the text has another prefix."""
QUANTILE_LEVELS = tuple((2 * i + 1) / 40 for i in range(20))
"""The middles of 20 equal parts, 0.025 to 0.975: each value stands for one run in 20, as the dots of a quantile dotplot do."""
SECONDS = ("mean_s", "p10_s", "p50_s", "p90_s")
OUTSIDE = ("distance", "location", "station")
ROADS_MISSING = "The roads that the model was trained with are missing: times are those of straight distances, and less accurate."
N_COMPARED = 10
"""Candidates that are compared with the next one: further down, nobody asks which of two is first."""
NO_PUMP = "No pump can be ranked: all are out, on their way back or off the run. Check the board."


def context_response(ranked: Ranked, bundle: Bundle) -> dict[str, JsonObject]:
    """Return {column: value, unit, source, observed_at, age_min, is_imputed} for each stated or modelled value."""
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
    """Return texts that say which inputs of the model are missing."""
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
        return _entry(name, None, UNKNOWN, is_imputed=True)
    return _entry(
        name, bool(value) if name in FLAGS else round(value, 4), FALLBACK_SOURCES[name], is_imputed=True
    )


def _from_database(known: ContextValue, call: Call) -> JsonObject:
    age_min = known.age_min(call.at)
    return {
        **_entry(known.name, known.value, known.source, is_imputed=known.is_imputed),
        "observed_at": known.observed_at.isoformat().replace("+00:00", "Z") if known.observed_at else None,
        "age_min": None if age_min is None else round(age_min, 1),
    }


def _entry(name: str, value: Any, source: str | None, *, is_imputed: bool = False) -> JsonObject:
    return {
        "value": value,
        "unit": UNITS.get(name),
        "source": source,
        "observed_at": None,
        "age_min": None,
        "is_imputed": is_imputed,
    }


@dataclass(frozen=True, slots=True)
class ResponseBuilder:
    """Build responses with the active model's name and stations."""

    champion: Champion
    station_index: StationIndex

    @property
    def bundle(self) -> Bundle:
        """The bundle of the active model."""
        return self.champion.bundle

    def build(self, prediction_id: str, ranked: Ranked) -> JsonObject:
        """Build the response to one call."""
        call = ranked.call
        return {
            "id": prediction_id,
            "at": format_utc(call.at),
            "incident_number": call.question.incident_number,
            "model": self._model(),
            "location": self._location(ranked),
            "pumps_needed": _pumps_needed(ranked),
            "candidates": self._candidates(ranked),
            "second_pump": _second_pump(ranked),
            "n_ranked": len(ranked.order),
            "context": context_response(ranked, self.bundle),
            **ranked.counts,
            "imputed": ranked.common_labels,
            "missing": missing_texts(call, self.bundle),
            "board_age_s": None if call.board_age_s is None else round(call.board_age_s, 1),
            "warning": _response_warning(ranked, lacks_roads=self.bundle.lacks_roads),
        }

    def _model(self) -> JsonObject:
        return {
            "name": self.champion.name,
            "is_simulated": self.champion.is_simulated,
            "trained_until": self.bundle.card.data.trained_until.isoformat(),
        }

    def _location(self, ranked: Ranked) -> JsonObject:
        location = ranked.call.location
        easting_m, northing_m = location.centre
        ground = location.ground_code
        return {
            "easting_m": round(easting_m, 1),
            "northing_m": round(northing_m, 1),
            "area": location.area,
            "n_points": len(location.points),
            "match": _place(location.place),
            "station_ground": None if ground is None else self._station(ground),
        }

    def _station(self, code: str) -> JsonObject:
        station = self.station_index.stations.get(code)
        return {"code": code, "name": station.name if station else code}

    def _candidates(self, ranked: Ranked) -> list[JsonObject]:
        predictions, returned = ranked.predictions, ranked.returned
        if not returned:
            return []
        # texts and quantiles are made for the returned candidates alone, as ranking covers some 140 pumps
        rows = np.array([ranked.row(pump) for pump in returned], np.int64)
        times = predictions.times.take(rows)
        ends_s, mean_s = times.quantiles((P10, P90)), times.mean_s
        seconds = np.column_stack([mean_s, ends_s[:, 0], predictions.median_s[rows], ends_s[:, 1]]).round(1)
        distances_m = ranked.distances_m(rows).round().tolist()
        before_next = _chances_before_next(ranked)
        quantiles_s = (
            times.quantiles(QUANTILE_LEVELS).round(1).tolist() if ranked.call.question.quantiles else None
        )
        n_explained = len(ranked.explained)
        return [
            {
                **self._pump(ranked.call.pumps[pump]),
                "distance_m": int(distances_m[i]),
                **dict(zip(SECONDS, row_seconds.tolist(), strict=True)),
                "chance_before_next": before_next[i],
                **({} if quantiles_s is None else {"quantiles_s": quantiles_s[i]}),
                **_row_response(ranked, row),
                "explanations": _contributions(ranked.contributions[row], row_seconds[2])
                if i < n_explained
                else [],
            }
            for i, (pump, row, row_seconds) in enumerate(zip(returned, rows.tolist(), seconds, strict=True))
        ]

    def _pump(self, pump: PumpState) -> JsonObject:
        is_away = pump.station_code != pump.home_station_code
        return {
            "pump": pump.code,
            "station": self._station(pump.station_code),
            "home_station": self._station(pump.home_station_code) if is_away else None,
            "state": pump.state.value,
            "is_assumed": pump.is_assumed,
            "reported_at": format_utc(pump.reported_at) if pump.reported_at else None,
        }


def _chances_before_next(ranked: Ranked) -> list[float | None]:
    """Return for each returned candidate the chance of arriving before the next one; None for the last and beyond N_COMPARED."""
    compared = ranked.returned[: N_COMPARED + 1]
    chances: list[float | None] = [None] * len(ranked.returned)
    if len(compared) > 1:
        rows = np.array([ranked.row(pump) for pump in compared], np.int64)
        start = np.array([ranked.call.pumps[pump].station_code for pump in compared])
        correlation = np.where(start[1:] == start[:-1], SAME_START, OTHER_START)
        pairs = np.stack([rows[:-1], rows[1:]], axis=1)
        chances[: len(pairs)] = chance_before(ranked.predictions.times, pairs, correlation).round(3).tolist()
    return chances


def _response_warning(ranked: Ranked, *, lacks_roads: bool) -> str | None:
    """Return the warning about the response as a whole."""
    no_pump = None if ranked.order else NO_PUMP
    no_roads = ROADS_MISSING if lacks_roads else None
    return " ".join(filter(None, (no_pump, no_roads, ranked.call.board_warning))) or None


def format_utc(at: datetime) -> str:
    """Format a timestamp as ISO 8601 in UTC with `Z`."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _row_response(ranked: Ranked, row: int) -> JsonObject:
    """Return the values that candidates with the same start share."""
    predictions, labels = ranked.predictions, ranked.own_labels(row)
    within = (1.0 - predictions.p_over[row]).round(4).tolist()
    return {
        "chance_within_s": {
            str(threshold_s): share for threshold_s, share in zip(OVER_S, within, strict=True)
        },
        "warning": {
            "risk_underestimated": bool(predictions.is_flagged[row]),
            "text": _warning(ranked, row, labels),
        },
        "imputed": labels,
    }


def _warning(ranked: Ranked, row: int, labels: list[str]) -> str | None:
    all_labels = (*ranked.common_labels, *labels)
    outside = [name for name in OUTSIDE if f"{name}=unknown" in all_labels]
    # outside the training data the chance itself cannot be trusted, so it is not given
    if outside:
        return f"Outside the training data ({', '.join(outside)}): do not rely on this time."
    if not ranked.predictions.is_flagged[row]:
        return None
    chance = ranked.predictions.p_underestimate[row]
    return f"The pump may take much longer than announced: the chance of over 2 min more is {chance:.0%}."


def _contributions(contributions: Sequence[Contribution], p50_s: float) -> list[JsonObject]:
    """Return the contributions to the p50, in seconds that add up to it."""
    entries = [
        {"feature_group": each.group, "contribution_s": round(each.seconds, 1), "text": each.description}
        for each in contributions
    ]
    # the last contribution absorbs the rounding errors
    named_s = sum(round(each.seconds, 1) for each in contributions[:-1])
    entries[-1]["contribution_s"] = round(float(p50_s) - named_s, 1)
    return entries


def _place(place: Resolved | None) -> JsonObject | None:
    if place is None:
        return None
    match = place.match
    return {
        "id": match.id,
        "kind": match.kind,
        "label": match.label,
        "exactness": match.exactness,
        "attribution": place.attribution,
        "radius_m": match.radius_m,
    }


def _pumps_needed(ranked: Ranked) -> JsonObject:
    # the number of pumps does not depend on the candidate: any row of the call has it
    shares = ranked.predictions.pump_chances[ranked.first].round(4).tolist()
    return {
        "number": int(ranked.predictions.pumps[ranked.first]),
        "chances": {str(number): share for number, share in enumerate(shares, start=1)},
    }


def _second_pump(ranked: Ranked) -> JsonObject | None:
    """Return when both pumps have arrived if the first two candidates that can be sent are sent."""
    sendable = ranked.sendable
    if len(sendable) < len(("first", "second")):
        return None
    rows = np.array([ranked.row(pump) for pump in sendable])
    first, second = (ranked.call.pumps[pump].station_code for pump in sendable)
    correlation = SAME_START if first == second else OTHER_START
    p10_s, p50_s, p90_s = (
        round(s, 1) for s in later_of_two_s(ranked.predictions.times, rows, (P10, P50, P90), correlation)
    )
    return {"pump": ranked.call.pumps[sendable[1]].code, "p10_s": p10_s, "p50_s": p50_s, "p90_s": p90_s}
