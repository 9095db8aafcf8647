"""Airflow DAGs that run londonpump on a schedule: four DAGs, and the operator that they share.

Make `dags` the DAG folder of Airflow, or copy this folder into it.
"""
