"""Issue 18: incident pages with several pumps, in a hurry: one key reports of one pump once, and no change is missed."""

import re
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import APIResponse, Locator, Route, expect
from support.console_browser import NETWORK, WAIT_MS, ControlRoom, Operator

NUMBER = "000001-01012026"
SOON_MS = 10_000
"""Long before the minute of the board's tag changes, which would hide that a change was missed."""


@pytest.fixture
def sent(amelia: Operator, room: ControlRoom) -> dict[str, str]:
    """Return {pump: mobilisation} of three pumps at one incident, whose page is open."""
    with room.api("amelia") as client:
        pumps = [each["code"] for each in client.get("/v1/board").json()["pumps"]][:3]
        ids = {}
        for pump in pumps:
            answer = client.post("/v1/mobilisations", json={"incident_number": NUMBER, "pump": pump})
            assert answer.status_code == 201, answer.text
            ids[pump] = answer.json()["id"]
    open_page(amelia)
    return ids


def open_page(person: Operator) -> None:
    with person.page.expect_response("**/console/live"):
        person.page.goto(f"{person.room.address}/console/incidents/{NUMBER}")
    expect(person.page.locator("body[data-connection=live]")).to_be_visible(timeout=WAIT_MS)


def row(person: Operator, pump: str) -> Locator:
    return person.page.locator("#refreshed tbody tr", has=person.page.locator(f"th:text-is('{pump}')"))


def button(person: Operator, pump: str, letter: str) -> Locator:
    return row(person, pump).locator(f"button[data-letter={letter}]")


def time_of(person: Operator, pump: str) -> Locator:
    return row(person, pump).locator("input[name=at]")


def expect_event(person: Operator, pump: str, event: str, wait_ms: int = WAIT_MS) -> None:
    expect(person.page.locator(".history")).to_contain_text(f"{pump} {event}", timeout=wait_ms)


def report_elsewhere(room: ControlRoom, mobilisation: str, event: str) -> None:
    """Report an event as another program does."""
    with room.api() as client:
        assert client.post(f"/v1/mobilisations/{mobilisation}/{event}").status_code == 200


@pytest.mark.parametrize("n_repeats", [0, 20])
def test_a_letter_that_is_held_or_pressed_twice_withdraws_one_pump(amelia, room, sent, n_repeats) -> None:
    second = list(sent)[1]
    button(amelia, second, "W").focus()
    amelia.page.keyboard.down("w")
    for _ in range(n_repeats):
        # a key that is down already is repeated
        amelia.page.keyboard.down("w")
        amelia.page.wait_for_timeout(20)
    amelia.page.keyboard.up("w")
    expect_event(amelia, second, "withdrawn")
    # the row has no button any more, and its name keeps the focus
    expect(row(amelia, second).locator("button")).to_have_count(0)
    expect(row(amelia, second).locator("th")).to_be_focused()
    amelia.press("w", "w", "Enter")
    amelia.page.wait_for_timeout(1000)
    assert [each["pump"] for each in room.recorded() if each["withdrawn_at"]] == [second]
    assert all(each["state"] == "mobilised" for each in room.recorded() if not each["withdrawn_at"])
    amelia.expect_nothing_wrong()


def test_after_a_report_the_letters_act_on_the_same_pump_and_a_held_enter_reports_nothing_more(
    amelia, room, sent
) -> None:
    second = list(sent)[1]
    button(amelia, second, "M").focus()
    for letter, event in (("m", "mobile"), ("a", "arrived"), ("l", "left")):
        amelia.press(letter)
        expect_event(amelia, second, event)
        expect(row(amelia, second).locator("th")).to_be_focused()
    third = list(sent)[2]
    button(amelia, third, "M").focus()
    for _ in range(10):
        amelia.page.keyboard.down("Enter")
        amelia.page.wait_for_timeout(30)
    amelia.page.keyboard.up("Enter")
    expect_event(amelia, third, "mobile")
    amelia.page.wait_for_timeout(1000)
    states = {each["pump"]: each["state"] for each in room.recorded()}
    assert list(states.values()) == ["mobilised", "returning", "mobile"]
    amelia.expect_nothing_wrong()


def test_a_letter_that_is_pressed_while_a_report_is_on_its_way_does_nothing(amelia, room, sent) -> None:
    first, second, _ = sent
    held: list[Route] = []
    amelia.page.route("**/console/events", held.append)
    button(amelia, first, "M").focus()
    amelia.press("m", "m", "a")
    button(amelia, second, "W").focus()
    amelia.press("w")
    amelia.page.wait_for_timeout(500)
    assert len(held) == 1
    held[0].continue_()
    expect_event(amelia, first, "mobile")
    amelia.page.wait_for_timeout(500)
    assert len(held) == 1
    assert [each["state"] for each in room.recorded()] == ["mobile", "mobilised", "mobilised"]
    amelia.expect_nothing_wrong()


def test_a_double_click_reports_once(amelia, room, sent) -> None:
    first = next(iter(sent))
    button(amelia, first, "M").click()
    expect_event(amelia, first, "mobile")
    # the second click may meet the button that has come in the place of the first
    button(amelia, first, "A").dispatch_event("click", {"detail": 2})
    amelia.page.wait_for_timeout(1000)
    assert room.recorded()[0]["state"] == "mobile"
    amelia.expect_nothing_wrong()


