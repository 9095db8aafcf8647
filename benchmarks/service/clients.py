"""Clients in a closed loop, as a process of their own: `python -m benchmarks.service.clients ADDRESS TOKEN WORK N [CLIENTS]`

Each (8 by default) has a connection it keeps and sends its next request when the last is answered. The protocol is spoken by
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
SUCCESS, NOT_NOW = (200, 201), 503


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

    async def send(self, method: str, path: str, board_state: object = None) -> bytes:
        """Send a request until it succeeds. Returns: the body of the response. Raises: RequestFailed."""
        body = b"" if board_state is None else json.dumps(board_state).encode()
        head = f"{method} {path} HTTP/1.1\r\n{self.head}Content-Length: {len(body)}\r\n\r\n"
        while True:
            began = time.perf_counter()
            self.writer.write(head.encode() + body)
            answer = await self.reader.readuntil(b"\r\n\r\n")
            content = await self.reader.readexactly(_length(answer))
            self.took_s.append(time.perf_counter() - began)
            status = int(answer.split(b" ", 2)[1])
            if status in SUCCESS:
                return content
            if status != NOT_NOW:
                raise RequestFailed(f"{method} {path}: {status} {content[:300]!r}")
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


WORKS: dict[str, Callable[[Connection, int, int], Coroutine[Any, Any, None]]] = {
    work.__name__: work for work in (livez, prediction, prediction_known_board, time_pump, bare, board)
}


async def load(address: str, token: str, work: str, n: int, clients: int = CLIENTS) -> dict[str, object]:
    """Send n requests in all from some clients. Returns: {took_s of each, together_s}."""
    location = urlsplit(address)
    head = f"Host: {location.netloc}\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n"
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
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    raise RequestFailed(f"no length in {head!r}")


def _some(locations: list[tuple[float, float]], n: int, number: int) -> Iterator[tuple[float, float]]:
    return (locations[(number * n + i) % len(locations)] for i in range(n))


if __name__ == "__main__":
    address, token, work, *counts = sys.argv[1:]
    print(json.dumps(asyncio.run(load(address, token, work, *map(int, counts)))))
