"""Alarms of `monitor` for /statusz and /metrics: what stands, by kind. Read from the database, a minute old at most."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import Connection, case, func, select

from londonpump.domain.attendance_targets import MAX_PUBLISHED_S
from londonpump.domain.errors import DatabaseFailed
from londonpump.service.health.schemas import AlarmShown, Readiness
from londonpump.service.state import ServiceState
from londonpump.storage.database.alarm_repository import standing_alarms
from londonpump.storage.database.board_tables import outcomes

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


MAX_AGE = timedelta(minutes=1)
WINDOW = timedelta(days=28)
MAX_MODELS = 20
"""An operator may announce a time of another system's: no more names than these become labels."""


@dataclass(frozen=True, slots=True)
class LiveFigures:
    """Of one model, over the arrivals of the last 28 days. implausible: arrivals after more than 1,200 s, which the other
    figures leave out; mae_s and inside_80_share are None where nothing else arrived."""

    model: str
    arrivals: int
    implausible: int
    mae_s: float | None
    inside_80_share: float | None


class Live(Collector):
    """Kept for `/metrics`. What was read last stays while the database does not answer."""

    def __init__(self) -> None:
        self.figures: Sequence[LiveFigures] = ()
        self._read_at: datetime | None = None

    async def refresh_if_old(self, state: ServiceState) -> None:
        """Read again what is older than a minute."""
        now = state.clock()
        if self._read_at is not None and timedelta(0) <= now - self._read_at < MAX_AGE:
            return
        self._read_at = now
        try:
            self.figures = await state.store.read(lambda connection: live_figures(connection, now))
        except DatabaseFailed:
            return

    def collect(self) -> Iterator[Metric]:
        """One gauge a figure, labelled by model."""
        last = f"over the arrivals of the last {WINDOW.days} days"
        gauges = {
            "londonpump_live_arrivals": ("Arrivals whose time had been announced, ", "arrivals"),
            "londonpump_live_implausible": (
                f"Arrivals after more than {MAX_PUBLISHED_S} s, left out of the other figures, ",
                "implausible",
            ),
            "londonpump_live_mae_s": ("Mean absolute error of announced times, s, ", "mae_s"),
            "londonpump_live_inside_80_share": (
                "Share of arrivals between the announced P10 and P90, ",
                "inside_80_share",
            ),
        }
        for name, (description, attribute) in gauges.items():
            gauge = GaugeMetricFamily(name, description + last, labels=("model",))
            for figures in self.figures:
                if (value := getattr(figures, attribute)) is not None:
                    gauge.add_metric((figures.model,), value)
            yield gauge


@asynccontextmanager
async def live_lifespan(state: ServiceState) -> AsyncIterator[None]:
    """Kept as `Live`, and told with the other metrics until it closes."""
    live = Live()
    state.keep(live)
    state.metrics.add(live)
    try:
        yield
    finally:
        state.metrics.remove(live)


def live_figures(connection: Connection, now: datetime) -> list[LiveFigures]:
    """By model, those with most arrivals first."""
    mine = outcomes.c
    # a case without an else is null for what is implausible, and an average or a count passes nulls over
    is_plausible = mine.actual_s <= MAX_PUBLISHED_S
    arrivals = func.count(case((is_plausible, 1)))
    error_s = case((is_plausible, func.abs(mine.error_s)))
    is_inside = case((is_plausible & mine.is_inside_80, 1.0), (is_plausible, 0.0))
    query = (
        select(mine.model, arrivals, func.count() - arrivals, func.avg(error_s), func.avg(is_inside))
        .where(mine.arrived_at > now - WINDOW)
        .group_by(mine.model)
        .order_by(func.count().desc(), mine.model)
        .limit(MAX_MODELS)
    )
    return [
        LiveFigures(model, n, left_out, _number(mae_s), _number(inside))
        for model, n, left_out, mae_s, inside in connection.execute(query)
    ]


def _number(value: float | None) -> float | None:
    return None if value is None else float(value)


T = TypeVar("T")
MAX_AGE_S = 1.0


class OncePerSecond(Generic[T]):
    """Answers that everybody who asks within a second shares."""

    def __init__(self) -> None:
        self._task: asyncio.Task[T] | None = None
        self._subject: Hashable = None
        self._began_s = 0.0
        self._began_at: datetime | None = None

    async def get(self, work: Callable[[], Awaitable[T]], now: datetime, subject: Hashable = None) -> T:
        """The answer of `work`, which begins anew after a second, or when the answer would be about something else.

        Both the machine's clock and `now` are looked at, so that an answer never outlives a second of either.
        """
        if self._task is None or self._is_old(now, subject):
            self._subject, self._began_at = subject, now
            self._began_s = asyncio.get_running_loop().time()
            self._task = asyncio.ensure_future(work())
        # one who goes away must not end it for the others
        return await asyncio.shield(self._task)

    def _is_old(self, now: datetime, subject: Hashable) -> bool:
        age_s = asyncio.get_running_loop().time() - self._began_s
        max_age = timedelta(seconds=MAX_AGE_S)
        is_fresh = self._began_at is not None and timedelta(0) <= now - self._began_at < max_age
        return age_s >= MAX_AGE_S or not is_fresh or subject != self._subject


@dataclass(frozen=True, slots=True)
class HealthCache:
    """The last answers of the two routes."""

    readiness: OncePerSecond[Readiness] = field(default_factory=OncePerSecond)
    metrics: OncePerSecond[bytes] = field(default_factory=OncePerSecond)


@asynccontextmanager
async def health_lifespan(state: ServiceState) -> AsyncIterator[None]:
    """For the lifespan of the service: `state.part(HealthCache)` in the block."""
    state.keep(HealthCache())
    yield
