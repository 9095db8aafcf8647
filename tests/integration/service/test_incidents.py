"""Incidents: open and closed ones, one with its history, and what is near a point."""

from datetime import UTC, datetime

import pytest
from support.board_client import ANNOUNCED, SENT, Board
from support.console_client import PART, signed_in

from londonpump.persistence.database import open_database, writing
from londonpump.persistence.repositories.predictions import CALL, PredictionRecord, add_rows, as_row

POINT = {"easting_m": 530_000.0, "northing_m": 180_000.0}
MARKUP = "<img src=x onerror=alert(1)>"


@pytest.fixture
def operator(live_service):
    return Board(live_service, "olaf")


def get(board, path, **query):
    return board.live_service.client.get(path, params=query, headers=board.headers)


def withdraw(board, mobilisation, reason="mistake"):
    path = f"/v1/mobilisations/{mobilisation}/withdrawn"
    return board.live_service.client.post(path, json={"reason": reason}, headers=board.headers)


def numbers(board, status="open") -> list[str]:
    return [each["incident_number"] for each in get(board, "/v1/incidents", status=status).json()]


def at_point(east=0.0, north=0.0):
    return {"easting_m": POINT["easting_m"] + east, "northing_m": POINT["northing_m"] + north}


def test_an_incident_is_open_until_its_last_pump_left(operator) -> None:
    first, second = operator.sent(), operator.sent(pump="A212", at=1)
    operator.wait(30)
    for mobilisation in (first, second):
        assert numbers(operator) == [SENT["incident_number"]]
        assert numbers(operator, "closed") == []
        operator.report_event(mobilisation, "arrived", 5)
        operator.report_event(mobilisation, "left", 20)
    assert (numbers(operator), numbers(operator, "closed")) == ([], [SENT["incident_number"]])


def test_overdue_ones_come_first_then_the_newest(operator) -> None:
    for pump, number in (("A211", "late"), ("A212", "later"), ("A241", "old"), ("A242", "new")):
        announced = {"announced": ANNOUNCED} if number.startswith("late") else {}
        at = {"late": -6, "later": -7, "old": -2, "new": -1}[number]
        operator.send(at=at, pump=pump, incident_number=number, **announced)
    found = get(operator, "/v1/incidents").json()
    assert [each["incident_number"] for each in found] == ["later", "late", "new", "old"]
    assert [each["overdue_s"] for each in found] == [120.0, 60.0, None, None]


def test_an_incident_with_a_silent_pump_stays_open_without_news(operator) -> None:
    mobilisation = operator.sent()
    operator.wait(245)
    (found,) = get(operator, "/v1/incidents").json()
    assert (found["is_open"], found["pumps_out"], found["silent_pumps"]) == (True, 0, ["A211"])
    assert numbers(operator, "closed") == []
    operator.report_event(mobilisation, "returned", 244)
    assert (numbers(operator), numbers(operator, "closed")) == ([], [SENT["incident_number"]])


def test_a_silent_pump_that_left_was_sent_elsewhere_or_is_at_a_station_keeps_no_incident_open(
    operator,
) -> None:
    left, _, _ = operator.sent(), operator.sent(pump="A212"), operator.sent(pump="A241", incident_number="3")
    operator.report_event(left, "arrived", 0)
    operator.report_event(left, "left", 0)
    operator.wait(245)
    operator.send(at=245, pump="A212", incident_number="2")
    assert operator.put("A241", 245, state="available").status_code == 200
    assert numbers(operator) == ["2"]


def test_of_many_mobilisations_the_newest_are_read_in_order_of_time(operator) -> None:
    for minutes, pump in enumerate(("A211", "A212", "A241"), start=-3):
        operator.sent(at=minutes, pump=pump)
    query = {"incident_number": SENT["incident_number"], "at_most": 2}
    assert [each["pump"] for each in get(operator, "/v1/mobilisations", **query).json()] == ["A212", "A241"]


def test_a_withdrawn_incident_is_not_open_and_keeps_its_history(operator) -> None:
    withdraw(operator, operator.sent(), MARKUP)
    found = get(operator, f"/v1/incidents/{SENT['incident_number']}").json()
    assert (numbers(operator), numbers(operator, "closed"), found["pumps_out"]) == ([], [], 0)
    assert [(each["event"], each["reason"]) for each in found["history"]] == [
        ("mobilised", None),
        ("withdrawn", MARKUP),
    ]


def test_the_history_says_who_reported_what_and_when(operator) -> None:
    feed = Board(operator.live_service, "feed", "service")
    first = operator.sent(recommended_pump="A212", override_reason="no foam")
    operator.wait(30)
    feed.wait(0)
    feed.report_event(first, "arrived", 5)
    operator.report_event(first, "mobile", 1)
    operator.report_event(first, "mobile", 1)
    found = get(operator, f"/v1/incidents/{SENT['incident_number']}").json()
    assert [(each["event"], each["user"], each["reason"]) for each in found["history"]] == [
        ("mobilised", "olaf", "no foam"),
        ("mobile", "olaf", None),
        ("arrived", "feed", None),
    ]
    assert found["history"][1]["at"][:16] == operator.at(1)[:16]
    assert (found["is_open"], found["pumps_out"]) == (True, 1)


