"""What follows from all the pumps of an incident: pumps attending, left times, waves.

Source: the original's steps 13, 14, 16, 21 and 22.
"""

import ibis
from ibis.expr.types import Table

from londonpump.cleaning.rules import ROW, is_kept, reject, with_repairs
from londonpump.domain import incident_types

WARM_UP_H = 12
"""Pumps that set out before the records begin are not seen; after this they are back."""
SIMILAR_INCIDENT = ("incident_group", "special_service_type", "pumps_attending")
LEFT_TIME_COLUMNS = ("arrived_at", "attendance_s", "incident_group", "special_service_type")
"""Looked at to fill the left time, and by no step after it."""
NARROW_COLUMNS = (
    *ROW,
    "rule",
    "repairs",
    "incident_number",
    "resource_code",
    "home_station_code",
    "deployed_from",
    "ground_code",
    "call_date",
    "mobilised_at",
    "left_at",
    *LEFT_TIME_COLUMNS,
)
"""What the steps after `clean_mobilisations` look at; the rest waits for `joined`, so that rows stay narrow."""


def with_attendance(table: Table) -> Table:
    """Adds pumps_attending, stations_attending, wave; fills left_at.

    Args: table: of `clean_mobilisations`, kept rows only.
    """
    incidents = table.group_by("incident_number").agg(
        pumps_attending=table.count(), stations_attending=table.home_station_code.nunique()
    )
    waves = table.select("incident_number", "mobilised_at").distinct()
    by_time = ibis.window(group_by="incident_number", order_by="mobilised_at")
    waves = waves.mutate(wave=ibis.row_number().over(by_time) + 1)
    table = table.left_join(incidents, "incident_number").drop("incident_number_right")
    table = _with_left_time(table).left_join(waves, ("incident_number", "mobilised_at"))
    return table.drop("incident_number_right", "mobilised_at_right")


def _with_left_time(table: Table) -> Table:
    """A missing left time, or one before the arrival (else the mobilisation), is the arrival and the mean time on site of the
    same kind of incident and number of pumps, else of all."""
    is_early = (table.left_at < table.arrived_at.fill_null(table.mobilised_at)).fill_null(False)
    table = table.mutate(is_early=is_early)
    on_site = table.filter(~table.is_early & table.left_at.notnull() & table.arrived_at.notnull())
    on_site = on_site.mutate(on_site_s=on_site.left_at.epoch_seconds() - on_site.arrived_at.epoch_seconds())
    means = on_site.group_by(*SIMILAR_INCIDENT).agg(mean_s=on_site.on_site_s.mean())
    mean_of_all_s = on_site.agg(mean_s=on_site.on_site_s.mean()).mean_s.as_scalar()
    table = table.left_join(means, list(SIMILAR_INCIDENT)).drop(
        *[f"{name}_right" for name in SIMILAR_INCIDENT]
    )
    typical_s = table.mean_s.fill_null(mean_of_all_s).fill_null(0.0).round().cast("int64")
    arrived_at = table.mobilised_at + table.attendance_s.as_interval("s")
    return table.mutate(
        left_at=ibis.ifelse(
            table.is_early | table.left_at.isnull(),
            table.arrived_at.fill_null(arrived_at) + typical_s.as_interval("s"),
            table.left_at,
        ),
        repairs=with_repairs(
            table,
            left_from_mean_on_site=table.left_at.isnull(),
            left_before_arrived=table.is_early,
        ),
    ).drop("is_early", "mean_s")


def reject_later_and_warm_up(table: Table) -> Table:
    """The last two steps: only the first wave is predicted, and only once the counts are complete.

    Args: table: with `counted_from`, since when pumps can be counted, null where they cannot. Only the first hours
    of the records are set aside: later on, after a month that is not complete, counts are unknown for as long.
    """
    first_at = table.agg(first_at=table.mobilised_at.min()).first_at.as_scalar()
    is_early = table.mobilised_at < first_at + ibis.interval(hours=WARM_UP_H)
    return reject(
        table,
        later_wave=is_kept(table) & (table.wave > 1),
        warm_up=is_early & (table.counted_from <= first_at),
    )


def with_all_columns(rows: Table, counted: Table) -> Table:
    """The rows of `counted` with all columns of `clean_mobilisations` beside those that the steps here made.

    Args: rows: of `clean_mobilisations`. counted: some of them, their columns LOOKED_AT and later ones.
    """
    derived = [
        name
        for name in counted.columns
        if name not in NARROW_COLUMNS or name in ("rule", "repairs", "left_at")
    ]
    counted = counted.select(*ROW, *derived)
    table = rows.drop("rule", "repairs", "left_at").inner_join(counted, ROW)
    return table.drop(*[name for name in table.columns if name.endswith("_right")])


END, QUERY, START = 0, 1, 2
SEEN_WITHIN_DAYS = 28
"""A pump belongs to a station if it was seen leaving home there in the last four weeks."""
FLEET_KNOWN_AFTER_DAYS = 7
"""Before this the records have not shown every pump yet: pumps available is null."""


def with_pumps_out(table: Table) -> Table:
    """Adds `pumps_out`: mobilisations of other incidents that are out at mobilised_at."""
    queries = table.select("row_id", "mobilised_at").group_by("mobilised_at").agg()
    out = _running(_events(table), queries.mutate(at=queries.mobilised_at).drop("mobilised_at"), ())
    own = table.select("incident_number", earlier_at="mobilised_at", until="left_at", earlier="row_id")
    later = table.filter(table.wave > 1).select("row_id", "incident_number", "mobilised_at")
    both = later.join(own, "incident_number")
    both = both.filter((both.earlier_at < both.mobilised_at) & (both.until > both.mobilised_at))
    own_out = both.group_by("row_id").agg(own_out=both.count())
    table = table.left_join(out, table.mobilised_at == out.at).drop("at")
    table = table.left_join(own_out, "row_id").drop("row_id_right")
    return table.mutate(pumps_out=table.running - table.own_out.fill_null(0)).drop("running", "own_out")


