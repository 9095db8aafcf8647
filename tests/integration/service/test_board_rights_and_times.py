"""Issue 11, A6, A7, A8 and A13: rights on the board, late reports, and pumps that must not be sent twice."""

import json
from datetime import timedelta
from hashlib import sha256

import pytest
from sqlalchemy import select
from support.board_client import ANNOUNCED, SENT, Board

from londonpump.persistence.database import open_database, reading
from londonpump.persistence.database.schema import board_pumps, mobilisations
from londonpump.persistence.repositories.audit import json_of, read_audit, verify_audit

NEXT = "000124-02062025"
DAY, HOURS_4, JUST_OVER = 24 * 60, 240, 240.1


@pytest.fixture
def operator(live_service):
    return Board(live_service, "olaf")


@pytest.fixture
def feed(live_service):
    return Board(live_service, "feed", "service")


def id_of(person) -> str:
    return person.live_service.client.get("/me", headers=person.headers).json()["user"]["id"]


def audited(person) -> list[tuple[str, str | None, dict]]:
    """Return (kind, actor, about) of the board's audit lines, after verifying the chain."""
    engine = open_database(person.live_service.url)
    with reading(engine) as connection:
        assert verify_audit(connection).problem is None
        found = [(row.event_type, row.actor, json.loads(row.details)) for row in read_audit(connection)]
    engine.dispose()
    return [row for row in found if row[0].endswith(("reported", "mobilised"))]


def stored(person, column) -> list[str | None]:
    engine = open_database(person.live_service.url)
    with reading(engine) as connection:
        found = list(connection.execute(select(column)).scalars())
    engine.dispose()
    return found


def test_who_takes_a_pump_off_the_run_is_in_the_audit_and_in_its_row(operator) -> None:
    operator.put("A211", 0, state="off_run", reason="flat tyre")
    about = {"pump": "A211", "state": "off_run", "station": None, "reason": "flat tyre", "at": operator.at(0)}
    assert audited(operator) == [("pump_reported", id_of(operator), about)]
    assert stored(operator, board_pumps.c.reported_by) == [id_of(operator)]


def test_who_mobilises_and_who_reports_an_event_are_in_the_audit_and_in_the_row(operator, feed) -> None:
    mobilisation = operator.sent()
    feed.report_event(mobilisation, "mobile", 1)
    about = {"mobilisation": mobilisation, "incident": SENT["incident_number"], "pump": "A211"}
    assert audited(operator) == [
        ("pump_mobilised", id_of(operator), about | {"at": operator.at(0)}),
        ("event_reported", id_of(feed), about | {"event": "mobile", "at": feed.at(1)}),
    ]
    assert stored(operator, mobilisations.c.user_id) == [id_of(operator)]
    assert stored(operator, mobilisations.c.reported_by) == [id_of(feed)]


def test_a_snapshot_is_in_the_audit_by_a_digest_of_what_was_sent(feed) -> None:
    pumps = [{"pump": "A211", "state": "available"}, {"pump": "Z999", "state": "mobile"}]
    feed.snapshot(0, *pumps)
    sent = {"at": feed.at(0).replace("+00:00", "Z"), "pumps": pumps}
    digest = sha256(json_of(sent).encode()).hexdigest()
    about = {"at": feed.at(0), "pumps": 2, "sha256": digest}
    assert audited(feed) == [("board_reported", id_of(feed), about)]
    assert stored(feed, board_pumps.c.reported_by) == [id_of(feed)]


def test_what_changes_nothing_or_is_refused_leaves_no_line(operator) -> None:
    mobilisation = operator.sent()
    operator.report_event(mobilisation, "mobile", 1)
    before = audited(operator)
    operator.sent()
    operator.report_event(mobilisation, "mobile", 1)
    operator.report_event(mobilisation, "mobile", 2)
    operator.put("A211", 2, state="available")
    operator.send(at=-DAY, pump="A212")
    assert audited(operator) == before


@pytest.mark.parametrize("minutes", [JUST_OVER, DAY, 365 * DAY])
def test_a_mobilisation_of_more_than_four_hours_ago_is_409(minutes, operator) -> None:
    answer = operator.send(at=-minutes)
    assert (answer.status_code, "more than 4 hours ago" in answer.json()["detail"]) == (409, True)
    assert answer.json()["state"]["pump"]["state"] == "unknown"
    assert stored(operator, mobilisations.c.id) == []


