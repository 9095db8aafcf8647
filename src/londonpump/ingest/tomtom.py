"""Current congestion of London's main roads from TomTom's flow service, which needs a key.

The congestion of London is the mean over five road segments of the extra travel time relative to free flow, at most
twice the time. Closed roads are ignored.
Source: developer.tomtom.com, Flow Segment Data, version 4.
"""

import math
from datetime import datetime
from typing import Any

from londonpump.domain.columns import TrafficReading
from londonpump.domain.errors import SourceFailed
from londonpump.domain.json_values import JsonObject
from londonpump.ingest.http import Http
from londonpump.ingest.http.client import parse_json
from londonpump.ingest.weather_hours import REPORT_IT
from londonpump.settings import Settings

PUBLISHER = "TomTom"
SOURCE = "tomtom_flow"
KEY_SETTING = "LONDONPUMP_TOMTOM_KEY"
PATH = "/traffic/services/4/flowSegmentData/absolute/10/json"
POINTS = {
    "Charing Cross": (51.5074, -0.1278),
    "A40 at Hanger Lane": (51.5302, -0.2933),
    "A12 at Bow": (51.5302, -0.0143),
    "A2 at Kidbrooke": (51.4631, 0.0286),
    "A406 at Brent Cross": (51.5750, -0.2222),
}
"""Latitude and longitude of the centre, and of a main road to the west, east, south-east and north."""


def fetch_traffic(http: Http, settings: Settings, fetched_at: datetime) -> TrafficReading:
    """Return the current reading. Raises: SourceFailed without a key, or if no open road has a value."""
    if settings.tomtom_key is None:
        raise SourceFailed(
            PUBLISHER, "needs a key", f"Set {KEY_SETTING}, or do without: a typical profile is used."
        )
    # Apart from the other parameters, so that the key appears in no message.
    secret = {"key": settings.tomtom_key.get_secret_value()}
    rates = []
    for road, (latitude, longitude) in POINTS.items():
        params = {"point": f"{latitude},{longitude}", "unit": "KMPH"}
        response = http.get(PUBLISHER, settings.tomtom_url + PATH, params, secret=secret)
        rates.append(parse_flow(response.body, road))
    # A closed road says nothing about the others, so that the mean leaves it out.
    open_rates = [rate for rate in rates if rate is not None]
    if not open_rates:
        raise SourceFailed(PUBLISHER, "every road asked for is closed", "Ask again later.")
    # The answer is of now: it is observed and available at the same time.
    return TrafficReading(fetched_at, fetched_at, sum(open_rates) / len(open_rates), SOURCE)


def parse_flow(body: bytes, road: str) -> float | None:
    """Return the extra travel time as a share of the free-flow time, 0 to 1; None if the road is closed.

    Raises: SourceFailed for an unexpected format.
    """
    response = parse_json(PUBLISHER, body)
    flow = response.get("flowSegmentData") if isinstance(response, dict) else None
    if not isinstance(flow, dict):
        raise SourceFailed(PUBLISHER, f"the answer for {road} has no flowSegmentData", REPORT_IT)
    if flow.get("roadClosure") is True:
        return None
    current_kmh, free_kmh = _speed(flow, "currentSpeed", road), _speed(flow, "freeFlowSpeed", road)
    if free_kmh == 0:
        raise SourceFailed(PUBLISHER, f"the answer for {road} has a freeFlowSpeed of 0", REPORT_IT)
    # Half the speed doubles the time, which is the cap; this also avoids a division by 0.
    if current_kmh <= free_kmh / 2:
        return 1.0
    return max(0.0, free_kmh / current_kmh - 1.0)


def _speed(flow: JsonObject, name: str, road: str) -> float:
    value: Any = flow.get(name)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value) or value < 0:
        raise SourceFailed(PUBLISHER, f"the answer for {road} has {value!r} for {name}", REPORT_IT)
    return float(value)
