"""When what the model's life needs is done: four DAGs, and the one operator that they share.

Put `dags` where Airflow looks for DAGs, or this folder into the folder where it does.
"""
