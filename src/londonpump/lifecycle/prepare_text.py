"""Text output of `prepare`, and the counts in its report."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from ibis.expr.types import Table

from londonpump.cleaning import rules
from londonpump.domain.completeness import COMPLETE_SHARE
from londonpump.ingest.csv_dialect import format_read_as
from londonpump.ingest.published import InputFile
from londonpump.lifecycle.rejections import format_rejection

IN_PART = "in part"
LIBRARY = "holidays library"
"""Source of working days if no context was requested."""
MISMATCH_RULES = ("incident_not_found", "unknown_station")
PARTS = {
    "weather": "Weather",
    "congestion": "Traffic",
    "school_holidays": "School holidays",
    "working_days": "Working days",
}
COMMANDS = {
    "weather": "londonpump refresh context --since DATE",
    "congestion": "londonpump refresh context, with a TomTom key",
    "school_holidays": "londonpump refresh context, or londonpump calendar import FILE",
    "working_days": "londonpump refresh context",
}
NO_VALUES = {
    "database": "The database has no values for these days. To add them: {brings}.",
    "file": "The file has no values for these days.",
}


def format_preparation(report: Mapping[str, Any], out: Path) -> str:
    """Format the counts of kept, repaired and rejected rows, the completeness, the context and the warnings."""
    read_as = [(file["file"], format_read_as(file["read_as"])) for file in report["inputs"]]
    lines = [f"{file}: {unusual}" for file, unusual in read_as if unusual]
    for name, table in report["tables"].items():
        lines.append(f"{name}: {table['in']:,} in, {table['kept']:,} kept")
        for verdict in ("repaired", "rejected"):
            lines += [f"  {verdict:>9}  {rule}: {rows:,}" for rule, rows in table[verdict].items()]
    lines += list(_completeness(report["completeness"]))
    lines += list(_context(report["context"], report["examples"]))
    lines += _warnings(report)
    lines.append(f"{report['examples']:,} examples: {out}")
    return "\n".join(lines)


def _completeness(found: Mapping[str, Any]) -> Iterator[str]:
    """Format whether calls are missing, per month, and what is unknown therefore."""
    basis = "as stated" if found["is_stated"] else "by its rate"
    extent = "a complete stream" if found["is_complete"] else "a sample"
    if found["complete_days"] and not found["is_complete"]:
        extent = "a complete stream in part"
    yield (
        f"Taken as {extent} ({basis}: {found['incidents_per_day']:,} incidents per day, the known rate of the Brigade is "
        f"{found['known_incidents_per_day']:,})."
    )
    if not found["is_stated"]:
        yield from _months(found["months"])
    if not found["is_complete"]:
        where = " where a month, or the hours before, is not complete" if found["complete_days"] else ""
        yield (
            f"Pumps out, ground pumps and workload are unknown{where}. Give --complete yes if these are all calls."
        )
    missing = sum(month["complete_days"] - month["complete_pump_days"] for month in found["months"])
    if found["has_mobilisations"] and missing:
        yield (
            f"WARNING: on {missing:,} complete days fewer than {COMPLETE_SHARE:.0%} of the incidents have a mobilisation: "
            "pumps out and ground pumps are unknown there. Check whether mobilisation files are missing."
        )


def _months(months: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Format one line per month, or per sequence of months with the same verdict."""
    for verdict, group in groupby(months, lambda month: str(month["verdict"])):
        run = list(group)
        # A month that is complete in part names its days, so it is not merged with its neighbours.
        if len(run) == 1 or verdict == IN_PART:
            yield from (f"  {month['month']}: {verdict} ({month['explanation']})" for month in run)
            continue
        rates = [month["incidents"] / month["recorded_days"] for month in run if month["recorded_days"]]
        found = f" ({min(rates):.1f} to {max(rates):.1f} incidents per day)" if rates else ""
        yield f"  {run[0]['month']} to {run[-1]['month']}: {verdict}{found}"


def _context(parts: Mapping[str, Any], examples: int) -> Iterator[str]:
    """Format one line per requested part of the context: how much was joined, and its source."""
    if not examples:
        return
    for name, label in PARTS.items():
        part = parts[name]
        if part["from"] in (None, LIBRARY):
            continue
        if not part["joined"]:
            yield f"{label}: none. {NO_VALUES[part['from']].format(brings=COMMANDS[name])}"
            continue
        line = f"{label}: {part['joined'] / examples:.1%} of the examples ({part['from']})"
        if name == "weather":
            sources = ", ".join(f"{source} {rows:,}" for source, rows in part["sources"].items())
            line += f"; {sources}; {part['hour_before'] / examples:.1%} with a value of an earlier hour"
        yield line
    if parts["stations"]["from"] == "database":
        yield f"Stations: {parts['stations']['stations']} as imported"


def _warnings(report: Mapping[str, Any]) -> list[str]:
    """Format warnings about rules that reject a large share of a file."""
    lines = []
    for warning in report["warnings"]:
        question = " Check whether the files belong together." if warning["rule"] in MISMATCH_RULES else ""
        lines.append(f"WARNING: {format_rejection(warning)}.{question}")
    return lines


def describe_input(file: InputFile) -> dict[str, Any]:
    """Return the entry of an input file in report.json."""
    return {
        "file": file.file,
        "sha256": file.sha256,
        "rows": file.rows,
        "table": file.table,
        "formats": file.formats,
        "read_as": file.read_as.to_json(),
    }


def count_by_rule(table: Table) -> dict[str, Any]:
    """Count input, kept, repaired and rejected rows per rule; a repair counts only if the row is kept."""
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
        "rejected": dict(sorted(rejected.items())),
    }
