"""The command that watches a model on duty: monitor, to be run every day."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from londonpump.cli.screen import app, errors_told, progress_shown, settings
from londonpump.cli.tracking import track_after

if TYPE_CHECKING:
    from londonpump.pipelines.monitor_report import MonthReportRequest

ALARMS_STAND = 4
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
    from londonpump.pipelines.monitor import MonitorRequest
    from londonpump.pipelines.monitor import monitor as look
    from londonpump.pipelines.monitor_report import write_month_report
    from londonpump.pipelines.monitor_words import monitored_as_json, monitored_in_words
    from londonpump.storage.files import refuse_foreign_file, write_json

    with errors_told(), progress_shown() as progress:
        wanted = _page(report, data, month)
        if json is not None:
            refuse_foreign_file(json, JSON_MARK)
        moment = datetime.now(UTC) if at is None else _instant(at)
        seen = look(settings(), MonitorRequest(moment, data), progress)
        if json is not None:
            write_json(json, monitored_as_json(seen))
        written = None if wanted is None else write_month_report(settings(), seen, wanted, progress)
    typer.echo(monitored_in_words(seen))
    if written is not None:
        typer.echo(f"Page of {written}: {report}")
    if settings().roll_back == "auto":
        track_after()
    if fail_on_alarm and seen.changes.standing:
        raise typer.Exit(ALARMS_STAND)


def _instant(text: str) -> datetime:
    """Raises: BadValue for what is no instant with a zone."""
    from londonpump.brigade.errors import BadValue

    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadValue("--at", text, "is no instant; write it like 2026-11-01T10:00Z") from error
    if moment.tzinfo is None:
        raise BadValue("--at", text, "has no zone; end it with Z for UTC, or +01:00")
    return moment


def _page(report: Path | None, data: Path | None, month: str | None) -> "MonthReportRequest | None":
    """Raises: BadFile if something else stands there, BadValue for what is no month, or a month of no page."""
    from londonpump.brigade.errors import BadValue
    from londonpump.evaluation.monthly import Month
    from londonpump.pipelines.monitor_report import MonthReportRequest, refuse_foreign_report

    if report is None:
        if month is not None:
            raise BadValue("--month", month, "is of a page. Name its file with --report")
        return None
    refuse_foreign_report(report)
    return MonthReportRequest(report, data, None if month is None else Month.read(month))
