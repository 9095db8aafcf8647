"""Texts of a file in their published spelling: trimmed of every blank, whatever their case.

A column of categories, names or codes has a few hundred different texts at most. They are looked at once each,
so that a file that is spelt as published costs one question and no work on its rows.
"""

from collections.abc import Mapping, Sequence

import ibis
import pyarrow as pa

from londonpump.domain.canonical_spelling import BLANKS, spelling_normaliser, strip_blanks
from londonpump.domain.published_columns import NULL_MARKERS, TEXT, PublishedColumn

TRIMMED = " \t\n\r\v\f"
"""What Ibis trims."""
MAX_BRANCHES = 300
"""So many changes are one expression, which compares each row with each of them. More are looked up in a table."""
_OLD, _NEW = "spelt_in_file", "spelt_as_published"


def with_published_spelling(
    texts: ibis.Table, rows: ibis.Table, found: Mapping[str, str], specs: Sequence[PublishedColumn]
) -> ibis.Table:
    """The same texts, those of every text column as the Brigade publishes them.

    Args: texts: of `column_texts`, from `rows` and `found`: asking the rows as they came is three times as fast.
    """
    names = [spec.name for spec in specs if spec.dtype == TEXT and spec.name in found]
    if not names:
        return texts
    distinct = rows.aggregate(**{name: rows[found[name]].collect(distinct=True) for name in names})
    found_texts = distinct.to_pyarrow().to_pylist()[0]
    changes = {name: _changes(name, found_texts[name] or []) for name in names}
    few = {name: change for name, change in changes.items() if 0 < len(change) <= MAX_BRANCHES}
    texts = texts.mutate(**{name: _replaced(texts[name], change) for name, change in few.items()})
    for name, change in changes.items():
        if len(change) > MAX_BRANCHES:
            texts = _looked_up(texts, name, change)
    return texts


def _changes(column: str, found_texts: Sequence[str | None]) -> Mapping[str, str | None]:
    """The new text of every text that is spelt otherwise; None where nothing but blanks is left of it."""
    spelled = spelling_normaliser(column)
    changes: dict[str, str | None] = {}
    for text in found_texts:
        if text is None:
            continue
        trimmed = strip_blanks(text)
        new = None if trimmed.casefold() in NULL_MARKERS else spelled(trimmed)
        # column_texts makes null of null markers already
        as_read = {old for old in _as_column_texts(text) if old.casefold() not in NULL_MARKERS}
        changes |= {old: new for old in as_read if old != new}
    return changes


def _as_column_texts(text: str) -> set[str]:
    """What `column_texts` makes of a text, without and with the trimming of every blank."""
    has_blanks = text.startswith(" ") or text.endswith(" ")
    ordinary = text.translate(dict.fromkeys(map(ord, BLANKS), " "))
    return {text.strip(TRIMMED) if has_blanks else text, ordinary.strip(TRIMMED)}


def _replaced(column: ibis.Value, change: Mapping[str, str | None]) -> ibis.Value:
    pairs = [
        (old, ibis.null("string") if new is None else ibis.literal(new))
        for old, new in sorted(change.items())
    ]
    return column.cases(*pairs, else_=column)


def _looked_up(texts: ibis.Table, name: str, change: Mapping[str, str | None]) -> ibis.Table:
    """The same texts, one column replaced by a join."""
    mapping = {_OLD: pa.array(change.keys(), pa.string()), _NEW: pa.array(change.values(), pa.string())}
    table = ibis.memtable(pa.table(mapping))
    joined = texts.left_join(table, texts[name] == table[_OLD])
    value = joined[_OLD].isnull().ifelse(joined[name], joined[_NEW])
    return joined.mutate(**{name: value}).select(*texts.columns)
