"""One database per engine for the tests of the storage."""

from support.postgres import database_url, empty_database_url, engine, postgresql

__all__ = ["database_url", "empty_database_url", "engine", "postgresql"]
