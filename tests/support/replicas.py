"""Replicas of the service, each from a source tree of its own, behind nginx as `deploy/nginx` configures it."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import pytest
from support.service_process import environment

ROOT = Path(__file__).resolve().parents[2]
NGINX_FILES = ROOT / "deploy" / "nginx"
WAITS_S = 240
DRAIN_S = 8
NGINX_CONF = """user root;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include londonpump.conf;
}}
"""


def find_nginx() -> str:
    """Return the path of nginx, which is installed if that is possible. Without it the test is skipped."""
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"])
    if shutil.which("nginx", path=path) is None and shutil.which("apt-get") and os.geteuid() == 0:
        subprocess.run(
            ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "nginx-light"],
            check=False,
            capture_output=True,
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        )
    found = shutil.which("nginx", path=path)
    if found is None:
        pytest.skip("nginx is absent and cannot be installed here; on Debian: apt-get install nginx-light")
    return found


def free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])


def wait_until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + WAITS_S
    while not is_so():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.05)


@dataclass(frozen=True)
class Version:
    """A source tree of the product, with the settings that every process of the drill shares."""

    source: Path
    home: Path
    settings: dict[str, str]

    def environment(self) -> dict[str, str]:
        return environment(self.home, **self.settings, PYTHONPATH=str(self.source))

    def run(self, *arguments: str, stdin: str = "") -> str:
        """Run a command of this version and return its output."""
        done = subprocess.run(
            [sys.executable, "-m", "londonpump.cli", *arguments],
            env=self.environment(),
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            cwd=self.home,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@dataclass
class Replica:
    """A port on which one version after the other serves."""

    port: int
    log: Path
    process: subprocess.Popen[str] | None = None

    def start(self, version: Version) -> None:
        """Start a version and wait until it is ready."""
        with self.log.open("a") as stream:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "londonpump.cli", "serve", "--port", str(self.port)],
                env=version.environment(),
                stdout=stream,
                stderr=stream,
                text=True,
                cwd=version.home,
            )
        wait_until(lambda: self.ready() == 200 or self._is_dead())

    def ready(self) -> int:
        """Return the status of `/readyz`, or 0 if nothing listens."""
        try:
            return httpx2.get(f"http://127.0.0.1:{self.port}/readyz", trust_env=False, timeout=10).status_code
        except httpx2.TransportError:
            return 0

    def _is_dead(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text()[-2000:]
        return False


@dataclass
class Proxy:
    """A running nginx, and the replicas behind it."""

    command: list[str]
    folder: Path
    port: int
    replicas: list[Replica]
    out: set[int] = field(default_factory=set)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def replace(self, replica: Replica, version: Version) -> None:
        """Replace a replica as a balancer and an operator do: drain, take out, wait for its end, start, put in."""
        assert replica.process is not None
        replica.process.terminate()
        wait_until(lambda: replica.ready() == 503)
        self.set_out({replica.port})
        assert replica.process.wait(WAITS_S) == 0
        replica.start(version)
        self.set_out(set())

    def set_out(self, ports: set[int]) -> None:
        """Take replicas out, or put them in."""
        self._write(ports)
        subprocess.run([*self.command, "-s", "reload"], check=True, capture_output=True)

    def _write(self, ports: set[int]) -> None:
        template = (NGINX_FILES / "replicas.conf").read_text(encoding="utf-8")
        for replica, port in zip(self.replicas, (8001, 8002), strict=True):
            here = f"127.0.0.1:{port} max_fails=0"
            assert here in template
            down = " down" if replica.port in ports else ""
            template = template.replace(here, f"127.0.0.1:{replica.port} max_fails=0{down}")
        (self.folder / "replicas.conf").write_text(template, encoding="utf-8")


@contextmanager
def behind_nginx(replicas: list[Replica], folder: Path) -> Iterator[Proxy]:
    """Run nginx with the product's configuration in front of the replicas, until the block ends."""
    folder.mkdir()
    port = free_port()
    rules = (NGINX_FILES / "londonpump.conf").read_text(encoding="utf-8")
    assert "127.0.0.1:8080" in rules
    (folder / "londonpump.conf").write_text(rules.replace("127.0.0.1:8080", f"127.0.0.1:{port}"))
    (folder / "nginx.conf").write_text(NGINX_CONF.format(folder=folder))
    command = [find_nginx(), "-p", str(folder), "-c", str(folder / "nginx.conf")]
    proxy = Proxy(command, folder, port, replicas)
    proxy._write(set())
    process = subprocess.Popen([*command, "-g", "daemon off;"], stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: (folder / "nginx.pid").exists() and process.poll() is None)
        yield proxy
    finally:
        process.terminate()
        process.wait()
        for replica in replicas:
            if replica.process is not None:
                replica.process.kill()
                replica.process.wait()
