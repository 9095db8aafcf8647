"""`/v1/alarms`: the open and the cleared ones, and who took note of them."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from londonpump.persistence.database import reading, writing
from londonpump.persistence.repositories.alarms import Condition, reconcile_alarms
from londonpump.persistence.repositories.audit import read_audit, verify_audit

AT = datetime(2025, 6, 2, 6, tzinfo=UTC)
MARKUP = "<script>alert(1)</script>"
SILENT = Condition("weather_silent", "", "warning", MARKUP, {"hours": 7})
DRIFT = Condition("drift", "temp_c", "note", "The temperature drifts.")


@pytest.fixture
def alarms(engine):
    """Store one cleared and one open alarm and return their ids."""
    with writing(engine) as connection:
        first = reconcile_alarms(connection, AT, {"weather_silent"}, [SILENT]).raised[0].id
        second = reconcile_alarms(connection, AT + timedelta(hours=1), {"weather_silent", "drift"}, [DRIFT])
    return {"cleared": first, "open": second.raised[0].id}


@pytest.fixture
def supervisor(live_service):
    return live_service.bearer("sue", "supervisor")


def acknowledge(live_service, headers, alarm):
    return live_service.client.post(f"/v1/alarms/{alarm}/acknowledge", headers=headers)


def test_open_and_cleared_alarms_are_listed_with_their_evidence(live_service, alarms, supervisor) -> None:
    def listed(**query):
        return live_service.client.get("/v1/alarms", params=query, headers=supervisor).json()

    ((standing,), (cleared,)) = (listed(), listed(is_open=False))
    assert (standing["id"], standing["cleared_at"], standing["acknowledged_by"]) == (
        alarms["open"],
        None,
        None,
    )
    assert (cleared["id"], cleared["message"], cleared["evidence"]) == (
        alarms["cleared"],
        MARKUP,
        {"hours": 7},
    )
    assert cleared["cleared_at"] == "2025-06-02T07:00:00Z"


def test_the_first_who_acknowledges_is_noted_and_audited(live_service, engine, alarms, supervisor) -> None:
    first = acknowledge(live_service, supervisor, alarms["open"])
    live_service.clock.move(minutes=1)
    again = acknowledge(live_service, live_service.bearer("ada", "admin"), alarms["open"])
    assert (first.status_code, again.json()) == (200, first.json())
    assert (first.json()["acknowledged_by"], first.json()["acknowledged_at"]) == (
        "sue",
        "2025-06-02T09:30:00Z",
    )
    assert first.json()["cleared_at"] is None
    with reading(engine) as connection:
        assert verify_audit(connection).problem is None
        rows = [row for row in read_audit(connection) if row.event_type == "alarm_acknowledged"]
    assert [json.loads(row.details) for row in rows] == [
        {"alarm": alarms["open"], "alarm_type": "drift", "subject": "temp_c"}
    ]


def test_an_acknowledged_alarm_stays_open_and_is_raised_anew_after_it_ended(
    live_service, engine, alarms, supervisor
) -> None:
    acknowledge(live_service, supervisor, alarms["open"])
    with writing(engine) as connection:
        assert reconcile_alarms(connection, AT, {"drift"}, [DRIFT]).raised == ()
        reconcile_alarms(connection, AT + timedelta(hours=2), {"drift"}, [])
        reconcile_alarms(connection, AT + timedelta(hours=3), {"drift"}, [DRIFT])
    (listed,) = live_service.client.get("/v1/alarms", headers=supervisor).json()
    assert (listed["id"] != alarms["open"], listed["acknowledged_by"]) == (True, None)


@pytest.mark.parametrize(("alarm", "status"), [("0" * 32, 404), ("x", 422), ("%00", 422)])
def test_an_alarm_that_is_not_there_is_404(alarm, status, live_service, supervisor) -> None:
    assert acknowledge(live_service, supervisor, alarm).status_code == status


@pytest.mark.parametrize("role", ["operator", "analyst", "service"])
def test_only_supervisors_and_admins_acknowledge(role, live_service, alarms) -> None:
    assert acknowledge(live_service, live_service.bearer("mallory", role), alarms["open"]).status_code == 403
