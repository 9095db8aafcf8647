-- The databases of Airflow and of MLflow beside that of londonpump, which POSTGRES_DB names.
CREATE DATABASE airflow;
CREATE DATABASE mlflow;
