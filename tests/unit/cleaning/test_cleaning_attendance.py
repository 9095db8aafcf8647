"""What follows from all the pumps of an incident: how many, in which wave, when they left."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import ibis
import pyarrow as pa
import pytest
from ibis.backends.duckdb import Backend
from support.typed_rows import NOON

from londonpump.cleaning.pump_counts import WARM_UP_H, reject_later_and_warm_up

Clean = Callable[..., list[dict[str, Any]]]
SECOND, THIRD = {"resource_code": "H212"}, {"resource_code": "E351"}


def at(seconds: int) -> Any:
    return NOON + timedelta(seconds=seconds)


def test_pumps_and_stations_are_counted_over_the_incident(attended: Clean) -> None:
    rows = attended({}, SECOND, THIRD)
    assert {(row["pumps_attending"], row["stations_attending"]) for row in rows} == {(3, 2)}


def test_pumps_sent_in_one_second_are_one_wave(attended: Clean) -> None:
    rows = attended({}, SECOND, {**THIRD, "mobilised_at": at(200)})
    assert [row["wave"] for row in rows] == [1, 1, 2]


def test_a_missing_left_time_is_the_arrival_and_the_mean_time_on_site(attended: Clean) -> None:
    rows = attended({}, {**SECOND, "left_at": at(1000)}, {**THIRD, "left_at": None})
    mean_s = ((1800 - 300) + (1000 - 300)) / 2
    assert (rows[2]["left_at"], rows[2]["repairs"]) == (at(300 + round(mean_s)), "left_from_mean_on_site")


def test_a_left_time_before_the_arrival_is_none(attended: Clean) -> None:
    rows = attended({}, {**SECOND, "left_at": at(100)})
    assert (rows[1]["left_at"], rows[1]["repairs"]) == (at(1800), "left_before_arrived")


def test_a_left_time_before_the_mobilisation_is_none_where_the_arrival_is_missing(attended: Clean) -> None:
    rows = attended({}, {**SECOND, "arrived_at": None, "left_at": at(-3600)})
    assert (rows[1]["left_at"], rows[1]["repairs"]) == (at(1800), "left_before_arrived")


def test_a_kind_without_any_left_time_takes_the_mean_of_all(attended: Clean) -> None:
    other = "000002-10012023"
    fire = {"incident_number": other, "incident_group": "Fire", "special_service_type": None}
    rows = attended({}, {"incident_number": other, "left_at": None}, of=({}, fire))
    assert rows[1]["left_at"] == at(1800)


def test_without_any_left_time_at_all_a_pump_leaves_as_it_arrives(attended: Clean) -> None:
    (row,) = attended({"left_at": None})
    assert row["left_at"] == at(300)


def test_the_arrival_that_was_exchanged_is_the_one_that_counts(attended: Clean) -> None:
    swapped = {
        "mobile_at": at(300),
        "arrived_at": at(60),
        "turnout_s": 300,
        "attendance_s": 60,
        "travel_s": None,
    }
    rows = attended({}, {**SECOND, **swapped, "left_at": None})
    assert rows[1]["left_at"] == at(1800)


@pytest.mark.parametrize(
    ("counted_from", "expected"),
    [
        (at(0), ["warm_up", "later_wave", None, "later_wave"]),
        (None, [None, "later_wave", None, "later_wave"]),
        (at(1), [None, "later_wave", None, "later_wave"]),
    ],
    ids=["complete from the start", "a sample", "complete later on"],
)
def test_later_waves_go_and_in_a_stream_the_first_hours_go_too(
    connection: Backend, counted_from: datetime | None, expected: list[str | None]
) -> None:
    edge_s = WARM_UP_H * 3600
    timestamps = [at(0), at(edge_s - 1), at(edge_s), at(edge_s + 1)]
    table = pa.table(
        {
            "rule": pa.nulls(4, pa.string()),
            "wave": [1, 2, 1, 2],
            "mobilised_at": pa.array(timestamps, pa.timestamp("us")),
            "counted_from": pa.array([counted_from] * 4, pa.timestamp("us")),
        }
    )
    rows = reject_later_and_warm_up(connection.create_table(ibis.util.gen_name("rows"), table, temp=True))
    assert rows.order_by("mobilised_at").rule.to_pyarrow().to_pylist() == expected
