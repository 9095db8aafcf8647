"""Whose history a person may see, and how it is told."""

from datetime import UTC, datetime

from sqlalchemy import Connection

from londonpump.domain.usernames import username_key
from londonpump.service.auth.repository import find_named
from londonpump.service.errors import NotFound
from londonpump.service.field_formats import naive_utc, original_id
from londonpump.service.original.repository import HistoryQuery, HistoryRow, read_history
from londonpump.service.original.schemas import HistoryEntry
from londonpump.service.rights import Person, Role

FIRST_YEAR, LAST_YEAR = 1970, 9998
SEES_ALL = frozenset({Role.ANALYST, Role.ADMIN})


class NoSuchUser(NotFound):
    """There is none of that name, or it is somebody whose history one may not see: nobody learns which."""

    def __init__(self) -> None:
        super().__init__("No user found")


class NoPredictions(NotFound):
    """None that matches."""

    def __init__(self) -> None:
        super().__init__("No predictions found")


def history_owner(connection: Connection, person: Person, username: str | None) -> str | None:
    """The id of the user whose history is asked for, None for everybody's. Raises: NoSuchUser."""
    if username is None:
        return None if person.role in SEES_ALL else person.id
    if username_key(username) == username_key(person.username):
        return person.id
    # no name holds a null character, and PostgreSQL takes none
    found = (
        None
        if person.role not in SEES_ALL or "\0" in username
        else find_named(connection, username_key(username))
    )
    if found is None:
        raise NoSuchUser
    return found[0].id


def find_history(connection: Connection, query: HistoryQuery) -> list[HistoryRow]:
    """What matches. Raises: NoPredictions."""
    found = read_history(connection, query)
    if not found:
        raise NoPredictions
    return found


def to_entry(row: HistoryRow) -> HistoryEntry:
    """As the original told it: whole seconds, and UTC without saying so."""
    return HistoryEntry(
        id=original_id(row.id, row.imported_id),
        userId=row.user_id and original_id(row.user_id, row.user_imported_from),
        prediction=round(row.response_time_s),
        risk_underestimated=row.is_flagged,
        created_at=str(naive_utc(row.created_at)),
    )


def as_utc(timestamp: datetime) -> datetime:
    """UTC, which is meant where nothing is said, as in what the original gives out. Raises: ValueError."""
    if not FIRST_YEAR <= timestamp.year <= LAST_YEAR:
        raise ValueError(f"lies before {FIRST_YEAR} or after {LAST_YEAR}")
    return timestamp.replace(tzinfo=UTC) if timestamp.tzinfo is None else timestamp.astimezone(UTC)
