"""The application: its routers, middleware and lifespan."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from operator import attrgetter

from fastapi import APIRouter, FastAPI

from londonpump import __version__
from londonpump.service.anonymous_requests import AnonymousRequestLimiter
from londonpump.service.auth import routes as auth
from londonpump.service.auth.lifespan import auth_lifespan
from londonpump.service.board import routes as board
from londonpump.service.board.cache import board_lifespan
from londonpump.service.champion import ChampionWatch
from londonpump.service.errors import answer_errors
from londonpump.service.health import routes as health
from londonpump.service.health.lifespan import alarms_lifespan, health_lifespan, live_lifespan
from londonpump.service.middleware import RequestMiddleware
from londonpump.service.models import routes as models
from londonpump.service.openapi import add_docs_page, document_error_responses
from londonpump.service.original import routes as original
from londonpump.service.original.lifespan import original_lifespan
from londonpump.service.predictions import routes as predictions
from londonpump.service.predictions.lifespan import predictions_lifespan
from londonpump.service.state import ServiceOptions, ServiceState
from londonpump.service.telemetry import Metrics, log, log_error
from londonpump.settings import Settings
from londonpump.storage.database.store import Store, StoreLimits

ROUTERS: tuple[APIRouter, ...] = (
    predictions.router,
    original.router,
    board.router,
    health.router,
    auth.router,
    models.router,
)
"""Routes of every domain, the most used first: a request tries them in this order."""
MS_PER_S = 1000
DESCRIPTION = (
    "Ranks the pumps (fire engines) that can reach an emergency in London by their predicted time of arrival, keeps the "
    "board of pumps, and serves the clients of the original system. Sign in with `POST /login` and send the access token "
    "as `Authorization: Bearer ...`."
)
TAGS = [
    {"name": "predictions", "description": "Pumps ranked by predicted attendance time, with intervals."},
    {"name": "original", "description": "Routes of the original system, for its clients."},
    {"name": "board", "description": "States of the pumps, and mobilisations with their events."},
    {"name": "health", "description": "State of the service, for its operators."},
    {"name": "accounts", "description": "Sign-in, sessions and accounts."},
    {"name": "models", "description": "The active model, and the ledger of decisions."},
]
PartLifespan = Callable[[ServiceState], AbstractAsyncContextManager[None]]
PART_LIFESPANS: tuple[PartLifespan, ...] = (
    auth_lifespan,
    live_lifespan,
    alarms_lifespan,
    board_lifespan,
    health_lifespan,
    predictions_lifespan,
    original_lifespan,
)
"""Resources that a domain shares among all its requests (`state.keep`); opened in this order, closed in reverse."""


def create_app(settings: Settings, *, options: ServiceOptions | None = None) -> FastAPI:
    """Build the service. Nothing is opened before its lifespan begins.

    The lifespan raises DatabaseFailed, or BadFile for the secret, if the service cannot start.
    """
    service_options = options or ServiceOptions()
    metrics = Metrics()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with _open_state(settings, service_options, metrics) as state:
            app.state.service = state
            yield

    app = FastAPI(
        title="londonpump",
        version=__version__,
        summary="Which fire engines can reach an emergency in London, how soon and how sure",
        lifespan=lifespan,
        telemetry={"tracing": False, "metrics": False},
        servers=[{"url": "/", "description": "This service"}],
        description=DESCRIPTION,
        openapi_tags=TAGS,
        license_info={"name": "MIT", "identifier": "MIT"},
        generate_unique_id_function=attrgetter("name"),
        # served by `openapi`, from cached bytes
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
    )
    # Starlette makes the middleware that is added last the outermost
    app.add_middleware(
        AnonymousRequestLimiter, n_proxies=settings.proxies, body_limit_bytes=service_options.body_limit_bytes
    )
    app.add_middleware(RequestMiddleware, metrics=metrics, body_limit_bytes=service_options.body_limit_bytes)
    answer_errors(app)
    add_docs_page(app)
    for router in ROUTERS:
        app.include_router(router)
    document_error_responses(app)
    return app


@asynccontextmanager
async def _open_state(
    settings: Settings, options: ServiceOptions, metrics: Metrics
) -> AsyncIterator[ServiceState]:
    async with AsyncExitStack() as stack:
        # the exit stack closes everything in reverse order, also if a later step fails to start
        limits = options.store_limits or StoreLimits(patience_s=settings.database_patience_ms / MS_PER_S)
        store = await asyncio.to_thread(Store.open, settings.database, limits)
        stack.push_async_callback(store.close)
        champion = ChampionWatch(store, settings.bundle, options.clock, metrics)
        state = ServiceState(settings, options, store, champion, metrics, options.clock())
        for part_lifespan in PART_LIFESPANS:
            await stack.enter_async_context(part_lifespan(state))
        # poll before the first request, so that the service starts ready if a model is promoted
        await champion.poll()
        await stack.enter_async_context(_in_background(champion.watch(options.champion_poll_s)))
        log("service started", version=__version__, model=champion.current and champion.current.name)
        yield state
        log("service stopping")


@asynccontextmanager
async def _in_background(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    task = asyncio.create_task(work)
    # without the callback an exception in the task would stay unnoticed until shutdown
    task.add_done_callback(_log_failure)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def _log_failure(task: "asyncio.Task[None]") -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log_error("background work ended", error)
