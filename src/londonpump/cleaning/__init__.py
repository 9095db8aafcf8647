"""Raw rows to clean rows: what is kept, what is repaired, what is set aside, each by a named rule.

Ibis expressions only: the same code on DuckDB in the process and on a Spark cluster.
"""
