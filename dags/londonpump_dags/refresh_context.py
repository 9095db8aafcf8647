"""**Refresh weather, calendars and traffic**, five minutes past every hour.

Every source is fetched and stored; one that fails does not stop the others, and its stored values stay in use. The task is
tried three times; then it fails, and its log names the source. The service goes on and names the source of each value. Only
traffic needs a key (`LONDONPUMP_TOMTOM_KEY`).
"""

from datetime import timedelta

from airflow.sdk import DAG

from londonpump_dags.command import EVERY_DAG, LondonPumpCommand, in_london, patient

RETRIES = patient(tries=3, first_wait=timedelta(minutes=4), longest_wait=timedelta(minutes=8))

with DAG(
    "refresh_context",
    schedule=in_london("5 * * * *"),
    doc_md=__doc__,
    tags=["londonpump", "context"],
    **EVERY_DAG,
):
    LondonPumpCommand(
        task_id="refresh", arguments="refresh context", execution_timeout=timedelta(minutes=12), **RETRIES
    )
