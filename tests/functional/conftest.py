"""A database of each kind for the tests of the service as a process, a service in this one, and a simulated day."""

from support.asking import asking_once
from support.field_month import month, unspoilt_month
from support.postgres import database_url, postgresql

__all__ = ["asking_once", "database_url", "month", "postgresql", "unspoilt_month"]
