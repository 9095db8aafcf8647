"""TomTom's flow: speeds of a few roads become one congestion rate."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import SecretStr
from support import publisher_server as server

from londonpump.domain.errors import SourceFailed
from londonpump.ingest.http import Http, Limits
from londonpump.ingest.tomtom import PATH, POINTS, fetch_traffic, parse_flow
from londonpump.settings import Settings

NOW = datetime(2024, 5, 24, 8, 20, tzinfo=UTC)
KEY = "a-very-secret-key"


def flow(current: Any, free: Any, *, is_closed: bool = False) -> server.Reply:
    speeds = {"currentSpeed": current, "freeFlowSpeed": free, "roadClosure": is_closed}
    return server.as_json({"flowSegmentData": speeds})


def reading(publisher, sleeper):
    settings = Settings(tomtom_url=publisher.url, tomtom_key=SecretStr(KEY))
    with Http(Limits(total_s=5), sleeper) as http:
        return fetch_traffic(http, settings, NOW)


def test_the_rate_is_the_mean_over_the_roads(publisher, sleeper) -> None:
    publisher.answers(PATH, flow(30, 40), flow(40, 40), flow(10, 40), flow(20, 40), flow(20, 40))
    assert reading(publisher, sleeper).congestion_rate == pytest.approx((1 / 3 + 0 + 1 + 1 + 1) / 5)


def test_every_place_is_asked_once(publisher, sleeper) -> None:
    publisher.answers(PATH, flow(30, 40))
    reading(publisher, sleeper)
    points = {request.query["point"] for request in publisher.requests}
    assert points == {f"{latitude},{longitude}" for latitude, longitude in POINTS.values()}


def test_a_closed_road_is_left_out(publisher, sleeper) -> None:
    publisher.answers(PATH, flow(0, 40, is_closed=True), flow(32, 40))
    assert reading(publisher, sleeper).congestion_rate == pytest.approx(0.25)


def test_a_city_of_closed_roads_is_no_reading(publisher, sleeper) -> None:
    publisher.answers(PATH, flow(0, 40, is_closed=True))
    with pytest.raises(SourceFailed, match="every road asked for is closed"):
        reading(publisher, sleeper)


def test_faster_than_free_flow_is_no_congestion() -> None:
    assert parse_flow(flow(50, 40).body, "A2") == 0.0


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"<html>", "a web page instead of json"),
        (b"[]", "for A2 has no flowSegmentData"),
        (flow(None, 40).body, "for A2 has None for currentSpeed"),
        (flow(20, "40").body, "for A2 has '40' for freeFlowSpeed"),
        (flow(20, 0).body, "a freeFlowSpeed of 0"),
        (flow(-1, 40).body, "has -1 for currentSpeed"),
        (flow(10**400, 40).body, "something else instead of json"),
        (flow(True, 40).body, "has True for currentSpeed"),
    ],
)
def test_an_answer_of_another_shape_is_refused_and_named(body, message) -> None:
    with pytest.raises(SourceFailed, match=message):
        parse_flow(body, "A2")


def test_a_refused_key_is_not_shown(publisher, sleeper) -> None:
    publisher.answers(PATH, server.broken(403))
    with pytest.raises(SourceFailed) as caught:
        reading(publisher, sleeper)
    assert KEY not in f"{caught.value!r} {caught.value} {caught.value.__cause__} {caught.value.__context__}"
