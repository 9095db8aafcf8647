"""Issue 18: alarms of `monitor` reach supervisors in the status line and on a page of theirs, and no operator in a call."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from support.console_client import PART, Console, signed_in

from londonpump.persistence.database import writing
from londonpump.persistence.repositories.alarms import Condition, reconcile_alarms

AT = datetime(2025, 6, 2, 6, tzinfo=UTC)
MARKUP = "<script>alert(1)</script>"
SLOWER = Condition(
    "slower",
    "Camden",
    "warning",
    "Camden: pumps have come later than announced since 2025-05-20. Check roads.",
    {
        "since": "2025-05-20",
        "n": 131,
        "excess_s": {"mean": 41.25, "low": 30.0, "high": 52.0},
        "days": [
            {"day": "2025-05-20", "n": 11, "excess_s": 38.04, "sum": 12.0},
            {"day": "2025-05-21", "n": 9, "excess_s": None, "sum": 9.0},
        ],
    },
)
DRIFT = Condition("input_drift", MARKUP, "warning", MARKUP, {MARKUP: MARKUP, "days": 28})


def raise_alarms(engine, at, *conditions: Condition) -> None:
    with writing(engine) as connection:
        reconcile_alarms(connection, at, {each.alarm_type for each in (SLOWER, DRIFT)}, conditions)


@pytest.fixture
def alarms(engine) -> None:
    raise_alarms(engine, AT, SLOWER)
    raise_alarms(engine, AT + timedelta(hours=1), SLOWER, DRIFT)


def live(console: Console, tag: str = ""):
    return console.get("/console/live", **PART, **({"If-None-Match": tag} if tag else {}))


def ids_to_acknowledge(page: str) -> list[str]:
    return re.findall(r"/console/alarms/([0-9a-f]+)/acknowledge", page)


@pytest.mark.parametrize("role", ["supervisor", "admin"])
def test_supervisors_see_the_newest_in_words_and_acknowledge_it(role, live_service, engine, alarms) -> None:
    with signed_in(live_service, "sue", role) as sue:
        first = live(sue)
        line = first.json()["line"]
        assert "2 alarms not acknowledged, the newest:" in line
        assert "(raised 2 Jun 2025 08:00)" in line
        assert MARKUP not in line
        page = sue.get("/console/alarms").text
        # the same line without script, and the page in the navigation
        assert page.count('href="/console/alarms"') == 2
        assert MARKUP not in page
        assert "Camden: pumps have come later than announced since 2025-05-20. Check roads." in page
        assert "later than announced, s: mean 41.2, low 30.0, high 52.0" in page
        # the days behind it, the newest first, and what is not known in words
        days = re.findall(r"<td>(.*?)</td>", page)
        assert days == ["2025-05-21", "9", "not known", "9.0", "2025-05-20", "11", "38.0", "12.0"]
        newest, older = ids_to_acknowledge(page)
        answer = sue.post(f"/console/alarms/{newest}/acknowledge")
        assert (answer.status_code, answer.headers["location"]) == (303, "/console/alarms")
        page = sue.get("/console/alarms").text
        assert "Raised 2 Jun 2025 08:00. Acknowledged 2 Jun 2025 10:30 by sue." in page
        assert ids_to_acknowledge(page) == [older]
        second = live(sue, first.headers["etag"])
        assert second.status_code == 200
        assert "1 alarm not acknowledged: Camden: pumps have come later" in re.sub(
            "<.*?>", "", second.json()["line"]
        )
        assert "(raised 2 Jun 2025 07:00)" in second.json()["line"]
        sue.post(f"/console/alarms/{older}/acknowledge")
        assert "not acknowledged" not in live(sue, second.headers["etag"]).json()["line"]


def test_a_new_alarm_changes_the_poll_of_supervisors_within_a_minute_and_that_of_operators_never(
    live_service, engine
) -> None:
    live_service.clock.now = datetime(2025, 6, 2, 9, 30, tzinfo=UTC)
    with signed_in(live_service, "sue", "supervisor") as sue, signed_in(live_service, "amelia") as amelia:
        before = {each: live(each) for each in (sue, amelia)}
        raise_alarms(engine, AT, SLOWER)
        # the minute of the clock has not changed: only what was read is older than a minute
        live_service.client.app.state.service.alarms.expire()
        assert live(amelia, before[amelia].headers["etag"]).status_code == 304
        changed = live(sue, before[sue].headers["etag"])
        assert changed.status_code == 200
        assert live(sue, changed.headers["etag"]).status_code == 304
        live_service.clock.move(minutes=1)
        assert "alarm" not in live(amelia).json()["line"]
        # ended alarms are no longer named, and are listed as ended
        raise_alarms(engine, AT + timedelta(hours=2))
        live_service.clock.move(minutes=1)
        assert "alarm" not in live(sue).json()["line"]
        page = sue.get("/console/alarms").text
        assert "No alarm is open." in page
        assert "Raised 2 Jun 2025 07:00. Ended 2 Jun 2025 09:00." in page


def test_alarms_are_read_once_a_minute_for_supervisors_and_never_for_operators(
    live_service, monkeypatch
) -> None:
    from londonpump.service.health import lifespan

    reads, read = [], lifespan.read_alarm_list

    def counted(*found, **how):
        reads.append(1)
        return read(*found, **how)

    monkeypatch.setattr(lifespan, "read_alarm_list", counted)
    with signed_in(live_service, "sue", "supervisor") as sue, signed_in(live_service, "amelia") as amelia:
        for _ in range(5):
            live(amelia)
        assert reads == []
        for _ in range(5):
            live(sue)
        assert reads == [1]


@pytest.mark.parametrize("role", ["operator", "analyst", "service"])
def test_nobody_else_gets_line_or_page(role, live_service, engine, alarms) -> None:
    with signed_in(live_service, "amelia", role) as amelia:
        assert "alarm" not in live(amelia).json()["line"].lower()
        assert "alarms" not in amelia.get("/console/incidents").text.lower()
        answer = amelia.get("/console/alarms")
        assert answer.status_code == 403
        assert f"This requires the role admin or supervisor; amelia is {role}." in answer.text
        assert amelia.post(f"/console/alarms/{'0' * 32}/acknowledge").status_code == 403


def test_an_alarm_that_is_not_there_is_a_page(live_service) -> None:
    with signed_in(live_service, "sue", "supervisor") as sue:
        answer = sue.post(f"/console/alarms/{'0' * 32}/acknowledge")
        assert (answer.status_code, "There is no alarm" in answer.text) == (404, True)
        assert sue.post("/console/alarms/x/acknowledge").status_code == 422
