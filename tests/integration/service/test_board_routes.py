"""Routes of the board on both engines: stored, rejected and repeated requests."""

import json

import pytest
from support.board_client import ANNOUNCED, SENT, Board

from londonpump.persistence.database import open_database, reading
from londonpump.persistence.repositories.audit import read_audit


@pytest.fixture
def operator(live_service):
    return Board(live_service, "olaf")


def test_at_first_every_pump_is_unknown_and_assumed_available(operator) -> None:
    board = operator.board()
    assert {(pump["state"], pump["is_assumed"], pump["reported_at"]) for pump in board["pumps"]} == {
        ("unknown", True, None)
    }
    assert (board["pumps_out"], board["n_reported"]) == (None, 0)
    assert "A212" in {pump["code"] for pump in board["pumps"]}


def test_a_pump_goes_through_its_states(operator) -> None:
    mobilisation = operator.sent()
    report_values = [operator.pump()["state"]]
    operator.wait(30)
    for minutes, event in enumerate(["mobile", "arrived", "left", "returned"], start=1):
        assert operator.report_event(mobilisation, event, minutes).status_code == 200
        report_values.append(operator.pump()["state"])
    assert report_values == ["mobilised", "mobile", "at_incident", "returning", "available"]
    assert operator.pump()["is_assumed"] is False


def test_arrival_stores_the_error_of_the_announced_time(operator) -> None:
    mobilisation = operator.sent(announced=ANNOUNCED)
    operator.wait(30)
    operator.report_event(mobilisation, "mobile", 1)
    answer = operator.report_event(mobilisation, "arrived", 7.5).json()
    outcome = {"actual_s": 450.0, "error_s": 150.0, "is_inside_80": False, "is_implausible": False}
    assert answer["outcome"] == outcome


def test_without_an_announced_time_an_arrival_has_no_outcome(operator) -> None:
    mobilisation = operator.sent()
    operator.report_event(mobilisation, "mobile", 1)
    answer = operator.report_event(mobilisation, "arrived", 2)
    assert (answer.status_code, answer.json()["outcome"]) == (200, None)


def test_the_same_event_again_is_answered_as_it_is_stored(operator) -> None:
    mobilisation = operator.sent(announced=ANNOUNCED)
    operator.report_event(mobilisation, "mobile", 1)
    first = operator.report_event(mobilisation, "arrived", 4)
    operator.live_service.clock.move(seconds=1)
    for at in (4, None):
        again = operator.report_event(mobilisation, "arrived", at)
        assert (again.status_code, again.json()) == (200, first.json())


def test_the_same_event_at_another_time_is_409_with_what_is_stored(operator) -> None:
    mobilisation = operator.sent()
    operator.report_event(mobilisation, "mobile", 1)
    answer = operator.report_event(mobilisation, "mobile", 2)
    stored = answer.json()["state"]["mobilisation"]["mobile_at"]
    assert (answer.status_code, stored[:16]) == (409, operator.at(1)[:16])


@pytest.mark.parametrize(
    ("event", "at"),
    [("left", 2), ("mobile", -1), ("mobile", 5.1), ("returned", -1)],
    ids=["not there yet", "before it was sent", "in the future", "back before"],
)
def test_an_impossible_event_is_409_and_changes_nothing(event, at, operator) -> None:
    mobilisation = operator.sent()
    answer = operator.report_event(mobilisation, event, at)
    assert (answer.status_code, answer.json()["state"]["mobilisation"]["state"]) == (409, "mobilised")
    assert operator.pump()["state"] == "mobilised"


def test_two_moments_of_one_second_are_told_apart(operator) -> None:
    mobilisation = operator.sent()
    operator.live_service.clock.move(minutes=1, milliseconds=250)
    operator.report_event(mobilisation, "mobile", None)
    rejection = operator.report_event(mobilisation, "arrived", 1)
    assert "mobile at 2025-06-02T09:31:00.250Z, after 2025-06-02T09:31:00Z" in rejection.json()["detail"]


def test_a_pump_can_be_stood_down_on_its_way(operator) -> None:
    mobilisation = operator.sent()
    assert operator.report_event(mobilisation, "returned", 2).json()["state"] == "available"


def test_a_late_message_finds_its_place_by_its_moment(operator) -> None:
    mobilisation = operator.sent()
    operator.wait(30)
    operator.report_event(mobilisation, "returned", 20)
    assert operator.report_event(mobilisation, "mobile", 1).status_code == 200
    assert operator.report_event(mobilisation, "arrived", 21).status_code == 409
    assert operator.pump()["state"] == "available"


