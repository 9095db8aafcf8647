"""The HTTP library logs every address it asks, keys and all. Not here."""

import logging

_LOGGERS = (
    "httpx2",
    *(f"httpcore2.{part}" for part in ("connection", "http11", "http2", "proxy", "socks")),
)

_DROP = logging.Filter("nothing is called so")
"""Passes only lines of loggers below that name: none."""


def suppress_address_logs() -> None:
    """Drop the library's own lines, whatever level somebody sets: a filter stays where a level does not."""
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_DROP)
