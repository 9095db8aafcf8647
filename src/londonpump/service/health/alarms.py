"""Alarms of `monitor` for /statusz and /metrics: what stands, by kind. Read from the database, a minute old at most."""

from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import Connection

from londonpump.domain.errors import DatabaseFailed
from londonpump.service.health.schemas import AlarmShown
from londonpump.service.state import ServiceState
from londonpump.storage.database.alarm_repository import standing_alarms

FRESH = timedelta(minutes=1)


class AlarmFigures(Collector):
    """`londonpump_alarms{kind}`: how many stand. Refreshed by whoever asks for metrics, not by a query a scrape."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._read_at: datetime | None = None

    async def refresh(self, state: ServiceState) -> None:
        """Ask the database if what is known is older than a minute; where it does not answer, that stays."""
        now = state.clock()
        if self._read_at is not None and timedelta(0) <= now - self._read_at < FRESH:
            return
        self._read_at = now
        try:
            alarms = await state.store.read(read_alarms)
        except DatabaseFailed:
            return
        # kinds that were told before go to 0, so that whoever watches sees them end
        self._counts = Counter(dict.fromkeys(self._counts, 0))
        self._counts.update(alarm.kind for alarm in alarms)

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """What is known."""
        family = _family()
        for kind, n in sorted(self._counts.items()):
            family.add_metric([kind], n)
        yield family

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """Its names."""
        yield _family()


def _family() -> GaugeMetricFamily:
    return GaugeMetricFamily("londonpump_alarms", "Alarms of monitor that stand", labels=["kind"])


def read_alarms(connection: Connection) -> list[AlarmShown]:
    """What stands, the oldest first."""
    return [AlarmShown.model_validate(alarm) for alarm in standing_alarms(connection)]


@asynccontextmanager
async def alarms_lifespan(state: ServiceState) -> AsyncIterator[None]:
    """Kept for all requests, and told with the other metrics until it closes."""
    figures = AlarmFigures()
    state.keep(figures)
    state.metrics.add(figures)
    try:
        yield
    finally:
        state.metrics.remove(figures)
