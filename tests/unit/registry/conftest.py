"""Databases of both engines for the tests of the registry."""

from support.postgres import database_url, empty_database_url, engine, postgresql

__all__ = ["database_url", "empty_database_url", "engine", "postgresql"]
