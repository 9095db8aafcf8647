"""Commands that watch the models: monitor, to be run every day, and track, which sends trainings to MLflow."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from londonpump.cli.application import app, report_errors, settings, show_progress

if TYPE_CHECKING:
    from londonpump.lifecycle.monthly_report import MonthReportRequest

ALARMS_ACTIVE = 4
JSON_MARK = '"outcomes"'


@app.command()
def monitor(
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="DATA",
            help="Use this output of prepare. Default: that in LONDONPUMP_HOME.",
            show_default=False,
        ),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(
            metavar="TIMESTAMP",
            help="Show the state at this time, such as 2026-11-01T10:00Z. Default: now.",
            show_default=False,
        ),
    ] = None,
    json: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write every figure to this JSON file.", show_default=False),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Write the report of a month to this HTML file.", show_default=False
        ),
    ] = None,
    month: Annotated[
        str | None,
        typer.Option(
            metavar="MONTH",
            help="Choose the month of --report, such as 2026-09. Default: the newest with complete records.",
            show_default=False,
        ),
    ] = None,
    fail_on_alarm: Annotated[
        bool, typer.Option("--fail-on-alarm", help="Exit with code 4 while any alarm is open.")
    ] = False,
) -> None:
    """Check the active model and its inputs; run it every day.

    It checks live error, drift and outdated data, and raises and clears alarms.
    """
    from londonpump.domain.json_values import to_document
    from londonpump.lifecycle.monitor import MonitorRequest
    from londonpump.lifecycle.monitor import monitor as run_monitor
    from londonpump.lifecycle.monthly_report import write_month_report
    from londonpump.persistence.atomic_files import require_own_file, write_json
    from londonpump.presentation.texts.monitor import format_monitoring

    with report_errors(), show_progress() as progress:
        # Check the output files first, so that a wrong name does not cost a long run.
        report_request = _report_request(report, data, month)
        if json is not None:
            require_own_file(json, JSON_MARK)
        timestamp = datetime.now(UTC) if at is None else _parse_timestamp(at)
        result = run_monitor(settings(), MonitorRequest(timestamp, data), progress)
        if json is not None:
            write_json(json, to_document(result.view))
        written = (
            None
            if report_request is None
            else write_month_report(settings(), result, report_request, progress)
        )
    typer.echo(format_monitoring(result.view, result.ages.view))
    if written is not None:
        typer.echo(f"Report of {written}: {report}")
    if fail_on_alarm and result.changes.standing:
        raise typer.Exit(ALARMS_ACTIVE)


def _parse_timestamp(text: str) -> datetime:
    """Read a timestamp with its zone. Raises: BadValue if it is none."""
    from londonpump.domain.errors import BadValue

    try:
        timestamp = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadValue("--at", text, "is not a time; write it like 2026-11-01T10:00Z") from error
    if timestamp.tzinfo is None:
        raise BadValue("--at", text, "has no zone; end it with Z for UTC, or +01:00")
    return timestamp


def _report_request(report: Path | None, data: Path | None, month: str | None) -> "MonthReportRequest | None":
    """Read --report and --month. Raises: BadFile if the file is not a report, BadValue for a wrong month."""
    from londonpump.domain.errors import BadValue
    from londonpump.lifecycle.monthly_report import MonthReportRequest, require_own_report
    from londonpump.presentation.monthly import Month

    if report is None:
        if month is not None:
            raise BadValue("--month", month, "needs a report. Name its file with --report")
        return None
    require_own_report(report)
    return MonthReportRequest(report, data, None if month is None else Month.read(month))


@app.command()
def track(
    bundles: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[BUNDLE]...",
            help="Send these outputs of train too. The store of bundles, in LONDONPUMP_HOME, is always sent.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Send missing trainings to MLflow.

    The aliases champion and challenger are set as in the ledger.
    """
    from londonpump.lifecycle.track_runs import track as send_runs

    with report_errors():
        typer.echo(send_runs(settings(), others=tuple(bundles or ())).to_text())
