"""A receiver of alarms: a real HTTP server on loopback that records what it was sent.

with receiving(503, 200) as receiver:      # statuses in turn, the last one for ever
    receiver.url; receiver.got             # bodies that were sent, in order, refused ones too
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


class Receiver:
    """A running receiver. url: its address, with a secret part that no message may show."""

    def __init__(self, url: str, statuses: tuple[int, ...]) -> None:
        self.url = url
        self.got: list[Any] = []
        self.statuses = list(statuses)

    def take(self, body: bytes) -> int:
        self.got.append(json.loads(body))
        return self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]


@contextmanager
def receiving(*statuses: int) -> Iterator[Receiver]:
    server = _Server(("127.0.0.1", 0), _Handler)
    server.receiver = Receiver(f"http://127.0.0.1:{server.server_port}/hook/secret-part", statuses)
    thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server.receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(ThreadingHTTPServer):
    receiver: Receiver
    daemon_threads = True


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        status = self.server.receiver.take(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        """Write nothing to standard error."""
