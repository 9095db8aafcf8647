"""The board by any order of messages: only what can be is kept, and the state is what a plain reading of it gives."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from support.run_size import examples

from londonpump.domain.mobilisations import OUT, Event, State
from londonpump.persistence.database import open_database, writing
from londonpump.persistence.database.schema import board_pumps, mobilisations
from londonpump.persistence.repositories.users import User, add_user
from londonpump.service.board import updates
from londonpump.service.board.responses import mobilisation_response
from londonpump.service.board.schemas import NewMobilisation, Snapshot, SnapshotPump
from londonpump.service.errors import Conflict

START = datetime(2025, 6, 2, tzinfo=UTC)
ENDS = 30
"""Ticks of 20 minutes, so that 4 hours (12 ticks) pass within a sequence and moments coincide."""
PUMP = "A211"
STATE_SHOWN = {"mobilised": "mobilised", "mobile": "mobile", "arrived": "at_incident", "left": "returning"}
STAGES = [*STATE_SHOWN, "returned"]

ticks = st.integers(0, ENDS)
incidents = st.integers(0, 3)
messages = st.lists(
    st.one_of(
        st.tuples(st.just("send"), ticks, incidents),
        st.tuples(st.sampled_from(list(Event)), ticks, incidents),
        st.tuples(st.sampled_from(list(Event)), ticks, incidents),
        st.tuples(st.just("report"), ticks, st.sampled_from(list(State))),
    ),
    max_size=25,
)
on_one_database = settings(
    max_examples=examples(120), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def at_tick(tick: int) -> datetime:
    return START + timedelta(minutes=20 * tick)


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    engine = open_database(f"sqlite:///{tmp_path_factory.mktemp('board') / 'a.db'}")
    with writing(engine) as connection:
        add_user(connection, User("o", "o", "operator", START))
    yield engine, "o"
    engine.dispose()


class BoardRun:
    """The board's own acts on a real database."""

    def __init__(self, connection, user_id: str) -> None:
        self.connection = connection
        # a feed: messages are up to 10 hours old
        self.who = updates.Actor(user_id, at_tick(ENDS), is_feed=True)
        self.ids: dict[int, str] = {}

    def take(self, message) -> None:
        message_type, tick, which = message
        with suppress(Conflict), self.connection.begin_nested():
            if message_type == "send":
                new = NewMobilisation(incident_number=str(which), pump=PUMP, at=at_tick(tick))
                self.ids[which] = updates.mobilise(self.connection, self.who, new)[0].id
            elif message_type == "report":
                station = "A24" if which is State.STANDBY else None
                messages_sent = SnapshotPump(pump=PUMP, state=which.value, station_code=station)
                updates.take_snapshot(
                    self.connection, self.who, Snapshot(at=at_tick(tick), pumps=[messages_sent])
                )
            elif which in self.ids:
                updates.report_event(self.connection, self.who, self.ids[which], message_type, at_tick(tick))

    def state(self, now: datetime) -> str:
        return str(updates.view_board(self.connection, (), now).pumps[PUMP].state)

    def runs(self) -> list[list[tuple[datetime, str]]]:
        """What is kept of each mobilisation, in the order in which they began: (moment, stage)."""
        rows = self.connection.execute(select(mobilisations).order_by("mobilised_at")).mappings()
        stage_times = [[(row[f"{stage}_at"], stage) for stage in STAGES] for row in rows]
        return [[(at, stage) for at, stage in dispatch if at is not None] for dispatch in stage_times]

    def report(self):
        query = select(board_pumps.c.report_at, board_pumps.c.report_state)
        found = self.connection.execute(query).one_or_none()
        return found if found and found.report_at else None


@pytest.fixture
def make_board(database):
    """Makes a desk that took some messages; all is undone at the next."""
    engine, user_id = database
    with engine.connect() as connection:

        def make(messages_sent) -> BoardRun:
            if connection.in_transaction():
                connection.rollback()
            connection.begin()
            board_run = BoardRun(connection, user_id)
            for message in messages_sent:
                board_run.take(message)
            return board_run

        yield make


