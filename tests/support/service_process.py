"""The service in a process of its own, on a free port of loopback."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Served:
    """A running service. process: tests may kill it. log: its standard error."""

    process: subprocess.Popen[str]
    address: str
    log: Path

    @property
    def host_and_port(self) -> tuple[str, int]:
        """Return host and port."""
        parts = urlsplit(self.address)
        return str(parts.hostname), int(parts.port or 0)

    def connect(self, patience_s: float = 10, source: str = "127.0.0.1") -> socket.socket:
        """Open a plain connection. source: the loopback address that the service sees."""
        return socket.create_connection(self.host_and_port, timeout=patience_s, source_address=(source, 0))


def environment(home: Path, **more: str) -> dict[str, str]:
    """Return the environment of this process, with these settings of the product only."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("LONDONPUMP_")}
    return {**inherited, "LONDONPUMP_HOME": str(home), **more}


@contextmanager
def served(home: Path, log: Path | None = None, **settings: str) -> Iterator[Served]:
    """Run a service until the block ends. log: the file of its log, instead of its home."""
    home.mkdir(parents=True, exist_ok=True)
    log = log or home / "served.log"
    with log.open("a") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "londonpump.cli", "serve", "--port", "0"],
            env=environment(home, **settings),
            stdout=subprocess.PIPE,
            stderr=stream,
            text=True,
        )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, log.read_text()
        yield Served(process, line.split()[-1], log)
    finally:
        process.kill()
        process.communicate()