def test_a_pump_that_is_out_cannot_be_sent_elsewhere(operator) -> None:
    operator.sent()
    answer = operator.send(at=1, incident_number="000124-02062025")
    assert (answer.status_code, answer.json()["state"]["pump"]["state"]) == (409, "mobilised")


def test_a_mobilisation_sent_twice_is_one(operator) -> None:
    first = operator.send()
    for at in (0, None):
        again = operator.send(at=at)
        assert (again.status_code, again.json()["id"]) == (200, first.json()["id"])


def test_a_pump_on_its_way_back_can_be_sent_again(operator) -> None:
    mobilisation = operator.sent()
    operator.wait(30)
    for minutes, event in enumerate(["mobile", "arrived", "left"], start=1):
        operator.report_event(mobilisation, event, minutes)
    answer = operator.send(at=10, incident_number="000124-02062025")
    assert (answer.status_code, answer.json()["is_from_road"]) == (201, True)
    # its return from the first was never reported
    assert operator.report_event(mobilisation, "returned", 11).status_code == 409


def test_a_mobilisation_cannot_begin_before_the_pump_left_the_last(operator) -> None:
    mobilisation = operator.sent()
    operator.wait(30)
    for minutes, event in enumerate(["mobile", "arrived", "left"], start=1):
        operator.report_event(mobilisation, event, minutes)
    assert operator.send(at=2, incident_number="000124-02062025").status_code == 409


def test_two_mobilisations_at_one_moment_are_409(operator) -> None:
    mobilisation = operator.sent()
    for event in ("mobile", "arrived", "left"):
        operator.report_event(mobilisation, event, 0)
    assert operator.send(incident_number="000124-02062025").status_code == 409


def test_an_earlier_moment_does_not_win_a_pump_that_was_sent_since(operator) -> None:
    operator.sent()
    assert operator.send(at=-1, incident_number="000124-02062025").status_code == 409


def test_a_record_of_before_can_be_added_when_the_pump_is_free(operator) -> None:
    mobilisation = operator.sent()
    operator.report_event(mobilisation, "returned", 1)
    assert operator.send(at=-60, incident_number="000124-02062025").status_code == 201
    assert operator.pump()["state"] == "available"


def test_unheard_of_for_four_hours_a_pump_is_unknown_and_can_be_sent(operator) -> None:
    mobilisation = operator.sent()
    operator.wait(240)
    assert (operator.pump()["state"], operator.pump()["is_assumed"]) == ("unknown", True)
    mobilisation_response = operator.live_service.client.get(
        f"/v1/mobilisations/{mobilisation}", headers=operator.headers
    )
    assert mobilisation_response.json()["state"] == "unknown"
    assert operator.send(at=240, incident_number="000124-02062025").status_code == 201


def test_a_pump_off_the_run_cannot_be_sent(operator) -> None:
    report_values = operator.put("A211", 0, state="off_run", reason="flat tyre").json()
    answer = operator.send(at=1)
    assert (report_values["state"], report_values["reason"], answer.status_code) == (
        "off_run",
        "flat tyre",
        409,
    )


def test_a_pump_on_standby_is_sent_from_where_it_stands(operator) -> None:
    operator.put("A211", 0, state="standby", station_code="A24")
    operator.wait(30)
    sent = operator.send(at=1).json()
    operator.report_event(sent["id"], "returned", 9)
    pump = operator.pump()
    assert (sent["station_code"], sent["is_from_road"]) == ("A24", False)
    assert (pump["state"], pump["station_code"], pump["home_station_code"]) == ("standby", "A24", "A21")


def test_an_older_report_does_not_take_the_place_of_a_newer_one(operator) -> None:
    operator.put("A211", 0, state="off_run")
    assert operator.put("A211", -1, state="available").json()["state"] == "off_run"


def test_a_report_of_the_same_moment_is_a_correction(operator) -> None:
    operator.put("A211", 0, state="off_run")
    assert operator.put("A211", 0, state="available").json()["state"] == "available"


@pytest.mark.parametrize(
    "values",
    [{"state": "standby"}, {"state": "standby", "station_code": "Z99"}, {"state": "mobile"}],
    ids=["standby nowhere", "standby at no station", "a state that mobilisations set"],
)
def test_a_report_that_cannot_be_used_is_422(values, operator) -> None:
    assert operator.put("A211", 0, **values).status_code == 422


def test_a_pump_that_is_not_ours_is_404_and_422(operator) -> None:
    assert operator.put("A219", 0, state="available").status_code == 404
    assert operator.send(pump="A219").status_code == 422


