"""State that all prediction requests share: caches, batchers, the audit writer and the clean-up of old keys."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial

from londonpump.domain.errors import DatabaseFailed
from londonpump.persistence.repositories.audit import AuditBatch
from londonpump.service.predictions.batches import BatchTurn
from londonpump.service.predictions.idempotency import forget
from londonpump.service.predictions.request_context import ContextCache, StationIndexCache, warm_up_context
from londonpump.service.predictions.service import (
    MAX_QUESTIONS,
    LargeQuestionBatcher,
    QuestionBatcher,
    answer_all,
)
from londonpump.service.state import ServiceState
from londonpump.service.telemetry import log

FORGET_EVERY_S = 3600.0


@asynccontextmanager
async def predictions_lifespan(state: ServiceState) -> AsyncIterator[None]:
    """Create the shared parts; on exit, write the remaining entries of the audit."""
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
    """Write the audit of predictions until the block ends; entries that cannot be written by then are logged."""
    audit = AuditBatch(state.store, state.clock)
    state.keep(audit)
    try:
        async with audit:
            yield
    except DatabaseFailed as error:
        if not audit.waiting:
            raise
        # not raised: the rest of the service still has to close, and an error would not store the entries either
        entries = [entry.as_json() for entry in audit.waiting]
        log("audit of predictions not written", logging.ERROR, problem=str(error), entries=entries)


async def _forget_on(state: ServiceState) -> None:
    while True:
        # if the database is busy, the keys are deleted in the next round
        with suppress(DatabaseFailed):
            now = state.clock()
            await state.store.write(lambda connection, now=now: forget(connection, now))  # type: ignore[misc]
        await asyncio.sleep(FORGET_EVERY_S)
