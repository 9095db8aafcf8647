"""**Train a new model on the newest records**, on the 15th of each month at 02:00 London time.

| Task | Does | If it fails |
|---|---|---|
| `fetch` | downloads what the Brigade has published since the last run | it is tried five times, 15 minutes and then up to 2 hours apart; the last good files stay in use |
| `prepare` | cleans them and joins weather and calendars of the database | earlier prepared data stay in use |
| `train` | trains a model without the newest 28 days and stores it | the active model stays in use |
| `evaluate` | evaluates it on those days and writes the report | the new model is stored, and `challenge` evaluates it on the 16th |

No model becomes active here: when `evaluate` is done, `challenge` starts. Any task can be cleared and run again alone.
"""

from datetime import timedelta

from airflow.sdk import DAG

from londonpump_dags.command import EVERY_DAG, TRAINED, LondonPumpCommand, in_london, patient

RETRIES = patient(tries=5, first_wait=timedelta(minutes=15), longest_wait=timedelta(hours=2))

with DAG(
    "train", schedule=in_london("0 2 15 * *"), doc_md=__doc__, tags=["londonpump", "model"], **EVERY_DAG
):
    (
        LondonPumpCommand(
            task_id="fetch", arguments="fetch records", execution_timeout=timedelta(hours=2), **RETRIES
        )
        >> LondonPumpCommand(
            task_id="prepare", arguments="prepare --context", execution_timeout=timedelta(hours=1)
        )
        >> LondonPumpCommand(task_id="train", arguments="train", execution_timeout=timedelta(hours=3))
        >> LondonPumpCommand(
            task_id="evaluate",
            arguments="evaluate",
            execution_timeout=timedelta(hours=1),
            outlets=[TRAINED],
        )
    )
