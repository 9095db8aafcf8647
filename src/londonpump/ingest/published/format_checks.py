"""Detection of the date and time formats of columns, and the rejection of files with mixed formats or wrong dates.

Each column of a file has one format for all its rows.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import ibis

from londonpump.cleaning.incidents import date_in_number, is_other_date
from londonpump.domain.errors import BadFile
from londonpump.domain.national_grid import ROUNDED_PROBLEM
from londonpump.domain.published_columns import (
    EXCEL_ERROR,
    REAL,
    UNREADABLE_SHARE,
    PublishedColumn,
    is_contradicted,
)
from londonpump.ingest.published.parsing import FORMATS, Format, value_of

SAMPLE_ROWS = 1000
_SCIENTIFIC_NUMBER = r"^'[-+]?[0-9.]+[eE][-+]?[0-9]+'"
_MONTH_FIRST = re.compile(r"(0?[1-9]|1[0-2])/(1[3-9]|2[0-9]|3[01])/[0-9]{4}")


def sampled_formats(
    texts: ibis.Table, specs: Sequence[PublishedColumn]
) -> dict[PublishedColumn, Format | None]:
    """Return the format that fits most texts of the first rows; every row is checked later.

    Returns: None for a column that is empty there, or that no format fits.
    """
    names = [spec.name for spec in specs]
    sample = texts.limit(SAMPLE_ROWS).select(*names).to_pyarrow()
    return {spec: _best_format(_fitting(sample[spec.name].to_pylist(), spec.dtype)) for spec in specs}


def _fitting(values: list[str | None], dtype: str) -> dict[Format, int]:
    present = [value for value in values if value is not None]
    counts = {}
    for candidate in FORMATS[dtype]:
        counts[candidate] = sum(re.fullmatch(candidate.pattern, value) is not None for value in present)
        if counts[candidate] == len(present):
            # Earlier formats win ties, so no later one can be better than one that fits every text.
            break
    return counts


def counted_format(texts: ibis.Table, spec: PublishedColumn) -> Format | None:
    """Return the format that fits most rows of the whole column; in a tie, the earlier one in the list."""
    return _best_format(format_counts(texts, [spec])[spec])


def format_counts(
    texts: ibis.Table, specs: Sequence[PublishedColumn]
) -> dict[PublishedColumn, dict[Format, int]]:
    """Count the rows of each column that each format of its list can read, in one query."""
    readable = {
        f"{spec.name}_{i}": value_of(texts[spec.name], spec.dtype, candidate).count()
        for spec in specs
        for i, candidate in enumerate(FORMATS[spec.dtype])
    }
    counts = texts.aggregate(**readable).to_pyarrow().to_pylist()[0]
    return {
        spec: {candidate: counts[f"{spec.name}_{i}"] for i, candidate in enumerate(FORMATS[spec.dtype])}
        for spec in specs
    }


def first_example(texts: ibis.Table, name: str, where: ibis.Value) -> str:
    """Return the first text of a column that meets a condition, with its row, for a message."""
    found = texts.filter(where).order_by("source_row").select("source_row", name).limit(1).to_pyarrow()
    return f"{found[name][0].as_py()!r} in data row {found['source_row'][0].as_py()}"


def no_format(path: Path, texts: ibis.Table, spec: PublishedColumn) -> BadFile:
    """Return the error for a column without any readable text."""
    example = first_example(texts, spec.name, texts[spec.name].notnull())
    return BadFile(path, f"{spec.published} cannot be read: {example}", advice_for(example, spec))


def advice_for(example: str, spec: PublishedColumn) -> str:
    """Return the advice for a text that has none of the formats of its column."""
    if re.search(f"^'{EXCEL_ERROR}'", example):
        return "That is an error of Excel: mend the formula, or use the file as published"
    if spec.dtype == REAL and re.search(_SCIENTIFIC_NUMBER, example):
        return f"A place {ROUNDED_PROBLEM}, or use the file as published"
    if spec.dtype not in FORMATS:
        return f"The column is {spec.dtype}: mend the rows, or use the file as published"
    if _MONTH_FIRST.search(example):
        return "That is month first: write day first, dd/mm/yyyy, as the Brigade does"
    names = ", ".join(candidate.name for candidate in FORMATS[spec.dtype])
    return f"Write the whole column in one of: {names}"


def _best_format(counts: dict[Format, int]) -> Format | None:
    # Earlier formats win ties, and the list begins with the published ones.
    best = max(counts, key=lambda candidate: counts[candidate])
    return best if counts[best] else None


EXAMINED_ROWS = 1000
"""The number of rows with a contradicted date that are examined for the reason."""


@dataclass(frozen=True, slots=True)
class FileCheck:
    """A file in which some rows did not parse."""

    path: Path
    texts: ibis.Table
    """The known columns as text."""
    unread: ibis.Table
    """The rows of `texts` that did not parse under `formats`."""
    formats: dict[str, Format]
    n_rows: int
    """The number of all rows of the file."""


def max_unreadable_rows(n_rows: int) -> int:
    """Return how many rows may be unreadable: 0.1 %, but at least one in any file of two rows or more."""
    # One stray row must not reject a small file, so at least one may fail.
    return min(max(1, int(n_rows * UNREADABLE_SHARE)), n_rows - 1)


def count_failures(check: FileCheck, specs: tuple[PublishedColumn, ...]) -> dict[PublishedColumn, int]:
    """Count the texts of each column that did not parse; columns without a failure are absent."""
    present = [spec for spec in specs if spec.name in check.unread.columns]
    counts = {spec.name: _failed(check, spec).sum() for spec in present}
    row = check.unread.aggregate(**counts).to_pyarrow()
    found = {spec: row[spec.name][0].as_py() for spec in present}
    return {spec: n for spec, n in found.items() if n}


def count_other_formats(
    check: FileCheck, failed: dict[PublishedColumn, int]
) -> dict[PublishedColumn, dict[Format, int]]:
    """Count, for each column of dates or times with failures, how many failed texts each format can read."""
    specs = [spec for spec in failed if spec.dtype in FORMATS]
    if not specs:
        return {}
    # A row that failed for one column may be readable in another: only the failed texts are counted.
    texts = {spec.name: _failed(check, spec).ifelse(check.unread[spec.name], None) for spec in specs}
    return format_counts(check.unread.select(**texts), specs)


def require_one_format(check: FileCheck, spec: PublishedColumn, counts: dict[Format, int]) -> None:
    """Raise BadFile if a second format explains more of a column than stray rows can."""
    failed = check.unread.filter(_failed(check, spec))
    second = max(counts, key=lambda form: counts[form])
    if counts[second] <= max_unreadable_rows(check.n_rows):
        return
    first = check.formats[spec.name]
    text = check.texts[spec.name]
    one = first_example(check.texts, spec.name, value_of(text, spec.dtype, first).notnull())
    other = first_example(failed, spec.name, value_of(failed[spec.name], spec.dtype, second).notnull())
    problem = f"{spec.published} mixes two formats: {first.name} ({one}) and {second.name} ({other})"
    raise BadFile(check.path, problem, "Give each part as a file of its own, or write all rows alike")


def require_readable(check: FileCheck, failed: dict[PublishedColumn, int], n_unreadable: int) -> None:
    """Raise BadFile if more than stray rows did not parse. The message names the column that failed most."""
    if n_unreadable <= max_unreadable_rows(check.n_rows):
        return
    worst = max(failed, key=lambda spec: failed[spec])
    example = first_example(check.unread, worst.name, _failed(check, worst))
    problem = (
        f"{n_unreadable} of {check.n_rows} rows cannot be read (the limit is "
        f"{max_unreadable_rows(check.n_rows)}), most of them for {worst.published}: {example}"
    )
    raise BadFile(check.path, problem, advice_for(example, worst))


def require_consistent_dates(path: Path, typed: ibis.Table, table: str, n_rows: int) -> None:
    """Raise BadFile if CalYear or HourOfCall contradicts the date or time beside it in too many rows.

    For mobilisations only the year is compared, because their times are GMT and minutes after the call.
    """
    day = typed.call_date if table == "incidents" else typed.mobilised_at
    checks = {"CalYear": (typed.cal_year != day.year(), "date")}
    if table == "incidents":
        checks["HourOfCall"] = (typed.call_hour != (typed.call_time // 3600), "time")
    counts = typed.aggregate(**{column: denied.sum() for column, (denied, _) in checks.items()})
    contradicted = counts.to_pyarrow().to_pylist()[0]
    for column, (denied, what) in checks.items():
        n = contradicted[column] or 0
        if n > max_unreadable_rows(n_rows):
            row = typed.filter(denied).source_row.min().to_pyarrow().as_py()
            problem = f"{column} disagrees with the {what} in {n} of {n_rows} rows, first in data row {row}"
            raise BadFile(path, problem, advice_on_dates(is_month_first=False))
    if table == "incidents":
        require_matching_dates(path, typed, n_rows)


def require_matching_dates(path: Path, typed: ibis.Table, n_rows: int) -> None:
    """Raise BadFile if the call dates of too many incidents contradict the dates in their numbers."""
    found = typed.filter(is_other_date(typed)).order_by("source_row")
    n = found.count().to_pyarrow().as_py()
    if not is_contradicted(n, n_rows):
        return
    stated = date_in_number(found.incident_number)
    columns = found.select("source_row", "incident_number", "call_date", stated=stated)
    rows = columns.limit(EXAMINED_ROWS).to_pyarrow().to_pylist()
    explained = sum(swap_day_and_month(row["call_date"]) == row["stated"] for row in rows)
    first = rows[0]
    problem = (
        f"DateOfCall contradicts the date in IncidentNumber in {n} of {n_rows} rows, first in data row "
        f"{first['source_row']}: {first['incident_number']} is read as a call of {first['call_date']}"
    )
    # If exchanging day and month explains most rows, the file is probably month first.
    raise BadFile(path, problem, advice_on_dates(explained > len(rows) / 2))


def swap_day_and_month(day: date) -> date | None:
    """Return the date with day and month exchanged; None if there is no such date."""
    try:
        return day.replace(month=day.day, day=day.month)
    except ValueError:
        return None


def advice_on_dates(is_month_first: bool) -> str:
    """Return the advice for contradicted dates, depending on whether exchanging day and month explains them."""
    if is_month_first:
        return "Month first? Exchanging day and month explains it: write day first, dd/mm/yyyy, as the Brigade does"
    return "Columns were shifted or dates changed: fetch the file again"


def _failed(check: FileCheck, spec: PublishedColumn) -> ibis.Value:
    text = check.unread[spec.name]
    return text.notnull() & value_of(text, spec.dtype, check.formats.get(spec.name)).isnull()
