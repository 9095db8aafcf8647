"""The page of a month, out of what `monitor` saw, the prepared records, the board and the ledger."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, Engine, select

from londonpump.brigade.clock import LONDON
from londonpump.brigade.errors import BadFile, TooFewRows
from londonpump.evaluation.monthly import Month, MonthInputs, render_month
from londonpump.evaluation.monthly.inputs import AlarmLine, DecisionLine, Reality, Records
from londonpump.evaluation.report.words import day_words
from londonpump.pipelines.data import Examples, load_examples
from londonpump.pipelines.evaluate import ATTRIBUTION, PAGE_MARK
from londonpump.pipelines.monitor import Monitored
from londonpump.pipelines.monitor_report_rows import (
    announced,
    known_until,
    newest_month,
    records_of,
    replayed,
)
from londonpump.pipelines.predict import open_bundle
from londonpump.pipelines.progress import Progress, silent
from londonpump.settings import Settings
from londonpump.storage.checked_bundle import folder_of
from londonpump.storage.database import open_database, reading
from londonpump.storage.database.decision_tables import decisions
from londonpump.storage.database.monitoring_rows import alarms_between
from londonpump.storage.files import refuse_foreign_file, write_text


@dataclass(frozen=True, slots=True)
class MonthReportRequest:
    """data: as `monitor` was given. month None: the newest that the records hold whole, else a part of; without records
    the month before."""

    file: Path
    data: Path | None = None
    month: Month | None = None


def refuse_foreign_report(file: Path) -> None:
    """Raises: BadFile if something else stands there; to be asked before the long work."""
    refuse_foreign_file(file, PAGE_MARK)


def write_month_report(
    settings: Settings, seen: Monitored, request: MonthReportRequest, progress: Progress = silent
) -> Month:
    """Write the page. Returns: the month that it is of.

    Raises: BadFile for records that cannot be read or a place that cannot be written, DatabaseFailed.
    """
    refuse_foreign_report(request.file)
    progress("Reading prepared records", 0.0)
    examples = _examples(request.data, settings.data)
    month = request.month or _month(examples, seen.at)
    progress("Working out the month", 0.2)
    engine = open_database(settings.database)
    try:
        inputs = _inputs(_Look(settings, engine, seen, month, examples))
    finally:
        engine.dispose()
    _refuse_empty(request.file, inputs)
    progress("Writing the page", 0.6)
    write_text(request.file, render_month(inputs))
    progress("Done", 1.0)
    return month


def _refuse_empty(file: Path, inputs: MonthInputs) -> None:
    """Raises: TooFewRows where an earlier page would give way to one that shows no record and no answer."""
    is_empty = inputs.rows is None and all(reality.rows is None for reality in inputs.realities)
    if is_empty and file.is_file() and file.stat().st_size:
        raise TooFewRows(
            f"{file}: no arrival and no announced time of {inputs.month} is known: the page would be empty. "
            "The earlier page was left as it is. Give --data, or name another file."
        )


def _examples(asked: Path | None, usual: Path) -> Examples | None:
    if asked is None and not (usual / "report.json").exists():
        return None
    return load_examples(asked or usual)


def _month(examples: Examples | None, at: datetime) -> Month:
    today = at.astimezone(LONDON).date()
    if examples is None:
        return Month.of(today).before
    return newest_month(examples, known_until(examples, today))


@dataclass(frozen=True, slots=True)
class _Look:
    settings: Settings
    engine: Engine
    seen: Monitored
    month: Month
    examples: Examples | None


def _inputs(look: _Look) -> MonthInputs:
    seen = look.seen
    first_at = datetime.combine(look.month.first_date, datetime.min.time(), LONDON).astimezone(UTC)
    with reading(look.engine) as connection:
        told = announced(connection, look.month, seen.at, look.examples)
        lines = _decisions(connection, first_at, seen.at)
        alarms = _alarms(connection, first_at, seen.at)
    realities = [reality for reality in (_replayed(look), told) if reality is not None]
    return MonthInputs(
        month=look.month,
        at=seen.at,
        records=_records(look),
        realities=realities,
        decisions=lines,
        alarms=alarms,
        drift=seen.drift,
        drift_told=seen.drift_told,
        stations=seen.stations,
        attribution=ATTRIBUTION,
        facts=_facts(look),
        is_simulated=_is_simulated(look),
    )


def _records(look: _Look) -> Records | None:
    if look.examples is None:
        return None
    until_date = known_until(look.examples, look.seen.at.astimezone(LONDON).date())
    return records_of(look.examples, look.month, until_date)


def _replayed(look: _Look) -> Reality | None:
    name = look.seen.ages.champion
    if name is None or look.examples is None:
        return None
    try:
        bundle = open_bundle(folder_of(look.settings.bundle, name))
    except BadFile as error:
        return Reality("The model on duty", f"It cannot be read. {error}", None)
    return replayed(name, bundle, look.examples, look.month)


def _decisions(connection: Connection, first_at: datetime, until_at: datetime) -> list[DecisionLine]:
    names = ("decided_at", "action", "champion_after", "challenger", "reason", "actor")
    wanted = select(*(decisions.c[name] for name in names)).order_by(decisions.c.id)
    inside = (decisions.c.decided_at >= first_at, decisions.c.decided_at <= until_at)
    return [DecisionLine(**row) for row in connection.execute(wanted.where(*inside)).mappings()]


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


def _facts(look: _Look) -> dict[str, str]:
    ages = look.seen.ages
    since = f", on duty since {_day(ages.since_at)}" if ages.since_at is not None else ""
    decided = ages.decided
    return {
        "Model on duty": f"{ages.champion or 'none'}{since}",
        "It learnt until": _learnt_until(look),
        "Judged by comparison": "never"
        if decided is None
        else f"{_day(decided.decided_at)} ({decided.action})",
        "Newest mobilisation": "" if ages.records_at is None else _day(ages.records_at),
        "Newest weather": "none stored" if ages.weather_at is None else _day(ages.weather_at),
        "Data hash": "" if look.examples is None else look.examples.data_hash,
    }


def _learnt_until(look: _Look) -> str:
    text = look.seen.ages.card.get("trained_until")
    return day_words(date.fromisoformat(text) - timedelta(days=1)) if text else ""


def _day(at: datetime) -> str:
    return day_words(at.astimezone(LONDON).date())


def _is_simulated(look: _Look) -> bool:
    of_records = look.examples is not None and look.examples.report.get("simulated", False)
    return bool(of_records or look.seen.ages.card.get("is_simulated", False))
