"""The command that watches a model on duty: monitor, to be run every day."""

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
        typer.Option(metavar="DATA", help="Of prepare. Default: under LONDONPUMP_HOME.", show_default=False),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(
            metavar="INSTANT",
            help="As things were then, such as 2026-11-01T10:00Z. Default: now.",
            show_default=False,
        ),
    ] = None,
    json: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Every figure as json.", show_default=False)
    ] = None,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The page of a month.", show_default=False)
    ] = None,
    month: Annotated[
        str | None,
        typer.Option(
            metavar="MONTH",
            help="Of --report, such as 2026-09. Default: the newest with whole records.",
            show_default=False,
        ),
    ] = None,
    fail_on_alarm: Annotated[
        bool, typer.Option("--fail-on-alarm", help="Exit code 4 while any alarm stands.")
    ] = False,
) -> None:
    """Watch the model on duty: live error, drift, what is too old; raise and clear alarms. Run it every day."""
    from londonpump.lifecycle.monitor import MonitorRequest
    from londonpump.lifecycle.monitor import monitor as run_monitor
    from londonpump.lifecycle.monitor_text import format_monitoring, monitoring_as_json
    from londonpump.lifecycle.monthly_report import write_month_report
    from londonpump.storage.files import require_own_file, write_json

    with report_errors(), show_progress() as progress:
        report_request = _report_request(report, data, month)
        if json is not None:
            require_own_file(json, JSON_MARK)
        timestamp = datetime.now(UTC) if at is None else _parse_timestamp(at)
        result = run_monitor(settings(), MonitorRequest(timestamp, data), progress)
        if json is not None:
            write_json(json, monitoring_as_json(result))
        written = (
            None
            if report_request is None
            else write_month_report(settings(), result, report_request, progress)
        )
    typer.echo(format_monitoring(result))
    if written is not None:
        typer.echo(f"Page of {written}: {report}")
    if settings().roll_back == "auto":
        track_after()
    if fail_on_alarm and result.changes.standing:
        raise typer.Exit(ALARMS_ACTIVE)


def _parse_timestamp(text: str) -> datetime:
    """Raises: BadValue for what is no instant with a zone."""
    from londonpump.domain.errors import BadValue

    try:
        timestamp = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadValue("--at", text, "is no instant; write it like 2026-11-01T10:00Z") from error
    if timestamp.tzinfo is None:
        raise BadValue("--at", text, "has no zone; end it with Z for UTC, or +01:00")
    return timestamp


def _report_request(report: Path | None, data: Path | None, month: str | None) -> "MonthReportRequest | None":
    """Raises: BadFile if something else stands there, BadValue for what is no month, or a month of no page."""
    from londonpump.domain.errors import BadValue
    from londonpump.evaluation.monthly import Month
    from londonpump.lifecycle.monthly_report import MonthReportRequest, require_own_report

    if report is None:
        if month is not None:
            raise BadValue("--month", month, "is of a page. Name its file with --report")
        return None
    require_own_report(report)
    return MonthReportRequest(report, data, None if month is None else Month.read(month))


@app.command()
def track() -> None:
    """Send MLflow every training it does not have, and set its aliases as the ledger has them."""
    from londonpump.lifecycle.track_runs import track as send_runs

    with report_errors():
        typer.echo(send_runs(settings()).to_text())


def track_after(extra_bundles: Path | None = None) -> None:
    """At the end of a command that trained, judged or decided: told on standard error, never a failure."""
    from londonpump.lifecycle.track_runs import track_after_command

    track_after_command(settings(), lambda message: typer.echo(message, err=True), extra_bundles)
