"""What report.json says of inputs and rows."""

from collections import Counter
from typing import Any

from ibis.expr.types import Table

from londonpump.cleaning import rules
from londonpump.ingest.published import InputFile


def describe_input(file: InputFile) -> dict[str, Any]:
    """An input as report.json names it."""
    return {
        "file": file.file,
        "sha256": file.sha256,
        "rows": file.rows,
        "table": file.table,
        "formats": file.formats,
        "read_as": file.read_as.to_json(),
    }


def count_by_rule(table: Table) -> dict[str, Any]:
    """`in, kept, repaired, rejected`; a repair is counted where the row is kept."""
    repaired: Counter[str] = Counter()
    rejected: Counter[str] = Counter()
    kept = 0
    for row in rules.rule_counts(table).to_pyarrow().to_pylist():
        if row["rule"] is not None:
            rejected[row["rule"]] += row["rows"]
            continue
        kept += row["rows"]
        for name in filter(None, row["repairs"].split(";")):
            repaired[name] += row["rows"]
    return {
        "in": kept + rejected.total(),
        "kept": kept,
        "repaired": dict(sorted(repaired.items())),
        "set_aside": dict(sorted(rejected.items())),
    }
