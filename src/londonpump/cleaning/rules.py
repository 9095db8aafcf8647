"""How a rule leaves its name on a row.

A table that is being cleaned carries two text columns: `rule`, the first rule that removes the row
(null while it is kept), and `repairs`, the names of the repairs made to it, joined by `;`.
"""

from collections.abc import Callable

import ibis
from ibis.expr.types import BooleanValue, StringValue, Table

Keep = Callable[[Table, str], Table]
"""Finishes a step: stores the expression under a name and returns the stored table."""


def start(table: Table) -> Table:
    """A table with no rule broken yet; a row with a value that did not parse is set aside at once."""
    unreadable = ibis.literal("unreadable_") + table.unreadable
    return table.mutate(
        rule=ibis.ifelse(table.unreadable.isnull(), ibis.null("string"), unreadable),
        repairs=ibis.literal(""),
    ).drop("unreadable")


def is_kept(table: Table) -> BooleanValue:
    """Rows that no rule has removed yet."""
    return table.rule.isnull()


def set_aside(table: Table, **broken: BooleanValue) -> Table:
    """Mark the rows that break each rule; the first rule named wins, an unknown condition breaks none."""
    named = [(condition.fill_null(False), name) for name, condition in broken.items()]
    return table.mutate(rule=ibis.coalesce(table.rule, ibis.cases(*named, else_=ibis.null("string"))))


def set_aside_incidents(table: Table, **broken: BooleanValue) -> Table:
    """As `set_aside`, for every row of an incident of which one kept row breaks the rule."""
    whole = ibis.window(group_by="incident_number")
    kept = is_kept(table)
    return set_aside(
        table,
        **{name: (kept & condition.fill_null(False)).any().over(whole) for name, condition in broken.items()},
    )


def set_aside_duplicates(table: Table, key: tuple[str, ...], content: tuple[str, ...]) -> Table:
    """Set aside every kept row after the first of a key: `exact_duplicate` where an earlier row has the
    same content too, else `conflicting_duplicate`."""
    table = table.mutate(is_out=table.rule.notnull())
    in_line = {"order_by": ("source_file", "source_row")}
    of_key = ibis.window(group_by=("is_out", *key), **in_line)
    of_content = ibis.window(group_by=("is_out", *key, *content), **in_line)
    table = table.mutate(
        is_later=ibis.row_number().over(of_key) > 0, is_again=ibis.row_number().over(of_content) > 0
    )
    return set_aside(table, exact_duplicate=table.is_again, conflicting_duplicate=table.is_later).drop(
        "is_out", "is_later", "is_again"
    )


def repaired(table: Table, **mended: BooleanValue) -> StringValue:
    """The `repairs` of each row with the names of further repairs added."""
    repairs: StringValue = table.repairs
    for name, condition in mended.items():
        joined = ibis.ifelse(repairs == "", ibis.literal(name), repairs + ibis.literal(";" + name))
        repairs = ibis.ifelse(condition.fill_null(False), joined, repairs)
    return repairs


def counts(table: Table) -> Table:
    """Rows by (rule, repairs): columns `rule` (null: kept), `repairs`, `rows`."""
    return table.group_by("rule", "repairs").agg(rows=table.count())
