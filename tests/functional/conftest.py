"""A database of each kind for the tests of the service as a process."""

from support.postgres import database_url, postgresql

__all__ = ["database_url", "postgresql"]
