"""A connection that one thread keeps for all its transactions."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, OperationalError

from londonpump.brigade.errors import DatabaseFailed
from londonpump.storage.database.failures import name_of

T = TypeVar("T")


class KeptConnection:
    """Opened when it is first needed, and anew after it was lost. For one thread."""

    def __init__(self, engine: Engine, options: Mapping[str, Any], first: Sequence[str] = ()) -> None:
        """first: statements for a connection that was just opened."""
        self._engine = engine
        self._options = options
        self._first = first
        self._connection: Connection | None = None

    def run(self, work: Callable[[Connection], T], while_wanted: Callable[[], bool] = lambda: True) -> T:
        """`work` in one transaction. A lost connection is opened anew, once, unless the commit was sent.

        while_wanted: asked between tries while another process holds the file.
        Raises: DBAPIError, DatabaseFailed if nobody can tell whether the commit arrived.
        """
        is_fresh = self._connection is None
        try:
            return self._once(work, while_wanted)
        except DBAPIError as error:
            if not error.connection_invalidated or is_fresh:
                raise
        return self._once(work, while_wanted)

    def drop(self) -> None:
        """Close it."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _once(self, work: Callable[[Connection], T], while_wanted: Callable[[], bool]) -> T:
        connection = self._opened()
        try:
            transaction = _begun(connection, while_wanted)
            try:
                answer = work(connection)
            except BaseException:
                transaction.rollback()
                raise
            self._commit(transaction)
        except DBAPIError as error:
            if error.connection_invalidated:
                self._forget()
            raise
        return answer

    def _commit(self, transaction: Any) -> None:
        try:
            transaction.commit()
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
            self._forget()
            raise DatabaseFailed(
                f"The database {name_of(self._engine.url)} was lost while it stored. "
                "Look whether it is there before you send it again."
            ) from None

    def _opened(self) -> Connection:
        if self._connection is None:
            connection = self._engine.connect()
            driver: Any = connection.connection.driver_connection
            for statement in self._first:
                driver.execute(statement)
            driver.commit()
            self._connection = connection.execution_options(**self._options)
        return self._connection

    def _forget(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.invalidate()
            connection.close()


def _begun(connection: Connection, while_wanted: Callable[[], bool]) -> Any:
    while True:
        try:
            return connection.begin()
        except OperationalError as error:
            if "locked" not in str(error.orig) or not while_wanted():
                raise
