"""Issue 11, A2: whatever happens to reads, clocks and other processes, no pump that this process accepted is ranked."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.run_size import examples

from londonpump.domain.mobilisations import RANKED, Event
from londonpump.domain.stations import known_stations
from londonpump.persistence.database import open_database, writing
from londonpump.persistence.database.store import Store, StoreLimits
from londonpump.persistence.repositories.mobilisations import read_pumps
from londonpump.persistence.repositories.users import User, add_user
from londonpump.service.board import updates
from londonpump.service.board.cache import BoardCache, BoardLimits
from londonpump.service.board.schemas import NewMobilisation
from londonpump.service.board.view import BoardView, Fleet, london_day
from londonpump.service.errors import Conflict

START = datetime(2025, 6, 2, 9, 30, tzinfo=UTC)
PUMPS = ("A211", "A241", "H271")
NO_TIME = StoreLimits(patience_s=30)

pumps = st.sampled_from(PUMPS)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("send"), pumps),
        st.tuples(st.just("send"), pumps),
        st.tuples(st.just("return"), pumps),
        st.tuples(st.just("other process sends"), pumps),
        st.tuples(st.just("read"), st.booleans()),
        st.tuples(st.just("read while sending"), pumps),
        st.tuples(st.just("seconds pass"), st.sampled_from([1, 4, 6, 59, 61, 600])),
        st.tuples(st.just("clock is set"), st.sampled_from([-600, -60, 60, 600])),
    ),
    max_size=20,
)


@dataclass
class Process:
    """A process that serves, as far as the board goes. out: what it accepted as mobilised, and nobody said more of."""

    store: Store
    user_id: str
    now: datetime = START
    now_s: float = 1000.0
    out: dict[str, str] = field(default_factory=dict)
    number: int = 0

    def __post_init__(self) -> None:
        self.board_cache = BoardCache(BoardLimits(now_s=lambda: self.now_s))
        self.state: Any = SimpleNamespace(store=self.store, clock=lambda: self.now)

    @property
    def who(self) -> updates.Actor:
        return updates.Actor(self.user_id, self.now)

    def new(self, pump: str) -> NewMobilisation:
        self.number += 1
        return NewMobilisation(incident_number=str(self.number), pump=pump)

    async def send(self, pump: str) -> None:
        new, who = self.new(pump), self.who
        try:
            sent = await self.board_cache.change(
                self.state, lambda c: updates.mobilise(c, who, new)[0], lambda done: [done.pump]
            )
        except Conflict:
            return
        self.out[pump] = sent.id

    async def come_back(self, pump: str) -> None:
        sent, who = self.out.get(pump), self.who
        if sent is None:
            return
        try:
            await self.board_cache.change(
                self.state,
                lambda c: updates.report_event(c, who, sent, Event.RETURNED, None),
                lambda done: [done.pump],
            )
        except Conflict:
            return
        del self.out[pump]

    async def read(self, *, in_time: bool) -> None:
        await self.board_cache.read(self.state, self.now, 30 if in_time else 0)

    async def take(self, step: str, value: object) -> None:
        if step == "send":
            await self.send(str(value))
        elif step == "return":
            await self.come_back(str(value))
        elif step == "other process sends":
            new, who = self.new(str(value)), self.who
            try:
                await self.store.write(lambda c: updates.mobilise(c, who, new))
            except Conflict:
                return
        elif step == "read":
            await self.read(in_time=bool(value))
        elif step == "read while sending":
            await asyncio.gather(self.read(in_time=True), self.send(str(value)), self.read(in_time=True))
        elif step == "seconds pass":
            self.now_s += int(str(value))
            self.now += timedelta(seconds=int(str(value)))
        else:
            self.now += timedelta(seconds=int(str(value)))

    def ranked(self) -> set[str]:
        """The pumps that an answer would rank now."""
        rows = self.board_cache.read_cached().rows
        fleet = Fleet.of(known_stations(), london_day(self.now))
        view = BoardView.of(rows.pumps if rows else (), fleet, self.now)
        return {pump.code for pump in view.pumps.values() if pump.state in RANKED}


async def run(url: str, taken: list[tuple[str, object]]) -> None:
    store = Store.open(url, NO_TIME)
    with writing(store.engine) as connection:
        add_user(connection, User("o", "o", "operator", START))
    process = Process(store, "o")
    try:
        for step, value in taken:
            await process.take(step, value)
            assert not process.ranked() & process.out.keys()
        # and what is verified is what the database holds
        await process.read(in_time=True)
        stored = await store.read(read_pumps)
        assert sorted(process.board_cache.read_cached().rows.pumps, key=lambda row: row.code) == sorted(
            stored, key=lambda row: row.code
        )
    finally:
        await process.board_cache.close()
        await store.close()


@pytest.mark.long
@given(steps)
@settings(
    max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_no_pump_that_was_accepted_as_mobilised_is_ranked(tmp_path_factory, taken) -> None:
    url = f"sqlite:///{tmp_path_factory.mktemp('kept') / 'a.db'}"
    open_database(url).dispose()
    asyncio.run(run(url, taken))
