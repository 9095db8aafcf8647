"""The service as a process of its own, from start to end, as in production."""

import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from londonpump.domain.errors import LondonPumpError

# The process and the address of a service.
ServiceProcess = tuple["subprocess.Popen[str]", str]
SHUTDOWN_TIMEOUT_S = 20


class ServiceFailed(LondonPumpError):
    """The service of a demo or a rehearsal did not start, or ended by itself."""


@contextmanager
def running_service(
    command: Sequence[str], environment: Mapping[str, str], log: Path
) -> Iterator[ServiceProcess]:
    """Run the service during the block, with its standard error in `log`. Raises: ServiceFailed if it does not start."""
    # SIGTERM raises KeyboardInterrupt, so that the service is ended too
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
    """Return the error to raise if the process is gone."""
    return ServiceFailed(f"The service ended by itself. See {log} for the reason.")


def _address(process: "subprocess.Popen[str]", log: Path) -> str:
    # the service prints its address once it accepts connections; no line means that it ended
    first_line = process.stdout.readline() if process.stdout is not None else ""
    if first_line:
        return first_line.split()[-1]
    process.wait()
    log_lines = log.read_text(encoding="utf-8").strip().splitlines() or ["no message"]
    raise ServiceFailed(f"The service did not start: {log_lines[-1].removeprefix('londonpump: ')}")


def _end(process: "subprocess.Popen[str]") -> None:
    process.terminate()
    try:
        process.wait(SHUTDOWN_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        # a service that does not end in time is killed, so that no process is left behind
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()
