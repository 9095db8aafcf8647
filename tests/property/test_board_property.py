"""The board by any order of messages: only what can be is kept, and the state is what a plain reading of it gives."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from londonpump.service.auth.rows import add_user
from londonpump.service.board import acts
from londonpump.service.board.rules import OUT, Event, State
from londonpump.service.board.shapes import NewMobilisation, PumpTold, Snapshot
from londonpump.service.errors import Conflict
from londonpump.storage.database import open_database, writing
from londonpump.storage.database.board_tables import board_pumps, mobilisations

START = datetime(2025, 6, 2, tzinfo=UTC)
ENDS = 30
"""Ticks of 20 minutes, so that 4 hours (12 ticks) pass within a sequence and moments coincide."""
PUMP = "A211"
SHOWN = {"mobilised": "mobilised", "mobile": "mobile", "arrived": "at_incident", "left": "returning"}
STAGES = [*SHOWN, "returned"]

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
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def moment(tick: int) -> datetime:
    return START + timedelta(minutes=20 * tick)


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    engine = open_database(f"sqlite:///{tmp_path_factory.mktemp('board') / 'a.db'}")
    fields = {"username": "o", "username_folded": "o", "role": "operator", "created_at": START}
    with writing(engine) as connection:
        user = add_user(connection, {**fields, "password_hash": None})
    yield engine, user.id
    engine.dispose()


class Desk:
    """The board's own acts on a real database."""

    def __init__(self, connection, user_id: str) -> None:
        self.connection = connection
        # a feed: messages are up to 10 hours old
        self.who = acts.Who(user_id, moment(ENDS), is_feed=True)
        self.ids: dict[int, str] = {}

    def take(self, message) -> None:
        kind, tick, which = message
        with suppress(Conflict), self.connection.begin_nested():
            if kind == "send":
                new = NewMobilisation(incident_number=str(which), pump=PUMP, at=moment(tick))
                self.ids[which] = acts.mobilise(self.connection, self.who, new)[0].id
            elif kind == "report":
                station = "A24" if which is State.STANDBY else None
                told = PumpTold(pump=PUMP, state=str(which), station_code=station)
                acts.take_snapshot(self.connection, self.who, Snapshot(at=moment(tick), pumps=[told]))
            elif which in self.ids:
                acts.report_event(self.connection, self.who, self.ids[which], kind, moment(tick))

    def state(self, now: datetime) -> str:
        return str(acts.view_board(self.connection, (), now).pumps[PUMP].state)

    def runs(self) -> list[list[tuple[datetime, str]]]:
        """What is kept of each mobilisation, in the order in which they began: (moment, stage)."""
        rows = self.connection.execute(select(mobilisations).order_by("mobilised_at")).mappings()
        moments = [[(row[f"{stage}_at"], stage) for stage in STAGES] for row in rows]
        return [[(at, stage) for at, stage in run if at is not None] for run in moments]

    def report(self):
        wanted = select(board_pumps.c.report_at, board_pumps.c.report_state)
        found = self.connection.execute(wanted).one_or_none()
        return found if found and found.report_at else None


@pytest.fixture
def desk_with(database):
    """Makes a desk that took some messages; all is undone at the next."""
    engine, user_id = database
    with engine.connect() as connection:

        def make(told) -> Desk:
            if connection.in_transaction():
                connection.rollback()
            connection.begin()
            desk = Desk(connection, user_id)
            for message in told:
                desk.take(message)
            return desk

        yield make


def plain_state(desk: Desk, now: datetime) -> str:
    """One word after the other, by their moments; the last one stands."""
    said = [word for run in desk.runs() for word in run]
    report = desk.report()
    beneath = report.report_state if report else None
    is_out = bool(said) and said[-1][1] in {"mobilised", "mobile", "arrived"}
    is_out = is_out and now - said[-1][0] < timedelta(hours=4)
    is_heard = beneath not in {"available", "standby", "unknown"} or not is_out
    if report and is_heard and (not said or report.report_at > said[-1][0]):
        is_stale = now - report.report_at >= timedelta(hours=4)
        return "unknown" if beneath in SHOWN.values() and is_stale else beneath
    if not said:
        return "unknown"
    at, stage = said[-1]
    if stage == "returned":
        return beneath if beneath in {"off_run", "standby"} else "available"
    if now - at >= timedelta(hours=4):
        return "off_run" if beneath == "off_run" else "unknown"
    return SHOWN[stage]


@given(told=messages, wait=ticks)
@on_one_database
def test_the_state_is_what_a_plain_reading_gives(told, wait, desk_with):
    desk = desk_with(told)
    now = moment(ENDS + wait)
    assert desk.state(now) == plain_state(desk, now)


@given(told=messages)
@on_one_database
def test_only_a_possible_order_is_kept(told, desk_with):
    for run in desk_with(told).runs():
        moments, stages = [at for at, _ in run], {stage for _, stage in run}
        assert moments == sorted(moments)
        assert "left" not in stages or "arrived" in stages


@given(told=messages)
@on_one_database
def test_a_pump_is_never_out_for_two_incidents_at_once(told, desk_with):
    for first, second in pairwise(desk_with(told).runs()):
        assert first[-1][0] <= second[0][0]
        assert first[0][0] < second[0][0]


@given(told=messages)
@on_one_database
def test_no_pump_has_two_mobilisations_that_are_out(told, desk_with):
    """Issue 11, A8."""
    desk = desk_with(told)
    shown = [acts.show(desk.connection, id_, desk.who.now) for id_ in set(desk.ids.values())]
    assert sum(run.state in OUT for run in shown) <= 1


@given(told=st.lists(st.tuples(st.sampled_from(["send", "mobile", "arrived", "left"]), ticks, incidents)))
@on_one_database
def test_in_order_a_pump_is_sent_on_only_from_the_road_or_after_four_hours(told, desk_with):
    in_order = sorted(told, key=lambda message: message[1])
    for first, second in pairwise(desk_with(in_order).runs()):
        began_at = second[0][0]
        # what is told of the very moment in which it was sent on may come after that
        heard_at = max(at for at, _ in first if at < began_at)
        assert first[-1][1] == "left" or began_at - heard_at >= timedelta(hours=4)


@given(told=messages, data=st.data())
@on_one_database
def test_reports_and_moments_mean_the_same_in_whatever_order_they_come(told, data, desk_with):
    reports = list({tick: ("report", tick, which) for kind, tick, which in told if kind == "report"}.values())
    sent = [("send", 0, 0), (Event.MOBILE, 3, 0), (Event.ARRIVED, 6, 0), (Event.LEFT, 9, 0)]
    places = sorted(
        data.draw(st.lists(st.integers(0, len(sent)), min_size=len(reports), max_size=len(reports)))
    )
    shuffled = data.draw(st.permutations(reports))
    mixed = list(sent)
    for place, report in reversed(list(zip(places, shuffled, strict=True))):
        # the pump is sent first: off the run, it could not have been
        mixed.insert(max(place, 1), report)
    now = moment(ENDS)
    first = desk_with([*sent, *reports]).state(now)
    assert desk_with(mixed).state(now) == first