def test_a_mobilisation_of_four_hours_ago_is_taken(operator) -> None:
    assert operator.send(at=-HOURS_4).status_code == 201


def test_a_feed_reports_what_is_older(feed) -> None:
    mobilisation = feed.send(at=-DAY)
    assert mobilisation.status_code == 201
    assert feed.report_event(mobilisation.json()["id"], "returned", -DAY + 60).status_code == 200
    assert feed.put("A212", -DAY, state="off_run").status_code == 200
    assert feed.snapshot(-DAY, {"pump": "A241", "state": "available"}).status_code == 200


def test_an_event_or_a_report_of_more_than_four_hours_ago_is_409(operator) -> None:
    mobilisation = operator.sent()
    operator.wait(10 + HOURS_4)
    late = [
        operator.report_event(mobilisation, "returned", 5),
        operator.put("A212", 5, state="off_run"),
        Board(operator.live_service, "ada", "admin").snapshot(
            -JUST_OVER, {"pump": "A241", "state": "available"}
        ),
    ]
    assert [answer.status_code for answer in late] == [409, 409, 409]
    assert all("Check the date" in answer.json()["detail"] for answer in late)


def test_what_was_stored_in_time_is_answered_later_too(operator) -> None:
    first = operator.send()
    operator.report_event(first.json()["id"], "returned", 1)
    operator.wait(DAY)
    assert operator.send().json()["id"] == first.json()["id"]
    assert operator.report_event(first.json()["id"], "returned", 1).status_code == 200


def test_nothing_more_than_five_minutes_ahead_is_taken_from_anybody(operator, feed) -> None:
    ahead = [
        operator.send(at=5.1),
        feed.send(at=5.1),
        feed.put("A211", 5.1, state="off_run"),
        feed.snapshot(5.1, {"pump": "A241", "state": "available"}),
    ]
    assert [answer.status_code for answer in ahead] == [409] * len(ahead)


@pytest.mark.parametrize(
    ("events", "report"),
    [
        ((), {"state": "available"}),
        (("mobile",), {"state": "standby", "station_code": "A24"}),
        (("mobile", "arrived"), {"state": "available"}),
    ],
)
def test_a_pump_that_is_out_is_not_made_available_by_a_report(events, report, operator) -> None:
    mobilisation = operator.sent()
    for minute, event in enumerate(events, start=1):
        operator.report_event(mobilisation, event, minute)
    before = operator.pump()
    answer = operator.put("A211", 4, **report)
    state = answer.json()["state"]["pump"]
    assert (answer.status_code, state) == (409, {name: before[name] for name in state})
    assert state["mobilisation_id"] == mobilisation
    assert f"POST /v1/mobilisations/{mobilisation}/returned" in answer.json()["detail"]
    assert operator.pump() == before
    assert operator.send(at=5, incident_number=NEXT).status_code == 409


def test_a_report_that_says_the_pump_is_back_ends_its_mobilisation(operator) -> None:
    mobilisation = operator.sent()
    body = operator.put("A211", 4, state="standby", station_code="A24", has_returned=True).json()
    assert (body["state"], body["station_code"]) == ("standby", "A24")
    shown = operator.live_service.client.get(
        f"/v1/mobilisations/{mobilisation}", headers=operator.headers
    ).json()
    assert (shown["state"], shown["returned_at"][:16]) == ("available", operator.at(4)[:16])
    assert [(kind, about.get("event")) for kind, _, about in audited(operator)] == [
        ("pump_mobilised", None),
        ("event_reported", "returned"),
        ("pump_reported", None),
    ]


def test_a_pump_cannot_be_back_before_it_arrived(operator) -> None:
    mobilisation = operator.sent()
    operator.report_event(mobilisation, "arrived", 4)
    assert operator.put("A211", 3, state="available", has_returned=True).status_code == 409
    assert operator.pump()["state"] == "at_incident"


def test_off_the_run_a_pump_that_is_out_is_still_not_available_again(operator) -> None:
    operator.sent()
    assert operator.put("A211", 1, state="off_run").json()["state"] == "off_run"
    assert operator.put("A211", 2, state="available").status_code == 409


