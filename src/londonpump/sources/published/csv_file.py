"""Comma separated files: the header, and every row as text into the database, nothing guessed."""

import codecs
import csv
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from glob import escape
from pathlib import Path
from tempfile import NamedTemporaryFile

import duckdb
import ibis

from londonpump.brigade.errors import BadFile
from londonpump.sources.published.probe import UTF8, Probe, chunks, open_bytes

HEADER_LIMIT = 1 << 16
_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}
_READ = """
    CREATE TABLE {table} AS SELECT * FROM read_csv(
        $path, columns = $columns, header = true, delim = ',', quote = '"', escape = '"',
        auto_detect = false, strict_mode = true, null_padding = false, compression = $compression
    )"""


@contextmanager
def as_utf8(probe: Probe) -> Iterator[Probe]:
    """The same file in UTF-8: itself, or a copy that is removed afterwards."""
    if probe.encoding == UTF8:
        yield probe
        return
    pieces = codecs.iterdecode(chunks(probe.path, is_gzip=probe.is_gzip), probe.encoding)
    with NamedTemporaryFile("w", suffix=".csv", encoding=UTF8, newline="") as copy:
        copy.writelines(pieces)
        copy.flush()
        yield Probe(Path(copy.name), probe.sha256, probe.container)


def csv_header(probe: Probe, utf8: Probe) -> tuple[str, ...]:
    """The names on the first line, as they stand. Raises: BadFile for a blank, or another separator."""
    with open_bytes(utf8.path, is_gzip=utf8.is_gzip) as stream:
        text = stream.read(HEADER_LIMIT).decode("utf-8-sig", errors="ignore")
    names = tuple(next(csv.reader(io.StringIO(text, newline="")), ()))
    if not "".join(names).strip():
        raise BadFile(probe.path, "its first line is blank", "Remove what stands above the header")
    for separator, word in _SEPARATORS.items():
        if "".join(names).count(separator) >= max(len(names), 2):
            problem = f"its columns are separated by {word}, not by commas"
            raise BadFile(probe.path, problem, "Save it again as comma separated csv")
    return names


def load_csv(
    connection: ibis.BaseBackend, probe: Probe, utf8: Probe, columns: tuple[str, ...], table: str
) -> ibis.Table:
    """Every row as text, in the order of the file, blanks as null.

    Raises: BadFile naming the line with too many or too few fields, or a quote that is never closed.
    """
    values = {
        "path": escape(str(utf8.path)),
        "columns": dict.fromkeys(columns, "VARCHAR"),
        "compression": "gzip" if utf8.is_gzip else "none",
    }
    try:
        connection.con.execute(_READ.format(table=table), values)
    except duckdb.InvalidInputException as error:
        raise _explained(probe.path, str(error)) from error
    return connection.table(table)


def _explained(path: Path, message: str) -> BadFile:
    line = re.search(r"CSV Error on Line: (\d+)", message)
    where = f"line {line[1]}" if line else "a line"
    count = re.search(r"Expected Number of Columns: (\d+) Found: (\d+)", message)
    if count:
        # DuckDB stops counting at the first field too many
        found = "more" if int(count[2]) > int(count[1]) else count[2]
        problem = f"{where} has {found} fields, the header has {count[1]}"
        return BadFile(path, problem, "Look for a comma that is not in quotes, or a line cut in two")
    if "unterminated quote" in message:
        return BadFile(path, f"{where} opens a quote and never closes it", "Mend the quotes of that line")
    if "Maximum line size" in message:
        return BadFile(path, f"{where} is longer than any record", "Look for a quote that is never closed")
    if "state machine" in message:
        problem = "its lines end in more than one way"
        return BadFile(path, problem, "Save it again as csv so that all lines end alike")
    first = message.splitlines()[0]
    return BadFile(path, f"{where} is no csv ({first})", "Fetch the file again, or save it again as csv")
