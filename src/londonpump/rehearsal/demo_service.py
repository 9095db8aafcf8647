"""The service of the demo, and a prediction asked through it."""

import os
import socket
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from londonpump.domain.errors import LondonPumpError
from londonpump.rehearsal.demo_home import DemoUser
from londonpump.rehearsal.demo_text import format_prediction, format_service
from londonpump.rehearsal.service_process import ServiceProcess, running_service, service_ended_error

PORT, FREE = 8000, 0
LOG = "service.log"
RESPONSE_TIMEOUT_S = 30
QUESTION = {"place": {"easting_m": 530030, "northing_m": 180390}, "kind_of_call": "Fire"}
WHERE = "a fire at Trafalgar Square"


class DemoFailed(LondonPumpError):
    """The service of the demo did not answer."""


@dataclass(frozen=True, slots=True)
class DemoServing:
    """port: as the person asked, None for the usual one. is_watched: somebody sits there and ends it with Ctrl-C."""

    port: int | None
    is_watched: bool


def serve_demo(home: Path, user: DemoUser, serving: DemoServing, show: Callable[[str], None]) -> None:
    """Start the service, make a prediction through it, and stop it: at once, or when the person says so.

    Raises: DemoFailed, ServiceFailed.
    """
    port = _port(serving, show)
    with _running(home, port) as (process, address):
        show(format_prediction(WHERE, _request_prediction(address, user)))
        if not serving.is_watched:
            return
        try:
            show(format_service(address.replace("127.0.0.1", "localhost"), user, home / LOG))
            process.wait()
        except KeyboardInterrupt:
            show("\nStopping.")
            return
    raise service_ended_error(home / LOG)


def _port(serving: DemoServing, show: Callable[[str], None]) -> int:
    if serving.port is not None:
        return serving.port
    if not serving.is_watched:
        return FREE
    if _is_in_use(PORT):
        show(f"Port {PORT} is in use by another program: taking a free one (or say which: --port).")
        return FREE
    return PORT


def _is_in_use(port: int) -> bool:
    """Whether something answers there, by either of the addresses that `localhost` may mean."""
    try:
        socket.create_connection(("localhost", port), timeout=1).close()
    except OSError:
        return False
    return True


def _running(home: Path, port: int) -> AbstractContextManager[ServiceProcess]:
    command = [sys.executable, "-m", "londonpump.cli", "serve", "--port", str(port)]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("LONDONPUMP_")}
    return running_service(command, {**inherited, "LONDONPUMP_HOME": str(home.resolve())}, home / LOG)


def _request_prediction(address: str, user: DemoUser) -> dict[str, Any]:
    try:
        with httpx2.Client(base_url=address, trust_env=False, timeout=RESPONSE_TIMEOUT_S) as client:
            login = client.post("/login", data={"username": user.name, "password": user.password})
            if login.is_client_error:
                raise DemoFailed(
                    f"The user {user.name} cannot sign in ({_detail(login)}). Remove {user.password_file} and run the "
                    "demo again: a new password is made."
                )
            token = login.raise_for_status().json()["access_token"]
            headers = {"Authorization": f"Bearer {token}"}
            response = client.post("/v1/predictions", json=QUESTION, headers=headers)
            if response.is_error:
                raise DemoFailed(f"The service gave no prediction: {_detail(response)}")
    except httpx2.HTTPError as error:
        raise DemoFailed(f"The service at {address} did not answer ({error}). Run the demo again.") from error
    prediction: dict[str, Any] = response.json()
    return prediction


def _detail(answer: httpx2.Response) -> str:
    if "json" in answer.headers.get("content-type", ""):
        return f"{answer.status_code}, {answer.json().get('detail')}"
    return str(answer.status_code)
