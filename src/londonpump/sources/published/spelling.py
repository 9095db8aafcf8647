"""Texts of a file in their published spelling: trimmed of every blank, whatever their case.

A column of categories, names or codes has a few hundred different texts at most. They are looked at once each,
so that a file that is spelt as published costs one question and no work on its rows.
"""

from collections.abc import Mapping, Sequence

import ibis

from londonpump.brigade.published_names import speller, without_blanks_around
from londonpump.tables.published import NULL_MARKERS, TEXT, PublishedColumn


def with_published_spelling(texts: ibis.Table, specs: Sequence[PublishedColumn]) -> ibis.Table:
    """The same rows, the texts of every text column as the Brigade publishes them.

    Args: texts: of `column_texts`.
    """
    names = [spec.name for spec in specs if spec.kind == TEXT and spec.name in texts.columns]
    if not names:
        return texts
    distinct = texts.aggregate(**{name: texts[name].collect(distinct=True) for name in names})
    found = distinct.to_pyarrow().to_pylist()[0]
    changes = {name: _changes(name, found[name] or []) for name in names}
    return texts.mutate(
        **{name: _replaced(texts[name], change) for name, change in changes.items() if change}
    )


def _changes(column: str, found: Sequence[str | None]) -> Mapping[str, str | None]:
    """The new text of every text that is spelt otherwise; None where nothing but blanks is left of it."""
    spelled = speller(column)
    changes: dict[str, str | None] = {}
    for text in found:
        if text is None:
            continue
        trimmed = without_blanks_around(text)
        new = None if trimmed.casefold() in NULL_MARKERS else spelled(trimmed)
        if new != text:
            changes[text] = new
    return changes


def _replaced(column: ibis.Value, change: Mapping[str, str | None]) -> ibis.Value:
    pairs = [
        (old, ibis.null("string") if new is None else ibis.literal(new))
        for old, new in sorted(change.items())
    ]
    return column.cases(*pairs, else_=column)
