"""Options and arguments that several commands share. The text of each names its default."""

from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from londonpump.domain.errors import BadValue


def files(help_text: str) -> Any:
    """Return the option of one or more files."""
    return value("FILE", help_text)


def value(metavar: str, help_text: str, *names: str, **more: Any) -> Any:
    """Return an option whose text names its default."""
    return typer.Option(*names, metavar=metavar, help=help_text, show_default=False, **more)


def day(help_text: str, *names: str) -> Any:
    """Return an option whose value is a day."""
    return value("DATE", help_text, *names, parser=_parse_day)


def bundle(use: str, default: str | None = None, metavar: str = "BUNDLE") -> Any:
    """Return the argument that names a bundle, in the same way for every command. default: None if it is required."""
    text = f"{use}: a folder, or a hash in LONDONPUMP_BUNDLES."
    return typer.Argument(
        metavar=metavar, help=text + (f" Default: {default}." if default else ""), show_default=False
    )


OldBundle = Annotated[
    str | None,
    value("BUNDLE", "Name the bundle as before it was an argument. Default: none.", "--bundle", hidden=True),
]
"""Kept because scripts of version 0.1 have it."""


def one_bundle(bundle: str | None, old: str | None) -> str | None:
    """Return the bundle that the argument or the former option names. Raises: BadValue if they name two."""
    if bundle is not None and old is not None:
        raise BadValue("--bundle", old, f"cannot go with the argument {bundle}. Name one bundle")
    return old if bundle is None else bundle


def parse_timestamp(text: str) -> datetime:
    """Read a timestamp with its zone: without one it could be London time or UTC, an hour apart in summer.

    Raises: BadParameter.
    """
    with suppress(ValueError):
        if (timestamp := datetime.fromisoformat(text)).tzinfo is not None:
            return timestamp.astimezone(UTC)
    raise typer.BadParameter(f"{text!r} is not a time with a zone. Write it like 2026-11-01T10:00Z.")


def _parse_day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is not a day. Write it like 2026-11-01.") from error


DataFolder = Annotated[
    Path | None, value("DATA", "Use this output of prepare. Default: that in LONDONPUMP_HOME.")
]
MobilisedAt = Annotated[
    str | None,
    value(
        "TIME",
        "Set the time of mobilisation, such as 2024-01-15T08:00Z; without Z it is London time. Default: now.",
    ),
]
IncidentType = Annotated[
    str | None, value("TEXT", "Set the incident type, one of its five names. Default: not known.")
]
JsonFile = Annotated[
    Path | None,
    value(
        "FILE",
        "Write the result as JSON to this file; `-` prints it instead of the text. Default: no JSON.",
    ),
]


def example(command: str) -> str:
    """Return the last line of the help of a command. A test reads each example as a shell would."""
    return f"Example: `londonpump {command}`"


def bundle_folder(config: Any, reference: str | None) -> Path:
    """Return the folder of the bundle that an argument names; without one, the newest of train. Raises: BadFile."""
    from londonpump.registry.bundle_store import BundleStore

    return config.bundle if reference is None else BundleStore(config.bundle).find(reference)


STDOUT = Path("-")
MARK = '{{\n "{}"'
"""How our JSON files begin: files of other programs are never replaced. It is filled with the first key."""


def json_file(path: Path | None, mark: str) -> Path | None:
    """Return the file that --json names; None for none and for `-`. Raises: BadFile if it holds something else."""
    from londonpump.persistence.atomic_files import require_own_file

    if path is None or path == STDOUT:
        return None
    require_own_file(path, mark)
    return path
