"""Counts of kept, repaired and rejected rows by rule, month and file, with an example of each."""

from collections import Counter
from collections.abc import Mapping, Sequence

from ibis.expr.types import Table

from londonpump.cleaning import rules
from londonpump.ingest.published import PublishedTable
from londonpump.lifecycle.rejections import files_of, published_texts
from londonpump.presentation.quality import KEPT, REJECTED, REPAIRED, Example, QualityCount
from londonpump.presentation.texts.prepare import Rejection, format_example

NUMBER = "incidentnumber"


def count_rows(tables: Mapping[str, Table], published: Mapping[str, PublishedTable]) -> list[QualityCount]:
    """Count the rows of every table by file, month, verdict and rule; a row with two repairs counts for each."""
    counts: Counter[tuple[str, str, str, str, str]] = Counter()
    for name, cleaned in tables.items():
        source = files_of(name, published)
        typed = source.typed
        day = typed.mobilised_at.date() if "mobilised_at" in typed.columns else typed.call_date
        months = typed.select(*rules.ROW, month=day.strftime("%Y-%m"))
        rows = cleaned.select(*rules.ROW, "rule", "repairs").left_join(months, rules.ROW)
        # Few hundred groups leave the database, however many rows it holds.
        grouped = rows.group_by("source_file", "month", "rule", "repairs").agg(rows=rows.count())
        for row in grouped.to_pyarrow().to_pylist():
            where = (name, source.files[row["source_file"]].file, row["month"] or "")
            if row["rule"] is not None:
                counts[*where, REJECTED, row["rule"]] += row["rows"]
                continue
            counts[*where, KEPT, ""] += row["rows"]
            for repair in filter(None, row["repairs"].split(";")):
                counts[*where, REPAIRED, repair] += row["rows"]
    return [QualityCount(*key, rows) for key, rows in sorted(counts.items())]


def examples_of(
    tables: Mapping[str, Table], published: Mapping[str, PublishedTable], rejected: Sequence[Rejection]
) -> list[Example]:
    """Return one example per table, verdict and rule: of a rule that rejects, the texts that it reads."""
    # The first file of a rule wins, so the list is read from its end.
    found = {
        (one.table, REJECTED, one.rule): Example(
            one.table, REJECTED, one.rule, one.file, one.row, format_example(one.example)
        )
        for one in reversed(rejected)
    }
    for name, cleaned in tables.items():
        kept = cleaned.filter(rules.is_kept(cleaned) & (cleaned.repairs != ""))
        # One number orders files and rows, so that a minimum finds the first row of all files.
        order = kept.source_file.cast("int64") * 10**10 + kept.source_row
        firsts: dict[str, int] = {}
        for row in kept.group_by("repairs").agg(first=order.min()).to_pyarrow().to_pylist():
            for repair in row["repairs"].split(";"):
                firsts[repair] = min(row["first"], firsts.get(repair, row["first"]))
        source = files_of(name, published)
        texts = published_texts(source, [divmod(first, 10**10) for first in firsts.values()])
        for repair, first in firsts.items():
            index, row_number = divmod(first, 10**10)
            named = {key: text for key, text in texts[index, row_number].items() if _is_number(key)}
            file = source.files[index].file
            found[name, REPAIRED, repair] = Example(
                name, REPAIRED, repair, file, row_number, format_example(named)
            )
    return [found[key] for key in sorted(found)]


def _is_number(column: str) -> bool:
    return column.replace("_", "").casefold() == NUMBER
