"""Rules that mark rows, and the lookup of stations by name.

A table that is being cleaned has two text columns: `rule`, the first rule that rejects the row (null while it
is kept), and `repairs`, the names of the repairs made to it, joined by `;`.
"""

from collections.abc import Callable

import ibis
from ibis.expr.types import BooleanValue, StringValue, Table

StoreStep = Callable[[Table, str], Table]
"""Finishes a step: stores what an expression gives under a name and returns the stored table, so that the
steps after it do not work it out again."""


def store_nothing(table: Table, name: str) -> Table:  # noqa: ARG001
    """Return the expression as it is, for small tables and for engines that plan the whole query."""
    return table


ROW = ("source_file", "source_row")
"""The columns that identify an input row."""


def start_cleaning(table: Table) -> Table:
    """Add `rule` and `repairs`; a row with a value that did not parse is rejected at once."""
    unreadable = ibis.literal("unreadable_") + table.unreadable
    return table.mutate(
        rule=ibis.ifelse(table.unreadable.isnull(), ibis.null("string"), unreadable),
        repairs=ibis.literal(""),
    ).drop("unreadable")


def is_kept(table: Table) -> BooleanValue:
    """Return whether no rule has rejected the row yet."""
    return table.rule.isnull()


def reject(table: Table, **rules: BooleanValue) -> Table:
    """Mark the rows that break each rule. The first rule named wins; an unknown condition breaks none."""
    return table.mutate(rule=with_rules(table, **rules))


def with_rules(table: Table, **rules: BooleanValue) -> StringValue:
    """Return the `rule` of each row with further rules applied, as `reject` does."""
    # A row can break several rules; reports and counts need exactly one per row.
    branches = [(condition.fill_null(False), name) for name, condition in rules.items()]
    return ibis.coalesce(table.rule, ibis.cases(*branches, else_=ibis.null("string")))


def reject_incidents(table: Table, **rules: BooleanValue) -> Table:
    """Apply rules as `reject` does, to every row of an incident of which one kept row breaks the rule."""
    names = list(rules)
    verdict = ibis.cases(
        *[(condition.fill_null(False), i) for i, condition in enumerate(rules.values())],
        else_=ibis.null("int64"),
    )
    # Few incidents are broken: a join with those few is cheaper than a window over all rows.
    # Only kept rows count: a row that is already rejected must not reject its whole incident.
    marked = table.select("incident_number", verdict=ibis.ifelse(is_kept(table), verdict, ibis.null("int64")))
    marked = marked.filter(marked.verdict.notnull())
    first = marked.group_by("incident_number").agg(verdict=marked.verdict.min())
    table = table.left_join(first, "incident_number").drop("incident_number_right")
    rule = ibis.cases(
        *[(table.verdict == i, name) for i, name in enumerate(names)], else_=ibis.null("string")
    )
    return table.mutate(rule=ibis.coalesce(table.rule, rule)).drop("verdict")


def reject_duplicates(table: Table, key: tuple[str, ...], content: tuple[str, ...]) -> Table:
    """Reject every kept row after the first of a key.

    The rule is `exact_duplicate` where an earlier row has the same content too, else `conflicting_duplicate`.
    """
    of_kept = table.filter(is_kept(table)).group_by(*key).agg(rows=lambda t: t.count())
    repeated_keys = of_kept.filter(of_kept.rows > 1).drop("rows")
    # Few keys are repeated: only their rows are sorted.
    repeated_rows = table.filter(is_kept(table)).join(repeated_keys, list(key)).select(*ROW, *key, *content)
    # Sorting by file and row makes the first record the same in every run.
    of_key = ibis.window(group_by=key, order_by=ROW)
    of_content = ibis.window(group_by=(*key, *content), order_by=ROW)
    repeated_rows = repeated_rows.mutate(
        is_later=ibis.row_number().over(of_key) > 0, is_again=ibis.row_number().over(of_content) > 0
    ).select(*ROW, "is_later", "is_again")
    table = table.left_join(repeated_rows, list(ROW)).drop("source_file_right", "source_row_right")
    return reject(table, exact_duplicate=table.is_again, conflicting_duplicate=table.is_later).drop(
        "is_later", "is_again"
    )


def with_repairs(table: Table, **conditions: BooleanValue) -> StringValue:
    """Return the `repairs` of each row with the names of further repairs added."""
    repairs: StringValue = table.repairs
    for name, condition in conditions.items():
        joined = ibis.ifelse(repairs == "", ibis.literal(name), repairs + ibis.literal(";" + name))
        repairs = ibis.ifelse(condition.fill_null(False), joined, repairs)
    return repairs


def rule_counts(table: Table) -> Table:
    """Count rows by (rule, repairs): columns `rule` (null: kept), `repairs`, `rows`."""
    return table.group_by("rule", "repairs").agg(rows=table.count())


RULE_COLUMNS: dict[str, tuple[str, ...]] = {
    "no_incident_number": ("incident_number",),
    "bad_incident_number": ("incident_number",),
    "no_call_date": ("call_date",),
    "no_call_time": ("call_time",),
    "hour_does_not_exist": ("call_date", "call_time"),
    "date_not_of_number": ("incident_number", "call_date"),
    "over_the_border": ("frs", "borough_code"),
    "no_location": ("easting_rounded_m", "northing_rounded_m"),
    "impossible_location": ("easting_rounded_m", "northing_rounded_m"),
    "no_incident_type": ("incident_group", "special_service_type"),
    "exact_duplicate": ("incident_number",),
    "conflicting_duplicate": ("incident_number",),
    "incident_not_found": ("incident_number",),
    "incident_rejected": ("incident_number",),
    "mobilised_far_from_call": ("incident_number", "mobilised_at"),
    "no_attendance_time": ("attendance_s",),
    "no_turnout": ("mobile_at", "turnout_s"),
    "no_travel": ("mobile_at", "arrived_at", "travel_s"),
    "impossible_time": ("turnout_s", "travel_s", "attendance_s"),
    "dartford": ("station_code", "resource_code"),
    "unknown_station": ("station_code", "station_name"),
    "later_wave": ("mobilised_at",),
    "warm_up": ("mobilised_at",),
}
"""The columns that each rule reads, so that a report can show their values."""
RULE_PUMP_COLUMNS = {"impossible_time": "attendance_s", "dartford": "station", "unknown_station": "station"}
"""The same for the first and second pump of an incident record, as the end of the column's name."""


def rule_columns(rule: str, pump: str | None = None) -> tuple[str, ...]:
    """Return the columns that a rule reads. `pump` is `first` or `second` for a pump of an incident record."""
    if pump is not None and rule in RULE_PUMP_COLUMNS:
        return (f"{pump}_{RULE_PUMP_COLUMNS[rule]}",)
    for prefix in ("unreadable_", "incomplete_"):
        if rule.startswith(prefix):
            return (rule.removeprefix(prefix),)
    return RULE_COLUMNS[rule]


def with_station_of_name(table: Table, stations: Table, name: str, **columns: str) -> Table:
    """Add columns of the station whose name a column holds, in any case; null where no station has that name.

    Args: stations: one row per name. name: the column of `table`. columns: {new name: column of `stations`}.
    """
    station_columns = {new: stations[old] for new, old in columns.items()}
    # Two spellings of one name would double the rows.
    known = stations.select(name_key=stations.name.lower(), **station_columns).distinct(
        on="name_key", keep="first"
    )
    return table.left_join(known, table[name].lower() == known.name_key).drop("name_key")
