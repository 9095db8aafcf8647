"""What `prepare` tells the person who ran it; apart from the other words, which load the models."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any


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
    lines.append(f"{report['examples']:,} examples: {out}")
    return "\n".join(lines)
