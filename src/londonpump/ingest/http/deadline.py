"""The end of patience: closes a connection that gives a byte now and then for ever."""

import socket
from threading import Timer
from typing import Any, Self


class Deadline:
    """Ends the connections of one try after `total_s`. Time-outs of single reads never see a slow drip."""

    def __init__(self, total_s: float) -> None:
        self.total_s = total_s
        self.is_expired = False
        self._sockets: list[socket.socket] = []
        self._timer = Timer(total_s, self._end)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def trace(self, event: str, info: dict[str, Any]) -> None:
        """Told by the library what it does; learns of each connection as it is made."""
        if not event.endswith(("connect_tcp.complete", "start_tls.complete")):
            return
        connection = info["return_value"].get_extra_info("socket")
        if isinstance(connection, socket.socket):
            self._sockets.append(connection)
        if self.is_expired:
            self._end()

    def _end(self) -> None:
        self.is_expired = True
        for connection in self._sockets:
            try:
                # the plain socket's, so that a TLS socket keeps its state for the thread that reads from it
                socket.socket.shutdown(connection, socket.SHUT_RDWR)
            except OSError:  # closed already: nothing left to end
                continue
