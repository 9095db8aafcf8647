"""Command that reports on the Brigade from published records: report."""

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from londonpump.cli import options
from londonpump.cli.application import ManyFiles, app, report_errors, settings, show_progress


@app.command(cls=ManyFiles, epilog=options.example("report --incidents incidents.csv --tables tables"))
def report(
    incidents: Annotated[
        list[Path] | None,
        options.files("Read these incident records (CSV or XLSX). Default: the fetched ones."),
    ] = None,
    mobilisations: Annotated[
        list[Path] | None,
        options.files(
            "Read these mobilisation records: turnout, travel, delays and busy pumps. Default: the fetched ones."
        ),
    ] = None,
    out: Annotated[
        Path, options.value("FILE", "Write the page to this HTML file. Default: brigade.html.")
    ] = Path("brigade.html"),
    tables: Annotated[
        Path | None,
        options.value(
            "FOLDER",
            "Write every table and the series since the first record to this folder, as CSV and XLSX. "
            "Default: no tables.",
        ),
    ] = None,
    before_after: Annotated[
        date | None,
        options.day(
            "Compare at most a year before this day with at most a year from it on. Default: no comparison."
        ),
    ] = None,
) -> None:
    """Report on the Brigade against its targets.

    It reads published records alone, and needs no model and no database.
    """
    from londonpump.lifecycle.brigade_report import ReportRequest
    from londonpump.lifecycle.brigade_report import report as write_report
    from londonpump.lifecycle.prepare import select_records

    with report_errors(), show_progress() as progress:
        # Named files win over fetched ones, as in prepare.
        records = select_records(settings().records, tuple(incidents or ()), tuple(mobilisations or ()))
        request = ReportRequest(records, out, tables, before_after)
        found = write_report(request, progress)
    typer.echo(f"Records from {found.first_date} to {found.last_date}. Report: {out}")
    if tables is not None:
        typer.echo(f"Tables: {tables}")
