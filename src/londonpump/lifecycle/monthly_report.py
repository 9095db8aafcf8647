"""The page of a month, out of what `monitor` saw, the prepared records, the board and the ledger."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, Engine, select

from londonpump.domain.errors import BadFile, TooFewRows
from londonpump.domain.london_clock import LONDON
from londonpump.evaluation.monthly import Month, MonthInputs, render_month
from londonpump.evaluation.monthly.inputs import AlarmLine, DecisionLine, LivePerformance, Records
from londonpump.evaluation.report.text_formats import format_day
from londonpump.lifecycle.evaluate import ATTRIBUTION, PAGE_MARK
from londonpump.lifecycle.monitor import MonitoringResult
from londonpump.lifecycle.monthly_report_rows import (
    known_until,
    newest_month,
    read_announced_times,
    records_of,
    replay_month,
)
from londonpump.lifecycle.predict import open_bundle
from londonpump.lifecycle.prepared_examples import Examples, load_examples
from londonpump.lifecycle.progress import Progress, silent
from londonpump.settings import Settings
from londonpump.storage.atomic_files import require_own_file, write_text
from londonpump.storage.database import open_database, reading
from londonpump.storage.database.alarm_repository import alarms_between
from londonpump.storage.database.schema import decisions
from londonpump.storage.verified_bundle import folder_of


@dataclass(frozen=True, slots=True)
class MonthReportRequest:
    """data: as `monitor` was given. month None: the newest that the records hold whole, else a part of; without records
    the month before."""

    file: Path
    data: Path | None = None
    month: Month | None = None


def require_own_report(file: Path) -> None:
    """Raises: BadFile if something else stands there; to be asked before the long work."""
    require_own_file(file, PAGE_MARK)


def write_month_report(
    settings: Settings, result: MonitoringResult, request: MonthReportRequest, progress: Progress = silent
) -> Month:
    """Write the page. Returns: the month that it is of.

    Raises: BadFile for records that cannot be read or a place that cannot be written, DatabaseFailed.
    """
    require_own_report(request.file)
    progress("Reading prepared records", 0.0)
    examples = _examples(request.data, settings.data)
    month = request.month or _month(examples, result.at)
    progress("Working out the month", 0.2)
    engine = open_database(settings.database)
    try:
        inputs = _inputs(_ReportSource(settings, engine, result, month, examples))
    finally:
        engine.dispose()
    _require_content(request.file, inputs)
    progress("Writing the page", 0.6)
    write_text(request.file, render_month(inputs))
    progress("Done", 1.0)
    return month


def _require_content(file: Path, inputs: MonthInputs) -> None:
    """Raises: TooFewRows where an earlier page would give way to one that shows no record and no answer."""
    is_empty = inputs.rows is None and all(
        performance.rows is None for performance in inputs.live_performances
    )
    if is_empty and file.is_file() and file.stat().st_size:
        raise TooFewRows(
            f"{file}: no arrival and no announced time of {inputs.month} is known: the page would be empty. "
            "The earlier page was left as it is. Give --data, or name another file."
        )


def _examples(requested: Path | None, fallback: Path) -> Examples | None:
    if requested is None and not (fallback / "report.json").exists():
        return None
    return load_examples(requested or fallback)


def _month(examples: Examples | None, at: datetime) -> Month:
    today = at.astimezone(LONDON).date()
    if examples is None:
        return Month.of(today).before
    return newest_month(examples, known_until(examples, today))


@dataclass(frozen=True, slots=True)
class _ReportSource:
    settings: Settings
    engine: Engine
    result: MonitoringResult
    month: Month
    examples: Examples | None


def _inputs(source: _ReportSource) -> MonthInputs:
    result = source.result
    first_at = datetime.combine(source.month.first_date, datetime.min.time(), LONDON).astimezone(UTC)
    with reading(source.engine) as connection:
        announced_times = read_announced_times(connection, source.month, result.at, source.examples)
        lines = _decisions(connection, first_at, result.at)
        alarms = _alarms(connection, first_at, result.at)
    live_performances = [
        performance for performance in (_replayed(source), announced_times) if performance is not None
    ]
    return MonthInputs(
        month=source.month,
        at=result.at,
        records=_records(source),
        live_performances=live_performances,
        decisions=lines,
        alarms=alarms,
        drift=result.drift,
        drift_note=result.drift_note,
        stations=result.stations,
        attribution=ATTRIBUTION,
        facts=_facts(source),
        is_simulated=_is_simulated(source),
    )


def _records(source: _ReportSource) -> Records | None:
    if source.examples is None:
        return None
    until_date = known_until(source.examples, source.result.at.astimezone(LONDON).date())
    return records_of(source.examples, source.month, until_date)


def _replayed(source: _ReportSource) -> LivePerformance | None:
    name = source.result.ages.champion
    if name is None or source.examples is None:
        return None
    try:
        bundle = open_bundle(folder_of(source.settings.bundle, name))
    except BadFile as error:
        return LivePerformance("The model on duty", f"It cannot be read. {error}", None)
    return replay_month(name, bundle, source.examples, source.month)


def _decisions(connection: Connection, first_at: datetime, until_at: datetime) -> list[DecisionLine]:
    names = ("decided_at", "action", "champion_after", "challenger", "reason", "actor")
    query = select(*(decisions.c[name] for name in names)).order_by(decisions.c.id)
    inside = (decisions.c.decided_at >= first_at, decisions.c.decided_at <= until_at)
    return [DecisionLine(**row) for row in connection.execute(query.where(*inside)).mappings()]


def _alarms(connection: Connection, first_at: datetime, until_at: datetime) -> Sequence[AlarmLine]:
    """As they stood at the moment: one that was cleared later still stood."""
    return [
        AlarmLine(
            alarm.raised_at,
            alarm.cleared_at if alarm.cleared_at is not None and alarm.cleared_at <= until_at else None,
            alarm.severity,
            alarm.kind,
            alarm.subject,
            alarm.words,
        )
        for alarm in alarms_between(connection, first_at, until_at + timedelta(microseconds=1))
    ]


def _facts(source: _ReportSource) -> dict[str, str]:
    ages = source.result.ages
    since = f", on duty since {_day(ages.since_at)}" if ages.since_at is not None else ""
    decided = ages.decided
    return {
        "Model on duty": f"{ages.champion or 'none'}{since}",
        "It learnt until": _trained_until(source),
        "Judged by comparison": "never"
        if decided is None
        else f"{_day(decided.decided_at)} ({decided.action})",
        "Newest mobilisation": "" if ages.records_at is None else _day(ages.records_at),
        "Newest weather": "none stored" if ages.weather_at is None else _day(ages.weather_at),
        "Data hash": "" if source.examples is None else source.examples.data_hash,
    }


def _trained_until(source: _ReportSource) -> str:
    text = source.result.ages.card.get("trained_until")
    return format_day(date.fromisoformat(text) - timedelta(days=1)) if text else ""


def _day(at: datetime) -> str:
    return format_day(at.astimezone(LONDON).date())


def _is_simulated(source: _ReportSource) -> bool:
    of_records = source.examples is not None and source.examples.report.get("simulated", False)
    return bool(of_records or source.result.ages.card.get("is_simulated", False))
