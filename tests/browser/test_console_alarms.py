"""Issue 18: a supervisor reads and acknowledges alarms by keyboard; an operator in a call hears nothing of them."""

from playwright.sync_api import expect
from support.console_browser import WAIT_MS, operator


def test_a_supervisor_is_led_to_an_alarm_and_acknowledges_it(amelia, browser, room) -> None:
    room.raise_alarms("Camden", "Merton")
    room.add("sue", "supervisor")
    sue = operator(browser, room)
    sue.sign_in("sue")
    line = sue.page.locator("#status")
    expect(line).to_contain_text("2 alarms not acknowledged, the newest:", timeout=WAIT_MS)
    # the line of the poll is the same as that of the page
    expect(sue.page.locator("body[data-connection=live]")).to_be_visible()
    line.get_by_role("link").press("Enter")
    buttons = sue.page.get_by_role("button", name="Acknowledge")
    expect(buttons).to_have_count(2)
    # figures that were opened stay open when the list is made anew
    sue.page.locator("summary").first.press("Enter")
    expect(sue.page.locator("#refreshed td").first).to_be_visible()
    buttons.first.press("Enter")
    expect(sue.page.locator("#refreshed")).to_contain_text("by sue.", timeout=WAIT_MS)
    # the next one has the focus
    expect(buttons).to_have_count(1)
    expect(buttons).to_be_focused()
    expect(sue.page.locator("#refreshed td").first).to_be_visible()
    sue.press("Enter")
    expect(buttons).to_have_count(0)
    expect(line).not_to_contain_text("not acknowledged", timeout=WAIT_MS)
    expect(amelia.page.locator("#status")).not_to_contain_text("alarm")
    expect(amelia.page.locator("header nav a")).to_have_count(2)
    for person in (amelia, sue):
        person.expect_nothing_wrong()
