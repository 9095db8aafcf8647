"""Child process that updates MLflow: it reads the desired state as JSON and writes what was done as JSON.

Every step first looks at what MLflow holds, so a killed child can be run again: it finds the unfinished run of a bundle by its
tag and finishes it.
"""

import importlib
import json
import logging
import math
import platform
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from londonpump.domain.errors import BadFile
from londonpump.domain.json_values import from_json, to_json
from londonpump.persistence.bundles import load_bundle
from londonpump.registry.mlflow_state import Attachment, Run, Sent, UpdateRequest

NAME = "londonpump"
"""Name of the experiment and of the registered model."""
BUNDLE = "londonpump.bundle"
FOLDER = "model"
MODEL_FILE = """artifact_path: {folder}
run_id: {run_id}
flavors:
  python_function:
    loader_module: londonpump.api
    data: {bundle}
    python_version: {python}
"""
"""The file `MLmodel`, which makes the folder a model that `mlflow.pyfunc.load_model` loads. The bundle in it keeps its name, the
hash, so that it is verified when it is loaded, and can be promoted as it is."""
FINISHED, DELETED = "FINISHED", "deleted"
PAGE_ROWS = 1000
MS_PER_S = 1000


class Tracking:
    """Experiment and registered model in MLflow."""

    def __init__(self, uri: str, artefacts: str | None) -> None:
        # Imported by name: MLflow is optional, and its import takes seconds.
        self.client: Any = importlib.import_module("mlflow.tracking").MlflowClient(uri, uri)
        self.entities: Any = importlib.import_module("mlflow.entities")
        self.experiment = self._experiment(artefacts)
        if not self.client.search_registered_models(filter_string=f"name='{NAME}'"):
            self.client.create_registered_model(NAME, description="Pumps of the London Fire Brigade")
        # Later entries overwrite earlier ones: of two runs of a bundle, a finished one wins, then the older one.
        self.runs = {run.data.tags.get(BUNDLE): run for run in sorted(self._runs(), key=_rank)}
        self.versions = {v.tags.get(BUNDLE): v for v in sorted(self._versions(), key=_number, reverse=True)}

    def _experiment(self, artefacts: str | None) -> str:
        found = self.client.get_experiment_by_name(NAME)
        if found is None:
            return str(self.client.create_experiment(NAME, artifact_location=artefacts))
        if found.lifecycle_stage == DELETED:
            # MLflow keeps the name of a deleted experiment, so a new one could not be created.
            self.client.restore_experiment(found.experiment_id)
        return str(found.experiment_id)

    def _runs(self) -> Iterator[Any]:
        token = None
        while True:
            page = self.client.search_runs([self.experiment], max_results=PAGE_ROWS, page_token=token)
            yield from page
            token = page.token
            if not token:
                return

    def _versions(self) -> Iterator[Any]:
        token = None
        while True:
            page = self.client.search_model_versions(
                f"name='{NAME}'", max_results=PAGE_ROWS, page_token=token
            )
            yield from page
            token = page.token
            if not token:
                return

    def send(self, run: Run) -> bool:
        """Create the run and the version of a bundle if they are missing. Returns: whether anything was missing."""
        name = run.bundle
        is_new = name not in self.runs or self.runs[name].info.status != FINISHED
        if is_new:
            # Verify the bundle before anything is sent: this raises if its content does not match its name.
            load_bundle(Path(run.folder))
            self._send_run(run)
        if name in self.versions:
            return is_new
        info = self.runs[name].info
        tags = {BUNDLE: name, "data_hash": run.params.get("data_hash", "")}
        source = f"{info.artifact_uri}/{FOLDER}"
        self.versions[name] = self.client.create_model_version(NAME, source, info.run_id, tags=tags)
        return True

    def _send_run(self, run: Run) -> None:
        name, at_ms = run.bundle, run.made_at_ms or _now_ms()
        stored = self.runs.get(name)
        if stored is None:
            tags = {**run.tags, BUNDLE: name, "mlflow.source.name": "londonpump train"}
            stored = self.client.create_run(self.experiment, start_time=at_ms, tags=tags, run_name=name)
        # Progress for tests that kill the child; the parent reads only the last line.
        print(json.dumps({"begun": name}), flush=True)
        run_id = stored.info.run_id
        # MLflow rejects a second value of a parameter, so those that a killed child sent are skipped.
        new = {key: value for key, value in run.params.items() if key not in stored.data.params}
        params = [self.entities.Param(key, value) for key, value in new.items()]
        self.client.log_batch(run_id, metrics=self._metrics(run.metrics, at_ms), params=params)
        self.client.log_artifacts(run_id, run.folder, f"{FOLDER}/{name}")
        # last, so that a killed child never leaves a model without its bundle
        python = platform.python_version()
        text = MODEL_FILE.format(folder=FOLDER, run_id=run_id, bundle=name, python=python)
        self.client.log_text(run_id, text, f"{FOLDER}/MLmodel")
        self.client.set_terminated(run_id, FINISHED, end_time=at_ms)
        self.runs[name] = self.client.get_run(run_id)

    def attach(self, attachment: Attachment) -> bool:
        """Attach a file to its run unless it is attached already. Returns: whether it was attached now."""
        run = self.runs.get(attachment.bundle)
        tag = f"{NAME}.{attachment.path.rpartition('/')[2]}"
        if run is None or run.data.tags.get(tag) == attachment.content_hash:
            return False
        run_id = run.info.run_id
        self.client.log_artifact(run_id, attachment.path)
        if attachment.metrics:
            self.client.log_batch(run_id, metrics=self._metrics(attachment.metrics, _now_ms()))
        self.client.set_tag(run_id, tag, attachment.content_hash)
        return True

    def _metrics(self, values: Mapping[str, float], at_ms: int) -> list[Any]:
        # A value that is not finite cannot be shown in a chart, and some stores reject it.
        finite = {name: value for name, value in values.items() if math.isfinite(value)}
        return [self.entities.Metric(name, value, at_ms, 0) for name, value in finite.items()]

    def set_alias(self, alias: str, bundle: str | None) -> str | None:
        """Set the alias to the version of a bundle, or remove it. Returns: the version."""
        version = self.versions.get(bundle)
        now = self.client.get_registered_model(NAME).aliases.get(alias)
        version_number = None if version is None else str(version.version)
        if version_number is None and now is not None:
            self.client.delete_registered_model_alias(NAME, alias)
        elif version_number is not None and version_number != str(now):
            self.client.set_registered_model_alias(NAME, alias, version_number)
        return version_number


