"""Issue 18: New call and incidents in Chromium, by keyboard alone, and what befits an operator's page."""

import re
from datetime import UTC, datetime

import pytest
from playwright.sync_api import expect
from support.console_browser import NETWORK, PLACE, WAIT_MS, operator


@pytest.mark.smoke
def test_from_place_to_recorded_are_two_key_presses_and_withdrawing_one(amelia, room) -> None:
    amelia.type_place()
    amelia.press("Enter")
    amelia.expect_state("ranked")
    # the list has the focus, and as many pumps are ticked as such calls get
    first = amelia.pumps()[0]
    expect(amelia.page.locator(f"#tick-{first}")).to_be_focused()
    expect(amelia.page.locator("#record")).to_contain_text(f"Record sent: {first}")
    expect(amelia.page.locator("#call")).to_contain_text(
        "Recorded here only. Your mobilising system informs the stations."
    )
    amelia.press("Control+Enter")
    amelia.expect_state("recorded")
    assert amelia.presses == ["Enter", "Control+Enter"]
    said = amelia.page.locator("#done .said").inner_text()
    assert re.fullmatch(
        rf"Recorded \d\d:\d\d:\d\d: {first}.* for L0001-\d{{8}}\. There about \d\d:\d\d:\d\d\.", said
    )
    recorded = {each["pump"]: each for each in room.recorded()}
    assert recorded[first]["announced"]["p50_s"] > 0
    amelia.press("Alt+u")
    amelia.expect_state("withdrawn")
    assert room.recorded() == []
    amelia.expect_nothing_wrong()


@pytest.mark.smoke
def test_another_pump_takes_a_reason_by_one_letter(amelia, room) -> None:
    amelia.rank()
    first, second = amelia.pumps()[:2]
    ticked = amelia.page.locator("input[name=pump]:checked").count()
    amelia.press(*"12"[: 2 if ticked == 1 else 1], "Control+Enter")
    expect(amelia.page.locator("#why")).to_be_visible()
    assert room.recorded() == []
    amelia.press("b")
    amelia.expect_state("recorded")
    # Enter, two digits, Ctrl+Enter and the letter
    assert len(amelia.presses) <= 5
    (recorded,) = [each for each in room.recorded() if each["pump"] == second]
    assert (recorded["recommended_pump"], recorded["override_reason"]) == (first, "Road closed or blocked")
    amelia.expect_nothing_wrong()


def test_the_keys_of_the_list_do_nothing_while_a_place_is_typed(amelia) -> None:
    amelia.rank()
    before = amelia.page.locator("input[name=pump]:checked").count()
    amelia.page.keyboard.press("Alt+p")
    amelia.page.keyboard.type("r1 2 3")
    assert amelia.page.locator("#place").input_value() == "r1 2 3"
    assert amelia.page.locator("input[name=pump]:checked").count() == before
    amelia.page.keyboard.press("Escape")
    assert amelia.page.locator("#place").input_value() == "r1 2 3"


def test_another_place_than_that_of_the_list_is_never_recorded(amelia, room) -> None:
    amelia.rank()
    amelia.type_place("530000, 181000")
    amelia.press("Control+Enter")
    expect(amelia.page.locator("#said")).to_contain_text("The list is of the last place.")
    assert room.recorded() == []


@pytest.mark.smoke
def test_an_incident_is_followed_by_keys_to_its_end(amelia, room) -> None:
    amelia.rank()
    amelia.press("Control+Enter")
    amelia.expect_state("recorded")
    pump = room.recorded()[0]["pump"]
    amelia.press("F8")
    amelia.page.locator("#refreshed tbody a").first.click()
    expect(amelia.page.locator("[data-due]").first).to_contain_text("due in")
    for letter, event in (("m", "mobile"), ("a", "arrived"), ("l", "left"), ("t", "returned")):
        amelia.page.locator(f"tr:has-text('{pump}') .acts button").first.focus()
        amelia.press(letter)
        expect(amelia.page.locator(".history")).to_contain_text(f"{pump} {event}, amelia", timeout=WAIT_MS)
    amelia.expect_nothing_wrong()


def test_a_wrong_time_is_said_and_changes_nothing(amelia, room) -> None:
    amelia.rank()
    amelia.press("Control+Enter")
    amelia.expect_state("recorded")
    amelia.press("F8")
    amelia.page.locator("#refreshed tbody a").first.click()
    amelia.page.locator(".acts input[name=at]").first.fill("25:70")
    amelia.page.locator(".acts button").first.click()
    expect(amelia.page.locator("#refreshed .problem")).to_contain_text('"25:70" is not a time')
    assert room.recorded()[0]["mobile_at"] is None
    amelia.expect_nothing_wrong(allowed=NETWORK)


