"""A database of each kind for the tests of the service as a process, a service in this one, and a simulated day."""

from support.api_client import shared_api
from support.field_month import month, undamaged_month
from support.postgres import database_url, postgresql

__all__ = ["database_url", "month", "postgresql", "shared_api", "undamaged_month"]
