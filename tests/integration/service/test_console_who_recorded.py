"""Issue 18: a pump that is out says who recorded it, or that the feed reported it."""

import html
import re

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


def test_a_refused_report_says_why_by_the_clocks_of_london(live_service, ravi) -> None:
    # 10:30 by summer time
    sent = ravi.sent()
    with signed_in(live_service, "amelia") as amelia:

        def refused(event: str, at: str) -> str:
            answer = amelia.post("/console/events", {"mobilisation": sent, "event": event, "at": at}, PART)
            assert answer.status_code in {409, 422}
            return html.unescape(answer.text)

        assert "A211 was mobilised at 10:30:00, after 10:29:00." in refused("arrived", "10:29")
        assert '"03:00" is neither in the last 4 hours nor in the next 5 minutes. It is 10:30:00 now.' in (
            refused("arrived", "03:00")
        )
        assert "is not an event of a pump" in refused("vanished", "")
        page = amelia.get("/console/incidents/000123-02062025").text
        assert amelia.post(
            "/console/events", {"mobilisation": sent, "event": "arrived", "at": "10:31"}, PART
        ).headers["location"] == ("/console/incidents/000123-02062025")
        assert "A211 was there at 10:31:00, before 10:32:00." in refused("mobile", "10:32")
        # a page carries the tag of the poll that would show the same
        assert tag_of(page) != (changed := tag_of(amelia.get("/console/incidents/000123-02062025").text))
        assert amelia.get("/console/live", **PART, **{"If-None-Match": changed}).status_code == 304
        assert amelia.get("/console/live", **PART, **{"If-None-Match": tag_of(page)}).status_code == 200


@pytest.mark.parametrize(("role", "path"), [("operator", "incidents"), ("supervisor", "alarms")])
def test_a_page_carries_the_tag_of_the_poll(live_service, role, path) -> None:
    with signed_in(live_service, "amelia", role) as amelia:
        tag = tag_of(amelia.get(f"/console/{path}").text)
        assert amelia.get("/console/live", **PART, **{"If-None-Match": tag}).status_code == 304


def tag_of(page: str) -> str:
    found = re.search(r' data-tag="([^"]+)"', page)
    assert found
    return html.unescape(found[1])