def test_a_typed_time_goes_with_its_own_report_alone(amelia, room, sent) -> None:
    first, second, _ = sent
    mobile_at = room.now() + timedelta(minutes=2)
    typed = f"{mobile_at.astimezone(ZoneInfo('Europe/London')):%H:%M:%S}"
    time_of(amelia, first).fill(typed)
    time_of(amelia, second).fill("12:3")
    button(amelia, first, "M").press("m")
    expect_event(amelia, first, "mobile")
    expect(time_of(amelia, first)).to_have_value("")
    expect(time_of(amelia, second)).to_have_value("12:3")
    # a report that is refused leaves what was typed
    time_of(amelia, first).fill("25:70")
    button(amelia, first, "A").press("a")
    expect(amelia.page.locator("#refreshed .problem")).to_contain_text('"25:70" is not a time')
    expect(time_of(amelia, first)).to_have_value("25:70")
    expect(time_of(amelia, second)).to_have_value("12:3")
    found = room.recorded()[0]
    assert (found["mobile_at"][:19], found["arrived_at"]) == (f"{mobile_at:%Y-%m-%dT%H:%M:%S}", None)
    amelia.expect_nothing_wrong(allowed=NETWORK)


def test_the_reason_of_a_refusal_stays_until_the_time_is_changed_with_times_of_london(
    amelia, room, sent
) -> None:
    first, second, _ = sent
    problem = amelia.page.locator("#refreshed .problem")
    early = room.now() - timedelta(minutes=30)
    time_of(amelia, first).fill(f"{early.astimezone(ZoneInfo('Europe/London')):%H:%M:%S}")
    button(amelia, first, "A").press("a")
    expect(problem).to_contain_text(
        re.compile(rf"{first} was mobilised at \d\d:\d\d:\d\d[^Z]*, after \d\d:\d\d:\d\d[^Z]*\.")
    )
    assert "T" not in re.findall(r"mobilised at .*", problem.inner_text())[0]
    report_elsewhere(room, sent[second], "mobile")
    expect_event(amelia, second, "mobile")
    expect(problem).to_contain_text(f"{first} was mobilised at")
    time_of(amelia, first).fill("")
    expect(problem).to_be_empty()
    # a report that is accepted takes it away as well
    time_of(amelia, first).fill("25:70")
    button(amelia, first, "A").press("a")
    expect(problem).to_contain_text("is not a time")
    button(amelia, second, "A").press("a")
    expect_event(amelia, second, "arrived")
    expect(problem).to_be_empty()
    expect(time_of(amelia, first)).to_have_value("25:70")
    amelia.expect_nothing_wrong(allowed=NETWORK)


def test_a_change_between_the_page_and_its_first_poll_is_shown(amelia, room, sent) -> None:
    amelia.page.route("**/console/live", lambda route: route.abort())
    amelia.page.goto(f"{room.address}/console/incidents/{NUMBER}")
    amelia.page.wait_for_timeout(300)
    first = next(iter(sent))
    report_elsewhere(room, sent[first], "arrived")
    asked: list[str] = []
    amelia.page.on("request", lambda request: asked.append(request.url) if NUMBER in request.url else None)
    amelia.page.unroute("**/console/live")
    expect_event(amelia, first, "arrived", SOON_MS)
    amelia.page.wait_for_timeout(1500)
    # a page that misses nothing is not made anew by its first poll; the minute may change meanwhile
    n_before = len(asked)
    open_page(amelia)
    amelia.page.wait_for_timeout(1500)
    assert len(asked) - n_before <= 2
    amelia.expect_nothing_wrong(allowed=NETWORK)


def test_a_refresh_that_fails_is_repeated(amelia, room, sent) -> None:
    failures: list[Route] = []

    def fail(route: Route) -> None:
        failures.append(route)
        if len(failures) == 1:
            route.abort()
        elif len(failures) == 2:
            route.fulfill(status=503, body="")
        else:
            route.continue_()

    amelia.page.route(f"**/console/incidents/{NUMBER}", fail)
    first = next(iter(sent))
    report_elsewhere(room, sent[first], "arrived")
    expect_event(amelia, first, "arrived", SOON_MS)
    assert len(failures) >= 3
    amelia.expect_nothing_wrong(allowed=NETWORK)


def test_a_late_answer_of_an_older_refresh_does_not_replace_the_page_after_a_report(
    amelia, room, sent
) -> None:
    first, second, _ = sent
    held: list[tuple[Route, APIResponse]] = []

    def hold(route: Route) -> None:
        # read now, delivered after the report
        if held or route.request.redirected_from is not None:
            route.continue_()
        else:
            held.append((route, route.fetch()))

    amelia.page.route(f"**/console/incidents/{NUMBER}", hold)
    report_elsewhere(room, sent[second], "mobile")
    for _ in range(100):
        if held:
            break
        amelia.page.wait_for_timeout(100)
    button(amelia, first, "A").press("a")
    expect_event(amelia, first, "arrived")
    ((route, answer),) = held
    # seen by the page itself: a moment in which the arrival is gone is long enough to report it again
    amelia.page.evaluate(
        f"""() => {{ window.wasGone = false; new MutationObserver(() => {{
            if (!document.querySelector(".history").textContent.includes("{first} arrived")) window.wasGone = true;
        }}).observe(document.getElementById("main"), {{childList: true, subtree: true}}); }}"""
    )
    route.fulfill(response=answer)
    amelia.page.wait_for_timeout(1500)
    assert amelia.page.evaluate("window.wasGone") is False
    expect_event(amelia, second, "mobile")
    amelia.expect_nothing_wrong()
