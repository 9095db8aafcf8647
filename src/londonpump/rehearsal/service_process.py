"""A service as it runs on duty: a process of its own, from its start to its end."""

import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from londonpump.domain.errors import LondonPumpError

ServiceProcess = tuple["subprocess.Popen[str]", str]
"""Its process and its address."""
SHUTDOWN_TIMEOUT_S = 20


class ServiceFailed(LondonPumpError):
    """A service that was started for a demo or a rehearsal did not start, or ended by itself."""


@contextmanager
def running_service(
    command: Sequence[str], environment: Mapping[str, str], log: Path
) -> Iterator[ServiceProcess]:
    """A signal to end ends the service too. log: what it says is written there.

    Raises: ServiceFailed if it does not start.
    """
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    with log.open("w", encoding="utf-8") as stream:
        process = subprocess.Popen(  # noqa: S603
            command, env=environment, stdout=subprocess.PIPE, stderr=stream, text=True
        )
        try:
            yield process, _address(process, log)
        finally:
            _end(process)
            signal.signal(signal.SIGTERM, before)


def service_ended_error(log: Path) -> ServiceFailed:
    """To be raised by whoever finds it gone."""
    return ServiceFailed(f"The service ended by itself. {log} says why.")


def _address(process: "subprocess.Popen[str]", log: Path) -> str:
    first_line = process.stdout.readline() if process.stdout is not None else ""
    if first_line:
        return first_line.split()[-1]
    process.wait()
    log_lines = log.read_text(encoding="utf-8").strip().splitlines() or ["no word"]
    raise ServiceFailed(f"The service did not start: {log_lines[-1].removeprefix('londonpump: ')}")


def _end(process: "subprocess.Popen[str]") -> None:
    process.terminate()
    try:
        process.wait(SHUTDOWN_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()
