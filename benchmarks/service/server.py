"""A service process and the resources that it has used so far."""

import gzip
import json
import os
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from benchmarks.processes import KIB_PER_MIB, CommandFailed
from benchmarks.service.service_home import PASSWORD, USERNAME, Home

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
USER_TICKS, SYSTEM_TICKS = 11, 12
"""Fields of /proc/PID/stat behind the name of the command."""
PAUSE_S = 0.02
FORM = urlencode({"username": USERNAME, "password": PASSWORD}).encode()
SERVE = ("-c", "from londonpump.cli import main; main()", "serve", "--port", "0")
BARE = ("-m", "benchmarks.service.bare")


@dataclass(frozen=True)
class Server:
    """A running server; the ready times run from its start until /readyz succeeds."""

    address: str
    process: subprocess.Popen[str]
    ready_wall_s: float
    ready_cpu_s: float

    def cpu_s(self) -> float:
        """Return the CPU seconds of all its threads so far, user and system."""
        return _cpu_s(self.process.pid)

    def rss_mib(self) -> float:
        """Return its resident memory."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8")
        (line,) = [line for line in status.splitlines() if line.startswith("VmRSS:")]
        return int(line.split()[1]) / KIB_PER_MIB

    def token(self) -> str:
        """Sign in and return the access token."""
        return str(json.loads(_fetch(f"{self.address}/login", FORM).read())["access_token"])

    def cookie(self) -> str:
        """Sign in to the console and return the cookie."""
        own = {"Sec-Fetch-Site": "same-origin", "Console-Part": "1"}
        answer = _fetch(f"{self.address}/console/sign-in", FORM, own)
        return str(answer.headers["Set-Cookie"]).partition(";")[0]

    def download(self, path: str, cookie: str) -> tuple[bytes, int]:
        """Fetch a file as a browser does. Returns: its content, and the bytes on the wire with the head of the answer."""
        answer = _fetch(f"{self.address}{path}", headers={"Cookie": cookie, "Accept-Encoding": "gzip"})
        body = answer.read()
        content = gzip.decompress(body) if answer.headers["Content-Encoding"] == "gzip" else body
        return content, len(body) + len(answer.headers.as_bytes())


@contextmanager
def serving(python: Path, home: Home, command: tuple[str, ...] = SERVE) -> Iterator[Server]:
    """Run a service on a free port until the block ends.

    Args: python: of its environment. command: the arguments of Python. Raises: CommandFailed.
    """
    command = (str(python), *command)
    log = home.folder / "served.log"
    began = time.perf_counter()
    with log.open("w", encoding="utf-8") as stream:
        process = subprocess.Popen(
            command,
            env=home.environment(),
            stdout=subprocess.PIPE,
            stderr=stream,
            text=True,
            cwd=home.folder,
        )
    try:
        line = process.stdout.readline() if process.stdout else ""
        if not line:
            raise CommandFailed(command, process.wait(), log.read_text(encoding="utf-8"))
        address = line.split()[-1]
        _fetch(f"{address}/readyz").close()
        yield Server(address, process, time.perf_counter() - began, _cpu_s(process.pid))
    finally:
        process.terminate()
        process.communicate()


def _fetch(address: str, form: bytes | None = None, headers: Mapping[str, str] | None = None) -> Any:
    """Return the response as soon as the service is ready."""
    straight = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    straight.addheaders = list((headers or {}).items())
    while True:
        try:
            return straight.open(address, form)
        except urllib.error.HTTPError as error:
            if error.code != HTTPStatus.SERVICE_UNAVAILABLE:
                raise
        time.sleep(PAUSE_S)


def _cpu_s(pid: int) -> float:
    # the name of the command may hold blanks
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[USER_TICKS]) + int(fields[SYSTEM_TICKS])) / TICKS_PER_S