def plain_state(board_run: BoardRun, now: datetime) -> str:
    """One word after the other, by their moments; the last one stands."""
    states = [word for dispatch in board_run.runs() for word in dispatch]
    report = board_run.report()
    beneath = report.report_state if report else None
    is_out = bool(states) and states[-1][1] in {"mobilised", "mobile", "arrived"}
    is_out = is_out and now - states[-1][0] < timedelta(hours=4)
    is_heard = beneath not in {"available", "standby", "unknown"} or not is_out
    if report and is_heard and (not states or report.report_at > states[-1][0]):
        is_stale = now - report.report_at >= timedelta(hours=4)
        return "unknown" if beneath in STATE_SHOWN.values() and is_stale else beneath
    if not states:
        return "unknown"
    at, stage = states[-1]
    if stage == "returned":
        return beneath if beneath in {"off_run", "standby"} else "available"
    if now - at >= timedelta(hours=4):
        return "off_run" if beneath == "off_run" else "unknown"
    return STATE_SHOWN[stage]


@given(messages_sent=messages, wait=ticks)
@on_one_database
def test_the_state_is_what_a_plain_reading_gives(messages_sent, wait, make_board):
    board_run = make_board(messages_sent)
    now = at_tick(ENDS + wait)
    assert board_run.state(now) == plain_state(board_run, now)


@given(messages_sent=messages)
@on_one_database
def test_only_a_possible_order_is_kept(messages_sent, make_board):
    for dispatch in make_board(messages_sent).runs():
        stage_times, stages = [at for at, _ in dispatch], {stage for _, stage in dispatch}
        assert stage_times == sorted(stage_times)
        assert "left" not in stages or "arrived" in stages


@given(messages_sent=messages)
@on_one_database
def test_a_pump_is_never_out_for_two_incidents_at_once(messages_sent, make_board):
    for first, second in pairwise(make_board(messages_sent).runs()):
        assert first[-1][0] <= second[0][0]
        assert first[0][0] < second[0][0]


@given(messages_sent=messages)
@on_one_database
def test_no_pump_has_two_mobilisations_that_are_out(messages_sent, make_board):
    """Issue 11, A8."""
    board_run = make_board(messages_sent)
    views = [
        mobilisation_response(board_run.connection, id_, board_run.who.now)
        for id_ in set(board_run.ids.values())
    ]
    assert sum(dispatch.state in OUT for dispatch in views) <= 1


@given(
    messages_sent=st.lists(
        st.tuples(st.sampled_from(["send", "mobile", "arrived", "left"]), ticks, incidents)
    )
)
@on_one_database
def test_in_order_a_pump_is_sent_on_only_from_the_road_or_after_four_hours(messages_sent, make_board):
    in_order = sorted(messages_sent, key=lambda message: message[1])
    for first, second in pairwise(make_board(in_order).runs()):
        began_at = second[0][0]
        # what is told of the very moment in which it was sent on may come after that
        heard_at = max(at for at, _ in first if at < began_at)
        assert first[-1][1] == "left" or began_at - heard_at >= timedelta(hours=4)


@given(messages_sent=messages, data=st.data())
@on_one_database
def test_reports_and_moments_mean_the_same_in_whatever_order_they_come(messages_sent, data, make_board):
    reports = list(
        {
            tick: ("report", tick, which)
            for message_type, tick, which in messages_sent
            if message_type == "report"
        }.values()
    )
    sent = [("send", 0, 0), (Event.MOBILE, 3, 0), (Event.ARRIVED, 6, 0), (Event.LEFT, 9, 0)]
    positions = sorted(
        data.draw(st.lists(st.integers(0, len(sent)), min_size=len(reports), max_size=len(reports)))
    )
    shuffled = data.draw(st.permutations(reports))
    mixed = list(sent)
    for position, report in reversed(list(zip(positions, shuffled, strict=True))):
        # the pump is sent first: off the run, it could not have been
        mixed.insert(max(position, 1), report)
    now = at_tick(ENDS)
    first = make_board([*sent, *reports]).state(now)
    assert make_board(mixed).state(now) == first
