"""Shared objects and database queries of the health routes: open alarms, live error, cached responses, probes.

Alarms and live error are read from the database at most once a minute; `/readyz` and `/metrics` are computed at most
once a second, however many clients ask.
"""

import asyncio
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Generic, TypeVar

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from londonpump.domain.attendance_targets import MAX_PUBLISHED_S
from londonpump.domain.errors import DatabaseFailed
from londonpump.persistence.database import Connection
from londonpump.persistence.repositories.alarms import (
    ListedAlarm,
    acknowledge_alarm,
    list_alarms,
    standing_alarms,
)
from londonpump.persistence.repositories.audit import append_audit
from londonpump.persistence.repositories.context import newest_weather
from londonpump.persistence.repositories.outcomes import LiveFigures, live_figures
from londonpump.service.errors import NotFound
from londonpump.service.health.schemas import AlarmResponse, ListedAlarmResponse, Readiness
from londonpump.service.state import Services

T = TypeVar("T")
FIGURES_LIFETIME = timedelta(minutes=1)
WINDOW = timedelta(days=28)
MAX_MODELS = 20
"""Limit of the labels, because operators may announce times of other systems under any model name."""
RESPONSE_LIFETIME_S = 1.0
MAX_ALARMS = 1_000
"""Limit of one read: each input, station and place can have one."""


