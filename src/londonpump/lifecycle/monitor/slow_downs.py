"""Check of `monitor` for slow-downs: the places of announced times, their usual errors, and one alarm per slow place."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from londonpump.domain.errors import BadFile
from londonpump.domain.json_values import from_json, to_json
from londonpump.evaluation.evaluation_rows import Bools, Texts
from londonpump.evaluation.lateness import (
    LONDON,
    UNKNOWN,
    Lateness,
    LatenessRows,
    Level,
    PlaceLateness,
    find_lateness,
)
from londonpump.features.ground_lookup import GroundLookup
from londonpump.lifecycle.monitor.outcomes import Joined
from londonpump.models.bundle import GROUND, USUAL_ERRORS
from londonpump.models.usual_error import UsualErrors, clip_errors
from londonpump.persistence.atomic_files import read_json
from londonpump.persistence.bundles import folder_of
from londonpump.persistence.repositories.alarms import Condition
from londonpump.presentation.texts.places import format_excess, format_place

SLOWER = "slower"


@dataclass(frozen=True, slots=True)
class SlowDownCheck:
    """Findings of the check, and the number of outcomes that it could not use."""

    lateness: Lateness | None
    """None without outcomes whose usual error is known."""
    left_out: int
    """Outcomes of models that cannot be read, or were trained before usual errors were stored."""


def check_slow_downs(joined: Joined, bundles: Path) -> SlowDownCheck:
    """Look for slow-downs in the outcomes of announced times. bundles: the folder with the models that announced them."""
    rows, parts = joined.rows, []
    # Each time counts against the usual error of its own model, so that a promotion neither raises nor clears an alarm.
    is_used = np.zeros(len(rows), bool)
    for model in np.unique(rows.model):
        known = _read(bundles, str(model))
        if known is not None:
            is_own = np.asarray(rows.model == model)
            parts.append(_rows_of(joined, is_own, *known))
            is_used |= is_own
    lateness = find_lateness(_joined(parts)) if parts else None
    return SlowDownCheck(lateness, int((~is_used).sum()))


def _read(bundles: Path, model: str) -> tuple[GroundLookup, UsualErrors] | None:
    """Return the look-ups of a bundle, None if it has none; the other files of a bundle are far larger."""
    try:
        folder = folder_of(bundles, model)
        return (
            from_json(GroundLookup, read_json(folder / GROUND)),
            from_json(UsualErrors, read_json(folder / USUAL_ERRORS)),
        )
    except (BadFile, OSError, ValueError, KeyError, TypeError, AttributeError):
        # A model that was removed or is of an earlier version: the output states how many outcomes are left out.
        return None


def _rows_of(joined: Joined, is_own: Bools, ground: GroundLookup, usual: UsualErrors) -> LatenessRows:
    rows, location_m = joined.rows.take(is_own), joined.location_m[is_own]
    is_known = np.asarray(np.isfinite(location_m).all(axis=1))
    easting_m, northing_m = location_m[is_known].T
    codes = np.array(ground.codes, np.str_)[ground(easting_m, northing_m, rows.day[is_known])]
    ground_code = _spread(codes, is_known)
    borough = _spread(usual.borough_of(easting_m, northing_m, codes), is_known)
    return LatenessRows(
        day=rows.day,
        error_s=clip_errors(rows.actual_s - rows.p50_s),
        place=dict(zip(Level, (np.full(len(rows), LONDON), borough, ground_code), strict=True)),
        usual_s=dict(zip(Level, usual.at(borough, ground_code), strict=True)),
    )


def _spread(names: Texts, is_known: Bools) -> Texts:
    found = np.full(len(is_known), UNKNOWN, object)
    found[is_known] = names
    return found.astype(np.str_)


def _joined(parts: list[LatenessRows]) -> LatenessRows:
    return LatenessRows(
        day=np.concatenate([part.day for part in parts]),
        error_s=np.concatenate([part.error_s for part in parts]),
        place={level: np.concatenate([part.place[level] for part in parts]) for level in Level},
        usual_s={level: np.concatenate([part.usual_s[level] for part in parts]) for level in Level},
    )


def slow_down_conditions(lateness: Lateness | None) -> list[Condition]:
    """Return one alarm per place that is slow."""
    return [] if lateness is None else [_condition(place) for place in lateness.slow]


def _condition(place: PlaceLateness) -> Condition:
    against = "" if place.level is Level.LONDON else " than the rest of London"
    message = (
        f"{format_place(place.level, place.name)}: pumps have come later than announced since {place.since}, by "
        f"{format_excess(place.excess_s)} more{against} than is usual there ({place.n:,} mobilisations on "
        f"{len(place.days_since)} days). Check roads, turnout and the reports of arrivals there; if the slow-down is real and "
        "lasts, train and challenge on newer records."
    )
    # The days before the slow-down say nothing about it, and would be most of the row.
    evidence = {**to_json(place), "days": [to_json(day) for day in place.days_since]}
    return Condition(SLOWER, place.name, "warning", message, evidence)
