"""The service of the demo: a process of its own, as it runs on duty, and a prediction asked through it."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from londonpump.brigade.errors import LondonPumpError
from londonpump.rehearsal.demo_home import DemoUser
from londonpump.rehearsal.demo_words import answer_in_words, running_in_words

PORT, FREE = 8000, 0
LOG = "service.log"
ENDS_WITHIN_S = 20
ANSWERS_WITHIN_S = 30
QUESTION = {"place": {"easting_m": 530030, "northing_m": 180390}, "kind_of_call": "Fire"}
WHERE = "a fire at Trafalgar Square"


class DemoFailed(LondonPumpError):
    """The service of the demo did not start, or did not answer."""


@dataclass(frozen=True, slots=True)
class DemoServing:
    """port: as the person asked, None for the usual one. is_watched: somebody sits there and ends it with Ctrl-C."""

    port: int | None
    is_watched: bool


def serve_demo(home: Path, user: DemoUser, wanted: DemoServing, tell: Callable[[str], None]) -> None:
    """Start the service, make a prediction through it, and stop it: at once, or when the person says so.

    Raises: DemoFailed.
    """
    port = _port(wanted, tell)
    with _running(home, port) as (process, address):
        tell(answer_in_words(WHERE, _ask(address, user)))
        if not wanted.is_watched:
            return
        try:
            tell(running_in_words(address.replace("127.0.0.1", "localhost"), user, home / LOG))
            process.wait()
        except KeyboardInterrupt:
            tell("\nStopping.")
            return
    raise DemoFailed(f"The service ended by itself. {home / LOG} says why.")


def _port(wanted: DemoServing, tell: Callable[[str], None]) -> int:
    if wanted.port is not None:
        return wanted.port
    if not wanted.is_watched:
        return FREE
    if _is_in_use(PORT):
        tell(f"Port {PORT} is in use by another program: taking a free one (or say which: --port).")
        return FREE
    return PORT


def _is_in_use(port: int) -> bool:
    """Whether something answers there, by either of the addresses that `localhost` may mean."""
    try:
        socket.create_connection(("localhost", port), timeout=1).close()
    except OSError:
        return False
    return True


@contextmanager
def _running(home: Path, port: int) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """(process, address). A signal to end ends the service too."""
    command = [sys.executable, "-m", "londonpump.cli", "serve", "--port", str(port)]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LONDONPUMP_")}
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    with (home / LOG).open("w", encoding="utf-8") as log:
        process = subprocess.Popen(  # noqa: S603
            command,
            env={**kept, "LONDONPUMP_HOME": str(home.resolve())},
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        try:
            yield process, _address(process, home / LOG)
        finally:
            _end(process)
            signal.signal(signal.SIGTERM, before)


def _address(process: "subprocess.Popen[str]", log: Path) -> str:
    told = process.stdout.readline() if process.stdout is not None else ""
    if told:
        return told.split()[-1]
    process.wait()
    said = log.read_text(encoding="utf-8").strip().splitlines() or ["no word"]
    raise DemoFailed(f"The service did not start: {said[-1].removeprefix('londonpump: ')}")


def _end(process: "subprocess.Popen[str]") -> None:
    process.terminate()
    try:
        process.wait(ENDS_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()


def _ask(address: str, user: DemoUser) -> dict[str, Any]:
    try:
        with httpx2.Client(base_url=address, trust_env=False, timeout=ANSWERS_WITHIN_S) as client:
            signed = client.post("/login", data={"username": user.name, "password": user.password})
            if signed.is_client_error:
                raise DemoFailed(
                    f"The user {user.name} cannot sign in ({_detail(signed)}). Remove {user.kept_in} and run the "
                    "demo again: a new password is made."
                )
            token = signed.raise_for_status().json()["access_token"]
            headers = {"Authorization": f"Bearer {token}"}
            answered = client.post("/v1/predictions", json=QUESTION, headers=headers)
            if answered.is_error:
                raise DemoFailed(f"The service gave no prediction: {_detail(answered)}")
    except httpx2.HTTPError as error:
        raise DemoFailed(f"The service at {address} did not answer ({error}). Run the demo again.") from error
    told: dict[str, Any] = answered.json()
    return told


def _detail(answer: httpx2.Response) -> str:
    if "json" in answer.headers.get("content-type", ""):
        return f"{answer.status_code}, {answer.json().get('detail')}"
    return str(answer.status_code)
