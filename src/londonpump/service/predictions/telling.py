"""An answer in plain values, as it is told and stored: only what is returned is put into words."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from londonpump.models.answering import OVER_S
from londonpump.models.bundle import Bundle
from londonpump.models.distribution import P10, P50, P90
from londonpump.models.reasons import Reason
from londonpump.service.board.rules import PumpState
from londonpump.service.champion import Champion
from londonpump.service.predictions.around import Standing
from londonpump.service.predictions.columns import Counted
from londonpump.service.predictions.context_told import context_told, missing_told
from londonpump.service.predictions.ranking import Ranked, later_of_two_s, times_at

SECONDS = ("mean_s", "p10_s", "p50_s", "p90_s")
OUTSIDE = ("distance", "place", "station")
NOBODY = "No pump can be ranked: each is out, on its way back or off the run. Look at the board."
Told = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Teller:
    """What every answer of one request has in common."""

    champion: Champion
    standing: Standing

    @property
    def bundle(self) -> Bundle:
        """The model that answers."""
        return self.champion.bundle

    def tell(self, prediction_id: str, ranked: Ranked, counts: Counted) -> Told:
        """The whole answer."""
        call = ranked.call
        return {
            "id": prediction_id,
            "at": instant(call.at),
            "incident_number": call.question.incident_number,
            "model": self._model(),
            "place": self._place(ranked),
            "pumps_needed": _pumps_needed(ranked),
            "candidates": self._candidates(ranked),
            "second_pump": _second_pump(ranked),
            "ranked": len(ranked.order),
            "context": context_told(ranked, self.bundle),
            **counts,
            "filled": ranked.common_labels,
            "missing": missing_told(call, self.bundle),
            "board_age_s": None if call.board_age_s is None else round(call.board_age_s, 1),
            "warning": _of_the_whole(ranked),
        }

    def _model(self) -> Told:
        return {
            "name": self.champion.name,
            "is_simulated": self.champion.is_simulated,
            "trained_until": self.bundle.card.get("trained_until"),
        }

    def _place(self, ranked: Ranked) -> Told:
        place = ranked.call.place
        easting_m, northing_m = place.middle
        ground = place.ground_code
        return {
            "easting_m": round(easting_m, 1),
            "northing_m": round(northing_m, 1),
            "named": place.named,
            "points": len(place.points),
            "station_ground": None if ground is None else self._station(ground),
        }

    def _station(self, code: str) -> Told:
        station = self.standing.stations.get(code)
        return {"code": code, "name": station.name if station else code}

    def _candidates(self, ranked: Ranked) -> list[Told]:
        predictions, shown = ranked.predictions, ranked.shown
        if not shown:
            return []
        rows = np.array([ranked.row(pump) for pump in shown], np.int64)
        times = times_at(predictions.times, rows)
        ends_s, mean_s = times.quantiles((P10, P90)), times.mean_s
        seconds = np.column_stack([mean_s, ends_s[:, 0], predictions.median_s[rows], ends_s[:, 1]]).round(1)
        distances_m = ranked.distances_m(rows).round().tolist()
        n_explained = len(ranked.explained)
        return [
            {
                **self._pump(ranked.call.pumps[pump]),
                "distance_m": int(distances_m[i]),
                **dict(zip(SECONDS, told.tolist(), strict=True)),
                **_of_row(ranked, row),
                "reasons": _reasons(ranked.because[row], told[2]) if i < n_explained else [],
            }
            for i, (pump, row, told) in enumerate(zip(shown, rows.tolist(), seconds, strict=True))
        ]

    def _pump(self, pump: PumpState) -> Told:
        is_away = pump.station_code != pump.home_station_code
        return {
            "pump": pump.code,
            "station": self._station(pump.station_code),
            "home_station": self._station(pump.home_station_code) if is_away else None,
            "state": pump.state.value,
            "is_assumed": pump.is_assumed,
            "reported_at": instant(pump.reported_at) if pump.reported_at else None,
        }


def _of_the_whole(ranked: Ranked) -> str | None:
    """The warning of an answer as a whole."""
    nobody = None if ranked.order else NOBODY
    return " ".join(filter(None, (nobody, ranked.call.board_warning))) or None


def instant(at: datetime) -> str:
    """As it is told: UTC."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _of_row(ranked: Ranked, row: int) -> Told:
    """What candidates that set out alike have in common."""
    predictions, labels = ranked.predictions, ranked.own_labels(row)
    within = (1.0 - predictions.p_over[row]).round(4).tolist()
    return {
        "chance_within_s": {
            str(threshold_s): share for threshold_s, share in zip(OVER_S, within, strict=True)
        },
        "warning": {
            "risk_underestimated": bool(predictions.is_risky[row]),
            "words": _warning(ranked, row, labels),
        },
        "filled": labels,
    }


def _warning(ranked: Ranked, row: int, labels: list[str]) -> str | None:
    told = (*ranked.common_labels, *labels)
    outside = [name for name in OUTSIDE if f"{name}=unknown" in told]
    if outside:
        return f"Outside what was learnt ({', '.join(outside)}): do not rely on it."
    if not ranked.predictions.is_risky[row]:
        return None
    chance = ranked.predictions.p_underestimate[row]
    return f"It may take much longer than announced: {chance:.0%} for over 2 min more."


def _reasons(reasons: Sequence[Reason], p50_s: float) -> list[Told]:
    """The last one takes what rounding leaves: the seconds told add up to the p50 told."""
    told = [{"about": each.group, "seconds": round(each.seconds, 1), "words": each.words} for each in reasons]
    named_s = sum(round(each.seconds, 1) for each in reasons[:-1])
    told[-1]["seconds"] = round(float(p50_s) - named_s, 1)
    return told


def _pumps_needed(ranked: Ranked) -> Told:
    shares = ranked.predictions.pump_chances[ranked.first].round(4).tolist()
    return {
        "number": int(ranked.predictions.pumps[ranked.first]),
        "chances": {str(number): share for number, share in enumerate(shares, start=1)},
    }


def _second_pump(ranked: Ranked) -> Told | None:
    """When both are there, if the first two candidates that can be sent are."""
    able = ranked.able
    if len(able) < len(("first", "second")):
        return None
    rows = np.array([ranked.row(pump) for pump in able])
    p10_s, p50_s, p90_s = (
        round(s, 1) for s in later_of_two_s(ranked.predictions.times, rows, (P10, P50, P90))
    )
    return {"pump": ranked.call.pumps[able[1]].code, "p10_s": p10_s, "p50_s": p50_s, "p90_s": p90_s}
