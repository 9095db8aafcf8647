"""The service and its server: routers, middleware, lifespan, and uvicorn on uvloop with one worker.

`londonpump.assembly` puts the application together: it mounts on the service what is not part of it.
"""

import asyncio
import errno
import gc
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    contextmanager,
    suppress,
)
from operator import attrgetter
from types import FrameType
from typing import Any

import uvicorn
from fastapi import APIRouter, FastAPI

from londonpump import __version__
from londonpump.domain.errors import BadValue, LondonPumpError
from londonpump.persistence.database.store import Store, StoreLimits
from londonpump.roads.table import FOLDERS as ROADS
from londonpump.service.anonymous_requests import AnonymousRequestLimiter
from londonpump.service.auth import routes as auth
from londonpump.service.auth.lifespan import auth_lifespan
from londonpump.service.board import routes as board
from londonpump.service.board.cache import board_lifespan
from londonpump.service.champion import ChampionWatch
from londonpump.service.console import routes as console
from londonpump.service.errors import answer_errors
from londonpump.service.health import routes as health
from londonpump.service.health.lifespan import health_lifespan
from londonpump.service.http_limits import ConnectionLimits, bounded_protocol
from londonpump.service.imported_tables import ImportedTable
from londonpump.service.incidents import routes as incidents
from londonpump.service.middleware import RequestMiddleware
from londonpump.service.models import routes as models
from londonpump.service.openapi import add_docs_page, document_error_responses
from londonpump.service.outcomes import routes as outcomes
from londonpump.service.places import routes as places
from londonpump.service.places.lookup import PlaceLookup
from londonpump.service.predictions import routes as predictions
from londonpump.service.predictions.service import predictions_lifespan
from londonpump.service.roads import routes as roads
from londonpump.service.state import ServiceOptions, Services
from londonpump.service.telemetry import Metrics, log, log_error, log_service
from londonpump.settings import Settings

ROUTERS: tuple[APIRouter, ...] = (
    predictions.router,
    *console.ROUTERS,
    board.router,
    incidents.router,
    outcomes.router,
    health.router,
    auth.router,
    models.router,
    roads.router,
    places.router,
)
"""Routes of every domain, the most used first: a request tries them in this order."""
MS_PER_S = 1000
SHUTDOWN_GRACE_S = 10
BACKLOG = 1024
DESCRIPTION = (
    "Ranks the pumps (fire engines) that can reach an emergency in London by their predicted time of arrival, keeps the "
    "board of pumps, and serves the clients of the original system. Sign in with `POST /login` and send the access token "
    "as `Authorization: Bearer ...`."
)
TAGS = [
    {"name": "predictions", "description": "Pumps ranked by predicted attendance time, with intervals."},
    {"name": "original", "description": "Routes of the original system, for its clients."},
    {"name": "board", "description": "States of the pumps, and mobilisations with their events."},
    {"name": "incidents", "description": "Open incidents, their history, and what is near a point."},
    {"name": "outcomes", "description": "Announced times compared with the arrivals."},
    {"name": "health", "description": "State of the service, for its operators."},
    {"name": "accounts", "description": "Sign-in, sessions and accounts."},
    {"name": "models", "description": "The active model, and the ledger of decisions."},
    {"name": "roads", "description": "The road network in use, and routes on it."},
    {"name": "places", "description": "Places by their names."},
]
PartLifespan = Callable[[Services], AbstractAsyncContextManager[None]]
PART_LIFESPANS: tuple[PartLifespan, ...] = (
    auth_lifespan,
    health_lifespan,
    board_lifespan,
    predictions_lifespan,
    console.console_lifespan,
)
"""Each sets the fields of `Services` that its domain shares among all requests; opened in this order, closed in reverse."""


def create_service(settings: Settings, *, options: ServiceOptions | None = None) -> FastAPI:
    """Build the service. Nothing is opened before its lifespan begins."""
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
    # before all others, because a request tries the routes in their order
    app.router.routes.append(console.POLL)
    add_docs_page(app)
    for router in ROUTERS:
        app.include_router(router)
    document_error_responses(app)
    return app


