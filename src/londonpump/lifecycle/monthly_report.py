"""Report of a month, made from the findings of `monitor`, the prepared records, the board and the ledger."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np

from londonpump.domain.attendance_targets import FIRST_PUMP_TARGET_S, MAX_PUBLISHED_S
from londonpump.domain.bundle_card import BundleCard
from londonpump.domain.errors import BadFile, BadValue, TooFewRows
from londonpump.domain.json_values import view_of
from londonpump.domain.london_clock import LONDON, london_us
from londonpump.evaluation.evaluation_rows import Ints, Texts
from londonpump.evaluation.live import LiveRows
from londonpump.features.dispatches import DAY_US, HOUR_US
from londonpump.features.observations import london_days
from londonpump.lifecycle.evaluate import PAGE_MARK, attribution_of, later_rows
from londonpump.lifecycle.monitor import MonitoringResult
from londonpump.lifecycle.monitor.outcomes import join_outcomes, published_times
from londonpump.lifecycle.predict import open_bundle
from londonpump.lifecycle.prepared_examples import (
    Columns,
    Examples,
    load_examples,
    midnight_us,
    newest_complete_day,
)
from londonpump.lifecycle.progress import Progress, silent
from londonpump.models.bundle import Bundle
from londonpump.persistence.atomic_files import require_own_file, write_text
from londonpump.persistence.database import Connection, Engine, open_database, reading
from londonpump.persistence.repositories.alarms import alarms_between
from londonpump.persistence.repositories.decisions import decisions_between
from londonpump.persistence.repositories.outcomes import count_announced
from londonpump.persistence.verified_bundle import folder_of
from londonpump.presentation.monthly import MonthInputs, render_month
from londonpump.presentation.monthly.inputs import (
    EPOCH_DATE,
    AttendanceRows,
    LivePerformance,
    Month,
    Records,
)
from londonpump.presentation.report.style import format_count, format_day
from londonpump.presentation.texts.challenge import DecisionView
from londonpump.presentation.texts.monitor import AlarmView
from londonpump.settings import Settings


@dataclass(frozen=True, slots=True)
class MonthReportRequest:
    """Request to write the report of a month."""

    file: Path
    data: Path | None = None  # the same as for `monitor`
    month: Month | None = (
        None  # None: the newest that is complete in the records; without records, the last month
    )


def require_own_report(file: Path) -> None:
    """Reject a file that exists and is not a report; call it before the long work. Raises: BadFile."""
    require_own_file(file, PAGE_MARK)


def write_month_report(
    settings: Settings, result: MonitoringResult, request: MonthReportRequest, progress: Progress = silent
) -> Month:
    """Write the report. Returns: its month.

    Raises: BadFile for records that cannot be read or a file that cannot be written, DatabaseFailed.
    """
    require_own_report(request.file)
    progress("Reading prepared records", 0.0)
    examples = _examples(request.data, settings.data)
    month = request.month or _month(examples, result.at)
    progress("Computing the figures of the month", 0.2)
    engine = open_database(settings.database)
    try:
        inputs = _inputs(_ReportSource(settings, engine, result, month, examples))
    finally:
        engine.dispose()
    # A monitor run without data must not replace a good report by an empty one.
    _require_content(request.file, inputs)
    progress("Writing the page", 0.6)
    write_text(request.file, render_month(inputs))
    progress("Done", 1.0)
    return month


def _require_content(file: Path, inputs: MonthInputs) -> None:
    """Reject an empty report that would overwrite an earlier one. Raises: TooFewRows."""
    is_empty = inputs.rows is None and all(
        performance.rows is None for performance in inputs.live_performances
    )
    if is_empty and file.is_file() and file.stat().st_size:
        raise TooFewRows(
            f"{file}: no arrival and no announced time of {inputs.month} is known, so the report would be empty. "
            "The earlier report was not changed. Give --data, or name another file."
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
        attribution=attribution_of(_credit_of_roads(result.ages.card)),
        facts=_facts(source),
        is_simulated=_is_simulated(source),
        lateness=result.slow_downs.lateness,
    )


def _credit_of_roads(card: BundleCard | None) -> str | None:
    return str(card.roads["attribution"]) if card is not None and card.roads else None


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
        bundle = open_bundle(folder_of(source.settings.bundle, name), source.settings.roads)
    except BadFile as error:
        return LivePerformance("The active model", f"It cannot be read. {error}", None)
    return replay_month(name, bundle, source.examples, source.month)


def _decisions(connection: Connection, first_at: datetime, until_at: datetime) -> list[DecisionView]:
    return [view_of(DecisionView, line) for line in decisions_between(connection, first_at, until_at)]


def _alarms(connection: Connection, first_at: datetime, until_at: datetime) -> list[AlarmView]:
    """Return the alarms as they were at the time of the report; one that was cleared later was still active."""
    # The end of the query is exclusive, and an alarm of this very run counts.
    found = alarms_between(connection, first_at, until_at + timedelta(microseconds=1))
    views = [view_of(AlarmView, alarm) for alarm in found]
    return [
        replace(view, cleared_at=None) if view.cleared_at is not None and view.cleared_at > until_at else view
        for view in views
    ]


def _facts(source: _ReportSource) -> dict[str, str]:
    ages = source.result.ages
    since = f", active since {_day(ages.since_at)}" if ages.since_at is not None else ""
    decided = ages.decided
    return {
        "Active model": f"{ages.champion or 'none'}{since}",
        "Trained until": _trained_until(source),
        "Last comparison": "never" if decided is None else f"{_day(decided.decided_at)} ({decided.action})",
        "Newest mobilisation": "" if ages.records_at is None else _day(ages.records_at),
        "Newest weather": "none stored" if ages.weather_at is None else _day(ages.weather_at),
        "Data hash": "" if source.examples is None else source.examples.data_hash,
    }


def _trained_until(source: _ReportSource) -> str:
    text = source.result.ages.trained_until
    return format_day(date.fromisoformat(text) - timedelta(days=1)) if text else ""


def _day(at: datetime) -> str:
    return format_day(at.astimezone(LONDON).date())


def _is_simulated(source: _ReportSource) -> bool:
    of_records = source.examples is not None and source.examples.is_simulated
    card = source.result.ages.card
    return bool(of_records or (card and card.is_simulated))


FIRST, SECOND = "first", "second"
MAX_ATTENDANCE = timedelta(minutes=20)
P10, P50, P90 = 0.1, 0.5, 0.9
LEVELS = (P10, P50, P90)
REPLAYED, ANNOUNCED = "The active model on published mobilisations", "Announced times"


def known_until(examples: Examples, today: date) -> date:
    """Return the last complete day of the records before today."""
    return min(newest_complete_day(examples.rows), today - timedelta(days=1))


def newest_month(examples: Examples, until_date: date) -> Month:
    """Return the newest month that is complete in the records, or else the newest with any records."""
    newest = Month.of(until_date)
    if until_date == newest.last_date:
        return newest
    first = EPOCH_DATE + timedelta(days=int(london_days(examples.rows["mobilised_us"]).min()))
    return newest.before if newest.before.last_date >= first else newest


def records_of(examples: Examples, month: Month, until_date: date) -> Records:
    """Return first and second arrivals until the end of a month; later pumps have no target."""
    rows = examples.rows
    last = min(until_date, month.last_date)
    kept = np.isin(rows["pump"].astype(str), (FIRST, SECOND)) & np.isfinite(rows["attendance_s"])
    kept &= rows["mobilised_us"] < midnight_us(last + timedelta(days=1))
    found = examples.take(kept)
    called = london_days(examples.calls["call_us"])
    incidents = month.holds(called) & (called <= (last - EPOCH_DATE).days)
    return Records(_arrivals(found), last, _is_complete(examples, month, last), int(incidents.sum()))


def _is_complete(examples: Examples, month: Month, last: date) -> bool:
    """True if no call of the month before the last day is missing. The last day itself may be incomplete."""
    first_us, until_us = midnight_us(month.first_date), midnight_us(max(month.first_date, last))
    return any(start <= first_us and until_us <= end for start, end in examples.complete)


def _arrivals(rows: Columns) -> AttendanceRows:
    return AttendanceRows(
        attendance_s=rows["attendance_s"],
        is_second=rows["pump"].astype(str) == SECOND,
        day=london_days(rows["mobilised_us"]),
        hour=_hours(rows["mobilised_us"]),
        borough=_texts(rows, "borough_name"),
        ground_code=_texts(rows, "recorded_ground_code"),
        easting_m=rows["easting_m"],
        northing_m=rows["northing_m"],
    )


def _texts(rows: Columns, name: str) -> Texts:
    return np.array(["" if value is None else value for value in rows[name]], np.str_)


def _hours(at_us: Ints) -> Ints:
    return np.asarray(london_us(at_us) % DAY_US // HOUR_US, np.int64)


def replay_month(name: str, bundle: Bundle, examples: Examples, month: Month) -> LivePerformance:
    """Predict the published mobilisations of the month and the month before, if they are later than the training."""
    trained_until = bundle.card.data.trained_until
    # The month before is included for comparison.
    start = max(trained_until, month.before.first_date)
    if start > month.last_date:
        text = f"{name} was trained until {format_day(trained_until - timedelta(days=1))}, so it is not evaluated on {month}."
        return LivePerformance(REPLAYED, text, None)
    try:
        rows = later_rows(bundle, examples, start)
    except (TooFewRows, BadValue) as error:
        return LivePerformance(REPLAYED, f"Not evaluated. {error}", None)
    is_before_end = rows["mobilised_us"] < midnight_us(month.next.first_date)
    live = _as_live(name, bundle, {column: values[is_before_end] for column, values in rows.items()})
    n = int(month.holds(live.day).sum())
    text = (
        f"{name} predicted {format_count(n)} mobilisations of {month} again, each as a call with the pump that was sent. "
        f"All are later than its training data, which ends on {format_day(trained_until - timedelta(days=1))}."
    )
    return LivePerformance(REPLAYED, text, live)


def _as_live(name: str, bundle: Bundle, rows: Columns) -> LiveRows:
    times = bundle.response_times(bundle.dispatches(rows))
    p10_s, p50_s, p90_s = (times.quantile(level) for level in LEVELS)
    n = len(rows["mobilised_us"])
    return LiveRows(
        model=np.full(n, name),
        station_code=_texts(rows, "station_code"),
        day=london_days(rows["mobilised_us"]),
        hour=_hours(rows["mobilised_us"]),
        p10_s=p10_s,
        p50_s=p50_s,
        p90_s=p90_s,
        actual_s=rows["attendance_s"],
        predicted_late_share=times.p_over(FIRST_PUMP_TARGET_S),
    )


def read_announced_times(
    connection: Connection, month: Month, at: datetime, examples: Examples | None
) -> LivePerformance | None:
    """Return announced times of the month and before, with outcomes of the board or published records; None if none."""
    first_at, end_at = _ends(month)
    # A pump that is mobilised in the last minutes of the month arrives in the next one.
    outcomes_until = min(at, end_at + MAX_ATTENDANCE)
    counted_until = min(at, end_at)
    count = count_announced(connection, first_at, counted_until, counted_until + MAX_ATTENDANCE)
    if not count.announced:
        return None
    joined = join_outcomes(
        connection, outcomes_until, published_times(examples) if examples is not None else {}
    )
    n_outcomes = int(month.holds(joined.rows.day).sum())
    text = (
        f"Of {format_count(count.announced)} times announced in {month}, {100 * n_outcomes / count.announced:.0f} % have an outcome so far: "
        f"{format_count(count.plausible)} from arrivals on the board, {format_count(n_outcomes - count.plausible)} from published records."
    )
    if count.implausible:
        text += (
            f" Arrivals on the board after more than {format_count(MAX_PUBLISHED_S)} s are implausible and ignored: "
            f"{format_count(count.implausible)}."
        )
    return LivePerformance(ANNOUNCED, text, joined.rows)


def _ends(month: Month) -> tuple[datetime, datetime]:
    first_us, end_us = midnight_us(month.first_date), midnight_us(month.next.first_date)
    since = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
    return since + timedelta(microseconds=first_us), since + timedelta(microseconds=end_us)
