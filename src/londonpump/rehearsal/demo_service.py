"""The service of the demo, a prediction requested from it, and the text that shows both."""

import os
import socket
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import httpx2

from londonpump.domain.errors import LondonPumpError
from londonpump.rehearsal.demo_home import DemoUser
from londonpump.rehearsal.service_process import ServiceProcess, running_service, service_ended_error
from londonpump.service.predictions.schemas import Candidate, ContextValueResponse, PredictionResponse

PORT, FREE = 8000, 0
LOG = "service.log"
RESPONSE_TIMEOUT_S = 30
QUESTION = {"location": {"easting_m": 530030, "northing_m": 180390}, "incident_type": "Fire"}
WHERE = "a fire at Trafalgar Square"
FIRST_TARGET = "360"


class DemoFailed(LondonPumpError):
    """The service of the demo did not answer."""


@dataclass(frozen=True, slots=True)
class DemoServing:
    """The options of the service of a demo."""

    port: int | None
    """None for the default port."""
    is_watched: bool
    """True in a terminal, where a person ends the service with Ctrl-C."""


def serve_demo(home: Path, user: DemoUser, serving: DemoServing, show: Callable[[str], None]) -> None:
    """Start the service, request a prediction, and stop it at once or when the person presses Ctrl-C.

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
        show(f"Port {PORT} is in use by another program. A free port is used instead; --port chooses one.")
        return FREE
    return PORT


def _is_in_use(port: int) -> bool:
    """Return whether a program listens on the port, on any address of `localhost`."""
    try:
        socket.create_connection(("localhost", port), timeout=1).close()
    except OSError:
        return False
    return True


def _running(home: Path, port: int) -> AbstractContextManager[ServiceProcess]:
    command = [sys.executable, "-m", "londonpump.cli", "serve", "--port", str(port)]
    # settings of the environment must not reach the service of the demo
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("LONDONPUMP_")}
    return running_service(
        command,
        {**inherited, "LONDONPUMP_HOME": str(home.resolve()), "LONDONPUMP_CONFIG": os.devnull},
        home / LOG,
    )


def _request_prediction(address: str, user: DemoUser) -> PredictionResponse:
    try:
        with httpx2.Client(base_url=address, trust_env=False, timeout=RESPONSE_TIMEOUT_S) as client:
            login = client.post("/login", data={"username": user.name, "password": user.password})
            if login.is_client_error:
                raise DemoFailed(
                    f"The user {user.name} cannot sign in ({_detail(login)}). Remove {user.password_file} and run the "
                    "demo again: it generates a new password."
                )
            token = login.raise_for_status().json()["access_token"]
            headers = {"Authorization": f"Bearer {token}"}
            response = client.post("/v1/predictions", json=QUESTION, headers=headers)
            if response.is_error:
                raise DemoFailed(f"The service returned no prediction: {_detail(response)}")
    except httpx2.HTTPError as error:
        raise DemoFailed(f"The service at {address} did not answer ({error}). Run the demo again.") from error
    return PredictionResponse.model_validate_json(response.content)


def _detail(answer: httpx2.Response) -> str:
    if "json" in answer.headers.get("content-type", ""):
        return f"{answer.status_code}, {answer.json().get('detail')}"
    return str(answer.status_code)


def format_prediction(description: str, answer: PredictionResponse) -> str:
    """Return the candidates in a response of `POST /v1/predictions` as a table, the first to arrive first."""
    lines = [
        f"Asked through the service: {description}, now. Which pumps, how soon, how sure?",
        f"{'pump':<6}{'from':<16}{'km':>5}  {'expected':>8}  {'8 in 10 within':<14}  within 6 min",
        *(_candidate(each) for each in answer.candidates),
        f"Suggested number of pumps: {answer.pumps_needed.number}",
        *_context(answer.context),
        *(f"Not known: {text}" for text in answer.missing),
    ]
    if answer.model.is_simulated:
        lines.append("The model is trained on SIMULATED records.")
    return "\n".join(lines)


def format_service(address: str, user: DemoUser, log: Path) -> str:
    """Return the address, the account and how to stop. The password is only shown when it was just generated."""
    password = user.password if user.is_new else f"in {user.password_file}"
    return "\n".join(
        [
            "",
            f"londonpump serves on {address}",
            f"  console      {address}/console/",
            f"  API          {address}/docs",
            f"  sign in as   {user.name}, password {password}"
            + (f" (kept in {user.password_file})" * user.is_new),
            f"  its log      {log}",
            "  stop it      Ctrl-C",
        ]
    )


def _candidate(candidate: Candidate) -> str:
    span = f"{_minutes(candidate.p10_s)} to {_minutes(candidate.p90_s)}"
    return (
        f"{candidate.pump:<6}{candidate.station.name:<16}{candidate.distance_m / 1000:5.1f}  "
        f"{_minutes(candidate.p50_s):>8}  {span:<14}  {candidate.chance_within_s[FIRST_TARGET]:12.0%}"
    )


def _context(values: Mapping[str, ContextValueResponse]) -> list[str]:
    known = [
        f"{name} {one.value:.4g} ({one.source})"
        for name, one in values.items()
        if isinstance(one.value, int | float) and not isinstance(one.value, bool)
    ]
    return [f"Taken into account: {', '.join(known)}"] if known else []


def _minutes(seconds: float) -> str:
    total_s = round(seconds)
    return f"{total_s // 60}:{total_s % 60:02d}"
