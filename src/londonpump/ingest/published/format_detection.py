"""Which of the listed formats a column of one file is written in: one, for the whole column."""

import re
from collections.abc import Sequence
from pathlib import Path

import ibis

from londonpump.domain.errors import BadFile
from londonpump.domain.national_grid import ROUNDED_PROBLEM
from londonpump.domain.published_columns import EXCEL_ERROR, REAL, PublishedColumn
from londonpump.ingest.published.formats import FORMATS, Format
from londonpump.ingest.published.parsing import value_of

SAMPLE_ROWS = 1000
_SCIENTIFIC_NUMBER = r"^'[-+]?[0-9.]+[eE][-+]?[0-9]+'"
_MONTH_FIRST = re.compile(r"(0?[1-9]|1[0-2])/(1[3-9]|2[0-9]|3[01])/[0-9]{4}")


def sampled_formats(
    texts: ibis.Table, specs: Sequence[PublishedColumn]
) -> dict[PublishedColumn, Format | None]:
    """The format that fits most of the texts of the first rows: cheap, and checked later on every row.

    Returns: None for a column that is empty there, or that no format fits.
    """
    names = [spec.name for spec in specs]
    sample = texts.limit(SAMPLE_ROWS).select(*names).to_pyarrow()
    return {spec: _best_format(_fitting(sample[spec.name].to_pylist(), spec.dtype)) for spec in specs}


def _fitting(values: list[str | None], dtype: str) -> dict[Format, int]:
    present = [value for value in values if value is not None]
    return {
        candidate: sum(re.fullmatch(candidate.pattern, value) is not None for value in present)
        for candidate in FORMATS[dtype]
    }


def counted_format(texts: ibis.Table, spec: PublishedColumn) -> Format | None:
    """The format that fits most rows of the whole column; the earlier of the list in a tie."""
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
    """The first text of a column that meets a condition, with its row, for a message."""
    found = texts.filter(where).order_by("source_row").select("source_row", name).limit(1).to_pyarrow()
    return f"{found[name][0].as_py()!r} in data row {found['source_row'][0].as_py()}"


def no_format(path: Path, texts: ibis.Table, spec: PublishedColumn) -> BadFile:
    """The refusal of a column of which nothing can be read."""
    example = first_example(texts, spec.name, texts[spec.name].notnull())
    return BadFile(path, f"{spec.published} cannot be read: {example}", advice_for(example, spec))


def advice_for(example: str, spec: PublishedColumn) -> str:
    """What to do about a text that is in none of the formats of its column."""
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
    best = max(counts, key=lambda candidate: counts[candidate])
    return best if counts[best] else None
