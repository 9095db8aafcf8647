"""What `prepare` tells the person who ran it; apart from the other words, which load the models."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

TELLING = ("incident_not_found", "unknown_station", "impossible_place", "no_place", "over_the_border")
LARGE_SHARE = 0.05
PARTS = {
    "weather": "Weather",
    "congestion": "Traffic",
    "school_holidays": "School holidays",
    "working_days": "Working days",
}
BRINGS = {
    "weather": "londonpump refresh context --since DATE",
    "congestion": "londonpump refresh context, with a TomTom key",
    "school_holidays": "londonpump refresh context, or londonpump calendar import FILE",
    "working_days": "londonpump refresh context",
}
NOTHING = {
    "database": "The database has nothing for these days; what brings it: {brings}.",
    "file": "The file has nothing for these days.",
}


def prepared_in_words(report: Mapping[str, Any], out: Path) -> str:
    """What `prepare` kept, repaired and set aside, and whether it takes the records for a stream."""
    lines = []
    for name, table in report["tables"].items():
        lines.append(f"{name}: {table['in']:,} in, {table['kept']:,} kept")
        for verdict in ("repaired", "set_aside"):
            for rule, rows in table[verdict].items():
                lines.append(f"  {verdict.replace('_', ' '):>9}  {rule}: {rows:,}")
    found = report["completeness"]
    kind = "a complete stream" if report["complete"] else "a sample"
    why = "as stated" if found["is_stated"] else "by its rate"
    lines.append(
        f"Taken as {kind} ({why}: {found['incidents_a_day']:,} incidents a day, the Brigade's known rate is "
        f"{found['known_incidents_a_day']:,})."
    )
    if not report["complete"]:
        lines.append(
            "Pumps out, ground pumps and workload are left unknown. Say --complete yes if this is every call."
        )
    lines += list(_context(report["context"], report["examples"]))
    lines += _warnings(report)
    lines.append(f"{report['examples']:,} examples: {out}")
    return "\n".join(lines)


def _context(parts: Mapping[str, Any], examples: int) -> Iterator[str]:
    """What was joined from where, part by part; nothing about a part that nobody asked for."""
    if not examples:
        return
    for name, words in PARTS.items():
        part = parts[name]
        if part["from"] is None:
            continue
        if not part["joined"]:
            yield f"{words}: none. {NOTHING[part['from']].format(brings=BRINGS[name])}"
            continue
        line = f"{words}: {part['joined'] / examples:.1%} of the examples ({part['from']})"
        if name == "weather":
            sources = ", ".join(f"{source} {rows:,}" for source, rows in part["sources"].items())
            line += f"; {sources}; {part['hour_before'] / examples:.1%} with a value of an hour before"
        yield line
    if parts["stations"]["from"] == "database":
        yield f"Stations: {parts['stations']['stations']} as imported"


def _warnings(report: Mapping[str, Any]) -> list[str]:
    """A rule that takes a large share of a table is a sign that the files do not belong together."""
    warnings = [
        f"WARNING: {rows:,} of {table['in']:,} {name} were set aside as {rule}. Do the files belong together?"
        for name, table in report["tables"].items()
        for rule, rows in table["set_aside"].items()
        if rule in TELLING and rows > LARGE_SHARE * table["in"]
    ]
    if not report["examples"]:
        warnings.append("WARNING: no example comes out of these files: nothing can be learnt from them.")
    return warnings
