"""The service for the tests that sign in."""

from support.asking import asking, asking_once, asking_sqlite
from support.signing_in import desk, desk_behind_a_proxy

__all__ = ["asking", "asking_once", "asking_sqlite", "desk", "desk_behind_a_proxy"]
