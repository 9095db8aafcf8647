"""Start a child process that updates MLflow within a time limit; MLflow takes seconds to import and may wait for a server.

One child runs at a time per machine. The child holds the lock too, so that it keeps the lock if its parent is killed.

The ledger is authoritative, and MLflow is a copy to look at. What was sent is not remembered: a bundle is sent if MLflow
has no finished run of its hash, so a bundle that could not be sent today is sent by the next update.
"""

import fcntl
import hashlib
import importlib.util
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from londonpump.domain.errors import BadFile, LondonPumpError
from londonpump.domain.json_values import JsonObject, from_json, to_json
from londonpump.persistence.atomic_files import read_json
from londonpump.persistence.bundles import bundle_folder
from londonpump.persistence.database import reading
from londonpump.persistence.repositories.decisions import read_decisions
from londonpump.registry.bundle_store import BundleStore, StoredBundle
from londonpump.registry.ledger import Registry
from londonpump.registry.mlflow_state import Aliases, Attachment, DesiredState, Run, Sent, UpdateRequest
from londonpump.settings import Settings

CARD_PARAMS = (
    *("seed", "rows", "trained_from", "trained_until", "data_hash", "code_version"),
    *("is_stream", "is_simulated", "without_dispatches_over_60_kmh", "schema"),
)
PROVENANCE_TAGS = ("commit", "host", "machine", "made_at")
MAX_PARAM_LENGTH = 6_000
"""Limit of MLflow."""
MS_PER_S = 1000


def runs_of(store: BundleStore, others: Sequence[Path] = ()) -> tuple[tuple[Run, ...], list[str]]:
    """Return the runs, the oldest training first, and the problems of bundles that cannot be sent.

    Args: others: bundles, or folders of bundles, outside the store. Raises: BadFile if one of them holds no bundle.
    """
    folders = {name: store.folder(name) for name in store.names()}
    for path in others:
        found = BundleStore(path).names()
        if not found:
            only = bundle_folder(path).resolve()
            folders.setdefault(only.name, only)
        # the store's own copy wins: it is the one that decisions name
        folders |= {name: path / name for name in found if name not in folders}
    runs, problems = [], []
    for name, folder in folders.items():
        try:
            runs.append(_run(BundleStore(folder.parent).read(name), folder))
        except (BadFile, OSError) as error:
            # OSError: another process is pruning the bundle.
            problems.append(str(error))
    return tuple(sorted(runs, key=lambda run: (run.made_at_ms or 0, run.bundle))), problems


def aliases_of(registry: Registry) -> Aliases:
    """Return champion and challenger of the ledger. Raises: DatabaseFailed."""
    with reading(registry.engine) as connection:
        newest = next(iter(read_decisions(connection, 1)), None)
    if newest is None:
        return Aliases(None, None)
    is_beaten = newest.challenger not in (None, newest.champion_after)
    return Aliases(newest.champion_after, newest.challenger if is_beaten else None)


def _run(stored: StoredBundle, folder: Path) -> Run:
    metrics = stored.provenance.get("metrics")
    tags = {name: str(stored.provenance[name]) for name in PROVENANCE_TAGS if stored.provenance.get(name)}
    return Run(
        bundle=stored.name,
        folder=str(folder.resolve()),
        made_at_ms=_as_ms(stored.made_at),
        params=dict(_params(stored.card)),
        metrics=numbers_of(metrics if isinstance(metrics, dict) else {}, "later"),
        tags=tags,
    )


def _params(card: JsonObject) -> Iterator[tuple[str, str]]:
    for name in CARD_PARAMS:
        if card.get(name) is not None:
            yield name, str(card[name])
    for group in ("hyperparameters", "libraries"):
        facts = card.get(group)
        for name, value in sorted(facts.items()) if isinstance(facts, dict) else ():
            yield f"{group}.{name}", str(value)[:MAX_PARAM_LENGTH]
    features = card.get("features")
    if isinstance(features, list):
        yield "features", ", ".join(map(str, features))[:MAX_PARAM_LENGTH]
        yield "n_features", str(len(features))