def bring_to(request: UpdateRequest) -> Sent:
    """Bring MLflow to the desired state. Returns: what was done. Raises: errors of MLflow."""
    tracking, desired = Tracking(request.uri, request.artefacts), request.desired
    sent, problems = [], []
    for run in desired.runs:
        try:
            if tracking.send(run):
                sent.append(run.bundle)
        except BadFile as error:
            problems.append(str(error))
    attached = tuple(each.path for each in desired.attachments if tracking.attach(each))
    champion = tracking.set_alias("champion", desired.aliases.champion)
    challenger = tracking.set_alias("challenger", desired.aliases.challenger)
    return Sent(tuple(sent), attached, tuple(problems), champion, challenger)


def _first_line(error: Exception) -> str:
    message, failed, _ = str(error).strip().partition("\n")[0].partition(" failed with exception ")
    return f"{message} got no answer" if failed else message


def _rank(run: Any) -> tuple[bool, int]:
    return run.info.status == FINISHED, -run.info.start_time


def _number(version: Any) -> int:
    return int(version.version)


def _now_ms() -> int:
    return int(time.time() * MS_PER_S)


def main() -> int:
    """Run the child. Returns: the exit code; it is 1 after an error, which is on standard error."""
    request = from_json(UpdateRequest, json.load(sys.stdin))
    # If the parent was killed, no other process ends this one.
    signal.alarm(math.ceil(request.within_s))
    logging.disable(logging.WARNING)
    mlflow_error: Any = importlib.import_module("mlflow.exceptions").MlflowException
    store_error: Any = importlib.import_module("sqlalchemy.exc").SQLAlchemyError
    try:
        done = bring_to(request)
    except (mlflow_error, store_error, OSError) as error:
        print(f"{type(error).__name__}: {_first_line(error)}", file=sys.stderr)
        return 1
    print(json.dumps(to_json(done)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
