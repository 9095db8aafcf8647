"""A database of each kind for the tests of the service as a process, and a service that answers in this one."""

from support.asking import asking_once
from support.postgres import database_url, postgresql

__all__ = ["asking_once", "database_url", "postgresql"]
