"""Database reads of the service that time out, because real work occupies the workers."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import Any

from support.accounts_service import ServiceClient

from londonpump.persistence.database.store import Busy, StoreLimits

# Patient until reads are blocked, so that a slow machine fails no preparation of a test.
ONE_READER = StoreLimits(readers=1, long_readers=1, patience_s=20.0)
BLOCKED_PATIENCE_S = 1.0
LONG_S = 60.0


class Seconds:
    """A clock that a test sets, in place of a monotonic one."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class BlockedJob:
    """A job that occupies a worker until it is released."""

    def __init__(self) -> None:
        self.is_begun, self.may_end = threading.Event(), threading.Event()

    def __call__(self, _connection: Any) -> None:
        self.is_begun.set()
        self.may_end.wait(LONG_S)


@contextmanager
def late_reads(client: ServiceClient) -> Iterator[None]:
    """Keep both read workers busy, so that no read is answered until the block ends. For a service with `ONE_READER`."""
    store = client.app.state.service.store
    short, long_ = BlockedJob(), BlockedJob()
    waiting: list[Any] = []
    try:
        for blocked, within_s in ((short, None), (long_, LONG_S)):
            waiting.append(client.portal.start_task_soon(partial(store.read, blocked, within_s=within_s)))
            assert blocked.is_begun.wait(LONG_S)
        store.limits = replace(ONE_READER, patience_s=BLOCKED_PATIENCE_S)
        yield
    finally:
        store.limits = ONE_READER
        for blocked in (short, long_):
            blocked.may_end.set()
        for each in waiting:
            # the short one's own time may be over
            with suppress(Busy):
                each.result(LONG_S)