def test_a_return_of_a_snapshot_names_the_feed(operator) -> None:
    feed = Board(operator.live_service, "feed", "service")
    operator.sent()
    feed.snapshot(1, {"pump": "A211", "state": "available", "has_returned": True})
    found = get(operator, f"/v1/incidents/{SENT['incident_number']}").json()
    assert [(each["event"], each["user"]) for each in found["history"]] == [
        ("mobilised", "olaf"),
        ("returned", "feed"),
    ]


@pytest.mark.parametrize("number", ["A/1", "nearby", "x" * 40])
def test_any_number_that_was_accepted_can_be_read(number, operator) -> None:
    operator.send(incident_number=number)
    assert get(operator, f"/v1/incidents/{number}").json()["incident_number"] == number


@pytest.mark.parametrize(("number", "status"), [("000999-02062025", 404), ("x" * 41, 422), ("%00", 422)])
def test_an_incident_that_is_not_there_is_404(number, status, operator) -> None:
    assert get(operator, f"/v1/incidents/{number}").status_code == status


@pytest.mark.parametrize(
    ("now", "left_at", "is_today"),
    [
        # the clocks went forward on 30 March and back on 26 October: midnight of London is another hour of UTC
        (datetime(2025, 3, 30, 22, 30, tzinfo=UTC), datetime(2025, 3, 30, 0, 0, tzinfo=UTC), True),
        (datetime(2025, 3, 30, 22, 30, tzinfo=UTC), datetime(2025, 3, 29, 23, 59, tzinfo=UTC), False),
        (datetime(2025, 10, 26, 23, 30, tzinfo=UTC), datetime(2025, 10, 25, 23, 0, tzinfo=UTC), True),
        (datetime(2025, 10, 26, 23, 30, tzinfo=UTC), datetime(2025, 10, 25, 22, 59, tzinfo=UTC), False),
    ],
)
def test_closed_today_is_by_london_s_day_when_the_clocks_change(now, left_at, is_today, live_service) -> None:
    live_service.clock.now = now
    feed = Board(live_service, "feed", "service")
    sent = {**SENT, "at": left_at.replace(minute=0).isoformat()}
    path = "/v1/mobilisations"
    mobilisation = live_service.client.post(path, json=sent, headers=feed.headers).json()["id"]
    for event in ("arrived", "left"):
        body = {"at": left_at.isoformat()}
        done = live_service.client.post(f"{path}/{mobilisation}/{event}", json=body, headers=feed.headers)
        assert done.status_code == 200
    assert (numbers(feed, "closed") != []) is is_today


def test_near_incidents_are_within_300_m_and_30_minutes_the_nearest_first(operator) -> None:
    for pump, number, at, location in (
        ("A211", "300 m".replace(" ", ""), -1, at_point(east=300)),
        ("A212", "301m", -1, at_point(east=301)),
        ("A241", "corner", -1, at_point(east=299, north=299)),
        ("A242", "close", -30, at_point(north=10)),
        ("H221", "old", -31, at_point()),
        ("H211", "nowhere", -1, None),
    ):
        sent = {} if location is None else {"location": location}
        assert operator.send(at=at, pump=pump, incident_number=number, **sent).status_code == 201
    found = get(operator, "/v1/nearby", **POINT).json()["incidents"]
    assert [(each["incident_number"], each["distance_m"]) for each in found] == [
        ("close", 10.0),
        ("300m", 300.0),
    ]


def test_a_withdrawn_mobilisation_is_not_near(operator) -> None:
    withdraw(operator, operator.sent(location=at_point()))
    assert get(operator, "/v1/nearby", **POINT).json()["incidents"] == []


def store_call(board, user_id, minutes, location, number=None, area=None, prediction_id="", radius_m=180.0):
    """Store a prediction as the service does, without a model."""
    at = datetime.fromisoformat(board.at(-minutes))
    match = radius_m and {"radius_m": radius_m}
    answer = {"location": {**location, "area": area, "match": match}, "candidates": []}
    record = PredictionRecord(
        prediction_id or f"{user_id}{minutes}{number}",
        user_id,
        at,
        CALL,
        "m",
        1.0,
        False,
        {},
        answer,
        number,
        at,
    )
    engine = open_database(board.live_service.url)
    with writing(engine) as connection:
        add_rows(connection, [as_row(record)])
    engine.dispose()


