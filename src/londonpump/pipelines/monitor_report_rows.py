"""What the page of a month is worked out from: arrivals of the records, and announced times with what came of them."""

from datetime import date, datetime, timedelta

import numpy as np
from sqlalchemy import Connection, case, func, select

from londonpump.brigade.clock import london_us
from londonpump.brigade.errors import BadValue, TooFewRows
from londonpump.brigade.targets import FIRST_PUMP_TARGET_S, LONGEST_PUBLISHED_S
from londonpump.evaluation.live import LiveRows
from londonpump.evaluation.monthly.attendance import AttendanceRows
from londonpump.evaluation.monthly.inputs import Reality, Records
from londonpump.evaluation.monthly.months import EPOCH_DATE, Month
from londonpump.evaluation.report.words import count_words, day_words
from londonpump.evaluation.rows import Ints, Texts
from londonpump.features.days import london_days
from londonpump.features.runs import DAY_US, HOUR_US
from londonpump.models.bundle import Bundle
from londonpump.pipelines.data import Columns, Examples, midnight_us, newest_complete_day
from londonpump.pipelines.evaluate import later_rows
from londonpump.pipelines.monitor_outcomes import join_outcomes, published_times
from londonpump.storage.database.board_tables import mobilisations, outcomes

FIRST, SECOND = "first", "second"
LONGEST_RUN = timedelta(minutes=20)
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


def replayed(name: str, bundle: Bundle, examples: Examples, month: Month) -> Reality:
    """What the model says of the month's published runs and of those of the month before, if later than its training."""
    learnt_until = date.fromisoformat(bundle.card["trained_until"])
    start = max(learnt_until, month.before.first_date)
    if start > month.last_date:
        told = f"{name} learnt until {day_words(learnt_until - timedelta(days=1))}: it knows the runs of {month}, and is not judged on them."
        return Reality(REPLAYED, told, None)
    try:
        rows = later_rows(bundle, examples, start)
    except (TooFewRows, BadValue) as error:
        return Reality(REPLAYED, f"Not judged. {error}", None)
    is_wanted = rows["mobilised_us"] < midnight_us(month.next.first_date)
    live = _as_live(name, bundle, {column: values[is_wanted] for column, values in rows.items()})
    n = int(month.holds(live.day).sum())
    told = (
        f"{name} answered {count_words(n)} runs of {month} once more, all later than what it learnt from (until "
        f"{day_words(learnt_until - timedelta(days=1))}), as if each were a call with the pump that was sent."
    )
    return Reality(REPLAYED, told, live)


def _as_live(name: str, bundle: Bundle, rows: Columns) -> LiveRows:
    times = bundle.response_times(bundle.runs(rows))
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


def announced(
    connection: Connection, month: Month, at: datetime, examples: Examples | None
) -> Reality | None:
    """Times announced in the month and before, by the board's arrivals, else by published records; None without any."""
    first_at, end_at = _ends(month)
    looked_at = min(at, end_at + LONGEST_RUN)
    count = _counted(connection, first_at, min(at, end_at))
    if not count[0]:
        return None
    joined = join_outcomes(connection, looked_at, published_times(examples) if examples is not None else {})
    came = int(month.holds(joined.rows.day).sum())
    told = (
        f"Of {count_words(count[0])} times announced in {month} {100 * came / count[0]:.0f} % came true so far: {count_words(count[1])} by "
        f"arrivals on the board, {count_words(came - count[1])} by published records."
    )
    if count[2]:
        told += (
            f" Arrivals on the board after more than {count_words(LONGEST_PUBLISHED_S)} s are implausible and left out: "
            f"{count_words(count[2])}."
        )
    return Reality(ANNOUNCED, told, joined.rows)


def _ends(month: Month) -> tuple[datetime, datetime]:
    first_us, end_us = midnight_us(month.first_date), midnight_us(month.next.first_date)
    since = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
    return since + timedelta(microseconds=first_us), since + timedelta(microseconds=end_us)


def _counted(connection: Connection, first_at: datetime, end_at: datetime) -> tuple[int, int, int]:
    """Times announced, those whose arrival the board knows, and arrivals that are implausible."""
    runs = mobilisations.c
    known = (outcomes.c.mobilisation_id == runs.id) & (outcomes.c.arrived_at <= end_at + LONGEST_RUN)
    is_plausible = outcomes.c.actual_s <= LONGEST_PUBLISHED_S
    wanted = select(
        func.count(runs.id), func.count(case((is_plausible, 1))), func.count(case((~is_plausible, 1)))
    ).select_from(mobilisations.outerjoin(outcomes, known))
    inside = (runs.mobilised_at >= first_at, runs.mobilised_at < end_at, runs.model.is_not(None))
    row = connection.execute(wanted.where(*inside)).one()
    return int(row[0]), int(row[1]), int(row[2])
