"""Question to the service on this machine whether it is alive, for a container that asks every few seconds.

It imports nothing but sockets, so that asking costs less than the service itself uses while idle.
"""

import socket
import sys

DEFAULT_PORT = 8000
TIMEOUT_S = 2.0
MAX_LINE_BYTES = 200
REQUEST = b"GET /livez HTTP/1.0\r\nHost: localhost\r\n\r\n"


def find_problem(port: int) -> str | None:
    """Return None if the service on this port of 127.0.0.1 answers `/livez` with 200, else what it does."""
    try:
        with (
            socket.create_connection(("127.0.0.1", port), TIMEOUT_S) as connection,
            connection.makefile("rb") as answer,
        ):
            connection.sendall(REQUEST)
            status = answer.readline(MAX_LINE_BYTES).split(b" ", 2)[1:2]
    except OSError as error:
        return f"does not answer ({error})"
    return None if status == [b"200"] else f"answers {b''.join(status).decode(errors='replace') or 'nothing'}"


def check(port: int) -> int:
    """Ask, say on standard error what is wrong, and return the exit code."""
    problem = find_problem(port)
    if problem is None:
        return 0
    print(f"londonpump: the service on port {port} of 127.0.0.1 {problem}.", file=sys.stderr)
    return 1