@asynccontextmanager
async def _open_state(
    settings: Settings, options: ServiceOptions, metrics: Metrics
) -> AsyncIterator[Services]:
    async with AsyncExitStack() as stack:
        # the exit stack closes everything in reverse order, also if a later step fails to start
        limits = options.store_limits or StoreLimits(patience_s=settings.database_patience_ms / MS_PER_S)
        store = await asyncio.to_thread(Store.open, settings.database, limits)
        stack.push_async_callback(store.close)
        champion = ChampionWatch(store, settings.bundle, settings.roads, options.clock, metrics)
        table = ImportedTable(ROADS, settings.roads)
        places_in_use = PlaceLookup(settings.places, champion)
        state = Services(settings, options, store, champion, metrics, options.clock(), table, places_in_use)
        for part_lifespan in PART_LIFESPANS:
            await stack.enter_async_context(part_lifespan(state))
        # poll before the first request, so that the service starts ready if a model is promoted
        await champion.poll()
        if champion.current is not None and champion.current.roads_problem is not None:
            # later, the service answers without roads and says so; now somebody is there to import them
            raise LondonPumpError(champion.current.roads_problem)
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


def serve(
    app: FastAPI, settings: Settings, host: str, port: int, on_listening: Callable[[str], None]
) -> None:
    """Serve an application until SIGTERM or SIGINT. on_listening: called with the address once requests are answered.

    Raises: BadValue if the address cannot be used; DatabaseFailed or BadFile if the service cannot start.
    """
    import uvloop  # noqa: PLC0415 - Windows lacks it, and only serving needs it

    log_service(settings.log_format)
    # the socket is opened first: a port in use is reported before the slow start of the service
    with _open_listener(host, port) as listener, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(app, settings, listener, on_listening))


async def _serve(
    app: FastAPI, settings: Settings, listener: socket.socket, on_listening: Callable[[str], None]
) -> None:
    server = DrainingServer(
        uvicorn.Config(
            app,
            http=bounded_protocol(_limits(settings)),
            ws="none",
            # the lifespan is entered below, so that its errors reach the command line as our own messages
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            # `auth.throttle.source_of` decides which address counts
            proxy_headers=False,
            timeout_graceful_shutdown=SHUTDOWN_GRACE_S,
        )
    )
    server.drain_s = settings.drain_s
    with _stop_on_signals(server):
        async with app.router.lifespan_context(app):
            # the loaded model never becomes garbage; without the freeze each collection would pause requests for 0.1 s
            gc.collect()
            gc.freeze()
            gc.enable()
            server.services = app.state.service
            on_listening(_address(listener))
            await server.serve(sockets=[listener])


class DrainingServer(uvicorn.Server):
    """Server that answers for `drain_s` after SIGTERM, while `/readyz` lets load balancers choose another replica.

    A second signal, and SIGINT at a terminal, stop it at once.
    """

    drain_s = 0.0
    services: Services
    _stop_s: float | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to drain, or stop."""
        if sig == signal.SIGTERM and self.drain_s and self._stop_s is None and self.started:
            self._stop_s = time.monotonic() + self.drain_s
            self.services.is_draining = True
            log("service draining", seconds=self.drain_s)
        else:
            super().handle_exit(sig, frame)

    async def on_tick(self, counter: int) -> bool:
        """Return whether to stop. Called ten times a second."""
        if self._stop_s is not None and time.monotonic() >= self._stop_s:
            self.should_exit = True
        return await super().on_tick(counter)


def _limits(settings: Settings) -> ConnectionLimits:
    # behind a proxy every connection has the proxy's address
    return ConnectionLimits(per_source=None if settings.proxies else settings.source_connections)


@contextmanager
def _open_listener(host: str, port: int) -> Iterator[socket.socket]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, socket_type, protocol, _, address = found[0]
        listener = socket.socket(family, socket_type, protocol)
    except OSError as error:
        raise BadValue("--host", host, f"is not an address of this machine ({error.strerror})") from error
    with listener:
        # a restart must not wait until old connections leave TIME_WAIT
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address)
            listener.listen(BACKLOG)
        except OSError as error:
            raise _cannot_listen(host, port, error) from error
        yield listener


def _cannot_listen(host: str, port: int, error: OSError) -> BadValue:
    if error.errno == errno.EADDRINUSE:
        return BadValue("--port", port, "is in use by another process. Choose another one")
    if error.errno in {errno.EACCES, errno.EPERM}:
        return BadValue("--port", port, "needs privileges to listen on. Choose one above 1023")
    return BadValue("--host", host, f"is not an address of this machine ({error.strerror})")


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@contextmanager
def _stop_on_signals(server: uvicorn.Server) -> Iterator[None]:
    """Shut down in order on SIGTERM or SIGINT, also before and after uvicorn handles signals itself.

    uvicorn raises a caught signal again at its end, which would kill the process before the database is closed.
    """

    def end(_number: int, _frame: Any) -> None:
        server.should_exit = True

    previous_handlers = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in previous_handlers.items():
            signal.signal(number, handler)
