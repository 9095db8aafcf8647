"""The service under a rehearsal: a process of its own that runs while everything else happens."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from londonpump.rehearsal.year_home import RehearsalFailed, YearHome

LOG = "service.log"
ENDS_WITHIN_S = 20


@contextmanager
def serving(home: YearHome) -> Iterator[str]:
    """A service on a free port of loopback. Returns: its address. A signal to end ends it too.

    Raises: RehearsalFailed if it does not start, or ended by itself.
    """
    log = home.folder / LOG
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    with log.open("w", encoding="utf-8") as stream:
        process = subprocess.Popen(  # noqa: S603
            home.command("serve", "--port", "0"),
            env=home.environment(),
            stdout=subprocess.PIPE,
            stderr=stream,
            text=True,
        )
        try:
            yield _address(process, log)
            if process.poll() is not None:
                raise RehearsalFailed(f"The service ended by itself. {log} says why.")
        finally:
            _end(process)
            signal.signal(signal.SIGTERM, before)


def _address(process: "subprocess.Popen[str]", log: Path) -> str:
    told = process.stdout.readline() if process.stdout is not None else ""
    if told:
        return told.split()[-1]
    process.wait()
    said = log.read_text(encoding="utf-8").strip().splitlines() or ["no word"]
    raise RehearsalFailed(f"The service did not start: {said[-1].removeprefix('londonpump: ')}")


def _end(process: "subprocess.Popen[str]") -> None:
    process.terminate()
    try:
        process.wait(ENDS_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()
