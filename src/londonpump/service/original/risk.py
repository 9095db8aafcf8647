"""The newest list of stations that are often slow, as the original warned by, and what the model says besides.

The original's list marks slow stations, whichever the run: on the last quarter of 2023, 14.3 % of the runs from the
14 stations on it came over 120 s later than announced, 11.1 % of the others. So the model's own warning counts too.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from londonpump.models.risk_stations import listed
from londonpump.service.champion import Champion
from londonpump.service.original.rows import newest_risk_list
from londonpump.service.original.times import Announced
from londonpump.service.state import ServiceState

KEPT_FOR = timedelta(minutes=1)
ON_THE_LIST = "its station is on the list of risk stations"
OFTEN_LATER = "a late arrival is more likely than usual"
OUTSIDE = "it lies outside what the model has learnt"


@dataclass(frozen=True, slots=True)
class RiskList:
    """listed_at: its moment."""

    listed_at: datetime
    codes: frozenset[str]


@dataclass(slots=True)
class RiskListKept:
    """The database's newest list, None if it has none, and when it was read."""

    stored: RiskList | None = None
    read_at: datetime | None = None


async def risk_list(state: ServiceState, champion: Champion) -> RiskList:
    """The newest one, of the database or of the model on duty. Raises: DatabaseFailed: never "no risk" instead."""
    kept, now = state.part(RiskListKept), state.clock()
    if kept.read_at is None or not timedelta(0) <= now - kept.read_at < KEPT_FOR:
        kept.stored, kept.read_at = await state.store.read(_stored), now
    own = _of_champion(champion)
    return kept.stored if kept.stored is not None and kept.stored.listed_at > own.listed_at else own


def reasons_to_warn(
    list_used: RiskList, station_code: str, announced: Announced, warn_at: float
) -> list[str]:
    """Why the time may be too low; empty if nothing says so."""
    is_so = {
        ON_THE_LIST: station_code in list_used.codes,
        OFTEN_LATER: announced.p_underestimate >= warn_at,
        OUTSIDE: announced.is_outside,
    }
    return [reason for reason, counts in is_so.items() if counts]


def _stored(connection: Connection) -> RiskList | None:
    listed_at, codes = newest_risk_list(connection)
    return None if listed_at is None else RiskList(listed_at, codes)


def _of_champion(champion: Champion) -> RiskList:
    until = datetime.fromisoformat(champion.bundle.card["trained_until"]).replace(tzinfo=UTC)
    return RiskList(until, frozenset(listed(champion.bundle.risk_stations)))
