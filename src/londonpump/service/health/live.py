"""What announced times came to, by model, for Prometheus: asked of the database once a minute at most."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import Connection, case, func, select

from londonpump.brigade.errors import DatabaseFailed
from londonpump.service.state import ServiceState
from londonpump.storage.database.board_tables import outcomes

KEPT_FOR = timedelta(minutes=1)
LAST = timedelta(days=28)
MOST_MODELS = 20
"""An operator may announce a time of another system's: no more names than these become labels."""


@dataclass(frozen=True, slots=True)
class LiveFigures:
    """Of one model, over the arrivals of the last 28 days."""

    model: str
    arrivals: int
    mae_s: float
    inside_80_share: float


class Live(Collector):
    """Kept for `/metrics`. What was read last stays while the database does not answer."""

    def __init__(self) -> None:
        self.figures: Sequence[LiveFigures] = ()
        self._read_at: datetime | None = None

    async def renew(self, state: ServiceState) -> None:
        """Read again what is older than a minute."""
        now = state.clock()
        if self._read_at is not None and timedelta(0) <= now - self._read_at < KEPT_FOR:
            return
        self._read_at = now
        try:
            self.figures = await state.store.read(lambda connection: live_figures(connection, now))
        except DatabaseFailed:
            return

    def collect(self) -> Iterator[Metric]:
        """One gauge a figure, labelled by model."""
        last = f"over the arrivals of the last {LAST.days} days"
        told = {
            "londonpump_live_arrivals": ("Arrivals whose time had been announced, ", "arrivals"),
            "londonpump_live_mae_s": ("Mean absolute error of announced times, s, ", "mae_s"),
            "londonpump_live_inside_80_share": (
                "Share of arrivals between the announced P10 and P90, ",
                "inside_80_share",
            ),
        }
        for name, (words, field) in told.items():
            gauge = GaugeMetricFamily(name, words + last, labels=("model",))
            for figures in self.figures:
                gauge.add_metric((figures.model,), getattr(figures, field))
            yield gauge


@asynccontextmanager
async def live_opened(state: ServiceState) -> AsyncIterator[None]:
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
    arrivals = func.count()
    is_inside = case((mine.is_inside_80, 1.0), else_=0.0)
    wanted = (
        select(mine.model, arrivals, func.avg(func.abs(mine.error_s)), func.avg(is_inside))
        .where(mine.arrived_at > now - LAST)
        .group_by(mine.model)
        .order_by(arrivals.desc(), mine.model)
        .limit(MOST_MODELS)
    )
    return [
        LiveFigures(model, n, float(mae_s), float(inside))
        for model, n, mae_s, inside in connection.execute(wanted)
    ]
