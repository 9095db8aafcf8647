"""What the page of a month is worked out from: arrivals of the records, and announced times with what came of them."""

from datetime import date, datetime, timedelta

import numpy as np
from sqlalchemy import Connection, case, func, select

from londonpump.domain.attendance_targets import FIRST_PUMP_TARGET_S, MAX_PUBLISHED_S
from londonpump.domain.errors import BadValue, TooFewRows
from londonpump.domain.london_clock import london_us
from londonpump.evaluation.evaluation_rows import Ints, Texts
from londonpump.evaluation.live import LiveRows
from londonpump.evaluation.monthly.attendance import AttendanceRows
from londonpump.evaluation.monthly.inputs import EPOCH_DATE, LivePerformance, Month, Records
from londonpump.evaluation.report.text_formats import format_count, format_day
from londonpump.features.calendars import london_days
from londonpump.features.dispatches import DAY_US, HOUR_US
from londonpump.lifecycle.evaluate import later_rows
from londonpump.lifecycle.monitor_outcomes import join_outcomes, published_times
from londonpump.lifecycle.prepared_examples import Columns, Examples, midnight_us, newest_complete_day
from londonpump.models.bundle import Bundle
from londonpump.storage.database.board_tables import mobilisations, outcomes

FIRST, SECOND = "first", "second"
MAX_ATTENDANCE = timedelta(minutes=20)
P10, P50, P90 = 0.1, 0.5, 0.9
LEVELS = (P10, P50, P90)
REPLAYED, ANNOUNCED = "The model on duty asked again about published runs", "Times that were announced"


def known_until(examples: Examples, today: date) -> date:
    """The last complete day of the records that lies before today."""
    return min(newest_complete_day(examples.rows), today - timedelta(days=1))


def newest_month(examples: Examples, until_date: date) -> Month:
    """The newest month that the records hold whole, else the newest that they hold a part of."""
    newest = Month.of(until_date)
    if until_date == newest.last_date:
        return newest
    first = EPOCH_DATE + timedelta(days=int(london_days(examples.rows["mobilised_us"]).min()))
    return newest.before if newest.before.last_date >= first else newest


def records_of(examples: Examples, month: Month, until_date: date) -> Records:
    """First and second arrivals until the end of a month; later pumps have no target."""
    rows = examples.rows
    last = min(until_date, month.last_date)
    kept = np.isin(rows["pump"].astype(str), (FIRST, SECOND)) & np.isfinite(rows["attendance_s"])
    kept &= rows["mobilised_us"] < midnight_us(last + timedelta(days=1))
    found = examples.take(kept)
    called = london_days(examples.calls["call_us"])
    incidents = month.holds(called) & (called <= (last - EPOCH_DATE).days)
    return Records(_arrivals(found), last, _is_complete(examples, month, last), int(incidents.sum()))


def _is_complete(examples: Examples, month: Month, last: date) -> bool:
    """Whether no call of the month until the last day is missing; that day itself may be cut."""
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
    """What the model says of the month's published runs and of those of the month before, if later than its training."""
    trained_until = date.fromisoformat(bundle.card["trained_until"])
    start = max(trained_until, month.before.first_date)
    if start > month.last_date:
        text = f"{name} learnt until {format_day(trained_until - timedelta(days=1))}: it knows the runs of {month}, and is not judged on them."
        return LivePerformance(REPLAYED, text, None)
    try:
        rows = later_rows(bundle, examples, start)
    except (TooFewRows, BadValue) as error:
        return LivePerformance(REPLAYED, f"Not judged. {error}", None)
    is_before_end = rows["mobilised_us"] < midnight_us(month.next.first_date)
    live = _as_live(name, bundle, {column: values[is_before_end] for column, values in rows.items()})
    n = int(month.holds(live.day).sum())
    text = (
        f"{name} answered {format_count(n)} runs of {month} once more, all later than what it learnt from (until "
        f"{format_day(trained_until - timedelta(days=1))}), as if each were a call with the pump that was sent."
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
        promised_late_share=times.p_over(FIRST_PUMP_TARGET_S),
    )


def read_announced_times(
    connection: Connection, month: Month, at: datetime, examples: Examples | None
) -> LivePerformance | None:
    """Times announced in the month and before, by the board's arrivals, else by published records; None without any."""
    first_at, end_at = _ends(month)
    outcomes_until = min(at, end_at + MAX_ATTENDANCE)
    count = _counted(connection, first_at, min(at, end_at))
    if not count[0]:
        return None
    joined = join_outcomes(
        connection, outcomes_until, published_times(examples) if examples is not None else {}
    )
    n_outcomes = int(month.holds(joined.rows.day).sum())
    text = (
        f"Of {format_count(count[0])} times announced in {month} {100 * n_outcomes / count[0]:.0f} % came true so far: {format_count(count[1])} by "
        f"arrivals on the board, {format_count(n_outcomes - count[1])} by published records."
    )
    if count[2]:
        text += (
            f" Arrivals on the board after more than {format_count(MAX_PUBLISHED_S)} s are implausible and left out: "
            f"{format_count(count[2])}."
        )
    return LivePerformance(ANNOUNCED, text, joined.rows)


def _ends(month: Month) -> tuple[datetime, datetime]:
    first_us, end_us = midnight_us(month.first_date), midnight_us(month.next.first_date)
    since = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
    return since + timedelta(microseconds=first_us), since + timedelta(microseconds=end_us)


def _counted(connection: Connection, first_at: datetime, end_at: datetime) -> tuple[int, int, int]:
    """Times announced, those whose arrival the board knows, and arrivals that are implausible."""
    dispatches = mobilisations.c
    known = (outcomes.c.mobilisation_id == dispatches.id) & (outcomes.c.arrived_at <= end_at + MAX_ATTENDANCE)
    is_plausible = outcomes.c.actual_s <= MAX_PUBLISHED_S
    query = select(
        func.count(dispatches.id), func.count(case((is_plausible, 1))), func.count(case((~is_plausible, 1)))
    ).select_from(mobilisations.outerjoin(outcomes, known))
    inside = (
        dispatches.mobilised_at >= first_at,
        dispatches.mobilised_at < end_at,
        dispatches.model.is_not(None),
    )
    row = connection.execute(query.where(*inside)).one()
    return int(row[0]), int(row[1]), int(row[2])
