"""Rejected rows per rule and file with an example of each, and the checks that stop `prepare` if too many are rejected."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import ibis
import pyarrow as pa
from ibis.expr.types import BooleanValue, Table

from londonpump.cleaning import rules
from londonpump.cleaning.mobilisations import FAR_FROM_MOBILISED, MAX_FROM_CALL_H, PUMPS
from londonpump.domain.columns import LONDON_EASTING, LONDON_NORTHING
from londonpump.domain.errors import BadFile, TooFewRows
from londonpump.domain.published_columns import TABLES, is_contradicted
from londonpump.ingest.published import PublishedTable
from londonpump.ingest.published.format_checks import EXAMINED_ROWS, advice_on_dates, swap_day_and_month
from londonpump.presentation.texts.prepare import Rejection, format_rejection

MIN_WARNING_SHARE = 0.02
"""A rule that rejects more than this share of a file suggests that the file is wrong."""
BY_CHOICE = ("later_wave", "warm_up")
"""Rules that reject valid rows of every file by design, so they cause no warning."""
MAX_NAMED_RULES = 5
M_PER_KM = 1000
DEGREES_OF_LONDON = ((51.0, 52.0), (-1.0, 1.0))


def rejections(name: str, cleaned: Table, published: PublishedTable) -> list[Rejection]:
    """Return the rules that rejected rows of a file, most rows first, each with its first row as an example.

    Args: name: of the table in report.json. cleaned: its rows with `rule`. published: the files of these rows.
    """
    # A pump of an incident record is the first or the second of its row; one number orders rows and pumps.
    is_second = (cleaned.pump == PUMPS[1]).cast("int64") if "pump" in cleaned.columns else 0
    first = (cleaned.source_row * 2 + is_second).min()
    counted = cleaned.group_by("source_file", "rule").agg(rows=cleaned.count(), first=first)
    found = counted.to_pyarrow().to_pylist()
    of: Counter[int] = Counter()
    for count in found:
        of[count["source_file"]] += count["rows"]
    rejected = [count for count in found if count["rule"]]
    rejected.sort(key=lambda count: (-count["rows"], count["source_file"], count["rule"]))
    # One query for all examples: each would otherwise scan every row of the files.
    texts = published_texts(published, [(count["source_file"], count["first"] // 2) for count in rejected])
    table = "mobilisations" if name == "mobilisations" else "incidents"
    out = []
    for count in rejected:
        index, row, rule = count["source_file"], count["first"] // 2, count["rule"]
        pump = PUMPS[count["first"] % 2] if "pump" in cleaned.columns else None
        example = _example(texts[index, row], table, rules.rule_columns(rule, pump))
        hint = location_hint(example.values()) if rule == "impossible_location" else ""
        file = published.files[index].file
        out.append(Rejection(name, file, rule, count["rows"], of[index], row, example, hint))
    return out


def published_texts(
    published: PublishedTable, rows: Collection[tuple[int, int]]
) -> dict[tuple[int, int], dict[str, str | None]]:
    """Return the published texts of some rows, each by (source_file, source_row)."""
    files, numbers = ([row[at] for row in rows] for at in (0, 1))
    wanted = pa.table(
        {"source_file": pa.array(files, pa.int16()), "source_row": pa.array(numbers, pa.int64())}
    )
    found = published.raw.semi_join(ibis.memtable(wanted), rules.ROW).to_pyarrow().to_pylist()
    return {(row["source_file"], row["source_row"]): row for row in found}


def warnings(found: Sequence[Rejection]) -> list[Rejection]:
    """Return the rejections that cause a warning in report.json."""
    return [one for one in found if one.rows > MIN_WARNING_SHARE * one.of_rows and one.rule not in BY_CHOICE]


def require_kept_rows(name: str, cleaned: Table, published: Mapping[str, PublishedTable]) -> None:
    """Reject a table without kept rows, naming the rules, their counts and examples. Raises: TooFewRows."""
    kept = cleaned.filter(rules.is_kept(cleaned)).limit(1).count().to_pyarrow().as_py()
    if kept:
        return
    found = rejections(name, cleaned, files_of(name, published))
    rows = sum(one.rows for one in found)
    if not rows:
        raise TooFewRows(
            "No incident record has an attendance time of a pump, so no model can be trained on them."
        )
    subject = (
        "incident record" if name == "incidents" else "pump" if name == "pumps" else "mobilisation record"
    )
    listed = "; ".join(format_rejection(one) for one in found[:MAX_NAMED_RULES])
    raise TooFewRows(
        f"No {subject} is usable: all {rows:,} rows were rejected. {listed}. Nothing was written. Correct the files or the "
        "list of stations, and prepare again."
    )


def validate_mobilised_times(rows: Table, published: PublishedTable, files: Sequence[Path]) -> None:
    """Reject a file with too many pumps that were mobilised more than a day from their calls.

    Args: rows: result of `clean_mobilisations`. files: in the order of source_file. Raises: BadFile.
    """
    far = rows.filter(rows.rule == "mobilised_far_from_call")
    counts = far.group_by("source_file").agg(rows=far.count()).to_pyarrow().to_pylist()
    for count in sorted(counts, key=lambda count: count["source_file"]):
        index, n_rows = count["source_file"], published.files[count["source_file"]].rows
        if not is_contradicted(count["rows"], n_rows):
            continue
        of_file = far.filter(far.source_file == index).order_by("source_row")
        examined = of_file.select("source_row", "incident_number", "mobilised_at", "call_at").limit(
            EXAMINED_ROWS
        )
        sample = examined.to_pyarrow().to_pylist()
        problem = (
            f"DateAndTimeMobilised lies more than {MAX_FROM_CALL_H} h from the call in {count['rows']} of {n_rows} "
            f"rows, first in data row {sample[0]['source_row']}: mobilised {sample[0]['mobilised_at']} GMT, incident "
            f"{sample[0]['incident_number']} called {sample[0]['call_at']} GMT"
        )
        # If most rows become plausible with day and month exchanged, the advice says so.
        explained = sum(_is_explained(one["mobilised_at"], one["call_at"]) for one in sample)
        raise BadFile(
            files[index], problem, _advice(explained > len(sample) / 2, str(sample[0]["incident_number"]))
        )


def validate_event_times(rows: Table, published: PublishedTable, files: Sequence[Path]) -> None:
    """Reject a file with too many pumps that departed, arrived or left days from their mobilisation.

    Args: rows: result of `clean_mobilisations`. files: in the order of source_file. Raises: BadFile.
    """
    far = rows.filter(rows.repairs.contains("_far_from_mobilised"))
    each = {name: far.repairs.contains(repair).sum() for name, (repair, _) in FAR_FROM_MOBILISED.items()}
    counts = far.group_by("source_file").agg(rows=far.count(), **each).to_pyarrow().to_pylist()
    for count in sorted(counts, key=lambda count: count["source_file"]):
        index, n_rows = count["source_file"], published.files[count["source_file"]].rows
        if is_contradicted(count["rows"], n_rows):
            column = max(FAR_FROM_MOBILISED, key=lambda name: count[name])
            of_file = far.filter((far.source_file == index) & _is_far(far, column))
            problem, advice = _far_times(of_file, published.typed, column)
            raise BadFile(files[index], problem.format(rows=count[column], of=n_rows), advice)


def _is_far(far: Table, column: str) -> BooleanValue:
    return far.repairs.contains(FAR_FROM_MOBILISED[column][0])


def _far_times(of_file: Table, typed: Table, column: str) -> tuple[str, str]:
    """Return the problem of a column, with placeholders for the counts, and the advice. of_file: affected rows."""
    keys = of_file.select(*rules.ROW)
    found = typed.semi_join(keys, list(rules.ROW)).order_by("source_row")
    sample = (
        found.select("source_row", "mobilised_at", at=column).limit(EXAMINED_ROWS).to_pyarrow().to_pylist()
    )
    max_after_h = FAR_FROM_MOBILISED[column][1]
    published_name = next(spec.published for spec in TABLES["mobilisations"] if spec.name == column)
    problem = (
        f"{published_name} lies more than {MAX_FROM_CALL_H} h before or {max_after_h} h after DateAndTimeMobilised in "
        f"{{rows}} of {{of}} rows, first in data row {sample[0]['source_row']}: {sample[0]['at']} GMT, mobilised "
        f"{sample[0]['mobilised_at']} GMT"
    )
    explained = sum(_is_explained(one["at"], one["mobilised_at"], max_after_h) for one in sample)
    return problem, advice_on_dates(explained > len(sample) / 2)


def _advice(is_month_first: bool, number: str) -> str:
    advice = advice_on_dates(is_month_first)
    # Incident numbers without "-" carry no date, so either of the two files may have day and month exchanged.
    return (
        advice
        if "-" in number or not is_month_first
        else f"{advice}, here and in DateOfCall of the incidents"
    )


def _is_explained(at: datetime, from_at: datetime, max_after_h: int = MAX_FROM_CALL_H) -> bool:
    """True if a timestamp is near another one after its day and month are exchanged."""
    day = swap_day_and_month(at.date())
    longest, earliest = timedelta(hours=max_after_h), -timedelta(hours=MAX_FROM_CALL_H)
    return day is not None and earliest <= datetime.combine(day, at.time()) - from_at <= longest


def files_of(name: str, published: Mapping[str, PublishedTable]) -> PublishedTable:
    """Return the published files that a table of report.json was made of."""
    return published["mobilisations" if name == "mobilisations" else "incidents"]


def _example(texts: Mapping[str, str | None], table: str, columns: Iterable[str]) -> dict[str, str | None]:
    """Return the texts of some columns under their published names, without columns that the file lacks."""
    stored = {name.casefold(): name for name in texts}
    example = {}
    for spec in TABLES[table]:
        names = [stored[key] for one in (spec.published, *spec.aliases) if (key := one.casefold()) in stored]
        if spec.name in columns and names:
            example[spec.published] = texts[names[0]]
    return example


def location_hint(texts: Iterable[str | None]) -> str:
    """Return a hint for an easting and a northing that would lie in London in another order or unit."""
    try:
        easting, northing = (float(text or "") for text in texts)
    except ValueError:
        return ""
    if _is_possible(northing, easting):
        return "are easting and northing exchanged?"
    if _is_possible(easting * M_PER_KM, northing * M_PER_KM):
        return "are these kilometres? Give metres"
    (south, north), (west, east) = DEGREES_OF_LONDON
    for latitude, longitude in ((easting, northing), (northing, easting)):
        if south <= latitude <= north and west <= longitude <= east:
            return "are these degrees? Give metres of the National Grid"
    return ""


def _is_possible(easting_m: float, northing_m: float) -> bool:
    return LONDON_EASTING.has(easting_m) and LONDON_NORTHING.has(northing_m)
