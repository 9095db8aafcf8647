"""What announced times came to, by model, for Prometheus: asked of the database once a minute at most."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import Connection, case, func, select

from londonpump.domain.attendance_targets import MAX_PUBLISHED_S
from londonpump.domain.errors import DatabaseFailed
from londonpump.service.state import ServiceState
from londonpump.storage.database.schema import outcomes

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
        for name, (description, field) in gauges.items():
            gauge = GaugeMetricFamily(name, description + last, labels=("model",))
            for figures in self.figures:
                if (value := getattr(figures, field)) is not None:
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
