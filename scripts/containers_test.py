"""Build the images, start the whole stack with Docker Compose, break it under load, and show that nothing is lost.

make containers-test ARGS="--json FILE --incidents N"
Exit codes: 0 as promised; 1 something is not; 77 skipped, and why (this machine has no engine of containers).
Everything happens in a copy of the checkout, in a project of its own on free ports; all of it is removed at the end,
except the images, which make the next run quick.
"""

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
from container_engine import Engine, Skipped, StepFailed, health_checks, make_base_images, running_engine

ROOT = Path(__file__).resolve().parents[1]
SKIPPED = 77
TAG = "containers-test"
TARGETS_MB = {"service": 170.0, "worker": 330.0, "airflow": 450.0}
MAX_IDLE_MB = 2_000
REST_S, LOAD_S, TIMEOUT_S = 30, 5, 180
SIGNALS = (signal.SIGINT, signal.SIGTERM)
CLIENTS, PAUSE_S = 4, 0.02
SERVICE_ONLY = ("up", "--detach", "--wait", "--no-deps", "--no-recreate")
QUESTION = {
    "location": {"easting_m": 530_030, "northing_m": 180_390},
    "incident_type": "Fire",
    "max_candidates": 1,
}
ACCOUNT = re.compile(r"The account (\S+) has the password (\S+)\. Keep it")


@dataclass
class Report:
    """Figures, in the order in which they were measured, and promises that were not kept."""

    figures: dict[str, Any] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)

    def note(self, name: str, value: Any, *, is_kept: bool = True) -> None:
        """Add a figure and print it."""
        self.figures[name] = round(value, 1) if isinstance(value, float) else value
        if not is_kept:
            self.broken.append(name)
        print(f"{name:<58} {self.figures[name]}{'' if is_kept else '   NOT AS PROMISED'}", flush=True)


@dataclass
class Stack:
    """The stack of one run."""

    engine: Engine
    folder: Path
    """A copy of the checkout."""
    project: str

    def compose(self, *command: str) -> str:
        """Run Docker Compose. Raises: StepFailed."""
        return self.engine.run(
            self.engine.compose, *command, cwd=self.folder, COMPOSE_PROJECT_NAME=self.project
        )

    def make(self, target: str) -> str:
        """Run a target of the Makefile with this Compose. Raises: StepFailed."""
        command = ("make", "--no-print-directory", target, f"COMPOSE={self.engine.compose}")
        return self.engine.run(*command, cwd=self.folder, COMPOSE_PROJECT_NAME=self.project)

    def addresses(self) -> list[str]:
        """Return the address of each replica of the service, whose ports the engine chooses."""
        found = []
        for number in range(1, len(self.engine.containers(self.project, "service")) + 1):
            with suppress(StepFailed):
                port = self.compose("port", "--index", str(number), "service", "8000").strip()
                found.append(f"http://{port}")
        return found


@dataclass
class Load:
    """Clients that send one call after the other to the replicas that are ready."""

    replicas: list[str]
    ready: list[str] = field(default_factory=list)
    acknowledged: list[str] = field(default_factory=list)
    """Ids of the predictions that were answered."""
    failures: Counter[str] = field(default_factory=Counter)
    """Calls without an answer, by what happened."""
    _ended: threading.Event = field(default_factory=threading.Event)

    def _watch(self) -> None:
        with httpx2.Client(trust_env=False, timeout=2) as client:
            while not self._ended.wait(0.1):
                self.ready = [address for address in self.replicas if _is_ready(client, address)]

    def _ask(self, number: int, headers: dict[str, str]) -> None:
        with httpx2.Client(headers=headers, trust_env=False, timeout=10) as client:
            while not self._ended.wait(PAUSE_S):
                number += 1
                if not (ready := self.ready):
                    continue
                try:
                    answer = client.post(f"{ready[number % len(ready)]}/v1/predictions", json=QUESTION)
                except httpx2.HTTPError as error:
                    self.failures[type(error).__name__] += 1
                    continue
                if answer.status_code == httpx2.codes.OK:
                    self.acknowledged.append(answer.json()["id"])
                else:
                    self.failures[str(answer.status_code)] += 1


@contextmanager
def under_load(replicas: list[str], headers: dict[str, str]) -> Iterator[Load]:
    """Send calls until the block ends."""
    load = Load(replicas)
    threads = [threading.Thread(target=load._watch)]  # noqa: SLF001
    threads += [threading.Thread(target=load._ask, args=(number, headers)) for number in range(CLIENTS)]  # noqa: SLF001
    for thread in threads:
        thread.start()
    try:
        yield load
    finally:
        load._ended.set()  # noqa: SLF001
        for thread in threads:
            thread.join()


def _is_ready(client: httpx2.Client, address: str) -> bool:
    try:
        return client.get(f"{address}/readyz").status_code == httpx2.codes.OK
    except httpx2.HTTPError:
        return False