def numbers_of(values: Mapping[str, object], group: str) -> dict[str, float]:
    """Return the numbers among the values, with the group as prefix of their names."""
    return {
        f"{group}.{name}": float(value)
        for name, value in values.items()
        if isinstance(value, (int, float)) and not isinstance(value, bool)
    }


def _as_ms(iso_text: str) -> int | None:
    try:
        at = datetime.fromisoformat(iso_text)
    except ValueError:
        return None
    return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * MS_PER_S)


OURS, WHOLE = "ours", "all"


def attachments_of(settings: Settings, bundles: tuple[str, ...]) -> tuple[Attachment, ...]:
    """Return report, model card and figures in the home that belong to one of these bundles.

    Raises: BadFile if one cannot be read.
    """
    try:
        pages = [_page(path, bundles) for path in (settings.report, settings.model_card)]
        found = [*pages, _figures(settings.evaluation, bundles)]
    except OSError as error:
        raise BadFile(
            error.filename, f"cannot be read ({error.strerror})", "Change its permissions."
        ) from error
    return tuple(attachment for attachment in found if attachment is not None)


def _page(path: Path, bundles: tuple[str, ...]) -> Attachment | None:
    if not path.is_file():
        return None
    text = path.read_text(encoding="utf-8", errors="replace")
    # A page names its own bundle and no other.
    of = next((name for name in bundles if name in text), None)
    return None if of is None else Attachment(of, str(path.resolve()), _hash(path), {})


def _figures(path: Path, bundles: tuple[str, ...]) -> Attachment | None:
    try:
        figures = read_json(path) if path.is_file() else None
    except BadFile:
        # The file is not an evaluation of ours, so there is nothing to attach.
        return None
    if not isinstance(figures, dict) or figures.get("bundle") not in bundles:
        return None
    return Attachment(figures["bundle"], str(path.resolve()), _hash(path), _metrics(figures))


def _metrics(figures: JsonObject) -> dict[str, float]:
    """Return the scores of our model on all rows, and the mean error of the others."""
    models = {name: slices[WHOLE][WHOLE] for name, slices in figures.get("models", {}).items()}
    ours = {name: stat["value"] for name, stat in models.pop(OURS, {}).items() if isinstance(stat, dict)}
    others = {f"mae_s.{name}": whole["mae_s"]["value"] for name, whole in models.items() if "mae_s" in whole}
    return numbers_of({"rows": figures.get("rows"), **ours, **others}, "evaluated")


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


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


def server_of(settings: Settings) -> TrackingServer:
    """Return the server of the settings, or else a store in the home."""
    folder = (settings.home / "mlflow").resolve()
    if settings.mlflow_url is not None:
        return TrackingServer(settings.mlflow_url, settings.mlflow_url, folder, None)
    # The path is relative to the child's folder, because MLflow and SQLAlchemy disagree on blanks in absolute paths.
    return TrackingServer(str(folder / STORE), f"sqlite:///{STORE}", folder, folder / ARTEFACTS)


def has_store(settings: Settings) -> bool:
    """Return whether trainings are tracked already: a server is named, or `track` made a store in the home."""
    return settings.mlflow_url is not None or (server_of(settings).folder / STORE).exists()


def require_mlflow(server: TrackingServer) -> None:
    """Require that MLflow is installed. Raises: TrackingFailed."""
    if importlib.util.find_spec("mlflow") is None:
        advice = "pip install 'londonpump[track]' (in a clone: make install), then londonpump track"
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
    artefacts = None if server.artefacts is None else server.artefacts.as_uri()
    request = UpdateRequest(server.uri, artefacts, within_s + GRACE_PERIOD_S, desired)
    try:
        completed = subprocess.run(  # noqa: S603
            [sys.executable, "-m", CHILD],
            input=json.dumps(to_json(request)),
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
    return from_json(Sent, json.loads(completed.stdout.splitlines()[-1]))


def _problem(output: str) -> str:
    last = next(iter(reversed(output.strip().splitlines())), "it ended without a message")
    return last.rstrip(".")[:MAX_PROBLEM_LENGTH]
