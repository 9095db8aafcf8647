"""The inputs of a rehearsal from the simulation: published files per month, a bad file, and requests."""

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
from londonpump.service.predictions.schemas import PredictionRequest
from londonpump.simulation.simulate import Simulated, simulate, write_simulation

INCIDENTS, MOBILISATIONS = "incidents.csv", "mobilisations.csv"
RENAMED_COLUMN, RENAMED_TO = b"DateOfCall", b"Date of the call (new)"
# Number of candidates in each request.
RETURNED = 5


def write_records(home: YearHome, number: int) -> None:
    """Write the records of a month as published, with the usual faults."""
    write_simulation(home.plan.simulation(number), home.records(number))


def rename_column(home: YearHome, number: int) -> bytes:
    """Rename a column in the incidents of a month. Returns: the original content."""
    file = home.records(number) / INCIDENTS
    good = file.read_bytes()
    file.write_bytes(good.replace(RENAMED_COLUMN, RENAMED_TO, 1))
    return good


def restore_file(home: YearHome, number: int, good: bytes) -> None:
    """Restore the original content of the incidents."""
    (home.records(number) / INCIDENTS).write_bytes(good)


def prepare_request_until(home: YearHome, number: int) -> PrepareRequest:
    """Return a request to prepare all records up to and including a month."""
    folders = [home.records(each) for each in range(-home.plan.history_months, number + 1)]
    return prepare_request(folders, home.settings.data)


def prepare_request(folders: list[Path], out: Path) -> PrepareRequest:
    """Return a request to prepare published folders."""
    return PrepareRequest(
        incidents=tuple(folder / INCIDENTS for folder in folders),
        mobilisations=tuple(folder / MOBILISATIONS for folder in folders),
        out=out,
        # every call of the simulated Brigade is in the files, however few they are
        is_complete=True,
        is_simulated=True,
    )


def draw_questions(home: YearHome, number: int) -> list[Question]:
    """Return the calls that come in while the records of a month arrive, in random order."""
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
    where = {
        "easting_m": int(records.city.location_east_m[location]),
        "northing_m": int(records.city.location_north_m[location]),
    }
    body = {"location": where, "at": at, "incident_type": incident_type, "max_candidates": RETURNED}
    station = known_stations()[int(dispatches.station[dispatch])].code
    request = PredictionRequest.model_validate({**body, "explanations": "none"})
    return Question(request, station, float(dispatches.attendance_s[dispatch]))


def _incident_types(simulated: Simulated) -> list[str | None]:
    """Return the incident type of each call. In a file without faults, rows are calls."""
    group, service = (
        simulated.incidents[name].to_pylist() for name in ("IncidentGroup", "SpecialServiceType")
    )
    return [
        incident_types.FIRE
        if each in incident_types.FIRE_GROUPS
        else incident_types.SPECIAL_SERVICES.get(service_type or "")
        for each, service_type in zip(group, service, strict=True)
    ]