@pytest.mark.parametrize(
    "at", ["1748856600", 1748856600, "0001-01-01T00:00:00+14:00", "2025-06-02T09:30:00", "x"]
)
def test_what_is_no_instant_is_422(at, operator) -> None:
    body = {**SENT, "at": at}
    answer = operator.live_service.client.post("/v1/mobilisations", json=body, headers=operator.headers)
    assert answer.status_code == 422


def test_another_pump_than_the_recommended_needs_a_reason_and_is_audited(operator) -> None:
    why = {"recommended_pump": "A212", "override_reason": "A212 has no foam"}
    assert operator.send(recommended_pump="A212").status_code == 422
    first = operator.send(**why)
    assert operator.send(**why).status_code == 200
    engine = open_database(operator.live_service.url)
    with reading(engine) as connection:
        audited_overrides = [
            json.loads(row.details) for row in read_audit(connection) if row.event_type == "override"
        ]
    engine.dispose()
    assert first.json()["override_reason"] == "A212 has no foam"
    assert audited_overrides == [
        {
            "mobilisation": first.json()["id"],
            "incident": SENT["incident_number"],
            "pump": "A211",
            "recommended": "A212",
            "reason": "A212 has no foam",
        }
    ]


def test_the_recommended_pump_needs_no_reason(operator) -> None:
    assert operator.send(recommended_pump="A211").status_code == 201
    assert operator.send(at=1, pump="A212", override_reason="because").status_code == 422


def test_a_snapshot_is_for_feeds_alone(operator) -> None:
    assert operator.snapshot(0).status_code == 403


@pytest.fixture
def feed(live_service):
    return Board(live_service, "feed", "service")


def test_a_snapshot_tells_what_it_left(feed) -> None:
    answer = feed.snapshot(
        0,
        {"pump": "A211", "state": "at_incident", "incident_number": "1"},
        {"pump": "Z999", "state": "mobile"},
    ).json()
    assert answer["unknown_pumps"] == ["Z999"]
    assert "A211" not in answer["not_reported"]
    assert "A212" in answer["not_reported"]
    assert feed.pump()["state"] == "at_incident"


def test_a_snapshot_older_than_an_event_does_not_hide_it(feed) -> None:
    mobilisation = feed.sent()
    feed.report_event(mobilisation, "mobile", 2)
    feed.snapshot(1, {"pump": "A211", "state": "available"})
    assert feed.pump()["state"] == "mobile"


def test_an_event_older_than_a_snapshot_does_not_hide_it(feed) -> None:
    mobilisation = feed.sent()
    feed.snapshot(3, {"pump": "A211", "state": "available", "has_returned": True})
    assert feed.report_event(mobilisation, "mobile", 2).status_code == 200
    assert feed.pump()["state"] == "available"


def test_a_snapshot_of_half_the_pumps_tells_how_many_are_out(feed) -> None:
    codes = [pump["code"] for pump in feed.board()["pumps"]]
    half = (len(codes) + 1) // 2
    report_values = [{"pump": code, "state": "mobile"} for code in codes[:half]]
    assert feed.snapshot(0, *report_values[1:]).json()["board"]["pumps_out"] is None
    assert feed.snapshot(0, *report_values).json()["board"]["pumps_out"] == half


def test_a_feed_that_says_it_does_not_know_has_told_nothing(feed) -> None:
    report_values = [{"pump": pump["code"], "state": "unknown"} for pump in feed.board()["pumps"]]
    board = feed.snapshot(0, *report_values).json()["board"]
    assert (board["pumps_out"], board["n_reported"]) == (None, 0)


def test_a_snapshot_that_names_a_pump_twice_is_422(feed) -> None:
    report_values = {"pump": "A211", "state": "mobile"}
    assert feed.snapshot(0, report_values, report_values).status_code == 422


def test_the_mobilisations_of_an_incident_are_listed(operator) -> None:
    operator.send(at=1)
    operator.send(at=0, pump="A212")
    query = {"incident_number": SENT["incident_number"]}
    found = operator.live_service.client.get(
        "/v1/mobilisations", params=query, headers=operator.headers
    ).json()
    assert [each["pump"] for each in found] == ["A212", "A211"]


def test_a_mobilisation_that_is_not_there_is_404(operator) -> None:
    assert operator.report_event("0" * 32, "mobile", 0).status_code == 404


def test_an_analyst_looks_and_does_not_act(live_service) -> None:
    analyst = Board(live_service, "ann", "analyst")
    assert analyst.board()["pumps"]
    assert analyst.send().status_code == 403
