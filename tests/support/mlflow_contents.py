"""Content of an MLflow store, read by MLflow in its own process; and a child process that is killed."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from londonpump.domain.json_values import to_json
from londonpump.registry.ledger import open_registry
from londonpump.registry.mlflow_process import (
    CHILD,
    QUIET,
    aliases_of,
    runs_of,
    server_of,
)
from londonpump.registry.mlflow_state import DesiredState, UpdateRequest
from londonpump.settings import Settings

QUERY_CODE = """
import json, logging, sys
logging.disable(logging.WARNING)
from mlflow.tracking import MlflowClient
client = MlflowClient(sys.argv[1], sys.argv[1])
runs = client.search_runs([client.get_experiment_by_name("londonpump").experiment_id])
versions = client.search_model_versions("name='londonpump'")
print(json.dumps({
    "runs": [{"status": run.info.status, "at_ms": run.info.start_time, "artefacts": run.info.artifact_uri,
              "files": [file.path for file in client.list_artifacts(run.info.run_id)],
              "params": run.data.params, "metrics": run.data.metrics, "tags": run.data.tags} for run in runs],
    "versions": {str(v.version): v.tags["londonpump.bundle"] for v in versions},
    "aliases": {name: str(number) for name, number in client.get_registered_model("londonpump").aliases.items()},
}))
"""


def stored(settings: Settings) -> dict[str, Any]:
    """Return the runs, the versions by number with their bundles, and the aliases with their bundles."""
    server = server_of(settings)
    command = [sys.executable, "-c", QUERY_CODE, server.uri]
    done = subprocess.run(
        command, cwd=server.folder, env={**os.environ, **QUIET}, check=True, capture_output=True, text=True
    )
    contents = json.loads(done.stdout)
    contents["aliases"] = {name: contents["versions"][number] for name, number in contents["aliases"].items()}
    return dict(contents)


def kill_at_first_run(settings: Settings) -> str:
    """Kill a child as soon as MLflow knows a run. Returns: the bundle of that run."""
    server = server_of(settings)
    server.folder.mkdir(parents=True)
    with open_registry(settings) as registry:
        to_log = DesiredState(runs_of(registry.store)[0], (), aliases_of(registry))
    with subprocess.Popen(
        [sys.executable, "-m", CHILD],
        cwd=server.folder,
        env={**os.environ, **QUIET},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(
            json.dumps(to_json(UpdateRequest(server.uri, server.artefacts.as_uri(), 60, to_log)))
        )
        child.stdin.close()
        begun = json.loads(child.stdout.readline())
        child.send_signal(signal.SIGKILL)
    return str(begun["begun"])


def artefact_files(run: dict[str, Any], folder: str) -> dict[str, bytes]:
    """Return the files that MLflow keeps of a run."""
    artefacts = Path(unquote(run["artefacts"].removeprefix("file://"))) / folder
    return {file.name: file.read_bytes() for file in artefacts.iterdir()}