def wait_until(is_so: Callable[[], bool], what: str) -> float:
    """Wait until something is so. Returns: seconds. Raises: StepFailed after a time limit."""
    begun_s = time.monotonic()
    while not is_so():
        if time.monotonic() - begun_s > TIMEOUT_S:
            raise StepFailed(f"{what}: not within {TIMEOUT_S} s")
        time.sleep(0.1)
    return time.monotonic() - begun_s


def timed(step: Callable[[], Any]) -> tuple[float, Any]:
    """Return how many seconds a step took, and its result."""
    begun_s = time.monotonic()
    result = step()
    return time.monotonic() - begun_s, result


def copy_checkout(folder: Path) -> Path:
    """Copy the files of the checkout, so that its secrets and its .env are neither used nor changed."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    for name in listed:
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return folder


def write_settings(stack: Stack, incidents: int) -> None:
    """Write the .env of the stack. Ports without a number are chosen by the engine, one per replica."""
    settings = {
        **stack.engine.settings,
        "TAG": TAG,
        "EXAMPLE_INCIDENTS": str(incidents),
        **dict.fromkeys(("SERVICE_PORT", "MLFLOW_PORT", "AIRFLOW_PORT"), "127.0.0.1:"),
    }
    lines = [f"{name}={value}\n" for name, value in settings.items()]
    (stack.folder / ".env").write_text("".join(lines), encoding="utf-8")


def build(stack: Stack, work: Path, report: Report) -> None:
    """Build the images and measure their compressed sizes."""
    base_s, _ = timed(lambda: make_base_images(stack.engine, work, stack.folder / "tests/deploy/postgres"))
    report.note("base and PostgreSQL made, s", base_s)
    report.note("images built, s", timed(lambda: stack.compose("build"))[0])
    for name in ("service", "worker", "airflow", "mlflow"):
        size_mb = stack.engine.compressed_mb(f"localhost/londonpump-{name}:{TAG}", work / "sizes")
        target_mb = TARGETS_MB.get(name)
        label = f"{name}, compressed, MB" + (f" (at most {target_mb:.0f})" if target_mb else "")
        report.note(label, size_mb, is_kept=target_mb is None or size_mb <= target_mb)
    shutil.rmtree(work / "sizes")


def start(stack: Stack, report: Report) -> Callable[[str], dict[str, str]]:
    """Start the stack from nothing. Returns: how the first account signs in at an address."""
    healthy_s, output = timed(lambda: stack.make("up"))
    report.note("from nothing to healthy, s", healthy_s)
    account = ACCOUNT.search(output)
    if account is None:
        raise StepFailed(f"make up printed no password of the first account:\n{output}")
    name, password = account.groups()
    logs = stack.compose("logs")
    report.note("the password is in a log after make up", password in logs, is_kept=password not in logs)
    time.sleep(REST_S)
    memory_mb = stack.engine.memory_mb(stack.engine.containers(stack.project))
    for container, used_mb in sorted(memory_mb.items()):
        report.note(f"idle memory of {container.removeprefix(stack.project).strip('-_')}, MB", used_mb)
    total_mb = sum(memory_mb.values())
    report.note(f"idle memory of all, MB (at most {MAX_IDLE_MB})", total_mb, is_kept=total_mb <= MAX_IDLE_MB)

    def sign_in(address: str) -> dict[str, str]:
        form = {"username": name, "password": password}
        answer = httpx2.post(f"{address}/login", data=form, trust_env=False, timeout=30)
        return {"Authorization": f"Bearer {answer.raise_for_status().json()['access_token']}"}

    return sign_in


def kill_service(stack: Stack, headers: dict[str, str], report: Report) -> list[str]:
    """Kill the service under load, and wait until the engine has started it again."""
    (container,), replicas = stack.engine.containers(stack.project, "service"), stack.addresses()
    with under_load(replicas, headers) as load:
        time.sleep(LOAD_S)
        begun_s = time.monotonic()
        os.kill(int(stack.engine("inspect", "--format", "{{.State.Pid}}", container)), signal.SIGKILL)
        wait_until(lambda: not load.ready, "the killed service is gone")
        # an engine may give another port to a container that starts again
        wait_until(lambda: bool(load.ready) or _found_again(stack, load), "the service is back after kill -9")
        report.note("kill -9 under load: ready again after, s", time.monotonic() - begun_s)
        time.sleep(LOAD_S)
    report.note("kill -9 under load: calls without an answer", dict(load.failures))
    return load.acknowledged


def _found_again(stack: Stack, load: Load) -> bool:
    load.replicas[:] = stack.addresses() or load.replicas
    return False


def stop_service(stack: Stack, headers: dict[str, str], report: Report) -> list[str]:
    """Stop the only service under load, and start it again."""
    (container,) = stack.engine.containers(stack.project, "service")
    with under_load(stack.addresses(), headers) as load:
        time.sleep(LOAD_S)
        stop_s, _ = timed(lambda: stack.compose("stop", "service"))
    code = int(stack.engine("inspect", "--format", "{{.State.ExitCode}}", container))
    report.note("SIGTERM under load: ended after, s", stop_s)
    report.note("SIGTERM under load: exit code", code, is_kept=code == 0)
    failures = dict(load.failures)
    report.note("SIGTERM under load: calls without an answer", failures, is_kept=not failures)
    stack.compose(*SERVICE_ONLY, "service")
    return load.acknowledged


def use_two(stack: Stack, headers: dict[str, str], report: Report) -> list[str]:
    """Serve with two replicas, and stop one of them under load."""
    scaled_s, _ = timed(lambda: stack.compose(*SERVICE_ONLY, "--scale", "service=2", "service"))
    report.note("scaled to two replicas, s", scaled_s)
    containers, replicas = stack.engine.containers(stack.project, "service"), stack.addresses()
    report.note("replicas", len(replicas), is_kept=len(replicas) == len(containers) == 2)
    with under_load(replicas, headers) as load:
        wait_until(lambda: len(load.ready) == len(replicas), "both replicas are ready")
        time.sleep(LOAD_S)
        stack.engine("stop", "--time", "20", containers[0])
        time.sleep(LOAD_S)
    failures = dict(load.failures)
    report.note("one of two replicas stopped: calls without an answer", failures, is_kept=not failures)
    return load.acknowledged


def require_all(
    stack: Stack, sign_in: Callable[[str], dict[str, str]], ids: list[str], report: Report
) -> None:
    """Check that every acknowledged prediction is stored, and the chain of the audit."""
    address = stack.addresses()[0]
    with httpx2.Client(base_url=address, headers=sign_in(address), trust_env=False, timeout=30) as client:
        lost = [one for one in ids if client.get(f"/v1/predictions/{one}").status_code != httpx2.codes.OK]
    report.note("predictions acknowledged", len(ids), is_kept=bool(ids))
    report.note("predictions acknowledged and lost", len(lost), is_kept=not lost)
    verified = stack.compose("run", "--rm", "-T", "worker", "audit", "verify").strip().splitlines()
    report.note("audit verify", verified[-1])


def drill(stack: Stack, work: Path, incidents: int, report: Report) -> None:
    """Go through all steps. Raises: StepFailed."""
    write_settings(stack, incidents)
    build(stack, work, report)
    with health_checks(stack.engine, stack.project):
        sign_in = start(stack, report)
        acknowledged = []
        for step in (kill_service, stop_service, use_two):
            acknowledged += step(stack, sign_in(stack.addresses()[0]), report)
        report.note("make down, s", timed(lambda: stack.make("down"))[0])
        report.note("make up again, until healthy, s", timed(lambda: stack.make("up"))[0])
        require_all(stack, sign_in, acknowledged, report)


def remove(stack: Stack) -> None:
    """Remove containers, networks and volumes of the run. From here on, no signal ends the test: the rest takes seconds."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    try:
        stack.compose("--profile", "*", "down", "--volumes", "--remove-orphans", "--timeout", "20")
    except StepFailed as error:
        print(f"The stack {stack.project} was not removed: {error}", file=sys.stderr)


