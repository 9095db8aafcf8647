"""What a rehearsal gets from the simulation: published files month by month, a bad one, and calls to be asked about."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from londonpump.domain import incident_types
from londonpump.domain.stations import known_stations
from londonpump.lifecycle.prepare import PrepareRequest
from londonpump.rehearsal.request_traffic import Question
from londonpump.rehearsal.year_home import YearHome
from londonpump.rehearsal.year_plan import LATENESS_MONTHS
from londonpump.simulation.simulate import Simulated, simulate, write_simulation

INCIDENTS, MOBILISATIONS = "incidents.csv", "mobilisations.csv"
RENAMED_COLUMN, RENAMED_TO = b"DateOfCall", b"Date of the call (new)"
RETURNED = 5
"""Candidates that an operator asks for."""


def write_records(home: YearHome, number: int) -> None:
    """Write the records of a month as they are published, with the usual faults."""
    write_simulation(home.plan.simulation(number), home.records(number))


def rename_column(home: YearHome, number: int) -> bytes:
    """Let the publisher rename a column of a month's incidents overnight. Returns: the file as it should be."""
    file = home.records(number) / INCIDENTS
    good = file.read_bytes()
    file.write_bytes(good.replace(RENAMED_COLUMN, RENAMED_TO, 1))
    return good


def restore_file(home: YearHome, number: int, good: bytes) -> None:
    """The publisher's file as it should be."""
    (home.records(number) / INCIDENTS).write_bytes(good)


def prepare_request_until(home: YearHome, number: int) -> PrepareRequest:
    """All records that have come, of that month too. Every call of this Brigade is in them, however few they are."""
    folders = [home.records(each) for each in range(-home.plan.history_months, number + 1)]
    return prepare_request(folders, home.settings.data)


def prepare_request(folders: list[Path], out: Path) -> PrepareRequest:
    """Published folders to examples."""
    return PrepareRequest(
        incidents=tuple(folder / INCIDENTS for folder in folders),
        mobilisations=tuple(folder / MOBILISATIONS for folder in folders),
        out=out,
        is_complete=True,
        is_simulated=True,
    )


def draw_questions(home: YearHome, number: int) -> list[Question]:
    """The calls that come in while a month's records arrive, in an order by chance."""
    plan = replace(home.plan.simulation(number + LATENESS_MONTHS), is_clean=True)
    simulated = simulate(plan)
    first = simulated.records.first
    order = np.random.default_rng(plan.seed).permutation(np.flatnonzero(first >= 0))
    types = _incident_types(simulated)
    return [_question(simulated, call, types[call]) for call in order.tolist()]


def _question(simulated: Simulated, call: int, incident_type: str | None) -> Question:
    records, dispatches = simulated.records, simulated.records.dispatches
    location, dispatch = int(records.calls.location[call]), int(records.first[call])
    at = datetime.fromtimestamp(int(dispatches.mobilised_at[dispatch]), UTC)
    body = {
        "place": {
            "easting_m": int(records.city.location_east_m[location]),
            "northing_m": int(records.city.location_north_m[location]),
        },
        "at": at.isoformat(),
        "kind_of_call": incident_type,
        "return_at_most": RETURNED,
        "reasons": "none",
    }
    station = known_stations()[int(dispatches.station[dispatch])].code
    return Question(body, station, float(dispatches.attendance_s[dispatch]))


def _incident_types(simulated: Simulated) -> list[str | None]:
    """(calls,) the kind of each as an operator would say it. Rows of a file are calls where it has no fault."""
    group, service = (
        simulated.incidents[name].to_pylist() for name in ("IncidentGroup", "SpecialServiceType")
    )
    return [
        incident_types.FIRE
        if each in incident_types.FIRE_GROUPS
        else incident_types.SPECIAL_SERVICES.get(service_type or "")
        for each, service_type in zip(group, service, strict=True)
    ]
