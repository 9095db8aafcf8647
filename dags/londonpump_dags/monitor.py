"""**Monitor the active model**, every day at 06:30 London time.

It checks live error and coverage, drift of the inputs, and outdated data. Alarms go to the log, to `/metrics` of the service
and to the webhook `LONDONPUMP_ALARM_WEBHOOK`; an open alarm does not fail the task. If the error has left its band for long
enough, a roll back is proposed, or made if `LONDONPUMP_ROLL_BACK` says so.
"""

from datetime import timedelta

from airflow.sdk import DAG

from londonpump_dags.command import EVERY_DAG, LondonPumpCommand, in_london

with DAG(
    "monitor", schedule=in_london("30 6 * * *"), doc_md=__doc__, tags=["londonpump", "model"], **EVERY_DAG
):
    LondonPumpCommand(task_id="monitor", arguments="monitor", execution_timeout=timedelta(hours=1))
