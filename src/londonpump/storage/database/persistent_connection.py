"""A connection that one thread keeps for all its transactions."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, OperationalError

from londonpump.domain.errors import DatabaseFailed
from londonpump.storage.database.errors import database_name

T = TypeVar("T")


class PersistentConnection:
    """Opened when it is first needed, and anew after it was lost. For one thread."""

    def __init__(
        self, engine: Engine, options: Mapping[str, Any], setup_statements: Sequence[str] = ()
    ) -> None:
        """first: statements for a connection that was just opened."""
        self._engine = engine
        self._options = options
        self._first = setup_statements
        self._connection: Connection | None = None

    def run(self, work: Callable[[Connection], T], while_awaited: Callable[[], bool] = lambda: True) -> T:
        """`work` in one transaction. A lost connection is opened anew, once, unless the commit was sent.

        while_wanted: asked between tries while another process holds the file.
        Raises: DBAPIError, DatabaseFailed if nobody can tell whether the commit arrived.
        """
        is_fresh = self._connection is None
        try:
            return self._run_once(work, while_awaited)
        except DBAPIError as error:
            if not error.connection_invalidated or is_fresh:
                raise
        return self._run_once(work, while_awaited)

    def drop(self) -> None:
        """Close it."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _run_once(self, work: Callable[[Connection], T], while_awaited: Callable[[], bool]) -> T:
        connection = self._open()
        # The connection is kept only where its state is known: after a commit, or after a rollback that worked. A
        # COMMIT that fails on a full disk leaves its transaction open, and no other could begin on that connection.
        is_settled = False
        try:
            transaction = _begin_when_unlocked(connection, while_awaited)
            try:
                answer = work(connection)
            except BaseException as error:
                transaction.rollback()
                is_settled = not (isinstance(error, DBAPIError) and error.connection_invalidated)
                raise
            self._commit(transaction)
            is_settled = True
        finally:
            if not is_settled:
                self._invalidate()
        return answer

    def _commit(self, transaction: Any) -> None:
        try:
            transaction.commit()
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
            problem = "was lost while it stored. Look whether it is there before you send it again."
            raise DatabaseFailed(
                f"The database {database_name(self._engine.url)} {problem}", f"The database {problem}"
            ) from None

    def _open(self) -> Connection:
        if self._connection is None:
            connection = self._engine.connect()
            try:
                driver: Any = connection.connection.driver_connection
                for statement in self._first:
                    driver.execute(statement)
                driver.commit()
                self._connection = connection.execution_options(**self._options)
            except BaseException:
                # it would be lent out again half prepared
                connection.invalidate()
                connection.close()
                raise
        return self._connection

    def _invalidate(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.invalidate()
            connection.close()


def _begin_when_unlocked(connection: Connection, while_awaited: Callable[[], bool]) -> Any:
    while True:
        try:
            return connection.begin()
        except OperationalError as error:
            if "locked" not in str(error.orig) or not while_awaited():
                raise
