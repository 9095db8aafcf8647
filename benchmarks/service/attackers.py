"""Clients of the attack table, each as a process of its own:

`python -m benchmarks.service.attackers NAME ADDRESS SECONDS [TOKEN]`

`operator` asks for a prediction, 15 times a second at most, on a connection that she keeps. Every other name is an attack
of one source, bounded in time and number. The last line written is json.
"""

import asyncio
import json
import sys
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from benchmarks.service.service_home import PASSWORD

OPERATOR, ATTACKER, CONSOLES = "127.0.0.2", "127.0.0.3", "127.0.0.4"
"""Addresses of sources: on Linux all of 127.0.0.0/8 is this machine."""
PAUSE_S = 0.05
PATIENCE_S = 10.0
CONNECTIONS, MAX_REQUESTS = 32, 50_000
INCOMPLETE_REQUESTS = 530
AGAIN_AFTER_S = 0.5
AT_ONCE, SIGN_INS, WITHIN_S = 12, 30, 10.0
BEGINS_AFTER_S = 1.0
QUESTION = {"location": {"easting_m": 530_137.0, "northing_m": 180_211.0}, "incident_type": "Fire"}
JSON, FORM = "application/json", "application/x-www-form-urlencoded"
HostAndPort = tuple[str, int]
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(frozen=True)
class Request:
    """One request that is sent again and again."""

    method: str
    path: str
    content_type: str = JSON
    body: bytes = b""

    def encoded(self, server: HostAndPort, token: str | None = None) -> bytes:
        """Return the bytes of the request."""
        lines = [f"{self.method} {self.path} HTTP/1.1", f"Host: {server[0]}:{server[1]}"]
        if self.body:
            lines += [f"Content-Type: {self.content_type}", f"Content-Length: {len(self.body)}"]
        if token:
            lines.append(f"Authorization: Bearer {token}")
        return "\r\n".join([*lines, "", ""]).encode() + self.body


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


UNKNOWN_KEYS = {f"key{number}": number for number in range(5_000)}
FLOODS = {
    "register": Request("POST", "/register", JSON, _json(UNKNOWN_KEYS)),
    "openapi": Request("GET", "/openapi.json"),
    "readyz": Request("GET", "/readyz"),
    "metrics": Request("GET", "/metrics"),
    "login": Request("POST", "/login", FORM, urlencode({"username": "nobody", "password": "a"}).encode()),
    "refresh": Request("POST", "/refresh", JSON, _json({"refresh_token": "A" * 43})),
    "docs": Request("GET", "/docs/swagger-ui-bundle.js"),
    "livez": Request("GET", "/livez"),
    "no_token": Request("POST", "/v1/predictions", JSON, _json({**QUESTION, **UNKNOWN_KEYS})),
}


async def operator(server: HostAndPort, seconds: float, token: str) -> dict[str, Any]:
    """Ask for predictions. Returns: took_s of each request that was answered, and the number of others."""
    encoded_request = Request("POST", "/v1/predictions", JSON, _json(QUESTION)).encoded(server, token)
    took_s: list[float] = []
    rejected: Counter[str] = Counter()
    connection = None
    end_s = time.monotonic() + seconds
    while time.monotonic() < end_s:
        began_s = time.perf_counter()
        try:
            async with asyncio.timeout(PATIENCE_S):
                connection = connection or await _opened(server, OPERATOR)
                status, is_kept = await _answered(connection, encoded_request)
            if status != 200:
                rejected[str(status)] += 1
            took_s.append(time.perf_counter() - began_s)
        except (OSError, EOFError, TimeoutError) as error:
            is_kept = False
            rejected[type(error).__name__] += 1
        if not is_kept:
            await _closed(connection)
            connection = None
        await asyncio.sleep(PAUSE_S)
    await _closed(connection)
    return {"took_s": took_s, "refused": rejected}


async def flood(server: HostAndPort, seconds: float, request: Request) -> dict[str, Any]:
    """Send requests in a closed loop. Returns: the number of responses by status."""
    sent = request.encoded(server)
    outcomes: Counter[str] = Counter()
    end_s = time.monotonic() + seconds

    async def one() -> None:
        connection = None
        while time.monotonic() < end_s and sum(outcomes.values()) < MAX_REQUESTS:
            try:
                async with asyncio.timeout(PATIENCE_S):
                    connection = connection or await _opened(server, ATTACKER)
                    status, is_kept = await _answered(connection, sent)
                outcomes[str(status)] += 1
            except (OSError, EOFError, TimeoutError) as error:
                is_kept = False
                outcomes[type(error).__name__] += 1
            if not is_kept:
                await _closed(connection)
                connection = None
        await _closed(connection)

    await asyncio.gather(*(one() for _ in range(CONNECTIONS)))
    return {"outcomes": outcomes}


