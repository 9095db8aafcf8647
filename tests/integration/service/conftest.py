"""Fixtures for tests that sign in to the service."""

from support.accounts_service import live_service, live_service_behind_proxy
from support.api_client import api, shared_api, sqlite_api

__all__ = ["api", "live_service", "live_service_behind_proxy", "shared_api", "sqlite_api"]
