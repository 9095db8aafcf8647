"""Server of the application: uvicorn on uvloop with one worker and a bounded shutdown."""

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
from londonpump.service.telemetry import log_to_stderr
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
    """Serve until SIGTERM or SIGINT. on_listening: called with the address once requests are answered.

    Raises: BadValue if the address cannot be used; DatabaseFailed or BadFile if the service cannot start.
    """
    log_to_stderr()
    # the socket is opened first: a port in use is reported before the slow start of the service
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
    with _stop_on_signals(server):
        async with app.router.lifespan_context(app):
            # the loaded model never becomes garbage; without the freeze each collection would pause requests for 0.1 s
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
