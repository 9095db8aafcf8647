"""Start a child process that updates MLflow within a time limit; MLflow takes seconds to import and may wait for a server.

One child runs at a time per machine. The child holds the lock too, so that it keeps the lock if its parent is killed.
"""

import fcntl
import importlib.util
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from londonpump.domain.errors import LondonPumpError
from londonpump.registry.mlflow_runs import Aliases, Attachment, Run
from londonpump.settings import Settings

CHILD = "londonpump.registry.mlflow_child"
LOCK, STORE, ARTEFACTS = "lock", "mlflow.db", "artefacts"
POLL_INTERVAL_S = 0.1
GRACE_PERIOD_S = 5.0
"""A child whose parent was killed ends this long after its time limit."""
MAX_PROBLEM_LENGTH = 300
LATER = "The next training or decision sends it too, or run londonpump track."
BOUNDED = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_ARTIFACT_UPLOAD_DOWNLOAD_TIMEOUT": "60",
}
"""By default MLflow retries for four minutes if a server is down. Values in the environment take precedence."""
QUIET = {
    "DO_NOT_TRACK": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "_MLFLOW_TELEMETRY_PRE_WARM_DATABRICKS_SDK": "false",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}


class TrackingFailed(LondonPumpError):
    """MLflow could not be updated. A later update sends what is missing, and nothing else depends on it."""

    def __init__(self, server: str, problem: str, advice: str) -> None:
        super().__init__(f"MLflow at {server}: {problem}. {advice}")


@dataclass(frozen=True, slots=True)
class TrackingServer:
    """Server or local store of MLflow."""

    display_name: str
    uri: str  # as MLflow reads it in `folder`
    folder: Path
    artefacts: Path | None  # folder for files; None: that of the server


@dataclass(frozen=True, slots=True)
class DesiredState:
    """State that MLflow should have."""

    runs: list[Run]
    attachments: list[Attachment]
    aliases: Aliases


@dataclass(frozen=True, slots=True)
class Sent:
    """Result of an update of MLflow."""

    sent: list[str]  # bundles whose runs were missing
    attached: list[str]  # files
    problems: list[str]  # bundles that cannot be sent
    champion: str | None  # version of the registered model with this alias; None: no version has it
    challenger: str | None


def server_of(settings: Settings) -> TrackingServer:
    """Return the server of the settings, or else a store in the home."""
    folder = (settings.home / "mlflow").resolve()
    if settings.mlflow_url is not None:
        return TrackingServer(settings.mlflow_url, settings.mlflow_url, folder, None)
    # The path is relative to the child's folder, because MLflow and SQLAlchemy disagree on blanks in absolute paths.
    return TrackingServer(str(folder / STORE), f"sqlite:///{STORE}", folder, folder / ARTEFACTS)


def require_mlflow(server: TrackingServer) -> None:
    """Require that MLflow is installed. Raises: TrackingFailed."""
    if importlib.util.find_spec("mlflow") is None:
        advice = "pip install 'londonpump[track]' (in a clone: make setup), then londonpump track"
        raise TrackingFailed(
            server.display_name,
            "not updated, because the package is not installed here",
            f"To update it later: {advice}.",
        )


@contextmanager
def exclusive_lock(server: TrackingServer, until_s: float) -> Iterator[int]:
    """Hold the lock of this machine. Read the desired state inside, so that it is not older than what others sent.

    Args: until_s: by the monotonic clock. Raises: TrackingFailed if another process holds the lock until then.
    """
    try:
        server.folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(server.folder / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise TrackingFailed(
            server.display_name, f"{server.folder} cannot be used ({error.strerror})", LATER
        ) from error
    try:
        # Polled, because a blocking flock cannot time out.
        while not _is_locked(handle):
            if time.monotonic() >= until_s:
                raise TrackingFailed(server.display_name, "another process is sending", LATER)
            time.sleep(POLL_INTERVAL_S)
        yield handle
    finally:
        os.close(handle)


def _is_locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        # On a file system without locks, go on without one, as elsewhere in the store.
        return True
    return True


def send(server: TrackingServer, desired: DesiredState, lock: int, until_s: float) -> Sent:
    """Bring MLflow to the desired state. Raises: TrackingFailed if it cannot be reached, fails, or takes too long."""
    within_s = max(1.0, until_s - time.monotonic())
    try:
        completed = subprocess.run(  # noqa: S603
            [sys.executable, "-m", CHILD],
            input=json.dumps(request_of(server, desired, within_s)),
            capture_output=True,
            text=True,
            check=False,
            cwd=server.folder,
            env={**BOUNDED, **os.environ, **QUIET},
            # The child inherits the lock, which is free only when both processes have ended.
            pass_fds=(lock,),
            timeout=within_s,
        )
    except subprocess.TimeoutExpired:
        raise TrackingFailed(
            server.display_name, f"it did not finish within {within_s:.0f} s", LATER
        ) from None
    if completed.returncode:
        raise TrackingFailed(server.display_name, _problem(completed.stderr), LATER)
    return Sent(**json.loads(completed.stdout.splitlines()[-1]))


def request_of(server: TrackingServer, desired: DesiredState, within_s: float) -> dict[str, Any]:
    """Return the input of the child."""
    artefacts = None if server.artefacts is None else server.artefacts.as_uri()
    return {
        "uri": server.uri,
        "artefacts": artefacts,
        "within_s": within_s + GRACE_PERIOD_S,
        **asdict(desired),
    }


def _problem(output: str) -> str:
    last = next(iter(reversed(output.strip().splitlines())), "it ended without a message")
    return last.rstrip(".")[:MAX_PROBLEM_LENGTH]
