"""What a rehearsal gets from the simulation: published files month by month, a bad one, and calls to be asked about."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from londonpump.brigade import kinds
from londonpump.brigade.stations import known_stations
from londonpump.pipelines.prepare import PrepareRequest
from londonpump.rehearsal.traffic import Question
from londonpump.rehearsal.year import LATENESS_MONTHS
from londonpump.rehearsal.year_home import YearHome
from londonpump.simulation.simulate import Simulated, simulate, write_simulation

INCIDENTS, MOBILISATIONS = "incidents.csv", "mobilisations.csv"
SPOILT_COLUMN, SPOILT_AS = b"DateOfCall", b"Date of the call (new)"
RETURNED = 5
"""Candidates that an operator asks for."""


def publish(home: YearHome, number: int) -> None:
    """Write the records of a month as they are published, with the usual faults."""
    write_simulation(home.plan.simulation(number), home.records(number))


def spoil(home: YearHome, number: int) -> bytes:
    """Let the publisher rename a column of a month's incidents overnight. Returns: the file as it should be."""
    file = home.records(number) / INCIDENTS
    good = file.read_bytes()
    file.write_bytes(good.replace(SPOILT_COLUMN, SPOILT_AS, 1))
    return good


def mend(home: YearHome, number: int, good: bytes) -> None:
    """The publisher's file as it should be."""
    (home.records(number) / INCIDENTS).write_bytes(good)


def prepared_until(home: YearHome, number: int) -> PrepareRequest:
    """All records that have come, of that month too. Every call of this Brigade is in them, however few they are."""
    folders = [home.records(each) for each in range(-home.plan.history_months, number + 1)]
    return prepared_of(folders, home.settings.data)


def prepared_of(folders: list[Path], out: Path) -> PrepareRequest:
    """Published folders to examples."""
    return PrepareRequest(
        incidents=tuple(folder / INCIDENTS for folder in folders),
        mobilisations=tuple(folder / MOBILISATIONS for folder in folders),
        out=out,
        is_complete=True,
        is_simulated=True,
    )


def questions_of(home: YearHome, number: int) -> list[Question]:
    """The calls that come in while a month's records arrive, in an order by chance."""
    plan = replace(home.plan.simulation(number + LATENESS_MONTHS), is_clean=True)
    happened = simulate(plan)
    first = happened.records.first
    order = np.random.default_rng(plan.seed).permutation(np.flatnonzero(first >= 0))
    types = _incident_types(happened)
    return [_question(happened, call, types[call]) for call in order.tolist()]


def _question(happened: Simulated, call: int, incident_type: str | None) -> Question:
    records, runs = happened.records, happened.records.runs
    place, run = int(records.calls.place[call]), int(records.first[call])
    at = datetime.fromtimestamp(int(runs.mobilised_at[run]), UTC)
    body = {
        "place": {
            "easting_m": int(records.city.place_east_m[place]),
            "northing_m": int(records.city.place_north_m[place]),
        },
        "at": at.isoformat(),
        "kind_of_call": incident_type,
        "return_at_most": RETURNED,
        "reasons": "none",
    }
    station = known_stations()[int(runs.station[run])].code
    return Question(body, station, float(runs.attendance_s[run]))


def _incident_types(happened: Simulated) -> list[str | None]:
    """(calls,) the kind of each as an operator would say it. Rows of a file are calls where it has no fault."""
    group, service = (
        happened.incidents[name].to_pylist() for name in ("IncidentGroup", "SpecialServiceType")
    )
    return [
        kinds.FIRE if each in kinds.FIRE_GROUPS else kinds.SPECIAL_SERVICES.get(kind or "")
        for each, kind in zip(group, service, strict=True)
    ]
