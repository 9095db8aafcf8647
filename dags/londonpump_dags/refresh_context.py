"""**Weather, calendars and traffic of now**, five minutes past every hour.

Each source is asked, and what comes is stored; one that fails stops none of the others, and what is stored stands in for it.
The task is tried three times, then it fails and its log says which source it was. The service goes on without:
it says of each value where it comes from. A key is needed for traffic alone (`LONDONPUMP_TOMTOM_KEY`).
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
