"""Counts over mobilisations: pumps attending, left times, waves, pumps out, available pumps of a station ground.

Source: the original's steps 13, 14, 16, 21 and 22. A mobilisation is out over the half-open interval from
mobilised_at to left_at: at a time t it counts when mobilised_at < t and left_at > t. Pumps out are counted by a
running sum over starts, ends and queries in time order; at equal times ends come first, then queries, then starts.
Only the past is used.
"""

import ibis
from ibis.expr.types import Table

from londonpump.cleaning.rules import ROW, is_kept, reject, with_repairs
from londonpump.domain import incident_types

WARM_UP_H = 12
"""Pumps that set out before the records begin are not recorded. After this time they are back."""
SIMILAR_INCIDENT = ("incident_group", "special_service_type", "pumps_attending")
LEFT_TIME_COLUMNS = ("arrived_at", "attendance_s", "incident_group", "special_service_type")
"""Columns that only the imputation of the left time reads."""
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
"""Columns that the steps after `clean_mobilisations` read. The others are joined last, so that rows stay narrow."""


def with_attendance(table: Table) -> Table:
    """Add pumps_attending, stations_attending and wave; fill left_at.

    Args: table: the kept rows of `clean_mobilisations`.
    """
    incidents = table.group_by("incident_number").agg(
        pumps_attending=table.count(), stations_attending=table.home_station_code.nunique()
    )
    # Pumps mobilised at the same second form one wave, so distinct times are numbered.
    waves = table.select("incident_number", "mobilised_at").distinct()
    by_time = ibis.window(group_by="incident_number", order_by="mobilised_at")
    waves = waves.mutate(wave=ibis.row_number().over(by_time) + 1)
    table = table.left_join(incidents, "incident_number").drop("incident_number_right")
    table = _with_left_time(table).left_join(waves, ("incident_number", "mobilised_at"))
    return table.drop("incident_number_right", "mobilised_at_right")


def _with_left_time(table: Table) -> Table:
    """Impute a left time that is missing or before the arrival (else the mobilisation).

    The imputed time is the arrival plus the mean time on site of the same kind of incident and number of pumps, else of
    all incidents.
    """
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
    """Reject later waves and the warm-up: only the first wave is predicted, and only once the counts are complete.

    Args: table: with `counted_from`, the time since when pumps can be counted, null where they cannot. Only the first
    hours of the records are rejected: after a later incomplete month, counts are null for as long.
    """
    first_at = table.agg(first_at=table.mobilised_at.min()).first_at.as_scalar()
    is_early = table.mobilised_at < first_at + ibis.interval(hours=WARM_UP_H)
    return reject(
        table,
        later_wave=is_kept(table) & (table.wave > 1),
        warm_up=is_early & (table.counted_from <= first_at),
    )


def with_all_columns(rows: Table, counted: Table) -> Table:
    """Return the rows of `counted` with all columns of `clean_mobilisations` and the columns derived here.

    Args: rows: the result of `clean_mobilisations`. counted: some of its rows, with NARROW_COLUMNS and derived columns.
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
"""A pump belongs to a station if it left from there as its home in the last four weeks."""
FLEET_KNOWN_AFTER_DAYS = 7
"""Before this time the records do not contain every pump yet, so available pumps are null."""


def with_pumps_out(table: Table) -> Table:
    """Add `pumps_out`: mobilisations of other incidents that are out at mobilised_at."""
    # One row per query time, so that the running sum answers equal queries once.
    queries = table.select("row_id", "mobilised_at").group_by("mobilised_at").agg()
    out = _running(_events(table), queries.mutate(at=queries.mobilised_at).drop("mobilised_at"), ())
    # Pumps of the same incident do not count as out, so they are subtracted.
    own = table.select("incident_number", earlier_at="mobilised_at", until="left_at", earlier="row_id")
    later = table.filter(table.wave > 1).select("row_id", "incident_number", "mobilised_at")
    both = later.join(own, "incident_number")
    both = both.filter((both.earlier_at < both.mobilised_at) & (both.until > both.mobilised_at))
    own_out = both.group_by("row_id").agg(own_out=both.count())
    table = table.left_join(out, table.mobilised_at == out.at).drop("at")
    table = table.left_join(own_out, "row_id").drop("row_id_right")
    return table.mutate(pumps_out=table.running - table.own_out.fill_null(0)).drop("running", "own_out")


def with_ground_pumps(table: Table) -> Table:
    """Add `ground_pumps_available`: the pumps of the incident's station ground less those out, at least 0.

    It is null in the first week of the records and where the ground has no station.
    """
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
    # `greatest` ignores a null: an unknown ground must not become 0.
    is_counted = table.is_known & table.running.notnull()
    available = ibis.greatest(table.running, 0)
    return table.mutate(ground_pumps_available=ibis.ifelse(is_counted, available, ibis.null("int64"))).drop(
        "running", "is_known"
    )


def null_where_incomplete(table: Table) -> Table:
    """Null both counts where the records, or the time before that a count needs, are not complete.

    Args: table: with both counts and `counted_from`, the time since when the records are complete without a gap, null
    where they are not. Pumps out are known after half a day, the pumps of a station after a week.
    """
    first_at = table.agg(first_at=table.mobilised_at.min()).first_at.as_scalar()
    # `greatest` would ignore a null: an incomplete day must not count from the first row on.
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
    """Return `(station, at, order, delta)`: delta where spans of a pump start, and its opposite where they end.

    Overlapping spans of one pump are one span: a pump on two calls is away once. Spans that only touch stay two,
    because the pump is not away at the time between them. A span of no length is ignored.
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
    """Return starts as +1 and ends as -1; a span of no length is ignored."""
    spans = spans.filter(spans.left_at > spans.mobilised_at)
    starts = spans.select(at="mobilised_at", order=ibis.literal(START), delta=ibis.literal(1))
    ends = spans.select(at="left_at", order=ibis.literal(END), delta=ibis.literal(-1))
    return starts.union(ends)


def _running(events: Table, queries: Table, key: tuple[str, ...]) -> Table:
    """Return `(*key, at, running)`: the sum of deltas before each query."""
    query_rows = queries.select(*key, "at", order=ibis.literal(QUERY), delta=ibis.literal(0))
    timeline = events.union(query_rows)
    window = ibis.cumulative_window(group_by=key or None, order_by=("at", "order"))
    # Whole numbers as floats: exact far beyond these counts, and DuckDB sums them in half the time.
    running = timeline.delta.cast("float64").sum().over(window)
    timeline = timeline.mutate(running=running).filter(timeline.order == QUERY)
    return timeline.select(*key, "at", running=timeline.running.cast("int64"))
