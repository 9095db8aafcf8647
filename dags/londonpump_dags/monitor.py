"""**Watch the model on duty**, every day at 06:30 London time.

Live error and coverage, drift of what comes in, and what has become too old. Alarms go to the log, to the service's
`/metrics` and to the webhook that `LONDONPUMP_ALARM_WEBHOOK` names; an alarm that stands does not fail the task. If the error
has left its band for long enough a roll back is proposed, or made, as `LONDONPUMP_ROLL_BACK` says.
"""

from datetime import timedelta

from airflow.sdk import DAG

from londonpump_dags.command import EVERY_DAG, LondonPumpCommand, in_london

with DAG(
    "monitor", schedule=in_london("30 6 * * *"), doc_md=__doc__, tags=["londonpump", "model"], **EVERY_DAG
):
    LondonPumpCommand(task_id="monitor", arguments="monitor", execution_timeout=timedelta(hours=1))
