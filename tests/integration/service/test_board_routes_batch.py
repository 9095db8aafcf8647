"""Several pumps by one request, numbers of ours, withdrawals, and the tag of the board, on both engines."""

import json
from datetime import UTC, datetime

import pytest
from sqlalchemy import text
from support.board_client import ANNOUNCED, SENT, Board

from londonpump.persistence.database import connect, open_database, reading, writing
from londonpump.persistence.repositories.audit import read_audit, verify_audit
from londonpump.persistence.repositories.outcomes import announced_times, count_announced

MARKUP = "<script>alert(1)</script> & 'é' =1+1"
NEXT = "000124-02062025"
SENT_TO = {"incident_number": SENT["incident_number"]}


@pytest.fixture
def operator(live_service):
    return Board(live_service, "olaf")


def send_pumps(operator, *pumps, key=None, **more):
    body = {"pumps": [pump if isinstance(pump, dict) else {"pump": pump} for pump in pumps], **more}
    headers = operator.headers | ({} if key is None else {"Idempotency-Key": key})
    return operator.live_service.client.post("/v1/mobilisations/batch", json=body, headers=headers)


def withdraw(operator, mobilisation, reason="Wrong pump"):
    path = f"/v1/mobilisations/{mobilisation}/withdrawn"
    return operator.live_service.client.post(path, json={"reason": reason}, headers=operator.headers)


def get(operator, path, **headers):
    return operator.live_service.client.get(path, headers=operator.headers | headers)


def audited(operator, event=None):
    engine = open_database(operator.live_service.url)
    with reading(engine) as connection:
        assert verify_audit(connection).problem is None
        found = [json.loads(row.details) for row in read_audit(connection)]
    engine.dispose()
    return [about for about in found if event is None or about.get("event") == event]


def count(operator, table) -> int:
    engine = connect(operator.live_service.url)
    with reading(engine) as connection:
        n = connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()  # noqa: S608
    engine.dispose()
    return n


def test_what_can_go_goes_and_each_pump_has_its_own_answer(operator) -> None:
    operator.sent(pump="A212", incident_number=NEXT)
    overridden = {"pump": "A241", "recommended_pump": "A242", "override_reason": MARKUP}
    location = {"easting_m": 529_700.0, "northing_m": 181_100.0}
    answer = send_pumps(operator, "A211", "A212", "A219", overridden, location=location, **SENT_TO)
    sent = answer.json()["pumps"]
    assert (answer.status_code, answer.json()["incident_number"]) == (200, SENT["incident_number"])
    assert [each["pump"] for each in sent] == ["A211", "A212", "A219", "A241"]
    assert [each["problem"] and each["problem"]["status"] for each in sent] == [None, 409, 422, None]
    assert [each["is_new"] for each in sent] == [True, False, False, True]
    assert sent[1]["problem"]["state"]["pump"]["state"] == "mobilised"
    assert f"for incident {NEXT}" in sent[1]["problem"]["detail"]
    assert sent[3]["mobilisation"]["override_reason"] == MARKUP
    assert {each["mobilisation"]["location"]["easting_m"] for each in (sent[0], sent[3])} == {529_700.0}
    assert {code: operator.pump(code)["state"] for code in ("A211", "A241")} == {
        "A211": "mobilised",
        "A241": "mobilised",
    }


@pytest.mark.parametrize(
    "pumps", [[], ["A211"] * 2, [f"A{n}" for n in range(100, 111)]], ids=["none", "twice", "11"]
)
def test_none_one_twice_or_more_than_ten_pumps_are_422(pumps, operator) -> None:
    assert send_pumps(operator, *pumps, **SENT_TO).status_code == 422
    assert count(operator, "mobilisations") == 0


