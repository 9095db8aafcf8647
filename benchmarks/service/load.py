"""Cost of starting the service and of its responses; CPU time is that of the server process alone."""

import json
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.figures import Measurement, Reading
from benchmarks.inputs import Inputs
from benchmarks.processes import ROOT, run
from benchmarks.service.clients import CLIENTS
from benchmarks.service.postgresql import postgresql
from benchmarks.service.server import BARE, Server, serving
from benchmarks.service.service_home import Home, made

PRODUCT = Path(sys.executable)
OWN = ROOT / ".venv-service" / "bin" / "python"
"""Python of the service's own environment, made by `scripts/service-env`."""
STARTS = 5
MS_PER_S = 1000
CPU_TARGETS_MS = {"prediction": 3.0, "prediction_known_board": 3.0, "time_pump": 0.8}
ALONE_TARGETS_MS = {"prediction": 4.5, "time_pump": 1.2}
P99_TARGETS_MS = {"prediction": 60.0, "prediction_known_board": 60.0}
REQUESTS = {"livez": 4, "prediction": 1, "prediction_known_board": 1, "time_pump": 2, "board": 2}
"""Requests per sample: enough for CPU time, which is counted in hundredths of a second."""


def measure_start(inputs: Inputs) -> Measurement:
    """Measure the start in the service's own environment if there is one, and in the product's."""
    readings: list[Reading] = []
    with sqlite_home(inputs) as home:
        for name, python in _environments().items():
            is_own = name == "own"
            starts = [_start(python, home) for _ in range(STARTS)]
            for quantity, unit, target in (
                ("wall_s", "s", 1.5),
                ("cpu_s", "s", None),
                ("rss_mib", "MiB", 300),
            ):
                values = [start[quantity] for start in starts]
                aim = target if is_own else None
                readings.append(
                    Reading(
                        f"{name}_{quantity}", statistics.median(values), unit, aim, (min(values), max(values))
                    )
                )
    what = "start to ready, in the service's own and in the product's environment"
    return Measurement("service_start", what, {"starts": STARTS}, STARTS, tuple(readings))


def measure_sqlite(inputs: Inputs) -> Measurement:
    """Measure the service with the embedded database."""
    with sqlite_home(inputs) as home:
        return _loaded("sqlite", inputs, home)


def measure_postgresql(inputs: Inputs) -> Measurement:
    """Measure the service with PostgreSQL on the same machine, over a socket."""
    with postgresql() as url, _folder(inputs) as folder:
        return _loaded("postgresql", inputs, made(folder / "home", url, inputs.bundle()))


def _loaded(engine: str, inputs: Inputs, home: Home) -> Measurement:
    samples = inputs.sizes.samples
    readings: list[Reading] = []
    with serving(next(iter(_environments().values())), home) as server:
        for work, times in REQUESTS.items():
            load(server, work, max(samples // 10, 2 * CLIENTS))
            readings += _readings(work, *load(server, work, times * samples))
        readings += [_alone(server, work, samples) for work in ALONE_TARGETS_MS]
        readings.append(Reading("rss_after_mib", server.rss_mib(), "MiB", 300))
    with serving(PRODUCT, home, BARE) as server:
        load(server, "bare", max(samples // 10, 2 * CLIENTS), token="none")  # noqa: S106
        _, cpu_ms = load(server, "bare", 4 * samples, token="none")  # noqa: S106
        readings += [Reading("bare_cpu_ms", cpu_ms, "ms"), _alone(server, "bare", 4 * samples, token="none")]  # noqa: S106
    what = f"the service on {engine}, {CLIENTS} clients in a closed loop"
    return Measurement(f"service_{engine}", what, {"requests a work": samples}, 1, tuple(readings))


def _alone(server: Server, work: str, n: int, token: str | None = None) -> Reading:
    """Measure the same with one client, whose requests never share a batch."""
    _, cpu_ms = load(server, work, n, clients=1, token=token)
    return Reading(f"{work}_one_client_cpu_ms", cpu_ms, "ms", ALONE_TARGETS_MS.get(work))


def load(
    server: Server, work: str, n: int, *, clients: int = CLIENTS, token: str | None = None
) -> tuple[dict[str, Any], float]:
    """Send the load. Returns: the figures of the clients, and the server's CPU time per request, ms."""
    command = (
        sys.executable,
        "-m",
        "benchmarks.service.clients",
        server.address,
        token or server.token(),
        work,
        str(n),
        str(clients),
    )
    before_s = server.cpu_s()
    _, output = run(command)
    cpu_s = server.cpu_s() - before_s
    seen: dict[str, Any] = json.loads(output.splitlines()[-1])
    return seen, cpu_s / len(seen["took_s"]) * MS_PER_S


def _readings(work: str, seen: dict[str, Any], cpu_ms: float) -> Iterator[Reading]:
    yield Reading(f"{work}_cpu_ms", cpu_ms, "ms", CPU_TARGETS_MS.get(work))
    for share in (50, 95, 99):
        value_ms = float(np.percentile(seen["took_s"], share)) * MS_PER_S
        target = P99_TARGETS_MS.get(work) if share == 99 else None
        yield Reading(f"{work}_p{share}_ms", value_ms, "ms", target)
    yield Reading(f"{work}_not_now_pct", 100 * seen["n_not_now"] / len(seen["took_s"]), "%", 0)
    yield Reading(f"{work}_a_second", len(seen["took_s"]) / seen["together_s"], "requests")


def _start(python: Path, home: Home) -> dict[str, float]:
    with serving(python, home) as server:
        return {"wall_s": server.ready_wall_s, "cpu_s": server.ready_cpu_s, "rss_mib": server.rss_mib()}


def _environments() -> dict[str, Path]:
    """Return the environments, the service's own first."""
    return {**({"own": OWN} if OWN.exists() else {}), "product": PRODUCT}


@contextmanager
def sqlite_home(inputs: Inputs) -> Iterator[Home]:
    """Make a home with the embedded database, and remove it after the block."""
    with _folder(inputs) as folder:
        yield made(folder / "home", f"sqlite:///{folder / 'service.db'}", inputs.bundle())


@contextmanager
def _folder(inputs: Inputs) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=inputs.work) as name:
        yield Path(name)


MEASURES = {
    "service_start": measure_start,
    "service_sqlite": measure_sqlite,
    "service_postgresql": measure_postgresql,
}
