"""Report and text output of `prepare`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby
from pathlib import Path

from londonpump.domain.completeness import COMPLETE_SHARE
from londonpump.domain.json_values import IF_KNOWN, INLINE, stored_as
from londonpump.domain.text_files import InputFile
from londonpump.features.observations import LIBRARY

COMPLETE, IN_PART, SAMPLE, NO_RECORDS = "complete", "in part", "sample", "no records"
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


@dataclass(frozen=True, slots=True)
class RowCounts:
    """Rows of a table, and those repaired and rejected by rule."""

    read: int = field(metadata=stored_as("in"))
    kept: int
    repaired: Mapping[str, int]
    rejected: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Rejection:
    """Rows of one file that one rule rejected."""

    table: str
    file: str
    rule: str
    rows: int
    of_rows: int  # all rows of the file
    row: int  # number of the first rejected row
    example: Mapping[str, str | None]  # {column: published text} of that row
    hint: str = ""  # a likely cause


@dataclass(frozen=True, slots=True)
class MonthOfRecords:
    """Days of a month on which the records hold every incident."""

    month: str
    verdict: str
    explanation: str
    incidents: int
    recorded_days: int
    complete_days: int
    complete_pump_days: int


@dataclass(frozen=True, slots=True)
class CompletenessReport:
    """Whether calls are missing from the records, over all and per month."""

    is_complete: bool
    is_stated: bool
    first_date: date
    last_date: date
    incidents_per_day: float
    known_incidents_per_day: float
    has_mobilisations: bool
    complete_days: Sequence[tuple[date, date]]  # first and last day of each span
    complete_pump_days: Sequence[tuple[date, date]]
    months: Sequence[MonthOfRecords]


@dataclass(frozen=True, slots=True)
class JoinedRows:
    """Examples with a part of the context."""

    joined: int
    missing_share: float | None
    sources: Mapping[str, int] | None = field(default=None, metadata=IF_KNOWN)  # of the weather alone
    own_hour: int | None = field(default=None, metadata=IF_KNOWN)
    hour_before: int | None = field(default=None, metadata=IF_KNOWN)


@dataclass(frozen=True, slots=True)
class ContextPart:
    """A part of the context: its source (None if not requested), and what was joined of it."""

    origin: str | None = field(metadata=stored_as("from"))
    rows: JoinedRows | None = field(default=None, metadata=INLINE)
    stations: int | None = field(default=None, metadata=IF_KNOWN)  # of the list of stations alone


@dataclass(frozen=True, slots=True)
class Preparation:
    """The content of report.json."""

    schema: int
    inputs: Sequence[InputFile]
    tables: Mapping[str, RowCounts]
    warnings: Sequence[Rejection]
    """Rules that reject a large share of a file."""
    examples: int
    complete: bool
    completeness: CompletenessReport
    context: Mapping[str, ContextPart]
    simulated: bool


def format_preparation(report: Preparation, out: Path) -> str:
    """Format the counts of kept, repaired and rejected rows, the completeness, the context and the warnings."""
    lines = [f"{file.file}: {file.read_as.unusual}" for file in report.inputs if file.read_as.unusual]
    for name, table in report.tables.items():
        lines.append(f"{name}: {table.read:,} in, {table.kept:,} kept")
        for verdict, by_rule in (("repaired", table.repaired), ("rejected", table.rejected)):
            lines += [f"  {verdict:>9}  {rule}: {rows:,}" for rule, rows in by_rule.items()]
    lines += list(format_completeness(report.completeness))
    lines += list(_context(report.context, report.examples))
    lines += _warnings(report.warnings)
    lines.append(f"{report.examples:,} examples: {out}")
    return "\n".join(lines)


def format_completeness(found: CompletenessReport) -> Iterator[str]:
    """Format whether calls are missing, per month, and what is unknown therefore."""
    basis = "as stated" if found.is_stated else "by its rate"
    extent = "a complete stream" if found.is_complete else "a sample"
    if found.complete_days and not found.is_complete:
        extent = "a complete stream in part"
    yield (
        f"Taken as {extent} ({basis}: {found.incidents_per_day:,} incidents per day, the known rate of the Brigade is "
        f"{found.known_incidents_per_day:,})."
    )
    if not found.is_stated:
        yield from _months(found.months)
    if not found.is_complete:
        where = " where a month, or the hours before, is not complete" if found.complete_days else ""
        yield (
            f"Pumps out, ground pumps and workload are unknown{where}. Give --complete yes if these are all calls."
        )
    missing = sum(month.complete_days - month.complete_pump_days for month in found.months)
    if found.has_mobilisations and missing:
        yield (
            f"WARNING: on {missing:,} complete days fewer than {COMPLETE_SHARE:.0%} of the incidents have a mobilisation: "
            "pumps out and ground pumps are unknown there. Check whether mobilisation files are missing."
        )


def _months(months: Sequence[MonthOfRecords]) -> Iterator[str]:
    """Format one line per month, or per sequence of months with the same verdict."""
    for verdict, group in groupby(months, lambda month: month.verdict):
        run = list(group)
        # A month that is complete in part names its days, so it is not merged with its neighbours.
        if len(run) == 1 or verdict == IN_PART:
            yield from (f"  {month.month}: {verdict} ({month.explanation})" for month in run)
            continue
        rates = [month.incidents / month.recorded_days for month in run if month.recorded_days]
        found = f" ({min(rates):.1f} to {max(rates):.1f} incidents per day)" if rates else ""
        yield f"  {run[0].month} to {run[-1].month}: {verdict}{found}"


def _context(context: Mapping[str, ContextPart], examples: int) -> Iterator[str]:
    """Format one line per requested part of the context: how much was joined, and its source."""
    if not examples:
        return
    for name, label in PARTS.items():
        part = context[name]
        if part.rows is None or part.origin in (None, LIBRARY):
            continue
        if not part.rows.joined:
            yield f"{label}: none. {NO_VALUES[part.origin].format(brings=COMMANDS[name])}"
            continue
        line = f"{label}: {part.rows.joined / examples:.1%} of the examples ({part.origin})"
        if part.rows.sources is not None and part.rows.hour_before is not None:
            sources = ", ".join(f"{source} {rows:,}" for source, rows in part.rows.sources.items())
            line += f"; {sources}; {part.rows.hour_before / examples:.1%} with a value of an earlier hour"
        yield line
    if context["stations"].origin == "database":
        yield f"Stations: {context['stations'].stations} as imported"


def _warnings(warnings: Sequence[Rejection]) -> list[str]:
    """Format warnings about rules that reject a large share of a file."""
    lines = []
    for warning in warnings:
        question = " Check whether the files belong together." if warning.rule in MISMATCH_RULES else ""
        lines.append(f"WARNING: {format_rejection(warning)}.{question}")
    return lines


def format_rejection(rejection: Rejection) -> str:
    """Format the rows that a rule rejected, with an example."""
    sample = format_example(rejection.example)
    hint = f" ({rejection.hint})" if rejection.hint else ""
    return (
        f"{rejection.file}: {rejection.rows:,} of {rejection.of_rows:,} {rejection.table} rejected by "
        f"{rejection.rule}, for example {sample} in data row {rejection.row}{hint}"
    )


def format_example(texts: Mapping[str, str | None]) -> str:
    """Format the published texts of a row, such as `DateOfCall '31 Feb 2023', TimeOfCall is empty`."""
    return ", ".join(
        f"{column} {'is empty' if text is None else repr(text)}" for column, text in texts.items()
    )
