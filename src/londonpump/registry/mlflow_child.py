"""The process that speaks with MLflow: `python -m` this module, what is wanted as json in, what was done as json out.

Every step looks at what MLflow has first, so a child that was killed anywhere is simply run again: the unfinished run
of a bundle is found by its tag and finished.
"""

import importlib
import json
import logging
import math
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from londonpump.domain.errors import BadFile
from londonpump.storage.bundles import load_bundle

NAME = "londonpump"
"""Of the experiment and of the registered model."""
BUNDLE = "londonpump.bundle"
FOLDER = "bundle"
FINISHED, DELETED = "FINISHED", "deleted"
PAGE_ROWS = 1000
MS_PER_S = 1000


class Tracking:
    """An experiment and a registered model of MLflow."""

    def __init__(self, uri: str, artefacts: str | None) -> None:
        self.client: Any = importlib.import_module("mlflow.tracking").MlflowClient(uri, uri)
        self.entities: Any = importlib.import_module("mlflow.entities")
        self.experiment = self._experiment(artefacts)
        if not self.client.search_registered_models(filter_string=f"name='{NAME}'"):
            self.client.create_registered_model(NAME, description="Pumps of the London Fire Brigade")
        # the newest first, so that of two runs of a bundle a finished one wins, the older of these
        self.runs = {run.data.tags.get(BUNDLE): run for run in sorted(self._runs(), key=_rank)}
        self.versions = {v.tags.get(BUNDLE): v for v in sorted(self._versions(), key=_number, reverse=True)}

    def _experiment(self, artefacts: str | None) -> str:
        found = self.client.get_experiment_by_name(NAME)
        if found is None:
            return str(self.client.create_experiment(NAME, artifact_location=artefacts))
        if found.lifecycle_stage == DELETED:
            # a person deleted it and can have it back; a second of that name cannot be made
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

    def send(self, facts: dict[str, Any]) -> bool:
        """Have a finished run and a version of a bundle. Returns: whether anything was missing."""
        name = facts["bundle"]
        is_new = name not in self.runs or self.runs[name].info.status != FINISHED
        if is_new:
            # raises before anything is sent if the bundle is not what its name says
            load_bundle(Path(facts["folder"]))
            self._send_run(facts)
        if name in self.versions:
            return is_new
        info = self.runs[name].info
        tags = {BUNDLE: name, "data_hash": facts["params"].get("data_hash", "")}
        source = f"{info.artifact_uri}/{FOLDER}"
        self.versions[name] = self.client.create_model_version(NAME, source, info.run_id, tags=tags)
        return True

    def _send_run(self, facts: dict[str, Any]) -> None:
        name, at_ms = facts["bundle"], facts["made_at_ms"] or _now_ms()
        run = self.runs.get(name)
        if run is None:
            tags = {**facts["tags"], BUNDLE: name, "mlflow.source.name": "londonpump train"}
            run = self.client.create_run(self.experiment, start_time=at_ms, tags=tags, run_name=name)
        print(json.dumps({"begun": name}), flush=True)
        run_id = run.info.run_id
        # MLflow never changes a parameter: those that a killed child had sent stay
        new = {key: value for key, value in facts["params"].items() if key not in run.data.params}
        params = [self.entities.Param(key, value) for key, value in new.items()]
        self.client.log_batch(run_id, metrics=self._metrics(facts["metrics"], at_ms), params=params)
        self.client.log_artifacts(run_id, facts["folder"], FOLDER)
        self.client.set_terminated(run_id, FINISHED, end_time=at_ms)
        self.runs[name] = self.client.get_run(run_id)

    def attach(self, attachment: dict[str, Any]) -> bool:
        """Have a file beside the run that it is about. Returns: whether it was not there as it is."""
        run = self.runs.get(attachment["bundle"])
        tag = f"{NAME}.{attachment['path'].rpartition('/')[2]}"
        if run is None or run.data.tags.get(tag) == attachment["content_hash"]:
            return False
        run_id = run.info.run_id
        self.client.log_artifact(run_id, attachment["path"])
        if attachment["metrics"]:
            self.client.log_batch(run_id, metrics=self._metrics(attachment["metrics"], _now_ms()))
        self.client.set_tag(run_id, tag, attachment["content_hash"])
        return True

    def _metrics(self, values: dict[str, float], at_ms: int) -> list[Any]:
        finite = {name: value for name, value in values.items() if math.isfinite(value)}
        return [self.entities.Metric(name, value, at_ms, 0) for name, value in finite.items()]

    def set_alias(self, alias: str, bundle: str | None) -> str | None:
        """Have the alias on the version of a bundle, or nowhere. Returns: the version."""
        version = self.versions.get(bundle)
        now = self.client.get_registered_model(NAME).aliases.get(alias)
        version_number = None if version is None else str(version.version)
        if version_number is None and now is not None:
            self.client.delete_registered_model_alias(NAME, alias)
        elif version_number is not None and version_number != str(now):
            self.client.set_registered_model_alias(NAME, alias, version_number)
        return version_number


def bring_to(desired: dict[str, Any]) -> dict[str, Any]:
    """Bring MLflow to what is wanted. Returns: what was done. Raises: what MLflow raises."""
    tracking = Tracking(desired["uri"], desired["artefacts"])
    sent, problems = [], []
    for facts in desired["runs"]:
        try:
            if tracking.send(facts):
                sent.append(facts["bundle"])
        except BadFile as error:
            problems.append(str(error))
    attached = [each["path"] for each in desired["attachments"] if tracking.attach(each)]
    named = {alias: tracking.set_alias(alias, bundle) for alias, bundle in desired["aliases"].items()}
    return {"sent": sent, "attached": attached, "problems": problems, **named}


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
    """Returns: the exit code, 1 with the reason on standard error."""
    desired = json.load(sys.stdin)
    # nobody may be left to end it
    signal.alarm(math.ceil(desired["within_s"]))
    logging.disable(logging.WARNING)
    mlflow_error: Any = importlib.import_module("mlflow.exceptions").MlflowException
    store_error: Any = importlib.import_module("sqlalchemy.exc").SQLAlchemyError
    try:
        done = bring_to(desired)
    except (mlflow_error, store_error, OSError) as error:
        print(f"{type(error).__name__}: {_first_line(error)}", file=sys.stderr)
        return 1
    print(json.dumps(done))
    return 0


if __name__ == "__main__":
    sys.exit(main())
