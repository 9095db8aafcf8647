"""The service for the tests that sign in."""

from support.signing_in import desk, desk_behind_a_proxy

__all__ = ["desk", "desk_behind_a_proxy"]
