"""Issue 18: a pump that is out says who recorded it, or that the feed reported it."""

import pytest
from support.board_client import Board
from support.console_client import PART, signed_in


@pytest.fixture
def ravi(live_service) -> Board:
    return Board(live_service, "ravi")


@pytest.fixture
def feed(live_service) -> Board:
    return Board(live_service, "feed", "service")


def away(live_service, pump: str = "A211") -> str | None:
    with signed_in(live_service, f"reader-{live_service.clock().timestamp()}") as reader:
        return reader.get("/console/live", **PART).json()["away"].get(pump)


def test_a_recorded_pump_names_who_sent_it_and_then_who_reported_its_last_event(live_service, ravi) -> None:
    sent = ravi.sent()
    assert away(live_service) == "now out: recorded 10:30:00 by ravi for 000123-02062025"
    Board(live_service, "olga").report_event(sent, "mobile", 0)
    live_service.clock.move(seconds=1)
    assert away(live_service) == "now out, mobile: recorded 10:30:00 by olga for 000123-02062025"


def test_an_earlier_event_that_a_feed_delivers_late_names_nobody_else(live_service, ravi, feed) -> None:
    sent = ravi.sent()
    live_service.clock.move(seconds=60)
    ravi.report_event(sent, "arrived", 1)
    live_service.clock.move(seconds=1)
    feed.report_event(sent, "mobile", 0.5)
    assert away(live_service) == "now out, at an incident: recorded 10:31:00 by ravi for 000123-02062025"


def test_what_the_feed_reports_names_nobody(live_service, ravi, feed) -> None:
    feed.snapshot(0, {"pump": "A212", "state": "off_run"}, {"pump": "A241", "state": "at_incident"})
    ravi.put("H221", 0, state="off_run")
    feed.report_event(ravi.sent(), "arrived", 0)
    live_service.clock.move(seconds=1)
    assert away(live_service, "A212") == "off the run: reported 10:30:00 by the feed"
    live_service.clock.move(seconds=1)
    assert away(live_service, "A241") == "now out, at an incident: reported 10:30:00 by the feed"
    live_service.clock.move(seconds=1)
    assert away(live_service, "H221") == "off the run: recorded 10:30:00 by ravi"
    live_service.clock.move(seconds=1)
    assert away(live_service) == "now out, at an incident: reported 10:30:00 by the feed for 000123-02062025"


def test_a_withdrawn_record_leaves_no_name(live_service, ravi) -> None:
    sent = ravi.sent()
    path = f"/v1/mobilisations/{sent}/withdrawn"
    assert live_service.client.post(path, json={"reason": "x"}, headers=ravi.headers).status_code == 200
    assert away(live_service) is None