def test_a_lost_answer_is_repeated_by_the_same_key(operator) -> None:
    first = send_pumps(operator, "A211", "A212", key="one")
    operator.live_service.clock.move(minutes=1)
    again = send_pumps(operator, "A211", "A212", key="one")
    assert (again.status_code, again.json()) == (200, first.json())
    assert (first.headers.get("idempotent-replay"), again.headers["idempotent-replay"]) == (None, "true")
    assert count(operator, "mobilisations") == 2
    assert send_pumps(operator, "A211", key="one").status_code == 409
    other = Board(operator.live_service, "olga")
    assert send_pumps(other, "A211", "A212", key="one").json()["pumps"][0]["problem"]["status"] == 409


def test_a_replay_does_not_return_a_withdrawn_pump_as_sent(operator) -> None:
    first = send_pumps(operator, "A211", "A212", key="one").json()
    withdrawn, kept = (each["mobilisation"]["id"] for each in first["pumps"])
    withdraw(operator, withdrawn)
    operator.report_event(kept, "arrived", 0)
    again = send_pumps(operator, "A211", "A212", key="one")
    gone, there = again.json()["pumps"]
    assert (again.status_code, again.headers["idempotent-replay"], again.json().keys()) == (
        200,
        "true",
        first.keys(),
    )
    assert (gone["mobilisation"], gone["is_new"], gone["problem"]["status"]) == (None, False, 409)
    assert "was withdrawn" in gone["problem"]["detail"]
    assert gone["problem"]["state"]["mobilisation"]["id"] == withdrawn
    assert (there["mobilisation"]["id"], there["mobilisation"]["state"], there["problem"]) == (
        kept,
        "at_incident",
        None,
    )
    assert (count(operator, "mobilisations"), operator.pump()["state"]) == (2, "unknown")


def test_an_answer_in_which_no_pump_was_sent_is_not_kept_under_the_key(operator) -> None:
    out = operator.sent(pump="A211", incident_number=NEXT)
    refused = send_pumps(operator, "A211", key="one")
    assert refused.json()["pumps"][0]["problem"]["status"] == 409
    other_ticks = send_pumps(operator, "A211", "A299", key="one")
    operator.report_event(out, "returned", 0)
    operator.live_service.clock.move(seconds=1)
    again = send_pumps(operator, "A211", key="one")
    assert (other_ticks.status_code, again.status_code) == (200, 200)
    assert (again.json()["pumps"][0]["is_new"], again.json()["pumps"][0]["problem"]) == (True, None)
    assert "idempotent-replay" not in again.headers


def test_a_batch_repeated_by_its_time_does_not_return_a_withdrawn_pump_as_sent(operator) -> None:
    first = send_pumps(operator, "A211", "A212", at=operator.at(0)).json()
    withdraw(operator, first["pumps"][0]["mobilisation"]["id"])
    again = send_pumps(operator, "A211", "A212", at=operator.at(0)).json()
    assert [each["problem"] and each["problem"]["status"] for each in again["pumps"]] == [409, None]
    assert again["pumps"][0]["mobilisation"] is None
    assert (again["incident_number"], count(operator, "mobilisations")) == (first["incident_number"], 2)


def test_pumps_of_no_fleet_leave_no_row_in_the_board(operator) -> None:
    answer = send_pumps(operator, "A211", "Z981", "Z982", **SENT_TO).json()
    assert [each["problem"] and each["problem"]["status"] for each in answer["pumps"]] == [None, 422, 422]
    assert count(operator, "board_pumps") == 1


def test_withdrawals_and_events_wait_as_long_as_a_batch(operator, monkeypatch) -> None:
    state = operator.live_service.client.app.state.service
    waited, change = [], state.board.change

    async def noted(*arguments, within_s=None):
        waited.append(within_s)
        return await change(*arguments, within_s=within_s)

    first, second = operator.sent(), operator.sent(pump="A212")
    monkeypatch.setattr(state.board, "change", noted)
    withdraw(operator, first)
    operator.report_event(second, "mobile", 0)
    assert [within_s is not None and within_s >= 1.0 for within_s in waited] == [True, True]


