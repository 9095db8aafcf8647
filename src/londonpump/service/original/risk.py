"""The newest list of stations that are often slow, as the original warned by, and what the model says besides.

The original's list marks slow stations, whichever the run: on the last quarter of 2023, 14.3 % of the runs from the
14 stations on it came over 120 s later than announced, 11.1 % of the others. So the model's own warning counts too.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from londonpump.models.risk_stations import listed
from londonpump.service.champion import Champion
from londonpump.service.original.arrival_times import PredictedTime
from londonpump.service.original.repository import newest_risk_list
from londonpump.service.state import ServiceState

MAX_AGE = timedelta(minutes=1)
ON_THE_LIST = "its station is on the list of risk stations"
OFTEN_LATER = "a late arrival is more likely than usual"
OUTSIDE = "it lies outside what the model has learnt"


@dataclass(frozen=True, slots=True)
class RiskList:
    """listed_at: its moment."""

    listed_at: datetime
    codes: frozenset[str]


@dataclass(slots=True)
class RiskListCache:
    """The database's newest list, None if it has none, and when it was read."""

    stored: RiskList | None = None
    read_at: datetime | None = None


async def risk_list(state: ServiceState, champion: Champion) -> RiskList:
    """The newest one, of the database or of the model on duty. Raises: DatabaseFailed: never "no risk" instead."""
    cached, now = state.part(RiskListCache), state.clock()
    if cached.read_at is None or not timedelta(0) <= now - cached.read_at < MAX_AGE:
        cached.stored, cached.read_at = await state.store.read(_stored), now
    own = _of_champion(champion)
    return cached.stored if cached.stored is not None and cached.stored.listed_at > own.listed_at else own


def risk_reasons_of(
    used_risk_list: RiskList, station_code: str, predicted: PredictedTime, risk_threshold: float
) -> list[str]:
    """Why the time may be too low; empty if nothing says so."""
    is_so = {
        ON_THE_LIST: station_code in used_risk_list.codes,
        OFTEN_LATER: predicted.p_underestimate >= risk_threshold,
        OUTSIDE: predicted.is_outside,
    }
    return [reason for reason, counts in is_so.items() if counts]


def _stored(connection: Connection) -> RiskList | None:
    listed_at, codes = newest_risk_list(connection)
    return None if listed_at is None else RiskList(listed_at, codes)


def _of_champion(champion: Champion) -> RiskList:
    until = datetime.fromisoformat(champion.bundle.card["trained_until"]).replace(tzinfo=UTC)
    return RiskList(until, frozenset(listed(champion.bundle.risk_stations)))
