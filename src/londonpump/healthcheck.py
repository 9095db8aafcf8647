"""Question to the service on this machine whether it is alive, for a container that asks every few seconds.

It imports nothing but sockets, so that asking costs less than the service itself uses while idle.
"""

import socket
import sys

DEFAULT_PORT = 8000
TIMEOUT_S = 2.0
REQUEST = b"GET /livez HTTP/1.0\r\nHost: localhost\r\n\r\n"


def is_alive(port: int) -> bool:
    """Return whether the service on this port answers `/livez` with 200 in time."""
    try:
        with socket.create_connection(("127.0.0.1", port), TIMEOUT_S) as connection:
            connection.sendall(REQUEST)
            # "HTTP/1.1 200 OK" is complete in the first segment
            status = connection.recv(64).split(b" ", 2)[1:2]
    except OSError:
        return False
    return status == [b"200"]


def check(port: int) -> int:
    """Ask, say on standard error what is wrong, and return the exit code."""
    if is_alive(port):
        return 0
    print(f"londonpump: the service on port {port} does not answer within {TIMEOUT_S:g} s.", file=sys.stderr)
    return 1
