"""The cost of a command: CPU seconds, wall seconds and peak memory of a fresh process and its children."""

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from londonpump.domain.errors import LondonPumpError

ROOT = Path(__file__).resolve().parents[1]
KIB_PER_MIB = 1024
LONDONPUMP = (sys.executable, "-c", "from londonpump.cli import main; main()")
LAST_LINES = 20


class CommandFailed(LondonPumpError):
    """A measured command failed, so its cost means nothing."""

    def __init__(self, command: tuple[str, ...], code: int, output: str) -> None:
        last = "\n".join(output.splitlines()[-LAST_LINES:])
        super().__init__(f"{' '.join(command)}: ended with {code}. Run it by hand to see why.\n{last}")


@dataclass(frozen=True, slots=True)
class Cost:
    """Cost of one process with its children, start and end included; `cpu_s` is user and system time."""

    cpu_s: float
    wall_s: float
    peak_rss_mib: float

    def to_json(self) -> dict[str, float]:
        """Return JSON-serializable values."""
        return {name: round(value, 3) for name, value in asdict(self).items()}


def run(command: tuple[str, ...]) -> tuple[Cost, str]:
    """Run a command to its end. Returns: its cost and what it wrote to standard output.

    The peak is that of the largest single process; a child starts from the memory of this one (tens of MiB).
    Raises: CommandFailed where it does not end with 0.
    """
    start = time.perf_counter()
    with tempfile.TemporaryFile("w+", encoding="utf-8") as output_file:
        process = subprocess.Popen(
            command, stdout=output_file, stderr=subprocess.STDOUT, cwd=ROOT, env=environment()
        )
        _, status, used = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        output_file.seek(0)
        output = output_file.read()
    if process.returncode:
        raise CommandFailed(command, process.returncode, output)
    return Cost(used.ru_utime + used.ru_stime, wall_s, used.ru_maxrss / KIB_PER_MIB), output


def londonpump(*arguments: str | Path) -> Cost:
    """Return the cost of one command of the product."""
    return run((*LONDONPUMP, *map(str, arguments)))[0]


def task(name: str, *arguments: str | Path) -> tuple[Cost, dict[str, Any]]:
    """Run one of `tasks` in a process of its own. Returns: the cost and what it found."""
    cost, output = run((sys.executable, "-m", "benchmarks.tasks", name, *map(str, arguments)))
    found: dict[str, Any] = json.loads(output.splitlines()[-1])
    return cost, found


def environment() -> dict[str, str]:
    """Return the environment of a process that runs code of this checkout."""
    paths = [str(ROOT), str(ROOT / "src"), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)), "PYTHONUNBUFFERED": "1"}
