"""Clients in a closed loop, as a process of their own: `python -m benchmarks.service.clients ADDRESS TOKEN WORK N [CLIENTS]`

TOKEN is an access token, or the cookie of a console. Each (8 by default) has a connection it keeps and sends its next request when the last is answered. The protocol is spoken by
hand, so that the clients take as little of the machine as they can. The last line written is json: seconds of every
request, and how long all took together.
"""

import asyncio
import json
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from itertools import cycle
from typing import Any
from urllib.parse import urlencode, urlsplit

CLIENTS = 8
BARE_COLUMNS = 25
EVENTS = ("mobile", "arrived", "left", "returned")
LOCATIONS = [(530_000.0 + 137 * i % 9_000, 180_000.0 + 211 * i % 7_000) for i in range(500)]
GROUNDS = ("G30", "H27", "A21", "F23", "E31", "H28", "H21", "A24")
SUCCESS, NOT_NOW, NOT_MODIFIED = (200, 201, 304), 503, 304
N_SHOWN = 6
"""Pumps in a list of the console."""
COOKIE, POLL = "__Host-", "/console/live"
RECORD_EVERY = 10
"""The first console records a pump at every tenth poll: six records a minute, each of which all others must show."""


class RequestFailed(Exception):
    """A request was rejected, so the figures would mean nothing."""


@dataclass
class Connection:
    """One client with a connection that stays open."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    head: str
    took_s: list[float]
    n_not_now: int = 0
    tag: str = ""
    """ETag of the last response that had one; sent with the next poll."""

    async def send(self, method: str, path: str, content: object = None) -> bytes:
        """Send JSON, or a form that is text, until it succeeds. Returns: the body of the response. Raises: RequestFailed."""
        body = (
            b""
            if content is None
            else (content if isinstance(content, str) else json.dumps(content)).encode()
        )
        known = f"If-None-Match: {self.tag}\r\n" if self.tag and path == POLL else ""
        head = f"{method} {path} HTTP/1.1\r\n{self.head}{known}Content-Length: {len(body)}\r\n\r\n"
        while True:
            began = time.perf_counter()
            self.writer.write(head.encode() + body)
            answer = await self.reader.readuntil(b"\r\n\r\n")
            status = int(answer.split(b" ", 2)[1])
            received = b"" if status == NOT_MODIFIED else await self.reader.readexactly(_length(answer))
            self.took_s.append(time.perf_counter() - began)
            if status in SUCCESS:
                self.tag = _header(answer, b"etag") or self.tag
                return received
            if status != NOT_NOW:
                raise RequestFailed(f"{method} {path}: {status} {received[:300]!r}")
            self.n_not_now += 1


async def livez(connection: Connection, n: int, _number: int) -> None:
    """Request a route that needs the server only."""
    for _ in range(n):
        await connection.send("GET", "/livez")


async def prediction(connection: Connection, n: int, number: int) -> None:
    """Request a ranking of every pump for a call at one of 500 locations, 5 of them returned, explanations for the first."""
    for easting_m, northing_m in _some(LOCATIONS, n, number):
        location = {"easting_m": easting_m, "northing_m": northing_m}
        await connection.send("POST", "/v1/predictions", {"location": location, "incident_type": "Fire"})


async def prediction_known_board(connection: Connection, n: int, number: int) -> None:
    """Request as `prediction` does, after every pump was reported available."""
    board_state = json.loads(await connection.send("GET", "/v1/board"))
    for pump in board_state["pumps"][number::CLIENTS]:
        if pump["is_assumed"]:
            await connection.send("PUT", f"/v1/pumps/{pump['code']}", {"state": "available"})
    connection.took_s.clear()
    await prediction(connection, n, number)


async def time_pump(connection: Connection, n: int, number: int) -> None:
    """Send the original's request with query parameters."""
    for i in range(n):
        ground = GROUNDS[(i + number) % len(GROUNDS)]
        named = {"Station_Code_of_ressource": ground, "IncidentStationGround_Code": ground}
        query = urlencode({**named, "Distance": 0.3 + i % 40 / 10, "month": 1 + i % 12})
        await connection.send("POST", f"/predict/time_pump?{query}")


async def bare(connection: Connection, n: int, number: int) -> None:
    """Request one row of one booster from the bare endpoint."""
    for i in range(n):
        await connection.send("POST", "/", {"row": [float((i + number) % 97)] * BARE_COLUMNS})


async def board(connection: Connection, n: int, number: int) -> None:
    """Send a pump of the client's own and report its events: five requests."""
    board_state = json.loads(await connection.send("GET", "/v1/board"))
    connection.took_s.clear()
    own = [pump["code"] for pump in board_state["pumps"]][number::CLIENTS]
    for i, pump in zip(range(0, n, 1 + len(EVENTS)), cycle(own), strict=False):
        sent = {"incident_number": f"{number}-{i}-{time.time_ns()}", "pump": pump}
        made = json.loads(await connection.send("POST", "/v1/mobilisations", sent))
        for event in EVENTS:
            await connection.send("POST", f"/v1/mobilisations/{made['id']}/{event}")


