"""**Compare the newest model with the active one**, when a training has finished, and on the 16th of each month at 00:00
London time.

Both are evaluated on the same incidents, later than both trainings. The better one becomes active, and in doubt the champion
stays; either way the decision is a row of the ledger (`londonpump models list`). A pair that was evaluated before on the same
records is not evaluated again, and without a new model there is nothing to decide: the task succeeds in both cases. To activate
a model by hand, or to roll back: `londonpump models promote`, `londonpump models roll-back`.
"""

from datetime import timedelta

from airflow.sdk import DAG, AssetOrTimeSchedule

from londonpump_dags.command import EVERY_DAG, TRAINED, LondonPumpCommand, in_london

WHEN = AssetOrTimeSchedule(timetable=in_london("0 0 16 * *"), assets=[TRAINED])

with DAG("challenge", schedule=WHEN, doc_md=__doc__, tags=["londonpump", "model"], **EVERY_DAG):
    LondonPumpCommand(task_id="challenge", arguments="challenge", execution_timeout=timedelta(hours=1))
