"""Queries of the tests to Airflow, run by the Python of its own environment: airflow_side.py ANSWERS QUESTION...

The answers, one a question, are a json list in the file ANSWERS. A question and its words are parted by commas:
`imported`, `shapes`, `instants,DAG,FIRST,LAST`, `executed,ARGUMENTS`, `run,DAG,...`.
"""

import json
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

DAGS = Path(__file__).resolve().parents[2] / "dags"
NAMES = ("train", "challenge", "refresh_context", "monitor")
WATCHED = ("socket", "subprocess", "sqlite3", "urllib", "http", "shutil", "tempfile", "ftplib", "smtplib")


def imported() -> dict[str, Any]:
    """Return the effects and the cost of importing the DAGs after Airflow: files except Python's own, processes, sockets."""
    import airflow.providers.standard.hooks.subprocess
    from airflow.sdk import DAG, Asset, AssetOrTimeSchedule, BaseOperator, CronTriggerTimetable, exceptions

    assert all((airflow, DAG, Asset, AssetOrTimeSchedule, BaseOperator, exceptions))
    CronTriggerTimetable("0 0 1 1 *", timezone="Europe/London")
    did: list[str] = []

    def note(event: str, arguments: tuple[Any, ...]) -> None:
        is_module = event == "open" and str(arguments[0]).endswith((".py", ".pyc"))
        if is_watching and not is_module and event.partition(".")[0] in ("open", *WATCHED):
            did.append(f"{event} {arguments[:2]}")

    sys.addaudithook(note)
    is_watching = True
    began = time.process_time()
    for name in NAMES:
        __import__(f"londonpump_dags.{name}")
    took_s = time.process_time() - began
    is_watching = False
    return {
        "cpu_s": took_s,
        "did": did,
        "products": [name for name in sys.modules if name.startswith("londonpump.")],
    }


def shapes() -> dict[str, Any]:
    """Return every DAG as Airflow reads it, and the import errors."""
    bag = bag_of()
    return {
        "errors": bag.import_errors,
        "warnings": {name: list(messages) for name, messages in bag.captured_warnings.items()},
        "dags": {name: shape_of(dag) for name, dag in bag.dags.items()},
    }


def bag_of() -> Any:
    from airflow.dag_processing.dagbag import BundleDagBag

    return BundleDagBag(DAGS, bundle_path=DAGS, bundle_name="dags-folder")


def shape_of(dag: Any) -> dict[str, Any]:
    return {
        "doc": dag.doc_md,
        "tags": sorted(dag.tags),
        "catchup": dag.catchup,
        "max_active_runs": dag.max_active_runs,
        "cron": cron_of(dag).expression,
        "zone": str(cron_of(dag).timezone),
        "assets": assets_of(dag),
        "tasks": [task_of(task) for task in dag.topological_sort()],
    }


def assets_of(dag: Any) -> list[str]:
    from airflow.serialization.encoders import coerce_to_core_timetable

    found = coerce_to_core_timetable(dag.timetable).asset_condition.iter_assets()
    return [key.name for key, _ in found]


def cron_of(dag: Any) -> Any:
    return getattr(dag.timetable, "timetable", dag.timetable)


def task_of(task: Any) -> dict[str, Any]:
    return {
        "id": task.task_id,
        "arguments": task.arguments,
        "owner": task.owner,
        "retries": task.retries,
        "timeout_s": task.execution_timeout.total_seconds(),
        "before": sorted(task.downstream_task_ids),
        "outlets": [asset.name for asset in task.outlets],
    }


def logical_dates(dag: str, first: str, last: str) -> list[str]:
    """Return the scheduled starts of a DAG between two timestamps, UTC."""
    from airflow.serialization.encoders import coerce_to_core_timetable
    from airflow.timetables.base import TimeRestriction
    from pendulum import instance

    timetable = coerce_to_core_timetable(bag_of().dags[dag].timetable)
    start, end = (instance(datetime.fromisoformat(word)) for word in (first, last))
    within, found, info = TimeRestriction(start, end, catchup=True), [], None
    while info := timetable.next_dagrun_info(
        last_automated_data_interval=info and info.data_interval, restriction=within
    ):
        found.append(info.run_after.in_timezone("UTC").strftime("%Y-%m-%dT%H:%MZ"))
    return found


def executed(arguments: str) -> list[str]:
    """Return [name of the error, its message] of a task with these arguments; both are empty if it succeeded."""
    from airflow.sdk.exceptions import AirflowException
    from londonpump_dags.command import LondonPumpCommand

    try:
        LondonPumpCommand(task_id="tried", arguments=arguments).execute({"run_id": "manual__1"})
    except AirflowException as error:
        return [type(error).__name__, str(error)]
    return ["", ""]


def run(*dags: str) -> dict[str, Any]:
    """Run each DAG by `dag.test()` without its waits. Returns: [state, {task: [state, tries]}] per DAG."""
    bag = bag_of()
    for dag in bag.dags.values():
        for task in dag.tasks:
            task.retry_delay = timedelta(0)
    return {name: ended_as(bag.dags[name].test()) for name in dags}


def ended_as(dag_run: Any) -> list[Any]:
    tasks = {each.task_id: [str(each.state), each.try_number] for each in dag_run.get_task_instances()}
    return [str(dag_run.state), tasks]


QUESTIONS: dict[str, Any] = {
    "imported": imported,
    "shapes": shapes,
    "instants": logical_dates,
    "executed": executed,
    "run": run,
}

if __name__ == "__main__":
    sys.path.insert(0, str(DAGS))
    file, *questions = sys.argv[1:]
    commands = [question.split(",") for question in questions]
    answers = [QUESTIONS[name](*question_arguments) for name, *question_arguments in commands]
    Path(file).write_text(json.dumps(answers), encoding="utf-8")