def test_a_second_operator_sees_the_same_call_and_adds_to_it(amelia, browser, room) -> None:
    amelia.rank()
    amelia.press("Control+Enter")
    amelia.expect_state("recorded")
    room.add("ravi")
    ravi = operator(browser, room)
    ravi.sign_in("ravi")
    ravi.rank()
    expect(ravi.page.locator("#list")).to_contain_text(
        re.compile(r"Same call\? L0001-\d{8}, 0 m away, \d+ min ago")
    )
    ravi.press("Alt+j")
    expect(ravi.page.locator("#joined")).to_contain_text("The pumps are added to L0001-")
    ravi.press("Control+Enter")
    ravi.expect_state("recorded")
    assert {each["incident_number"][:5] for each in room.recorded()} == {"L0001"}
    for person in (amelia, ravi):
        person.expect_nothing_wrong()


def test_a_change_of_the_board_is_seen_by_another_browser_within_three_seconds_where_the_row_stands(
    amelia, browser, room
) -> None:
    page = amelia.page
    # from here on the time of this page passes only when the test lets it pass
    page.clock.install()
    page.reload()
    expect(page.locator("body[data-connection=live]")).to_be_visible(timeout=WAIT_MS)
    amelia.rank()
    pumps = amelia.pumps()
    page.evaluate(
        """(pump) => new MutationObserver((_, observer) => {
        document.body.dataset.seenAt = String(Date.now());
        observer.disconnect();
    }).observe(document.querySelector(`tr[data-pump=${pump}]`), {attributeFilter: ["data-out"]})""",
        pumps[0],
    )
    began_at = page.evaluate("() => Date.now()") + 1000
    page.clock.pause_at(datetime.fromtimestamp(began_at / 1000, UTC))
    room.add("ravi")
    ravi = operator(browser, room)
    ravi.sign_in("ravi")
    ravi.rank()
    ravi.press("Control+Enter")
    ravi.expect_state("recorded")
    # three seconds of the page's own clock: that a poll begins in them, and shows it, depends on no machine's speed
    page.clock.run_for(3000)
    row = page.locator(f"tr[data-pump='{pumps[0]}']")
    expect(row.locator(".out")).to_contain_text("now out", timeout=WAIT_MS)
    expect(row.locator("input")).not_to_be_checked()
    assert 0 <= int(str(page.locator("body").get_attribute("data-seen-at"))) - began_at <= 3000
    assert amelia.pumps() == pumps


def test_both_record_the_same_pump_and_one_is_refused_with_what_is_in_the_way(amelia, browser, room) -> None:
    room.add("ravi")
    ravi = operator(browser, room)
    ravi.sign_in("ravi")
    amelia.rank()
    ravi.rank()
    pump = amelia.pumps()[0]
    # ravi's page hears nothing more of the board before both record
    ravi.page.route(
        "**/console/live", lambda route: route.fulfill(status=304, headers={"Console-Zone": "GMT"})
    )
    amelia.press("Control+Enter")
    amelia.expect_state("recorded")
    ravi.press("Control+Enter")
    expect(ravi.page.locator("#call")).to_have_attribute(
        "data-state", re.compile("refused|recorded"), timeout=WAIT_MS
    )
    expect(ravi.page.locator("#list")).to_contain_text(
        f"{pump} was not recorded: {pump} is mobilised for incident L0001-"
    )
    assert [each["pump"] for each in room.recorded()].count(pump) == 1


def test_the_map_takes_the_place_by_keyboard(amelia) -> None:
    expect(amelia.page.locator("#map[data-state=drawn]")).to_be_visible(timeout=WAIT_MS)
    amelia.press("Alt+m", "ArrowRight", "+", "Enter")
    amelia.expect_state("ranked")
    assert re.fullmatch(r"51\.\d{5}, -?0\.\d{5}", amelia.page.locator("#place").input_value())
    amelia.expect_nothing_wrong()


@pytest.mark.smoke
def test_without_script_the_same_is_done_by_a_form(browser, room) -> None:
    person = operator(browser, room, java_script_enabled=False)
    page = person.page
    page.goto(f"{room.address}/console/")
    page.fill("#username", "amelia")
    page.fill("#password", "three quiet lanterns")
    page.click("main button")
    page.fill("#place", PLACE)
    page.click("#rank")
    expect(page.locator("tr[data-pump]")).to_have_count(6)
    page.click("#record")
    expect(page.locator("#done")).to_contain_text("Recorded ")
    page.click("#withdraw button")
    expect(page.locator("#done")).to_contain_text("Withdrawn ")
    assert room.recorded() == []
    page.goto(f"{room.address}/console/incidents")
    expect(page.locator("h1")).to_contain_text("Open incidents: 0")
    person.expect_nothing_wrong()