async def heads(server: HostAndPort, seconds: float) -> dict[str, Any]:
    """Send heads that never end, again after each closed connection. Returns: the maximum number of open ones, and of closed ones."""
    outcomes: Counter[str] = Counter()
    end_s = time.monotonic() + seconds

    async def one() -> None:
        while (left_s := end_s - time.monotonic()) > 0:
            connection = None
            try:
                connection = await _opened(server, ATTACKER)
                connection[1].write(b"GET /livez HTTP/1.1\r\nHost: a\r\nX-Half:")
                outcomes["opened"] += 1
                await asyncio.wait_for(connection[0].read(), left_s)
            except TimeoutError:
                pass
            except OSError:
                outcomes["failed"] += 1
            await _closed(connection)
            await asyncio.sleep(AGAIN_AFTER_S)

    await asyncio.gather(*(one() for _ in range(INCOMPLETE_REQUESTS)))
    return {"outcomes": outcomes}


async def sign_ins(server: HostAndPort) -> dict[str, Any]:
    """Sign in correctly, a dozen at once. Returns: the number of responses by status."""
    outcomes: Counter[str] = Counter()
    took_s: list[float] = []

    async def one(number: int, after_s: float) -> None:
        await asyncio.sleep(after_s)
        form = {"username": console(number), "password": PASSWORD}
        sent = Request("POST", "/login", FORM, urlencode(form).encode()).encoded(server)
        began_s = time.perf_counter()
        connection = await _opened(server, CONSOLES)
        status, _ = await _answered(connection, sent)
        await _closed(connection)
        outcomes[str(status)] += 1
        took_s.append(time.perf_counter() - began_s)

    apart_s = WITHIN_S / (SIGN_INS - AT_ONCE + 1)
    waits_s = [max(0.0, (number - AT_ONCE + 1) * apart_s) for number in range(SIGN_INS)]
    await asyncio.gather(*(one(number, BEGINS_AFTER_S + s) for number, s in enumerate(waits_s)))
    return {"outcomes": outcomes, "took_s": took_s}


def console(number: int) -> str:
    """Return the name of an account that signs in."""
    return f"console{number}"


async def post(server: HostAndPort, source: str, path: str, fields: object) -> int:
    """Send one request. Returns: its status."""
    connection = await _opened(server, source)
    status, _ = await _answered(connection, Request("POST", path, JSON, _json(fields)).encoded(server))
    await _closed(connection)
    return status


def server_of(address: str) -> HostAndPort:
    """Return host and port."""
    parts = urlsplit(address)
    return str(parts.hostname), int(parts.port or 0)


async def _opened(server: HostAndPort, source: str) -> Connection:
    return await asyncio.open_connection(*server, local_addr=(source, 0))


async def _closed(connection: Connection | None) -> None:
    if connection is not None:
        connection[1].close()
        with suppress(OSError):
            await connection[1].wait_closed()


async def _answered(connection: Connection, sent: bytes) -> tuple[int, bool]:
    """Read a response. Returns: the status, and whether the connection stays open."""
    reader, writer = connection
    writer.write(sent)
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = head.partition(b"content-length:")[2].split(b"\r\n", 1)[0]
    await reader.readexactly(int(length or 0))
    return int(head.split(b" ", 2)[1]), b"connection: close" not in head


async def run(name: str, address: str, seconds: float, token: str = "") -> dict[str, Any]:
    """Run the client or attacker of a name."""
    server = server_of(address)
    if name == "operator":
        return await operator(server, seconds, token)
    if name == "heads":
        return await heads(server, seconds)
    if name == "sign_ins":
        return await sign_ins(server)
    return await flood(server, seconds, FLOODS[name])


if __name__ == "__main__":
    print(json.dumps(asyncio.run(run(sys.argv[1], sys.argv[2], float(sys.argv[3]), *sys.argv[4:]))))
