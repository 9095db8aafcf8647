"""The figures in docs/explanation/speed.md, renewed between two marks; the text around them stays."""

from pathlib import Path
from typing import Any

from benchmarks.growth import STEPS
from londonpump.domain.errors import BadFile
from londonpump.persistence.atomic_files import write_text

BEGIN, END = "<!-- figures: written by python -m benchmarks -->", "<!-- end of figures -->"


def write_page(result: dict[str, Any], page: Path) -> None:
    """Put the figures of a result (as kept in json) into the page. Raises: BadFile without the two marks."""
    write_between(page, (BEGIN, END), figures(result))


def write_between(page: Path, marks: tuple[str, str], figures: str) -> None:
    """Put figures between the two marks of a page; the rest stays. Raises: BadFile without the marks."""
    text = page.read_text(encoding="utf-8")
    before, begin, rest = text.partition(marks[0])
    _, end, after = rest.partition(marks[1])
    if not begin or not end:
        raise BadFile(page, "has no place for the figures", f"Write the lines {' and '.join(marks)} into it.")
    write_text(page, f"{before}{begin}\n\n{figures}\n\n{end}{after}")


def figures(result: dict[str, Any]) -> str:
    """Return the page in Markdown: the machine, every reading with its target and its commit, and the growth."""
    parts = [_where(result), _readings(result["measurements"])]
    if result["growth"] is not None:
        parts.append(_growth(result["growth"]))
    return "\n\n".join(parts)


def _where(result: dict[str, Any]) -> str:
    machine = result["machine"]
    libraries = ", ".join(f"{name} {number}" for name, number in machine["libraries"].items())
    return (
        f"{machine['cpu']}, {machine['cores']} cores, "
        f"{machine['memory_gib']} GiB, {machine['system']}, Python {machine['python']}; {libraries}."
    )


def _commit(made: dict[str, Any]) -> str:
    return f"`{made['commit']}`{' with changes' if made['has_changes_since'] else ''}"


def _readings(measurements: dict[str, Any]) -> str:
    lines = ["| what | rows | quantity | value | target | verdict | commit |", "|---" * 7 + "|"]
    for one in measurements.values():
        rows = ", ".join(f"{n:,} {name}" for name, n in one["rows"].items())
        for i, reading in enumerate(one["readings"]):
            first, made = (f"{one['what']} | {rows}", _commit(one)) if i == 0 else (" | ", "")
            target = "" if reading["target"] is None else f"{reading['target']:g} {reading['unit']}"
            verdict = reading["verdict"] if target else ""
            lines.append(
                f"| {first} | {reading['quantity']} | {_value(reading)} | {target} | {verdict} | {made} |"
            )
    return "\n".join(lines)


def _value(reading: dict[str, Any]) -> str:
    value = f"{_short(reading['value'])} {reading['unit']}"
    ends = reading["least_and_most"]
    return f"{value} ({_short(ends[0])} to {_short(ends[1])})" if ends else value


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"


def _growth(growth: dict[str, Any]) -> str:
    lines = [
        f"| CPU s by incidents | start | {' | '.join(f'{n:,}' for n in growth['incidents'])} | power |",
        "|---" * (len(growth["incidents"]) + 3) + "|",
    ]
    for step, title in STEPS.items():
        grown = growth["steps"][step]
        seconds = " | ".join(f"{s:.1f}" for s in grown["cpu_s"])
        lines.append(f"| {title} | {grown['start_s']:.1f} | {seconds} | {grown['exponent']:.2f} |")
    return "\n".join([*lines, "", f"Growth was measured on commit {_commit(growth)}."])
