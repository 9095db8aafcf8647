"""The command line: one command a verb, one call into the package each.

Imports of the package stand inside the commands, so that --help answers at once.
"""

import sys

# isort: off
# --help lists the commands in the order of these imports.
from londonpump.cli import (
    records,
    learning,
    challenging,
    models,
    monitoring,
    tracking,
    answering,
    sources,
    context,
    importing,
    database,
    refreshing,
    users,
    audit,
    serving,
    rehearsing,
)
from londonpump.cli.extras import not_installed
from londonpump.cli.screen import BAD_INPUT, app
# isort: on

__all__ = [
    "answering",
    "app",
    "audit",
    "challenging",
    "context",
    "database",
    "importing",
    "learning",
    "main",
    "models",
    "monitoring",
    "records",
    "refreshing",
    "rehearsing",
    "serving",
    "sources",
    "tracking",
    "users",
]


def main() -> None:
    """The entry point of the command."""
    try:
        app()
    except ModuleNotFoundError as error:
        told = not_installed(error)
        if told is None:
            raise
        print(f"londonpump: {told}", file=sys.stderr)
        sys.exit(BAD_INPUT)
    except KeyboardInterrupt:
        sys.exit(130)