def with_ground_pumps(table: Table) -> Table:
    """Adds `ground_pumps_available`: the pumps of the incident's station ground less those out, not
    below 0; null in the first week of the records and where the ground has no station."""
    first_at = table.agg(first_at=table.mobilised_at.min()).first_at.as_scalar()
    is_known = table.mobilised_at >= first_at + ibis.interval(days=FLEET_KNOWN_AFTER_DAYS)
    ground = table.filter(table.ground_code.notnull())
    queries = ground.select(station="ground_code", at="mobilised_at").distinct()
    # Pumps stationed less pumps away is one running sum: one sort of the timeline instead of two.
    changes = _changes(_stationed_spans(table), 1).union(_changes(_away_spans(table), -1))
    counted = _running(changes, queries, ("station",))
    table = table.mutate(is_known=is_known)
    table = table.left_join(
        counted, [table.ground_code == counted.station, table.mobilised_at == counted.at]
    ).drop("station", "at")
    # `greatest` passes over a null: a ground that is not known must not become 0.
    is_counted = table.is_known & table.running.notnull()
    available = ibis.greatest(table.running, 0)
    return table.mutate(ground_pumps_available=ibis.ifelse(is_counted, available, ibis.null("int64"))).drop(
        "running", "is_known"
    )


def null_where_incomplete(table: Table) -> Table:
    """Makes both counts null where the records, or the time before that a count looks at, are not complete.

    Args: table: with both counts and `counted_from`: since when the records have been complete without a break, null
    where they are not. What is out is known after half a day, the pumps of a station after a week.
    """
    first_at = table.agg(first_at=table.mobilised_at.min()).first_at.as_scalar()
    # `greatest` passes over a null: a day that is not complete must not count from the first row on.
    start = ibis.ifelse(table.counted_from < first_at, first_at, table.counted_from)
    known_after = {
        "pumps_out": ibis.interval(hours=WARM_UP_H),
        "ground_pumps_available": ibis.interval(days=FLEET_KNOWN_AFTER_DAYS),
    }
    return table.mutate(
        **{
            name: ibis.ifelse(table.mobilised_at >= start + after, table[name], ibis.null("int64"))
            for name, after in known_after.items()
        }
    )


def _away_spans(table: Table) -> Table:
    return table.select(
        station="home_station_code", pump="resource_code", starts_at="mobilised_at", ends_at="left_at"
    )


def _stationed_spans(table: Table) -> Table:
    home = table.filter(table.deployed_from == incident_types.HOME_STATION)
    # A pump that sets out at this very instant is one of the station's: it counts from just before.
    return home.select(
        station="home_station_code",
        pump="resource_code",
        starts_at=home.mobilised_at - ibis.interval(microseconds=1),
        ends_at=home.mobilised_at + ibis.interval(days=SEEN_WITHIN_DAYS),
    )


def _changes(spans: Table, delta: int) -> Table:
    """`(station, at, order, delta)`: where the spans of a pump start (delta) and end (its opposite).

    Overlapping spans of one pump are one: a pump on two calls is away once. Spans that only touch stay two:
    at the instant between them it is not away. A span of no length is no span.
    """
    spans = spans.filter(spans.ends_at > spans.starts_at)
    of_pump = {"group_by": ("station", "pump"), "order_by": ("starts_at", "ends_at")}
    spans = spans.mutate(
        reach_before=spans.ends_at.max().over(ibis.window(preceding=(None, 1), **of_pump)),
        next_at=spans.starts_at.lead().over(ibis.window(**of_pump)),
    )
    spans = spans.mutate(reach=ibis.greatest(spans.ends_at, spans.reach_before))
    first = spans.filter(spans.reach_before.isnull() | (spans.starts_at >= spans.reach_before))
    last = spans.filter(spans.next_at.isnull() | (spans.next_at >= spans.reach))
    starts = first.select("station", at="starts_at", order=ibis.literal(START), delta=ibis.literal(delta))
    ends = last.select("station", at="reach", order=ibis.literal(END), delta=ibis.literal(-delta))
    return starts.union(ends)


def _events(spans: Table) -> Table:
    """Starts and ends as +1 and -1; a span of no length is no span."""
    spans = spans.filter(spans.left_at > spans.mobilised_at)
    starts = spans.select(at="mobilised_at", order=ibis.literal(START), delta=ibis.literal(1))
    ends = spans.select(at="left_at", order=ibis.literal(END), delta=ibis.literal(-1))
    return starts.union(ends)


def _running(events: Table, queries: Table, key: tuple[str, ...]) -> Table:
    """`(*key, at, running)`: the sum of deltas before each question."""
    query_rows = queries.select(*key, "at", order=ibis.literal(QUERY), delta=ibis.literal(0))
    timeline = events.union(query_rows)
    window = ibis.cumulative_window(group_by=key or None, order_by=("at", "order"))
    # Whole numbers as floats: exact far beyond these counts, and DuckDB sums them in half the time.
    running = timeline.delta.cast("float64").sum().over(window)
    timeline = timeline.mutate(running=running).filter(timeline.order == QUERY)
    return timeline.select(*key, "at", running=timeline.running.cast("int64"))
