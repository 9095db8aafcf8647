"""What predictions hold for all requests: the audit's writer, the context and stations of now, who is asked together."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial

from londonpump.domain.errors import DatabaseFailed
from londonpump.service.logs import log
from londonpump.service.predictions.batches import BatchTurn
from londonpump.service.predictions.context_cache import ContextCache, warm_up_context
from londonpump.service.predictions.idempotency import forget
from londonpump.service.predictions.request_context import StationIndexCache
from londonpump.service.predictions.service import (
    MAX_QUESTIONS,
    LargeQuestionBatcher,
    QuestionBatcher,
    answer_all,
)
from londonpump.service.state import ServiceState
from londonpump.storage.database.audit_repository import AuditBatch

FORGET_EVERY_S = 3600.0


@asynccontextmanager
async def predictions_lifespan(state: ServiceState) -> AsyncIterator[None]:
    """Kept under their types. Leaving it writes what the audit still holds."""
    questions = partial(answer_all, state)
    for part in (
        ContextCache(),
        StationIndexCache(),
        BatchTurn(),
        QuestionBatcher(questions, MAX_QUESTIONS),
        LargeQuestionBatcher(questions, 1),
    ):
        state.keep(part)
    await warm_up_context(state)
    async with _audited(state):
        forgetting = asyncio.create_task(_forget_on(state), name="old idempotency keys")
        try:
            yield
        finally:
            forgetting.cancel()
            with suppress(asyncio.CancelledError):
                await forgetting


@asynccontextmanager
async def _audited(state: ServiceState) -> AsyncIterator[None]:
    """Write the audit of predictions until the block is left. What cannot be written then is logged, entry by entry, and
    the rest of the service is closed in order: an exit with an error would not store it either."""
    audit = AuditBatch(state.store, state.clock)
    state.keep(audit)
    try:
        async with audit:
            yield
    except DatabaseFailed as error:
        if not audit.waiting:
            raise
        entries = [entry.as_json() for entry in audit.waiting]
        log("audit of predictions not written", logging.ERROR, problem=str(error), entries=entries)


async def _forget_on(state: ServiceState) -> None:
    while True:
        # a database that is busy has them dropped the next time
        with suppress(DatabaseFailed):
            now = state.clock()
            await state.store.write(lambda connection, now=now: forget(connection, now))  # type: ignore[misc]
        await asyncio.sleep(FORGET_EVERY_S)
