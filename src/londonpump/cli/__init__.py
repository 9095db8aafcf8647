"""The command line: one command a verb, one call into the package each.

Imports of the package stand inside the commands, so that --help answers at once.
"""

import sys

# isort: off
# --help lists the commands in the order of these imports.
from londonpump.cli import (
    records,
    learning,
    answering,
    sources,
    context,
    importing,
    database,
    refreshing,
    users,
    audit,
    serving,
)
from londonpump.cli.screen import app
# isort: on

__all__ = [
    "answering",
    "app",
    "audit",
    "context",
    "database",
    "importing",
    "learning",
    "main",
    "records",
    "refreshing",
    "serving",
    "sources",
    "users",
]


def main() -> None:
    """The entry point of the command."""
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(130)
