"""Ibis expressions translated to SQL once per worker.

Translation takes most of the time of `prepare` on a few rows, and hundreds of tests translate the same expressions.
"""

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any
from unittest.mock import patch

import ibis
import sqlglot.expressions as sge
from ibis.backends.duckdb import Backend
from ibis.backends.sql.compilers import DuckDBCompiler
from ibis.expr.operations import InMemoryTable
from ibis.expr.types import Expr

from londonpump.ingest.published import reader

MAX_KEPT = 400
"""Statements: those of several runs of `prepare`."""


@contextmanager
def translations_kept() -> Iterator[None]:
    """Look up the SQL of an expression that equals an earlier one, whatever connection it belongs to."""
    kept: OrderedDict[object, str] = OrderedDict()
    numbers = count()
    translate, load, register = DuckDBCompiler.to_sqlglot, reader._load, Backend._run_pre_execute_hooks

    def to_sqlglot(self: DuckDBCompiler, expr: Expr, *, limit: object = None, params: object = None):
        if params:
            return translate(self, expr, limit=limit, params=params)
        key = (expr.as_table().op(), limit, ibis.options.sql.fuse_selects)
        if key not in kept:
            kept[key] = translate(self, expr, limit=limit).sql(dialect=self.dialect)
            if len(kept) > MAX_KEPT:
                kept.popitem(last=False)
        kept.move_to_end(key)
        return sge.Var(this=kept[key])

    def numbered_load(connection: Backend, *file: Any) -> object:
        # Names are random only to be unique on a connection.
        nonlocal numbers
        numbers = connection.__dict__.setdefault("numbers", count())
        return load(connection, *file)

    def register_in_memory(self: Backend, expr: Expr) -> None:
        # Ibis walks through the whole expression five times for what the product does not use.
        if expr.op().find(InMemoryTable):
            register(self, expr)

    with (
        patch.object(Backend, "_run_pre_execute_hooks", register_in_memory),
        patch.object(DuckDBCompiler, "to_sqlglot", to_sqlglot),
        patch.object(Backend, "db_identity", "of any connection"),
        patch.object(reader, "gen_name", lambda namespace: f"{namespace}_{next(numbers)}"),
        patch.object(reader, "_load", numbered_load),
    ):
        yield
