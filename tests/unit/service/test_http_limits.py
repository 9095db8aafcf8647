"""A request that does not arrive completely in time ends its connection."""

import asyncio
import socket
from contextlib import asynccontextmanager

import pytest
import uvicorn

from londonpump.service.http_limits import BoundedRequests

HALVES = {
    "nothing": b"",
    "half a head": b"GET / HTTP/1.1\r\nHost:",
    "half a body": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{",
    "half a chunk": b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{",
}
WHOLE = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
PATIENCE_S = 30


class Hasty(BoundedRequests):
    """Wait as long as a test may."""

    head_timeout_s = 0.05
    request_timeout_s = 0.05


async def app(scope, receive, send) -> None:
    """Read the request to its end."""
    while (message := await receive())["type"] == "http.request" and message.get("more_body"):
        pass
    await asyncio.sleep(2 * Hasty.request_timeout_s)
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body"})


async def answer_to(sent: bytes) -> bytes:
    """Read everything until the connection ends."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, http=Hasty, lifespan="off", log_config=None))
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        writer.write(sent)
        received = await asyncio.wait_for(reader.read(), PATIENCE_S)
        writer.close()
        server.should_exit = True
        await serving
    return received


def test_a_head_has_five_seconds_and_a_body_more() -> None:
    """Issue 11, A4."""
    assert BoundedRequests.head_timeout_s == 5
    assert BoundedRequests.request_timeout_s > BoundedRequests.head_timeout_s


@pytest.mark.parametrize("sent", [HALVES["nothing"], HALVES["half a head"]], ids=["nothing", "half a head"])
def test_half_a_head_is_not_waited_for_as_long_as_a_body(sent, monkeypatch) -> None:
    """Issue 11, A4."""
    monkeypatch.setattr(Hasty, "request_timeout_s", 2 * PATIENCE_S)
    assert asyncio.run(answer_to(sent)) == b""


@pytest.mark.parametrize("sent", HALVES.values(), ids=HALVES)
def test_half_a_request_is_not_waited_for(sent) -> None:
    assert asyncio.run(answer_to(sent)) == b""


def test_a_whole_request_may_take_longer_to_answer() -> None:
    assert asyncio.run(answer_to(WHOLE)).startswith(b"HTTP/1.1 204")


LARGE = b" " * 50_000_000
"""More than what system and server take while nobody reads."""


async def large(scope, receive, send) -> None:
    """Respond with more than the client reads."""
    length = (b"content-length", b"%d" % len(LARGE))
    await send({"type": "http.response.start", "status": 200, "headers": [length]})
    await send({"type": "http.response.body", "body": LARGE})


@asynccontextmanager
async def serving_large(protocol):
    """Start a server and a client that reads only on request."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(large, http=protocol, lifespan="off", log_config=None))
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        try:
            yield server, reader, writer
        finally:
            writer.transport.abort()
            server.should_exit = True
            await serving


async def is_let_go(protocol, first: bytes, second: bytes) -> bool:
    """Return whether the server forgets a connection whose client stopped reading."""
    async with serving_large(protocol) as (server, reader, writer):
        writer.write(first)
        await reader.read(1)
        writer.write(second)
        try:
            async with asyncio.timeout(PATIENCE_S / 3):
                while server.server_state.connections:
                    await asyncio.sleep(0.01)
        except TimeoutError:
            return False
        return True


REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.mark.parametrize(
    ("first", "second"),
    [(REQUEST, b"GET / HT"), (REQUEST, b"no http\r\n\r\n"), (WHOLE, b"")],
    ids=["half a head", "no http", "the last request"],
)
def test_a_client_that_reads_no_answer_holds_no_connection_that_was_closed(first, second) -> None:
    class Leaving(Hasty):
        close_timeout_s = 0.05

    assert asyncio.run(is_let_go(Leaving, first, second))


def test_a_client_that_reads_no_answer_and_asks_again_holds_no_connection() -> None:
    class Reading(Hasty):
        unread_timeout_s = 0.05

    assert asyncio.run(is_let_go(Reading, REQUEST, REQUEST))


def test_a_client_that_reads_is_answered_to_the_end() -> None:
    async def read() -> int:
        async with serving_large(BoundedRequests) as (_, reader, writer):
            writer.write(WHOLE)
            return len((await asyncio.wait_for(reader.read(), PATIENCE_S)).partition(b"\r\n\r\n")[2])

    assert asyncio.run(read()) == len(LARGE)
