"""The environment of the measurements: machine, libraries and commit; never the name of the host."""

import os
import platform
import statistics
import subprocess
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.processes import ROOT

LIBRARIES = ("duckdb", "ibis-framework", "lightgbm", "numpy", "pyarrow", "scikit-learn", "scipy", "sqlglot")
PACES = 5
NS_PER_MS = 1e6
OWN_RESULTS = ":(exclude)benchmarks/results"


def machine() -> dict[str, Any]:
    """Return the CPU model, cores, memory, system, Python and library versions."""
    return {
        "cpu": _cpu_model(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in LIBRARIES},
    }


def pace_ms() -> float:
    """Return the CPU time that a fixed piece of work takes now, because a shared machine can be half as fast an hour later."""
    took_ns = []
    for _ in range(PACES):
        began_ns = time.thread_time_ns()
        total = 0
        for number in range(1_000_000):
            total += number
        took_ns.append(time.thread_time_ns() - began_ns)
    return statistics.median(took_ns) / NS_PER_MS


def commit(checkout: Path = ROOT) -> tuple[str | None, bool]:
    """Return (the commit of a checkout or None, whether files have changed since)."""
    head = _git(checkout, "rev-parse", "--short=12", "HEAD")
    if head is None:
        return None, False
    changed = _git(checkout, "status", "--porcelain", "--", ".", OWN_RESULTS)
    return head, bool(changed)


def _cpu_model() -> str:
    facts = Path("/proc/cpuinfo")
    if facts.exists():
        for line in facts.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _git(checkout: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(("git", *arguments), cwd=checkout, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
