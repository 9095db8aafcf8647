"""Commands that watch the models: monitor, to be run every day, and track, which sends trainings to MLflow."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from londonpump.cli import options
from londonpump.cli.application import app, report_errors, settings, show_progress, show_result

if TYPE_CHECKING:
    from londonpump.lifecycle.monthly_report import MonthReportRequest

ALARMS_ACTIVE = 4
JSON_MARK = '"outcomes"'


@app.command(epilog=options.example("monitor --report month.html --fail-on-alarm"))
def monitor(
    data: options.DataFolder = None,
    at: Annotated[
        datetime | None,
        options.value(
            "TIME",
            "Show the state at this time, such as 2026-11-01T10:00Z. A time in the past changes no alarm. Default: now.",
            parser=options.parse_timestamp,
        ),
    ] = None,
    json: options.JsonFile = None,
    report: Annotated[
        Path | None,
        options.value("FILE", "Write the report of a month to this HTML file. Default: no report."),
    ] = None,
    month: Annotated[
        str | None,
        options.value(
            "MONTH",
            "Choose the month of --report, such as 2026-09. Default: the newest with complete records.",
        ),
    ] = None,
    tables: Annotated[
        Path | None,
        options.value(
            "FOLDER", "Write every table of --report to this folder, as CSV and XLSX. Default: no tables."
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
    from londonpump.persistence.atomic_files import write_json
    from londonpump.presentation.texts.monitor import format_monitoring

    with report_errors(), show_progress() as progress:
        # Check the output files first, so that a wrong name does not cost a long run.
        report_request = _report_request(report, data, month, tables)
        file = options.json_file(json, JSON_MARK)
        now = datetime.now(UTC)
        request = MonitorRequest(at or now, data, is_stored=at is None or at >= now)
        result = run_monitor(settings(), request, progress)
        if file is not None:
            write_json(file, to_document(result.view))
        written = (
            None
            if report_request is None
            else write_month_report(settings(), result, report_request, progress)
        )
    text = format_monitoring(result.view, result.ages.view)
    if not request.is_stored:
        text += "\nNothing was stored, sent or rolled back: --at is in the past."
    if written is not None:
        text += f"\nReport of {written}: {report}"
    show_result(to_document(result.view), text, options.STDOUT if json == options.STDOUT else None)
    if fail_on_alarm and result.changes.standing:
        raise typer.Exit(ALARMS_ACTIVE)


def _report_request(
    report: Path | None, data: Path | None, month: str | None, tables: Path | None
) -> "MonthReportRequest | None":
    """Read --report, --month and --tables. Raises: BadFile if the file is not a report, BadValue for a wrong month."""
    from londonpump.domain.errors import BadValue
    from londonpump.lifecycle.monthly_report import MonthReportRequest, require_own_report
    from londonpump.presentation.monthly import Month

    if report is None:
        if month is not None:
            raise BadValue("--month", month, "needs a report. Name its file with --report")
        if tables is not None:
            raise BadValue("--tables", tables, "needs a report. Name its file with --report")
        return None
    request = MonthReportRequest(report, data, None if month is None else Month.read(month), tables)
    require_own_report(request)
    return request


@app.command(epilog=options.example("track"))
def track(
    bundles: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="BUNDLE",
            help="Send these outputs of train too. The store of bundles, in LONDONPUMP_HOME, is always sent. Default: only that.",
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