class AlarmFigures(Collector):
    """What is read once a minute: open alarms, as metrics by type and for the console, and the newest hour of weather."""

    def __init__(self) -> None:
        self.unseen: tuple[ListedAlarmResponse, ...] = ()
        """Open alarms that nobody has acknowledged, the newest first."""
        self._counts: Counter[str] = Counter()
        self._weather_at: datetime | None = None
        self._read_at: datetime | None = None

    async def refresh(self, state: Services) -> None:
        """Read the alarms if they are older than a minute; if the database does not answer, keep the old ones."""
        now = state.clock()
        if self._read_at is not None and timedelta(0) <= now - self._read_at < FIGURES_LIFETIME:
            return
        # set before the read: a slow database is asked once a minute too, not at every scrape
        self._read_at = now
        try:
            alarms, (_, self._weather_at) = await state.store.read(
                lambda connection: (
                    read_alarm_list(connection, MAX_ALARMS, is_open=True),
                    newest_weather(connection, now),
                )
            )
        except DatabaseFailed:
            return
        if self._read_at != now:
            # an alarm was acknowledged, or read by another request, while this read was under way
            return
        self.unseen = tuple(alarm for alarm in alarms if alarm.acknowledged_at is None)
        # types that had alarms before go to 0 instead of vanishing, so that alert rules see them end
        self._counts = Counter(dict.fromkeys(self._counts, 0))
        self._counts.update(alarm.alarm_type for alarm in alarms)

    def expire(self) -> None:
        """Read the alarms again at the next refresh, because one has changed."""
        self._read_at = None

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Return the gauges."""
        family = _family()
        for alarm_type, n in sorted(self._counts.items()):
            family.add_metric([alarm_type], n)
        yield family
        weather = _weather_family()
        if self._weather_at is not None:
            weather.add_metric([], self._weather_at.timestamp())
        yield weather

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """Return the gauges without values, for their registration."""
        yield from (_family(), _weather_family())


def _family() -> GaugeMetricFamily:
    return GaugeMetricFamily("londonpump_alarms", "Open alarms of monitor", labels=["kind"])


def _weather_family() -> GaugeMetricFamily:
    text = "Newest fetch of weather of now, Unix time: forecasts of later hours do not hide that no new one arrives"
    return GaugeMetricFamily("londonpump_weather_fetched_seconds", text, labels=[])


class FreeSpace(Collector):
    """Metric of the file system that holds the home: a full disk stops every write."""

    def __init__(self, home: Path) -> None:
        self._home = home

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Return the gauge; a home that does not exist yet will be made in the nearest folder that does."""
        folder = next(path for path in (self._home, *self._home.absolute().parents) if path.is_dir())
        family = self._family()
        family.add_metric([], shutil.disk_usage(folder).free)
        yield family

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Return the gauge without a value, for its registration."""
        yield self._family()

    @staticmethod
    def _family() -> GaugeMetricFamily:
        return GaugeMetricFamily(
            "londonpump_home_free_bytes", "Free space in the file system of the home", labels=[]
        )


def read_alarms(connection: Connection) -> list[AlarmResponse]:
    """Read the open alarms, the oldest first."""
    return [AlarmResponse.model_validate(alarm) for alarm in standing_alarms(connection)]


def read_alarm_list(connection: Connection, at_most: int, *, is_open: bool) -> list[ListedAlarmResponse]:
    """Read the open alarms or the cleared ones, the newest first."""
    return [_listed(each) for each in list_alarms(connection, at_most, is_open=is_open)]


def acknowledge(connection: Connection, alarm_id: str, user_id: str, now: datetime) -> ListedAlarmResponse:
    """Note that a user has seen an alarm; the first one stays noted. Raises: NotFound."""
    listed, is_first = acknowledge_alarm(connection, alarm_id, user_id, now)
    if listed is None:
        raise NotFound(f"There is no alarm {alarm_id}.")
    if is_first:
        about = {"alarm": alarm_id, "alarm_type": listed.alarm.alarm_type, "subject": listed.alarm.subject}
        append_audit(connection, now, "alarm_acknowledged", user_id, about)
    return _listed(listed)


def _listed(each: ListedAlarm) -> ListedAlarmResponse:
    return ListedAlarmResponse(
        **asdict(each.alarm), acknowledged_at=each.acknowledged_at, acknowledged_by=each.acknowledged_by
    )


class Live(Collector):
    """Metrics of the live error. The last figures are kept while the database does not answer."""

    def __init__(self) -> None:
        self.figures: Sequence[LiveFigures] = ()
        self._read_at: datetime | None = None

    async def refresh_if_old(self, state: Services) -> None:
        """Read the figures if they are older than a minute."""
        now = state.clock()
        if self._read_at is not None and timedelta(0) <= now - self._read_at < FIGURES_LIFETIME:
            return
        # set before the read, as for the alarms
        self._read_at = now
        try:
            self.figures = await state.store.read(
                lambda connection: live_figures(connection, now - WINDOW, MAX_MODELS)
            )
        except DatabaseFailed:
            return

    def collect(self) -> Iterator[Metric]:
        """Return one gauge per figure, labelled by model."""
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


class OncePerSecond(Generic[T]):
    """Cache that shares one result among all callers within a second."""

    def __init__(self) -> None:
        self._task: asyncio.Task[T] | None = None
        self._subject: Hashable = None
        self._began_s = 0.0
        self._began_at: datetime | None = None

    async def get(self, work: Callable[[], Awaitable[T]], now: datetime, subject: Hashable = None) -> T:
        """Return the result of `work`, computed again after a second or if the subject changes.

        Both the loop's clock and `now` count, so that a result expires after a second of either.
        """
        if self._task is None or self._is_old(now, subject):
            self._subject, self._began_at = subject, now
            self._began_s = asyncio.get_running_loop().time()
            self._task = asyncio.ensure_future(work())
        # the shield keeps the work running for the other callers if one of them is cancelled
        return await asyncio.shield(self._task)

    def _is_old(self, now: datetime, subject: Hashable) -> bool:
        age_s = asyncio.get_running_loop().time() - self._began_s
        max_age = timedelta(seconds=RESPONSE_LIFETIME_S)
        is_fresh = self._began_at is not None and timedelta(0) <= now - self._began_at < max_age
        return age_s >= RESPONSE_LIFETIME_S or not is_fresh or subject != self._subject


@dataclass(frozen=True, slots=True)
class HealthCache:
    """Cached responses of `/readyz` and `/metrics`."""

    readiness: OncePerSecond[Readiness] = field(default_factory=OncePerSecond)
    metrics: OncePerSecond[bytes] = field(default_factory=OncePerSecond)


@asynccontextmanager
async def health_lifespan(state: Services) -> AsyncIterator[None]:
    """Provide the cached responses, and the metrics of alarms and live error, inside the block."""
    state.health, state.alarms, state.live = HealthCache(), AlarmFigures(), Live()
    collectors = (state.live, state.alarms, FreeSpace(state.settings.home))
    for collector in collectors:
        state.metrics.add(collector)
    try:
        yield
    finally:
        # the registry outlives the lifespan, and a second start would register the same names again
        for collector in collectors:
            state.metrics.remove(collector)


def age_s(since_at: datetime | None, now: datetime) -> float | None:
    """Return the seconds since a time, at least 0 even if the clock was set back; None without a time."""
    return None if since_at is None else round(max((now - since_at).total_seconds(), 0.0), 1)