def test_calls_of_colleagues_are_those_of_the_last_three_minutes_at_an_exact_location(operator) -> None:
    colleague = operator.live_service.add("<b>olga</b>")
    own = operator.live_service.client.get("/me", headers=operator.headers).json()["user"]["id"]
    store_call(operator, colleague, 3, at_point(north=100), "near")
    store_call(operator, colleague, 3.1, at_point(), "older")
    store_call(operator, colleague, 1, at_point(north=301), "far")
    store_call(operator, colleague, 2, at_point(), "district", "SE1")
    store_call(operator, own, 1, at_point(), "own")
    found = get(operator, "/v1/nearby", **POINT).json()["calls"]
    assert [(each["incident_number"], each["user"], each["distance_m"]) for each in found] == [
        ("near", "<b>olga</b>", 100.0)
    ]


def test_an_incident_in_a_street_is_near_by_its_middle_and_said_not_to_be_exact(operator) -> None:
    colleague = operator.live_service.add("olga")
    calls = (
        ("A211", "street", 100, "Frith Street"),
        ("A212", "exact", 50, None),
        ("A241", "far", 301, "SE1"),
        ("A242", "lost", 0, None),
    )
    for digit, (pump, number, north, area) in enumerate(calls):
        prediction = f"{digit}" * 32
        if number != "lost":
            store_call(operator, colleague, 10, at_point(north=north), number, area, prediction)
        sent = operator.send(pump=pump, incident_number=number, prediction_id=prediction)
        assert sent.status_code == 201
        # the middle is no location: features count exact ones alone
        assert (sent.json()["location"] is None) == (number != "exact")
    # pumps that were added by an exact place make the incident exact
    operator.send(pump="H221", incident_number="far", location=at_point(north=200))
    found = get(operator, "/v1/nearby", **POINT).json()["incidents"]
    assert [(each["incident_number"], each["distance_m"], each["area"]) for each in found] == [
        ("exact", 50.0, None),
        ("street", 100.0, "Frith Street"),
        ("far", 200.0, None),
    ]
    assert found[1]["location"] is None


def test_the_console_asks_whether_a_call_near_a_street_is_the_same(operator) -> None:
    store_call(
        operator,
        operator.live_service.add("olga"),
        10,
        at_point(north=180),
        area=MARKUP,
        prediction_id="0" * 32,
    )
    operator.send(incident_number="street", prediction_id="0" * 32)
    operator.send(pump="A212", incident_number="exact", location=at_point(north=-50))
    with signed_in(operator.live_service, "amelia") as amelia:
        page = amelia.post("/console/call", {"place": "530000, 180000"}, PART).text
    assert "Same call? exact, 50 m away, 0 min ago: A212 sent." in page
    said = "Same call? street, about 180 m away, not exact (&lt;img src=x onerror=alert(1)&gt;), 0 min ago: A211 sent."
    assert said in page


@pytest.mark.parametrize(
    ("radius_m", "is_wide"), [(300.0, False), (301.0, True), (1100.0, True), (None, True)]
)
def test_no_metres_are_said_of_an_area_wider_than_the_limit(radius_m, is_wide, operator) -> None:
    olga, said = operator.live_service.add("olga"), ("about 20 m away, not exact (E8)", "in E8, not exact")
    store_call(operator, olga, 10, at_point(north=20), area="E8", prediction_id="0" * 32, radius_m=radius_m)
    operator.send(incident_number="wide", prediction_id="0" * 32)
    # the API keeps its number
    (found,) = get(operator, "/v1/nearby", **POINT).json()["incidents"]
    assert (found["distance_m"], found["is_area_wide"]) == (20.0, is_wide)
    with signed_in(operator.live_service, "amelia") as amelia:
        page = amelia.post("/console/call", {"place": "530000, 180000"}, PART).text
    assert f"Same call? wide, {said[is_wide]}, 0 min ago: A211 sent." in page


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-1", "1e400", "x", ""])
def test_a_point_that_is_none_is_422(value, operator) -> None:
    assert get(operator, "/v1/nearby", easting_m=value, northing_m=180_000).status_code == 422


def test_ten_thousand_mobilisations_are_answered_in_part_and_in_time(operator) -> None:
    from londonpump.persistence.database.schema import mobilisations

    user = operator.live_service.add("olga")
    start = datetime.fromisoformat(operator.at(-20))
    rows = [
        {
            "id": f"{number:032d}",
            "incident_number": f"M{number}",
            "pump_code": f"Z{number}",
            "mobilised_at": start,
            "returned_at": start,
            "station_code": "A21",
            "is_from_road": False,
            "user_id": user,
            **at_point(),
        }
        for number in range(10_000)
    ]
    engine = open_database(operator.live_service.url)
    with writing(engine) as connection:
        connection.execute(mobilisations.insert(), rows)
    engine.dispose()
    answers = [
        get(operator, "/v1/incidents"),
        get(operator, "/v1/incidents", status="closed"),
        get(operator, "/v1/nearby", **POINT),
    ]
    assert [answer.status_code for answer in answers] == [200] * 3
    assert len(answers[1].json()) == len(answers[2].json()["incidents"]) == 500
