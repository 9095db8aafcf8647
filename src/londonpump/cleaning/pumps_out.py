"""Pumps out and station-ground pumps available at the moment a pump is mobilised, exactly.

A mobilisation is out over the half-open interval from mobilised_at to left_at: at a moment t it counts
when mobilised_at < t and left_at > t. Counted by a running sum over starts, ends and questions in time
order; at one instant ends come first, then questions, then starts. Only the past is looked at.
"""

import ibis
from ibis.expr.types import Table

from londonpump.cleaning.pump_counts import WARM_UP_H
from londonpump.domain import incident_types

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
