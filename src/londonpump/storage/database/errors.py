"""What a driver reports, as words for a person: what happened, to which database, what to do next.

The driver's own text is never passed on: it can hold the address with its password, or a row's values.
"""

from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, IntegrityError

from londonpump.domain.errors import DatabaseFailed

CONNECTION_ADVICE = "Check LONDONPUMP_DATABASE_URL and that the server runs."
DATA_ADVICE = "Check the data that were to be stored."
DISK_ADVICE = "Make room on the disk and try again."
PUBLIC_ADVICE = (DISK_ADVICE,)
"""Of the failures that a person who only uses the service can do something about, or should report."""

_KNOWN = (
    # (part of the driver's text in lower case, what it means, what to do)
    ("password authentication failed", "refuses the user or the password", "Check LONDONPUMP_DATABASE_URL."),
    ("no password supplied", "wants a password", "Put it into LONDONPUMP_DATABASE_URL."),
    ("pg_hba", "does not let this user in from here", "Ask its administrator."),
    ('database "', "has no database of that name", "Create it, or check LONDONPUMP_DATABASE_URL."),
    ('role "', "knows no such user", "Create it, or check LONDONPUMP_DATABASE_URL."),
    ("resolve host", "cannot be found under that name", CONNECTION_ADVICE),
    ("name or service not known", "cannot be found under that name", CONNECTION_ADVICE),
    ("connection refused", "does not listen there", CONNECTION_ADVICE),
    ("timeout", "did not answer in time", CONNECTION_ADVICE),
    ("too many clients", "has no connection left", "Try again, or allow more connections."),
    ("permission denied", "does not give this user the right to do that", "Ask its administrator."),
    ("not a database", "is not a database", "Name another file, or bring this one back from a backup."),
    ("malformed", "is damaged", "Bring it back from a backup."),
    ("database is locked", "is held by another process", "Try again when that one has ended."),
    ("readonly", "cannot be written", "Give yourself the right to write the file and its folder."),
    ("read-only", "cannot be written", "Give yourself the right to write the file and its folder."),
    ("unable to open", "cannot be opened", "Check that the folder is there and may be written."),
    ("disk is full", "has no room left", DISK_ADVICE),
    ("no space left", "has no room left", DISK_ADVICE),
    ("disk i/o error", "cannot be written or read on its disk", DISK_ADVICE),
    ("no such table", "lacks a table of this version", "Run `londonpump db upgrade`."),
    ("relation ", "lacks a table of this version", "Run `londonpump db upgrade`."),
    (
        "constraint",
        "refuses a value that breaks a rule of its tables",
        "Check the data that were to be stored.",
    ),
)


def database_error(address: URL, error: DBAPIError) -> DatabaseFailed:
    """The error to raise for a failure; the driver's text stays out of it."""
    if isinstance(error, IntegrityError):
        return DatabaseFailed(
            f"The database {database_name(address)} refuses a value that breaks a rule of its tables. {DATA_ADVICE}"
        )
    text = str(error.orig).lower()
    for part, meaning, advice in _KNOWN:
        if part in text:
            public = f"The database {meaning}. {advice}" if advice in PUBLIC_ADVICE else None
            return DatabaseFailed(f"The database {database_name(address)} {meaning}. {advice}", public)
    driver_error = type(error.orig).__name__
    return DatabaseFailed(
        f"The database {database_name(address)} failed ({driver_error}). {CONNECTION_ADVICE}"
    )


def database_name(address: URL) -> str:
    """A database as it may be shown: its file, or user, host, port and name. Never password or options."""
    if address.drivername.startswith("sqlite"):
        return address.database or "in memory"
    user = f"{address.username}@" if address.username else ""
    port = f":{address.port}" if address.port else ""
    return f"{user}{address.host or 'localhost'}{port}/{address.database or ''}"
