"""The server around the application: uvicorn on uvloop, one worker, an end that is bounded."""

import asyncio
import errno
import gc
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
import uvloop

from londonpump.domain.errors import BadValue
from londonpump.service.app import create_app
from londonpump.service.http_limits import ConnectionLimits, bounded_protocol
from londonpump.service.state import ServiceOptions
from londonpump.service.telemetry import log_to
from londonpump.settings import Settings

SHUTDOWN_GRACE_S = 10
BACKLOG = 1024


def serve(
    settings: Settings,
    host: str,
    port: int,
    on_listening: Callable[[str], None],
    options: ServiceOptions | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT. told: hears the address once calls are answered.

    Raises: BadValue if it cannot listen there; DatabaseFailed or BadFile if the service cannot start.
    """
    log_to()
    with _open_listener(host, port) as listener, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(settings, options, listener, on_listening))


async def _serve(
    settings: Settings,
    options: ServiceOptions | None,
    listener: socket.socket,
    on_listening: Callable[[str], None],
) -> None:
    app = create_app(settings, options=options)
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            http=bounded_protocol(_limits(settings)),
            ws="none",
            # entered here: what keeps it from starting reaches the person who started it, in words
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            # whose address counts is decided by `auth.source`
            proxy_headers=False,
            timeout_graceful_shutdown=SHUTDOWN_GRACE_S,
        )
    )
    with _stop_on_signals(server):
        async with app.router.lifespan_context(app):
            # what is there now stays: looking through it for garbage would stop all requests for 0.1 s again and again
            gc.collect()
            gc.freeze()
            gc.enable()
            on_listening(_address(listener))
            await server.serve(sockets=[listener])


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
        raise BadValue("--host", host, f"is no address of this machine ({error.strerror})") from error
    with listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address)
            listener.listen(BACKLOG)
        except OSError as error:
            raise _cannot_listen(host, port, error) from error
        yield listener


def _cannot_listen(host: str, port: int, error: OSError) -> BadValue:
    if error.errno == errno.EADDRINUSE:
        return BadValue("--port", port, "is in use by another process. Name another one")
    if error.errno in {errno.EACCES, errno.EPERM}:
        return BadValue("--port", port, "is not yours to listen on. Name one above 1023")
    return BadValue("--host", host, f"is no address of this machine ({error.strerror})")


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@contextmanager
def _stop_on_signals(server: uvicorn.Server) -> Iterator[None]:
    """Signals before, while and after uvicorn handles them end the service in order: uvicorn raises what it
    caught once more at its end, which would kill the process before it has closed the database."""

    def end(_number: int, _frame: Any) -> None:
        server.should_exit = True

    previous_handlers = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in previous_handlers.items():
            signal.signal(number, handler)