def test_a_number_of_ours_is_drawn_for_the_first_pump_that_goes(operator) -> None:
    operator.sent(pump="A211")
    none_goes = send_pumps(operator, "A211").json()
    first = send_pumps(operator, "A211", "A212", "A241").json()
    single = operator.live_service.client.post(
        "/v1/mobilisations", json={"pump": "A242"}, headers=operator.headers
    ).json()
    assert none_goes["incident_number"] is None
    assert first["incident_number"] == "L0001-02062025"
    assert [each["mobilisation"] and each["mobilisation"]["incident_number"] for each in first["pumps"]] == [
        None,
        "L0001-02062025",
        "L0001-02062025",
    ]
    assert single["incident_number"] == "L0002-02062025"


def test_a_number_that_somebody_typed_is_not_drawn(operator) -> None:
    operator.sent(incident_number="L0001-02062025")
    assert send_pumps(operator, "A212").json()["incident_number"] == "L0002-02062025"


@pytest.mark.parametrize(
    ("now", "number"),
    [
        (datetime(2025, 3, 29, 23, 59, 59, tzinfo=UTC), "L0001-29032025"),
        (datetime(2025, 3, 30, 22, 59, 59, tzinfo=UTC), "L0001-30032025"),
        (datetime(2025, 3, 30, 23, 0, 0, tzinfo=UTC), "L0001-31032025"),
        (datetime(2025, 10, 25, 23, 0, 0, tzinfo=UTC), "L0001-26102025"),
        (datetime(2025, 10, 26, 1, 30, 0, tzinfo=UTC), "L0001-26102025"),
        (datetime(2025, 10, 26, 23, 30, 0, tzinfo=UTC), "L0001-26102025"),
    ],
)
def test_the_day_of_a_number_is_london_s_also_when_the_clocks_change(now, number, live_service) -> None:
    live_service.clock.now = now
    assert send_pumps(Board(live_service, "olaf"), "A211").json()["incident_number"] == number


def test_a_repeated_request_without_a_number_is_known_by_its_exact_time(operator) -> None:
    def post():
        body = {"pump": "A211", "at": operator.at(0)}
        return operator.live_service.client.post("/v1/mobilisations", json=body, headers=operator.headers)

    first, again = post(), post()
    assert (first.status_code, again.status_code, again.json()["id"]) == (201, 200, first.json()["id"])


def test_a_withdrawn_mobilisation_stays_and_does_not_count(operator) -> None:
    mobilisation = operator.sent(announced=ANNOUNCED)
    operator.report_event(mobilisation, "mobile", 1)
    answer = withdraw(operator, mobilisation, MARKUP)
    shown = answer.json()
    assert (answer.status_code, shown["withdrawn_reason"], shown["returned_at"]) == (200, MARKUP, None)
    assert (shown["state"], shown["withdrawn_at"][:16], shown["outcome"]) == (
        "available",
        operator.at(0)[:16],
        None,
    )
    assert operator.pump()["state"] == "unknown"
    assert [(about["pump"], about["reason"]) for about in audited(operator, "withdrawn")] == [
        ("A211", MARKUP)
    ]
    assert (count(operator, "mobilisations"), count(operator, "outcomes")) == (1, 0)
    assert withdraw(operator, mobilisation, "again").json() == shown
    assert len(audited(operator, "withdrawn")) == 1


def test_a_withdrawn_mobilisation_is_in_no_figure(operator) -> None:
    withdraw(operator, operator.sent(announced=ANNOUNCED))
    start, end = datetime(2025, 6, 1, tzinfo=UTC), datetime(2025, 6, 3, tzinfo=UTC)
    engine = open_database(operator.live_service.url)
    with reading(engine) as connection:
        assert announced_times(connection, start, end) == []
        assert count_announced(connection, start, end, end).announced == 0
    engine.dispose()


