"""PostgreSQL for the drills."""

from support.postgres import postgresql

__all__ = ["postgresql"]