async def console_poll(connection: Connection, n: int, _number: int) -> None:
    """Poll as a page does; nothing changes, so that only the first answer has a body."""
    for _ in range(n):
        await connection.send("GET", POLL)


async def console_list(connection: Connection, n: int, number: int) -> None:
    """Request the list of New call for a match that the operator took, as the page does."""
    for easting_m, northing_m in _some(LOCATIONS, n, number):
        location, place = (
            {"easting_m": easting_m, "northing_m": northing_m},
            f"{easting_m:.0f}, {northing_m:.0f}",
        )
        chosen = json.dumps({"label": place, "location": location, "typed": place})
        form = urlencode({"place": place, "incident_type": "Fire", "chosen": chosen})
        if b"data-pump" not in await connection.send("POST", "/console/call", form):
            raise RequestFailed(f"no list for {place}")


async def prediction_as_listed(connection: Connection, n: int, number: int) -> None:
    """Request from the API what `console_list` shows."""
    for easting_m, northing_m in _some(LOCATIONS, n, number):
        location = {"easting_m": easting_m, "northing_m": northing_m}
        options = {"incident_type": "Fire", "max_candidates": N_SHOWN, "quantiles": True}
        await connection.send("POST", "/v1/predictions", {"location": location, **options})


async def console_minute(connection: Connection, n: int, number: int) -> None:
    """Poll n times, once a second; the first console records pumps now and then. Only polls count in `took_s`."""
    pumps: list[str] = json.loads(await connection.send("GET", POLL))["unknown"]
    connection.took_s.clear()
    # consoles that were opened at different times poll at different times
    began = time.perf_counter() + number / 30
    for i in range(n):
        await asyncio.sleep(began + i - time.perf_counter())
        await connection.send("GET", POLL)
        if number == 0 and i % RECORD_EVERY == RECORD_EVERY // 2:
            took_s, connection.took_s, pump = connection.took_s, [], pumps[i]
            form = {
                "pump": pump,
                "first": pump,
                "key": f"{time.time_ns()}",
                "easting_m": 530_000,
                "northing_m": 180_000,
            }
            if b'data-state="refused"' in await connection.send("POST", "/console/record", urlencode(form)):
                raise RequestFailed(f"{pump} was not recorded")
            connection.took_s = took_s


WORKS: dict[str, Callable[[Connection, int, int], Coroutine[Any, Any, None]]] = {
    work.__name__: work
    for work in (
        *(livez, prediction, prediction_known_board, time_pump, bare, board),
        *(console_poll, console_list, prediction_as_listed, console_minute),
    )
}


async def load(address: str, token: str, work: str, n: int, clients: int = CLIENTS) -> dict[str, object]:
    """Send n requests in all from some clients. Returns: {took_s of each, together_s}."""
    location = urlsplit(address)
    kind, own = ("application/json", f"Authorization: Bearer {token}\r\n")
    if token.startswith(COOKIE):
        kind = "application/x-www-form-urlencoded"
        own = f"Cookie: {token}\r\nSec-Fetch-Site: same-origin\r\nConsole-Part: 1\r\n"
    head = f"Host: {location.netloc}\r\n{own}Content-Type: {kind}\r\n"
    connections = [
        Connection(*await asyncio.open_connection(location.hostname, location.port), head, [])
        for _ in range(clients)
    ]
    began = time.perf_counter()
    works = (WORKS[work](each, n // clients, number) for number, each in enumerate(connections))
    await asyncio.gather(*works)
    together_s = time.perf_counter() - began
    for each in connections:
        each.writer.close()
    return {
        "took_s": [second for each in connections for second in each.took_s],
        "together_s": together_s,
        "n_not_now": sum(each.n_not_now for each in connections),
    }


def _length(head: bytes) -> int:
    length = _header(head, b"content-length")
    if length is None:
        raise RequestFailed(f"no length in {head!r}")
    return int(length)


def _header(head: bytes, name: bytes) -> str | None:
    for line in head.split(b"\r\n"):
        if line.lower().startswith(name + b":"):
            return line.partition(b":")[2].strip().decode()
    return None


def _some(locations: list[tuple[float, float]], n: int, number: int) -> Iterator[tuple[float, float]]:
    return (locations[(number * n + i) % len(locations)] for i in range(n))


if __name__ == "__main__":
    address, token, work, *counts = sys.argv[1:]
    print(json.dumps(asyncio.run(load(address, token, work, *map(int, counts)))))