def test_pumps_out_do_not_count_what_was_withdrawn(live_service) -> None:
    feed = Board(live_service, "feed", "service")
    codes = [pump["code"] for pump in feed.board()["pumps"]]
    feed.snapshot(-1, *({"pump": code, "state": "available"} for code in codes))
    mobilisation = feed.sent()
    before = feed.board()["pumps_out"]
    withdraw(feed, mobilisation)
    assert (before, feed.board()["pumps_out"]) == (1, 0)
    assert feed.pump()["state"] == "available"


def test_the_pump_is_again_what_it_was_before(operator) -> None:
    first = operator.sent()
    operator.wait(10)
    for minutes, event in enumerate(("mobile", "arrived", "left"), start=1):
        operator.report_event(first, event, minutes)
    second = operator.sent(at=5, incident_number=NEXT)
    assert operator.report_event(first, "returned", 6).status_code == 409
    withdraw(operator, second)
    assert (operator.pump()["state"], operator.pump()["mobilisation_id"]) == ("returning", first)
    assert get(operator, f"/v1/mobilisations/{first}").json()["state"] == "returning"
    assert operator.report_event(first, "returned", 6).status_code == 200


def test_the_pump_can_be_sent_again_at_once(operator) -> None:
    withdraw(operator, operator.sent())
    again = operator.send(at=None)
    withdraw(operator, again.json()["id"])
    elsewhere = operator.send(at=None, incident_number=NEXT)
    assert (again.status_code, elsewhere.status_code) == (201, 201)
    assert (count(operator, "mobilisations"), operator.pump()["incident_number"]) == (3, NEXT)


@pytest.mark.parametrize(
    ("events", "event"), [(["arrived"], "arrived"), (["mobile", "returned"], "returned")]
)
def test_after_the_arrival_or_the_return_nothing_is_withdrawn(events, event, operator) -> None:
    mobilisation = operator.sent()
    for minutes, each in enumerate(events, start=1):
        operator.report_event(mobilisation, each, minutes)
    answer = withdraw(operator, mobilisation)
    assert (answer.status_code, f"has {event} already" in answer.json()["detail"]) == (409, True)
    assert "withdrawn_at" not in answer.json()["state"]["mobilisation"]
    assert audited(operator, "withdrawn") == []


def test_no_event_follows_a_withdrawal(operator) -> None:
    mobilisation = operator.sent(announced=ANNOUNCED)
    withdraw(operator, mobilisation)
    answers = [
        operator.report_event(mobilisation, event, at)
        for event, at in (("arrived", 4), ("returned", None), ("mobile", 1))
    ]
    assert [answer.status_code for answer in answers] == [409] * 3
    assert "was withdrawn" in answers[0].json()["detail"]
    assert count(operator, "outcomes") == 0


def test_the_same_request_after_a_withdrawal_records_nothing_new(operator) -> None:
    first = operator.send()
    withdraw(operator, first.json()["id"])
    again, elsewhere = operator.send(), operator.send(incident_number=NEXT)
    assert (again.status_code, again.json()["id"]) == (200, first.json()["id"])
    assert (elsewhere.status_code, "Send another time" in elsewhere.json()["detail"]) == (409, True)
    assert count(operator, "mobilisations") == 1


@pytest.mark.parametrize("reason", ["", "  ", "a\0b", "x" * 501, "\ud800"])
def test_a_reason_that_is_none_is_422(reason, operator) -> None:
    mobilisation = operator.sent()
    body = json.dumps({"reason": reason}).encode()
    headers = operator.headers | {"Content-Type": "application/json"}
    path = f"/v1/mobilisations/{mobilisation}/withdrawn"
    assert operator.live_service.client.post(path, content=body, headers=headers).status_code == 422
    assert operator.pump()["state"] == "mobilised"


