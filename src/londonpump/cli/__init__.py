"""The command line: one command a verb, one call into the package each.

Imports of the package stand inside the commands, so that --help answers at once.
"""

import sys

# isort: off
# --help lists the commands in the order of these imports.
from londonpump.cli import (
    simulate,
    train,
    challenge,
    models,
    monitor,
    track,
    predict,
    fetch,
    show_context,
    import_files,
    database,
    refresh,
    users,
    audit,
    serve,
    rehearse,
)
from londonpump.cli.optional_dependencies import not_installed
from londonpump.cli.application import BAD_INPUT, app
# isort: on

__all__ = [
    "app",
    "audit",
    "challenge",
    "database",
    "fetch",
    "import_files",
    "main",
    "models",
    "monitor",
    "predict",
    "refresh",
    "rehearse",
    "serve",
    "show_context",
    "simulate",
    "track",
    "train",
    "users",
]


def main() -> None:
    """The entry point of the command."""
    try:
        app()
    except ModuleNotFoundError as error:
        problem = not_installed(error)
        if problem is None:
            raise
        print(f"londonpump: {problem}", file=sys.stderr)
        sys.exit(BAD_INPUT)
    except KeyboardInterrupt:
        sys.exit(130)
