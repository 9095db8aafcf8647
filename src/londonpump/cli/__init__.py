"""Command line of londonpump: one command per verb, each with one call into the package.

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
    rank,
    data_sources,
    roads,
    places,
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
    "places",
    "predict",
    "rank",
    "roads",
    "service",
    "simulate",
    "users",
]


def main() -> None:
    """Run the command line."""
    try:
        app()
    except ModuleNotFoundError as error:
        problem = not_installed(error)
        if problem is None:
            raise
        print(f"londonpump: {problem}", file=sys.stderr)
        sys.exit(BAD_INPUT)
    except KeyboardInterrupt:
        # 128 + SIGINT, as shells report it
        sys.exit(130)