def test_older_code_sees_a_withdrawn_mobilisation_as_returned(operator) -> None:
    """Version 0011 reads `returned_at` and the mobilisation that the pump points to."""
    mobilisation = operator.sent()
    withdraw(operator, mobilisation)
    engine = connect(operator.live_service.url)
    with reading(engine) as connection:
        row = connection.execute(text("SELECT returned_at FROM mobilisations")).one()
        pump = connection.execute(text("SELECT mobilisation_id FROM board_pumps")).one()
    engine.dispose()
    assert row.returned_at is not None
    assert pump.mobilisation_id is None


def test_every_change_raises_the_version_of_the_board(operator) -> None:
    versions = [operator.board()["board_version"]]
    mobilisation = operator.sent()
    versions.append(operator.board()["board_version"])
    operator.report_event(mobilisation, "mobile", 1)
    versions.append(operator.board()["board_version"])
    withdraw(operator, mobilisation)
    versions.append(operator.board()["board_version"])
    operator.put("A212", 1, state="off_run")
    versions.append(operator.board()["board_version"])
    send_pumps(operator, "A211")
    versions.append(operator.board()["board_version"])
    assert versions == sorted(set(versions))


def test_a_board_that_is_known_is_not_sent_again(operator) -> None:
    first = get(operator, "/v1/board")
    tag = first.headers["etag"]
    known = [get(operator, "/v1/board", **{"If-None-Match": each}) for each in (tag, tag[2:], f'"x", {tag}')]
    assert [(each.status_code, each.content, each.headers["etag"]) for each in known] == [(304, b"", tag)] * 3
    operator.sent()
    changed = get(operator, "/v1/board", **{"If-None-Match": tag})
    assert (changed.status_code, changed.headers["etag"] != tag) == (200, True)


def test_a_refused_change_keeps_the_tag(operator) -> None:
    operator.sent()
    tag = get(operator, "/v1/board").headers["etag"]
    assert operator.send(at=1, incident_number=NEXT).status_code == 409
    assert get(operator, "/v1/board", **{"If-None-Match": tag}).status_code == 304


def test_the_tag_changes_with_the_minute_because_states_depend_on_the_time(operator) -> None:
    tag = get(operator, "/v1/board").headers["etag"]
    operator.live_service.clock.move(seconds=59)
    within = get(operator, "/v1/board", **{"If-None-Match": tag}).status_code
    operator.live_service.clock.move(seconds=1)
    assert (within, get(operator, "/v1/board", **{"If-None-Match": tag}).status_code) == (304, 200)


def test_the_chances_that_were_announced_are_kept_with_the_outcome(operator) -> None:
    chances = {"300": 0.5, "360": 0.75}
    mobilisation = operator.sent(announced={**ANNOUNCED, "chance_within_s": chances, "has_warning": True})
    answer = operator.report_event(mobilisation, "arrived", 4).json()
    engine = connect(operator.live_service.url)
    with writing(engine) as connection:
        row = connection.execute(
            text(
                "SELECT announced_chances, is_flagged FROM mobilisations JOIN outcomes ON mobilisation_id = mobilisations.id"
            )
        ).one()
    engine.dispose()
    stored = json.loads(row[0]) if isinstance(row[0], str) else row[0]
    assert (stored, bool(row[1])) == (chances, True)
    assert answer["announced"] == {**ANNOUNCED, "chance_within_s": chances, "has_warning": True}


@pytest.mark.parametrize("chances", [{"x": 0.5}, {"360": 1.5}, {"360": float("nan")}, {"-1": 0.5}])
def test_chances_that_are_none_are_422(chances, operator) -> None:
    body = {**SENT, "announced": {**ANNOUNCED, "chance_within_s": chances}}
    headers = operator.headers | {"Content-Type": "application/json"}
    answer = operator.live_service.client.post(
        "/v1/mobilisations", content=json.dumps(body).encode(), headers=headers
    )
    assert answer.status_code == 422