def test_a_report_about_before_the_mobilisation_does_not_contradict_it(operator) -> None:
    operator.sent()
    assert operator.put("A211", -1, state="available").json()["state"] == "mobilised"


def test_a_pump_on_its_way_back_may_be_reported_available(operator) -> None:
    mobilisation = operator.sent()
    for minute, event in enumerate(("mobile", "arrived", "left"), start=1):
        operator.report_event(mobilisation, event, minute)
    assert operator.put("A211", 4, state="available").json()["state"] == "available"


@pytest.mark.parametrize("state", ["available", "unknown", "returning"])
def test_a_snapshot_frees_no_pump_for_a_second_mobilisation(state, feed) -> None:
    mobilisation = feed.sent()
    taken = feed.snapshot(1, {"pump": "A211", "state": state}, {"pump": "A212", "state": "off_run"}).json()
    rejection = feed.send(at=2, incident_number=NEXT)
    assert rejection.status_code == 409
    assert "for incident 000123-02062025" in rejection.json()["detail"]
    assert "Report its next event first." in rejection.json()["detail"]
    named = [(each["pump"], each["mobilisation_id"]) for each in taken["still_out"]]
    assert named == ([("A211", mobilisation)] if state == "available" else [])
    # the rest of the snapshot is applied
    assert feed.pump("A212")["state"] == "off_run"


def test_a_snapshot_that_says_a_pump_is_back_ends_its_mobilisation(feed) -> None:
    feed.sent()
    taken = feed.snapshot(1, {"pump": "A211", "state": "available", "has_returned": True}).json()
    assert (taken["still_out"], feed.pump()["state"]) == ([], "available")
    assert feed.send(at=2, incident_number=NEXT).status_code == 201


def test_a_pump_that_is_back_is_not_out_in_the_same_breath(feed) -> None:
    assert feed.snapshot(1, {"pump": "A211", "state": "mobile", "has_returned": True}).status_code == 422


def test_a_snapshot_that_came_before_the_mobilisation_frees_no_pump(feed) -> None:
    feed.snapshot(1, {"pump": "A211", "state": "available"})
    feed.sent(at=0)
    assert feed.pump()["state"] == "mobilised"


def test_sent_again_after_four_hours_of_silence_the_first_is_not_shown_as_under_way(operator) -> None:
    first = operator.sent()
    operator.report_event(first, "mobile", 1)
    operator.wait(HOURS_4 + 1)
    second = operator.sent(at=HOURS_4 + 1, incident_number=NEXT)
    shown = [
        operator.live_service.client.get(f"/v1/mobilisations/{each}", headers=operator.headers).json()[
            "state"
        ]
        for each in (first, second)
    ]
    assert shown == ["unknown", "mobilised"]


def test_a_record_of_before_is_not_shown_as_under_way(operator) -> None:
    operator.report_event(operator.sent(), "returned", 1)
    assert operator.send(at=-60, incident_number=NEXT).json()["state"] == "unknown"


def test_an_arrival_is_taken_although_nobody_said_that_the_pump_was_mobile(operator) -> None:
    mobilisation = operator.sent(announced=ANNOUNCED)
    answer = operator.report_event(mobilisation, "arrived", 4).json()
    assert (answer["state"], answer["mobile_at"], answer["outcome"]["actual_s"]) == ("at_incident", None, 240)
    assert operator.report_event(mobilisation, "mobile", 5).status_code == 409
    assert operator.report_event(mobilisation, "mobile", 1).status_code == 200


@pytest.mark.parametrize(("seconds", "is_implausible"), [(1200, False), (1201, True)])
def test_an_arrival_after_more_than_twenty_minutes_is_stored_and_marked(
    seconds, is_implausible, operator
) -> None:
    mobilisation = operator.sent(announced=ANNOUNCED)
    operator.live_service.clock.move(minutes=9)
    operator.wait(15)
    outcome = operator.report_event(mobilisation, "arrived", seconds / 60).json()["outcome"]
    assert (outcome["actual_s"], outcome["is_implausible"]) == (seconds, is_implausible)


def test_the_moments_of_a_person_are_told_in_the_refusal(operator) -> None:
    shown = (operator.start - timedelta(days=1)).isoformat().replace("+00:00", "Z")
    assert shown in operator.send(at=-DAY).json()["detail"]
