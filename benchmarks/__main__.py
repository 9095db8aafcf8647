"""`python -m benchmarks`: measure, show and store the results."""

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from benchmarks.figures import MET, MISSED, Measurement, Reading
from benchmarks.growth import NAME as GROWTH
from benchmarks.growth import STEPS, Growth, draw, measure_growth
from benchmarks.inputs import QUICK, Inputs, Sizes
from benchmarks.machine import pace_ms
from benchmarks.page import write_page
from benchmarks.processes import ROOT
from benchmarks.results import write_results
from benchmarks.suite import MEASURES, ONLY_BY_NAME
from londonpump.domain.errors import LondonPumpError

RESULTS = ROOT / "benchmarks" / "results"
PAGE = ROOT / "docs" / "explanation" / "speed.md"
PLOT = PAGE.with_name("growth.svg")
STYLES = {MET: "green", MISSED: "bold red"}
BAD_INPUT = 2


def main(
    only: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Measure this alone; may be repeated.")
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Few rows: does it run? Kept only with --out.")
    ] = False,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Where the json goes.")] = None,
    work: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Keep simulated files here and use them again.")
    ] = None,
) -> None:
    """Measure speed, memory and growth; about ten minutes on a quiet machine of two cores.

    What is kept goes to benchmarks/results and into docs/explanation/speed.md, unless --out names a folder.
    """
    console = Console()
    selected = only or [*MEASURES, GROWTH]
    known = {**MEASURES, **ONLY_BY_NAME}
    unknown = [name for name in selected if name not in (*known, GROWTH)]
    if unknown:
        console.print(f"benchmarks: {unknown[0]} is none of: {', '.join([*known, GROWTH])}")
        raise typer.Exit(BAD_INPUT)
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as temporary:
        inputs = Inputs(work or Path(temporary), QUICK if quick else Sizes())
        inputs.work.mkdir(parents=True, exist_ok=True)
        measured, growth, failed = _measure(inputs, selected, console)
    console.print(_table(measured))
    if growth is not None:
        console.print(_growth_table(growth))
    folder = out or (None if quick else RESULTS)
    if folder is not None and (measured or growth is not None):
        folder.mkdir(parents=True, exist_ok=True)
        result = write_results(folder, measured, growth, quick)
        if folder == RESULTS and not quick:
            write_page(result, PAGE)
            if growth is not None:
                draw(growth, PLOT)
        console.print(f"Kept in {folder}")
    if failed:
        console.print(f"benchmarks: not measured: {', '.join(failed)}", style=STYLES[MISSED])
        raise typer.Exit(1)


def _measure(
    inputs: Inputs, selected: list[str], console: Console
) -> tuple[list[Measurement], Growth | None, list[str]]:
    """Return what was measured, and the names of what failed: an hour of figures must not go with the last of them."""
    measured: list[Measurement] = []
    growth, failed = None, []
    for name in selected:
        console.print(f"measuring {name} ...")
        try:
            if name == GROWTH:
                growth = measure_growth(inputs)
            else:
                measured.append(_with_pace(name, inputs))
        except LondonPumpError as error:
            console.print(f"benchmarks: {error}")
            failed.append(name)
    return measured, growth, failed


def _with_pace(name: str, inputs: Inputs) -> Measurement:
    paces_ms = [pace_ms()]
    found = (MEASURES | ONLY_BY_NAME)[name](inputs)
    paces_ms.append(pace_ms())
    pace = Reading("pace_ms", sum(paces_ms) / 2, "ms", None, (min(paces_ms), max(paces_ms)))
    return replace(found, readings=(*found.readings, pace))


def _table(measured: list[Measurement]) -> Table:
    table = Table("what", "rows", "quantity", "value", "least to most", "target", "verdict")
    for one in measured:
        rows = ", ".join(f"{n:,} {name}" for name, n in one.rows.items())
        for i, reading in enumerate(one.readings):
            first = (one.what, rows) if i == 0 else ("", "")
            table.add_row(*first, reading.quantity, *_cells(reading), style=STYLES.get(reading.verdict))
    return table


def _cells(reading: Reading) -> tuple[str, str, str, str]:
    ends = reading.min_and_max
    return (
        f"{reading.value:.2f} {reading.unit}",
        f"{ends[0]:.2f} to {ends[1]:.2f}" if ends else "",
        f"{reading.target:g} {reading.unit}" if reading.target is not None else "",
        reading.verdict if reading.target is not None else "",
    )


def _growth_table(growth: Growth) -> Table:
    table = Table("CPU s by incidents", "start", *[f"{n:,}" for n in growth.incidents], "power")
    for step, title in STEPS.items():
        seconds = (growth.start_s[step], *growth.cpu_s[step])
        table.add_row(title, *[f"{s:.1f}" for s in seconds], f"{growth.exponent(step):.2f}")
    return table


if __name__ == "__main__":
    typer.run(main)
