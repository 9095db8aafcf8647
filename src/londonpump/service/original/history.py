"""Whose history a person may see, and how it is told."""

from datetime import UTC, datetime

from sqlalchemy import Connection

from londonpump.brigade.user_names import folded
from londonpump.service.auth.rows import find_named
from londonpump.service.errors import NotFound
from londonpump.service.original.rows import Told, Wanted, read_history
from londonpump.service.original.shapes import HistoryEntry
from londonpump.service.rights import Person, Role
from londonpump.service.words import naive_utc, original_id

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


def whose(connection: Connection, person: Person, username: str | None) -> str | None:
    """The id of the user whose history is asked for, None for everybody's. Raises: NoSuchUser."""
    if username is None:
        return None if person.role in SEES_ALL else person.id
    if folded(username) == folded(person.username):
        return person.id
    # no name holds a null character, and PostgreSQL takes none
    found = (
        None if person.role not in SEES_ALL or "\0" in username else find_named(connection, folded(username))
    )
    if found is None:
        raise NoSuchUser
    return found[0].id


def find(connection: Connection, wanted: Wanted) -> list[Told]:
    """What matches. Raises: NoPredictions."""
    found = read_history(connection, wanted)
    if not found:
        raise NoPredictions
    return found


def shown(told: Told) -> HistoryEntry:
    """As the original told it: whole seconds, and UTC without saying so."""
    return HistoryEntry(
        id=original_id(told.id, told.imported_id),
        userId=told.user_id and original_id(told.user_id, told.user_imported_from),
        prediction=round(told.response_time_s),
        risk_underestimated=told.is_risky,
        created_at=str(naive_utc(told.created_at)),
    )


def as_instant(moment: datetime) -> datetime:
    """UTC, which is meant where nothing is said, as in what the original gives out. Raises: ValueError."""
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise ValueError(f"lies before {FIRST_YEAR} or after {LAST_YEAR}")
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
