"""Operator that runs one command of londonpump in londonpump's own environment, and schedules in London time."""

import os
import shlex
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from airflow.providers.standard.hooks.subprocess import SubprocessHook
from airflow.sdk import Asset, BaseOperator, Context, CronTriggerTimetable
from airflow.sdk.exceptions import AirflowException, AirflowFailException

DONE, SOURCE_FAILED = 0, 3
OF_AIRFLOW = ("AIRFLOW_", "PYTHON", "VIRTUAL_ENV")
LONGEST_RUN = 200
TRAINED = Asset(name="londonpump_trained", uri="x-londonpump://trained", group="londonpump")
"""A training has finished and its model is stored."""
EVERY_DAG = {"catchup": False, "max_active_runs": 1, "default_args": {"owner": "londonpump", "retries": 0}}


class LondonPumpCommand(BaseOperator):
    """Runs `LONDONPUMP_COMMAND` (`londonpump` by default) with `arguments`; its output goes to the log of the task.

    Exit code 3 (a publisher failed) is retried as often as the task allows; any other failure is final. The environment is
    that of the worker without the variables of Airflow; LONDONPUMP_RUN names the run in the ledger.
    """

    template_fields: Sequence[str] = ("arguments",)
    ui_color = "#f7d9d0"

    def __init__(self, *, arguments: str, **of_every_task: Any) -> None:
        super().__init__(**of_every_task)
        self.arguments = arguments
        self.running: SubprocessHook | None = None

    def execute(self, context: Context) -> None:
        """Run the command. Raises: AirflowException if a publisher failed, AirflowFailException for any other failure."""
        command = [
            *shlex.split(os.environ.get("LONDONPUMP_COMMAND") or "londonpump"),
            *self.arguments.split(),
        ]
        self.running = SubprocessHook()
        try:
            ended = self.running.run_command(
                command, env=environment(os.environ, context["run_id"], self.dag_id)
            )
        except OSError as error:
            message = f"{command[0]} cannot be run ({error}). Set LONDONPUMP_COMMAND to the full path of londonpump."
            raise AirflowFailException(message) from error
        if ended.exit_code != DONE:
            problem = AirflowException if ended.exit_code == SOURCE_FAILED else AirflowFailException
            raise problem(f"exit code {ended.exit_code}: {ended.output}")

    def on_kill(self) -> None:
        """Stop the command when its task is killed."""
        if self.running is not None:
            self.running.send_sigterm()


def environment(of_worker: Mapping[str, str], run_id: str, dag: str) -> dict[str, str]:
    """Return the environment of the command, without secrets of Airflow and paths into Airflow's Python."""
    inherited = {name: value for name, value in of_worker.items() if not name.startswith(OF_AIRFLOW)}
    return {**inherited, "LONDONPUMP_RUN": f"airflow {dag} {run_id}"[:LONGEST_RUN]}


def in_london(cron: str) -> CronTriggerTimetable:
    """Return a schedule in London time. A run that was missed while the DAG was paused is not made up for."""
    return CronTriggerTimetable(cron, timezone="Europe/London")


def patient(tries: int, first_wait: timedelta, longest_wait: timedelta) -> dict[str, Any]:
    """Return options of a task that calls publishers: the wait doubles after each failure."""
    return {
        "retries": tries - 1,
        "retry_delay": first_wait,
        "retry_exponential_backoff": 2,
        "max_retry_delay": longest_wait,
    }
