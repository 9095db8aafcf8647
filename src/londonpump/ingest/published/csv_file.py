"""Files of separated text: the header, and every row as text into the database, nothing guessed."""

import codecs
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryDirectory

import duckdb
import ibis

from londonpump.domain.errors import BadFile
from londonpump.ingest.csv_dialect import Layout, drop_sep_line, find_layout
from londonpump.ingest.file_type import BYTE_ORDER_MARK, UTF8, DetectedFile, chunks, open_bytes

HEADER_LIMIT = 1 << 16
_READ = """
    CREATE TABLE {table} AS SELECT {selected} FROM read_csv(
        $path, columns = $columns, header = true, delim = $separator, skip = 0, quote = '"', escape = '"',
        auto_detect = false, strict_mode = true, null_padding = false, compression = $compression
    )"""


@contextmanager
def as_utf8(detected: DetectedFile, layout: Layout) -> Iterator[DetectedFile]:
    """The same file in UTF-8 without marks inside and without its `sep=` line: itself, or a copy that is removed afterwards.

    DuckDB could skip that line itself, but reads no row where it ends otherwise than the lines below it.
    """
    if detected.encoding == UTF8 and not detected.has_inner_mark and not layout.has_sep_line:
        yield detected
        return
    pieces = codecs.iterdecode(chunks(detected.path, is_gzip=detected.is_gzip), detected.encoding)
    with NamedTemporaryFile("w", suffix=".csv", encoding=UTF8, newline="") as copy:
        start = next(pieces, "")
        copy.write(drop_sep_line(start) if layout.has_sep_line else start.replace(BYTE_ORDER_MARK, ""))
        copy.writelines(piece.replace(BYTE_ORDER_MARK, "") for piece in pieces)
        copy.flush()
        yield DetectedFile(Path(copy.name), detected.sha256, detected.container)


def csv_header(detected: DetectedFile) -> tuple[tuple[str, ...], Layout]:
    """The names on the header line, as they stand, and how the fields are separated.

    Raises: BadFile for a blank line, bars, or separators that are not clear.
    """
    with open_bytes(detected.path, is_gzip=detected.is_gzip) as stream:
        text = (
            stream.read(HEADER_LIMIT).decode(detected.encoding, errors="ignore").replace(BYTE_ORDER_MARK, "")
        )
    layout, names = find_layout(detected.path, text)
    if not "".join(names).strip():
        raise BadFile(detected.path, "its first line is blank", "Remove what stands above the header")
    if "".join(names).count("|") >= max(len(names), 2):
        problem = "its columns are separated by bars, not by commas"
        raise BadFile(detected.path, problem, "Save it again as comma separated csv")
    return names, layout


def load_csv(
    connection: ibis.BaseBackend,
    detected: DetectedFile,
    utf8: DetectedFile,
    columns: tuple[str, ...],
    layout: Layout,
    table: str,
) -> ibis.Table:
    """Every row as text, in the order of the file, blanks as null.

    Raises: BadFile naming the line with too many or too few fields, or a quote that is never closed.
    """
    try:
        read_into(connection, utf8, columns, layout, table)
    except duckdb.InvalidInputException as error:
        raise _explained(detected.path, str(error), n_above=int(layout.has_sep_line)) from error
    return connection.table(table)


def read_into(
    connection: ibis.BaseBackend,
    utf8: DetectedFile,
    columns: tuple[str, ...],
    layout: Layout,
    table: str,
    selected: str = "*",
) -> None:
    """Create a table of the rows. selected: what of them, as SQL. Raises: duckdb.InvalidInputException.

    DuckDB is shown a link: it takes brackets, stars and backslashes of a path for a pattern.
    """
    values = {
        "columns": dict.fromkeys(columns, "VARCHAR"),
        "separator": layout.separator,
        "compression": "gzip" if utf8.is_gzip else "none",
    }
    with TemporaryDirectory(prefix="londonpump-") as folder:
        link = Path(folder) / "rows"
        link.symlink_to(utf8.path.resolve())
        connection.con.execute(_READ.format(table=table, selected=selected), {"path": str(link), **values})


def _explained(path: Path, message: str, n_above: int) -> BadFile:
    """Return the error in our words. n_above: lines of the file that DuckDB did not see."""
    line = re.search(r"CSV Error on Line: (\d+)", message)
    where = f"line {int(line[1]) + n_above}" if line else "a line"
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
