"""Command that reports on the Brigade from published records: report."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from londonpump.cli.application import (
    DAY,
    ManyFiles,
    app,
    as_date,
    files,
    report_errors,
    settings,
    show_progress,
)


@app.command(cls=ManyFiles)
def report(
    incidents: Annotated[
        list[Path] | None, files("Read these incident records (CSV or XLSX) instead of fetched ones.")
    ] = None,
    mobilisations: Annotated[
        list[Path] | None, files("Read these mobilisation records: turnout, travel, delays and busy pumps.")
    ] = None,
    out: Annotated[Path, typer.Option(metavar="FILE", help="Write the page to this HTML file.")] = Path(
        "brigade.html"
    ),
    tables: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Write every table and the series since the first record to this folder, as CSV and XLSX.",
            show_default=False,
        ),
    ] = None,
    before_after: Annotated[
        datetime | None,
        typer.Option(
            formats=[DAY],
            metavar="DATE",
            help="Compare at most a year before this day with at most a year from it on.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Report on the Brigade against its targets.

    It reads published records alone, and needs no model and no database.

    Example: londonpump report --incidents incidents.csv --tables tables
    """
    from londonpump.lifecycle.brigade_report import ReportRequest
    from londonpump.lifecycle.brigade_report import report as write_report
    from londonpump.lifecycle.prepare import select_records

    with report_errors(), show_progress() as progress:
        # Named files win over fetched ones, as in prepare.
        records = select_records(settings().records, tuple(incidents or ()), tuple(mobilisations or ()))
        request = ReportRequest(records, out, tables, as_date(before_after))
        found = write_report(request, progress)
    typer.echo(f"Records from {found.first_date} to {found.last_date}. Report: {out}")
    if tables is not None:
        typer.echo(f"Tables: {tables}")
