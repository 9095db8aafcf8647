"""The command line: one command a verb, one call into the package each.

Imports of the package stand inside the commands, so that --help answers at once.
"""

import sys

# isort: off
# --help lists the commands in the order of these imports.
from londonpump.cli import (
    simulate,
    pipeline_steps,
    models,
    monitor,
    predict,
    data_sources,
    database,
    users,
    service,
)
from londonpump.cli.application import BAD_INPUT, app, not_installed
# isort: on

__all__ = [
    "app",
    "data_sources",
    "database",
    "main",
    "models",
    "monitor",
    "pipeline_steps",
    "predict",
    "service",
    "simulate",
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
