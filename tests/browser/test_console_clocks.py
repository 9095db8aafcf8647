"""Issue 18: the nights when the clocks change, and the session that is renewed in mid-call, by the service's own clock."""

import re
from datetime import UTC, datetime, timedelta

from playwright.sync_api import expect
from support.accounts_service import PASSWORD
from support.console_browser import PLACE, WAIT_MS, Operator


def open_incident(person: Operator) -> None:
    person.press("F8")
    person.page.locator("#refreshed tbody a").first.click()
    expect(person.page.locator(".history")).to_be_visible(timeout=WAIT_MS)


def report(person: Operator, typed: str, letter: str) -> None:
    """Report what the first pump did, at a time that is typed."""
    acts = person.page.locator(".acts").first
    acts.locator("input[name=at]").fill(typed)
    acts.locator(f"button[data-letter={letter}]").click()


def test_each_half_past_one_of_the_night_when_clocks_go_back_is_named(stage) -> None:
    person = stage(at="2026-10-25T00:30:20+00:00")
    page = person.page
    person.sign_in()
    expect(page.locator("#zone")).to_have_text("BST")
    person.rank()
    times = page.locator("tr td.time:nth-of-type(2)").all_inner_texts()
    assert times
    assert all(re.fullmatch(r"01:\d\d BST", each) for each in times)
    person.press("Control+Enter")
    person.expect_state("recorded")
    pattern = r"Recorded 01:3\d:\d\d BST: .* There about 01:\d\d:\d\d BST\."
    assert re.fullmatch(pattern, page.locator("#done .said").inner_text())
    open_incident(person)
    expect(page.locator(".history")).to_contain_text(re.compile(r"01:3\d:\d\d BST A"))
    # an hour later the clocks show the same
    person.room.set_clock(datetime(2026, 10, 25, 1, 50, tzinfo=UTC))
    expect(page.locator("#zone")).to_have_text("GMT", timeout=WAIT_MS)
    page.reload()
    expect(page.locator("#refreshed")).to_contain_text("The clocks go back: 01:00 to 02:00 comes twice.")
    report(person, "01:45 BST", "M")
    expect(page.locator(".history")).to_contain_text(re.compile(r"01:45:00 BST \w+ mobile"))
    # without a zone the one is meant that was last
    report(person, "01:45", "A")
    expect(page.locator(".history")).to_contain_text(re.compile(r"01:45:00 GMT \w+ arrived"))
    (first,) = [each for each in person.room.recorded() if each["arrived_at"]]
    assert (first["mobile_at"][:16], first["arrived_at"][:16]) == ("2026-10-25T00:45", "2026-10-25T01:45")
    person.expect_nothing_wrong()


def test_the_hour_that_is_left_out_in_march_makes_no_pump_an_hour_late(stage) -> None:
    person = stage(at="2026-03-29T00:57:00+00:00")
    page = person.page
    person.sign_in()
    expect(page.locator("#zone")).to_have_text("GMT")
    person.rank()
    times = page.locator("tr td.time:nth-of-type(2)").all_inner_texts()
    # from 00:57 GMT on, what is there after the change is there by summer time
    assert all(re.fullmatch(r"00:5\d GMT|02:\d\d BST", each) for each in times)
    assert any(each.endswith("BST") for each in times)
    person.press("Control+Enter")
    person.expect_state("recorded")
    open_incident(person)
    expect(page.locator("[data-due]").first).to_have_text(re.compile(r"due in \d:\d\d"))
    person.room.set_clock(datetime(2026, 3, 29, 1, 10, tzinfo=UTC))
    expect(page.locator("#zone")).to_have_text("BST", timeout=WAIT_MS)
    expect(page.locator("[data-due]").first).to_have_text(re.compile(r"overdue \d:\d\d"), timeout=WAIT_MS)
    person.expect_nothing_wrong()


def test_a_session_is_renewed_in_place_when_it_ends_in_30_and_in_5_minutes(stage) -> None:
    person = stage(at="2026-06-01T18:00:00+00:00")
    page = person.page
    person.sign_in()
    person.rank()
    pumps = person.pumps()
    notice = page.locator("#session")
    expect(notice).to_be_empty()
    for minutes_left in (30, 5):
        begun_at = person.room.now()
        person.room.set_clock(begun_at + timedelta(hours=12, minutes=-minutes_left, seconds=30))
        ends_at = begun_at + timedelta(hours=13)  # by summer time
        expect(notice).to_have_attribute("data-mark", str(minutes_left), timeout=WAIT_MS)
        expect(notice).to_contain_text(re.compile(rf"Your session ends at {ends_at:%H}:\d\d\. Renew it now"))
        notice.locator("button").click()
        # the text of an ended session is not shown: this one has not ended
        expect(page.locator("#again-why")).to_be_empty()
        page.fill("#again-password", PASSWORD)
        page.keyboard.press("Enter")
        expect(page.locator("#again")).to_be_hidden(timeout=WAIT_MS)
        expect(notice).to_be_empty(timeout=WAIT_MS)
        expect(page.locator("#place")).to_have_value(PLACE)
        assert person.pumps() == pumps
    person.expect_nothing_wrong()