def run(incidents: int, report: Report) -> None:
    """Run the test in a folder of its own. Raises: Skipped, StepFailed."""
    with tempfile.TemporaryDirectory(prefix="londonpump-containers-") as temporary:
        work = Path(temporary)
        with running_engine(work) as engine:
            report.note("engine", engine.name)
            stack = Stack(engine, copy_checkout(work / "checkout"), f"londonpump-test-{os.getpid()}")
            try:
                drill(stack, work, incidents, report)
            finally:
                remove(stack)


def main() -> int:
    """Run the test and return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--incidents", type=int, default=8_000, help="size of the simulated Brigade")
    parser.add_argument(
        "--json", type=Path, default=ROOT / "containers-test.json", help="write the figures here"
    )
    options = parser.parse_args()
    # a stopped test cleans up too; a shell starts what runs in its background with SIGINT ignored
    for number in SIGNALS:
        signal.signal(number, signal.default_int_handler)
    report = Report()
    try:
        run(options.incidents, report)
    except Skipped as error:
        print(f"SKIPPED: the containers were NOT tested, as {error}.", file=sys.stderr)
        return SKIPPED
    except (StepFailed, httpx2.HTTPError) as error:
        report.broken.append(f"{type(error).__name__}: {error}")
    except KeyboardInterrupt:
        report.broken.append("the test was stopped before its end")
    from londonpump.persistence.atomic_files import write_json

    write_json(options.json, {"figures": report.figures, "broken": report.broken})
    print(f"Figures: {options.json}")
    for broken in report.broken:
        print(f"NOT AS PROMISED: {broken}", file=sys.stderr)
    return 1 if report.broken else 0


if __name__ == "__main__":
    sys.exit(main())
