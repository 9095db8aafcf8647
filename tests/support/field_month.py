"""A small simulated Brigade as rows of text, and the arguments of commands on files that a test damages."""

import csv
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import pytest
from support.field_cases import run_in_process
from support.field_expectations import Undamaged
from support.field_files import PLAIN, Rows, Written, write_csv, write_xlsx

from londonpump.simulation.plan import SimulationPlan
from londonpump.simulation.simulate import write_simulation

N = 60
"""Incidents of the day: `prepare` accepts one unreadable row of them, and not two."""


@dataclass(frozen=True)
class Month:
    """The rows of a day, and the folder for the files of a variant.

    old: incidents and mobilisations in the format of 2012, whose numbers carry no date. context: other files of the
    simulation, by name.
    """

    incidents: Rows
    mobilisations: Rows
    old: tuple[Rows, Rows]
    context: dict[str, Rows]
    folder: Path

    def here(self, folder: Path) -> "Month":
        """Return the same rows, written to another folder."""
        folder.mkdir(parents=True, exist_ok=True)
        return replace(self, folder=folder)

    def csv(self, rows: Rows, name: str, how: Written = PLAIN) -> str:
        """Write a csv of these rows. Returns: its path as an argument."""
        return write_csv(rows, self.folder / name, how)

    def xlsx(self, rows: Rows, name: str, errors: dict[str, tuple[str, int]] | None = None) -> str:
        """Write a workbook of these rows. Returns: its path as an argument."""
        return write_xlsx(rows, self.folder / name, errors)

    def prepare(
        self, *more: str, incidents: str = "", mobilisations: str = "", out: str = "OUT"
    ) -> list[str]:
        """Return `prepare` on an incident file (as simulated unless given) and, if given, a mobilisation file."""
        options = ["--mobilisations", mobilisations] if mobilisations else []
        first = incidents or self.csv(self.incidents, "plain.csv")
        return ["prepare", "--incidents", first, *options, *more, "--out", str(self.folder / out)]

    def damaged(
        self, incidents: Rows | None = None, how: Written = PLAIN, mobilisations: Rows | None = None
    ) -> list[str]:
        """Return `prepare` on both tables as csv in the same format, each as simulated unless given."""
        return self.prepare(
            incidents=self.csv(incidents or self.incidents, "incidents.csv", how),
            mobilisations=self.csv(mobilisations or self.mobilisations, "mobilisations.csv", how),
        )

    def alone(self, incidents: Rows | None = None, how: Written = PLAIN) -> list[str]:
        """Return `prepare` on the incident table only."""
        return self.prepare(incidents=self.csv(incidents or self.incidents, "incidents.csv", how))


def rows_of(path: Path) -> Rows:
    """Return a simulated csv as rows of text."""
    with path.open(newline="", encoding="utf-8-sig") as stream:
        return list(csv.DictReader(stream))


def simulated_month(folder: Path) -> Month:
    """Return a Monday of June 2023, and a day of 2012."""
    new = write_simulation(
        SimulationPlan(incidents=N, days=1, start=date(2023, 6, 5), seed=3, is_clean=True), folder / "new"
    ).files
    old = write_simulation(
        SimulationPlan(incidents=N, days=1, start=date(2012, 6, 5), seed=4, is_clean=True, vintage="2009-14"),
        folder / "old",
    ).files
    context = {
        name: rows_of(path) for name, path in new.items() if name not in ("incidents", "mobilisations")
    }
    return Month(
        rows_of(new["incidents"]),
        rows_of(new["mobilisations"]),
        (rows_of(old["incidents"]), rows_of(old["mobilisations"])),
        context,
        folder,
    )


@pytest.fixture(scope="session")
def month(tmp_path_factory: pytest.TempPathFactory) -> Month:
    """Share a simulated day between all tests that damage one."""
    return simulated_month(tmp_path_factory.mktemp("month"))


@pytest.fixture(scope="session")
def undamaged_month(month: Month, tmp_path_factory: pytest.TempPathFactory) -> Undamaged:
    """Return the results of the undamaged day."""
    outcomes = []
    for name, is_mobilised in (("mobilised", True), ("attending", False)):
        here = month.here(tmp_path_factory.mktemp(name))
        command = here.damaged() if is_mobilised else here.alone()
        outcomes.append(run_in_process([command], here.folder))
        assert outcomes[-1].exit_code == 0, outcomes[-1].text
    return Undamaged(outcomes[0].examples, outcomes[1].examples, ())
