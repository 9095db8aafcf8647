"""Expressions over small tables, translated to SQL once and run again on the rows of each test.

Ibis needs seconds to translate the cleaning; DuckDB runs the SQL on a few rows in milliseconds.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pyarrow as pa
from ibis.backends.duckdb import Backend
from ibis.expr.types import Table

from londonpump.cleaning.rules import StoreStep

Build = Callable[[Mapping[str, Table], StoreStep], Table]
"""Returns the expression over the named tables, with its intermediate results stored by the given function."""


@dataclass(frozen=True)
class _Statements:
    """Collects the SQL of stored steps in their order, and of the result."""

    steps: list[tuple[str, str]]
    result: str
    schema: pa.Schema


@dataclass
class CompiledOnce:
    """An expression whose SQL is kept per set of input columns."""

    connection: Backend
    name: str
    build: Build
    _kept: dict[tuple[pa.Schema, ...], _Statements] = field(default_factory=dict)

    def __call__(self, **inputs: pa.Table) -> pa.Table:
        """Return the result of the expression on these rows."""
        for name, rows in inputs.items():
            self._store(name, rows)
        key = tuple(rows.schema for rows in inputs.values())
        if key not in self._kept:
            self._kept[key] = self._translated(tuple(inputs))
        statements = self._kept[key]
        for name, query in statements.steps:
            self._replace(name, query)
        return self.connection.con.sql(statements.result).to_arrow_table().cast(statements.schema)

    def _translated(self, names: tuple[str, ...]) -> _Statements:
        steps: list[tuple[str, str]] = []

        def store(table: Table, name: str) -> Table:
            steps.append((name, str(self.connection.compile(table))))
            self._replace(*steps[-1])
            return self.connection.table(self._table(name))

        tables = {name: self.connection.table(self._table(name)) for name in names}
        result = self.build(tables, store)
        return _Statements(steps, str(self.connection.compile(result)), result.schema().to_pyarrow())

    def _store(self, name: str, rows: pa.Table) -> None:
        self.connection.con.register("rows_of_test", rows)
        self._replace(name, "SELECT * FROM rows_of_test")
        self.connection.con.unregister("rows_of_test")

    def _replace(self, name: str, query: str) -> None:
        self.connection.con.execute(f'CREATE OR REPLACE TEMP TABLE "{self._table(name)}" AS {query}')

    def _table(self, name: str) -> str:
        return f"{self.name}_{name}"
