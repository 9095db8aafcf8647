"""Issue 18: nothing is ranked or recorded for another place, another call or another incident than the page names."""

import re

from playwright.sync_api import Route, expect
from support.accounts_service import PASSWORD
from support.console_browser import NETWORK, PLACE, WAIT_MS

FAR = "545000, 170000"
"""A place 18 km from `PLACE`."""
BOROUGH = "Hackney"
UNKNOWN = "Not known whether it was recorded. Ctrl+Enter again is safe."


def hold(_: Route) -> None:
    """Leave a request waiting until its route is removed."""


def body_of(amelia, key: str = "Control+Enter") -> str:
    with amelia.page.expect_request("**/console/record") as asked:
        amelia.press(key)
    return str(asked.value.post_data)


def lose_the_answer(amelia) -> str:
    """Record, without an answer. Returns: the pumps that the button names."""
    amelia.page.route("**/console/record", lambda route: route.abort(), times=1)
    named = amelia.page.locator("#record span").inner_text()
    amelia.press("Control+Enter")
    amelia.expect_state("unknown")
    return named


def record_at(amelia, place: str) -> None:
    amelia.rank(place)
    amelia.press("Control+Enter")
    amelia.expect_state("recorded")


def test_enter_never_takes_a_match_of_an_older_text(amelia) -> None:
    page = amelia.page
    amelia.type_place()
    page.route("**/console/places*", hold)
    page.locator("#place").fill(FAR)
    amelia.press("Enter")
    expect(page.locator("#matches [role=option]")).to_have_count(0)
    assert page.locator("tr[data-pump]").count() == 0
    # what is held goes on
    page.unroute("**/console/places*")
    amelia.expect_state("ranked")
    assert '"typed": "545000, 170000"' in str(page.locator("input[name=chosen]").get_attribute("value"))
    assert "TQ 4500 7000" in page.locator("#understood").inner_text()


def test_a_place_that_is_not_found_is_said_above_a_list_that_is_marked_as_old(amelia) -> None:
    page = amelia.page
    amelia.rank()
    expect(page.locator("#record")).to_contain_text("Record sent")
    page.locator("#place").fill("xyzzy")
    expect(page.locator("#record")).to_contain_text("The list is of the last place")
    expect(page.locator("#said")).to_contain_text("No place found")
    assert page.evaluate("() => said.getBoundingClientRect().bottom <= list.getBoundingClientRect().top")
    amelia.press("Control+Enter")
    expect(page.locator("#said")).to_contain_text("Take a place from the field first")
    page.locator("#place").fill("soho")
    expect(page.locator("#matches [role=option]").first).to_be_visible()
    amelia.press("Enter")
    amelia.expect_state("ranked")
    expect(page.locator("#record")).to_contain_text("Record sent")


def test_matches_that_arrive_after_more_was_typed_are_dropped(amelia) -> None:
    page = amelia.page
    held: list[Route] = []
    page.route("**/console/places*", held.append)
    page.keyboard.press("Alt+p")
    for text in (PLACE, FAR):
        with page.expect_request("**/console/places*"):
            page.locator("#place").fill(text)
    # the first search is answered while the second one waits
    with page.expect_response("**/console/places*"):
        held[0].continue_()
    expect(page.locator("#place")).to_have_value(FAR)
    expect(page.locator("#matches [role=option]")).to_have_count(0)


def test_a_place_that_is_typed_during_a_ranking_does_not_get_its_list(amelia, room) -> None:
    page = amelia.page
    page.route("**/console/call", hold)
    amelia.type_place()
    amelia.press("Enter")
    amelia.expect_state("ranking")
    page.locator("#place").fill(FAR)
    # its matches are announced before anything else is
    expect(page.locator("#matches [role=option]").first).to_be_visible(timeout=WAIT_MS)
    # what is held goes on
    page.unroute("**/console/call")
    amelia.expect_state("ranked")
    amelia.press("Control+Enter")
    expect(page.locator("#said")).to_contain_text("The list is of the last place.")
    assert room.recorded() == []
    draft = page.evaluate("() => JSON.parse(sessionStorage.getItem('londonpump-draft'))")
    assert (draft["place"], draft["chosen"]) == (FAR, "")


def test_the_list_of_the_last_place_is_not_recorded_if_the_next_one_could_not_be_ranked(amelia, room) -> None:
    page = amelia.page
    amelia.rank()
    page.route("**/console/call", lambda route: route.abort(), times=1)
    amelia.type_place(FAR)
    amelia.press("Enter")
    amelia.expect_state("failed")
    amelia.press("Control+Enter")
    expect(page.locator("#said")).to_contain_text("The list is of the last place.")
    assert room.recorded() == []


def test_after_a_lost_answer_no_other_call_is_ranked_until_it_is_known(amelia, room) -> None:
    page = amelia.page
    amelia.rank()
    named = lose_the_answer(amelia)
    amelia.type_place(FAR)
    amelia.press("Enter")
    expect(page.locator("#refusal")).to_contain_text(UNKNOWN)
    # the button still names what it records
    assert page.locator("#record span").inner_text() == named
    amelia.press("Control+Enter")
    amelia.expect_state("recorded")
    recorded = {each["pump"] for each in room.recorded()}
    assert named == f"Record sent: {', '.join(sorted(recorded))}"
    # the call that was begun is kept, and is ranked now
    expect(page.locator("#place")).to_have_value(FAR)
    expect(page.locator("#place")).to_be_focused()
    amelia.press("Enter")
    amelia.expect_state("ranked")
    assert not recorded & set(re.findall("[A-Z][0-9]+", page.locator("#record span").inner_text()))
    amelia.expect_nothing_wrong(allowed=NETWORK)


def test_a_joined_incident_is_left_with_its_place_or_by_its_button(amelia, room) -> None:
    page = amelia.page
    record_at(amelia, PLACE)
    amelia.rank()
    amelia.press("Alt+j")
    joined = page.locator("#joined")
    expect(joined).to_contain_text("The pumps are added to L0001-")
    page.get_by_role("button", name="Separate incident").click()
    expect(joined).to_be_hidden()
    amelia.press("Alt+j")
    expect(joined).to_contain_text("The pumps are added to L0001-")
    amelia.type_place(FAR)
    expect(joined).to_contain_text("the pumps are no longer added to L0001-")
    amelia.press("Enter")
    amelia.expect_state("ranked")
    assert "incident=&" in f"{body_of(amelia)}&"
    amelia.expect_state("recorded")
    assert {each["incident_number"][:5] for each in room.recorded()} == {"L0001", "L0002"}
    amelia.expect_nothing_wrong()


def test_a_record_without_answer_is_kept_when_pumps_are_added_to_an_incident(amelia, room) -> None:
    page = amelia.page
    record_at(amelia, PLACE)
    amelia.rank(FAR)
    named = lose_the_answer(amelia)
    amelia.press("F8")
    page.locator("#refreshed tbody a").first.click()
    page.locator("#add").click()
    amelia.expect_state("unknown")
    expect(page.locator("#record span")).to_have_text(named, timeout=WAIT_MS)
    body = body_of(amelia)
    assert "incident=&" in f"{body}&"
    amelia.expect_state("recorded")
    assert {each["incident_number"][:5] for each in room.recorded()} == {"L0001", "L0002"}
    # the pumps for the first incident can be ranked now
    expect(page.locator("#place")).to_have_value("529700, 181100")
    amelia.press("Enter")
    amelia.expect_state("ranked")
    expect(page.locator("#joined")).to_contain_text("The pumps are added to L0001-")
    amelia.expect_nothing_wrong(allowed=NETWORK)


def sign_out(amelia) -> None:
    amelia.press("F8")
    amelia.page.get_by_role("button", name="Sign out").click()
    expect(amelia.page.locator("#username")).to_be_visible(timeout=WAIT_MS)


def record_without_answer(amelia) -> str:
    """Record, with the answer lost on its way. Returns: the pumps."""

    def lose(route: Route) -> None:
        route.fetch()
        route.abort()

    amelia.page.route("**/console/record", lose, times=1)
    named = amelia.page.locator("#record span").inner_text().removeprefix("Record sent: ")
    amelia.press("Control+Enter")
    amelia.expect_state("unknown")
    return str(named)


def withdraw_all(room) -> None:
    with room.api("amelia") as client:
        for each in room.recorded():
            body = {"reason": "a mistake"}
            assert client.post(f"/v1/mobilisations/{each['id']}/withdrawn", json=body).status_code == 200


def test_a_record_without_answer_of_another_user_is_named_and_never_sent_again(amelia, room) -> None:
    page = amelia.page
    amelia.rank()
    pumps = record_without_answer(amelia)
    withdraw_all(room)
    sign_out(amelia)
    room.add("sam")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if "/console/record" in request.url else None)
    # also where the page ranks by itself
    amelia.sign_in("sam", "/console/incidents")
    page.goto(f"{room.address}/console/?incident=L0001&place=530000,+181000")
    amelia.type_place(FAR)
    amelia.press("Enter")
    amelia.expect_state("ranked")
    expect(page.locator("#notice")).to_have_text(
        f"A record of amelia has no answer: {pumps} for {PLACE}. Look at Incidents (F8) to see whether it was recorded."
    )
    page.reload()
    amelia.expect_state("ranked")
    expect(page.locator("#notice")).to_be_empty()
    page.goto(f"{room.address}/console/")
    assert sent == []
    amelia.rank()
    assert "user=sam" in body_of(amelia)
    amelia.expect_state("recorded")


def test_a_new_page_of_another_user_sends_nothing_of_a_record_without_answer(amelia, room) -> None:
    page = amelia.page
    amelia.rank()
    record_without_answer(amelia)
    withdraw_all(room)
    sign_out(amelia)
    room.add("sam")
    amelia.sign_in("sam")
    expect(page.locator("#notice")).to_contain_text("A record of amelia has no answer:")
    expect(page.locator("#record")).to_have_count(0)
    amelia.press("Control+Enter")
    expect(page.locator("#said")).to_contain_text("The list is ")
    assert room.recorded() == []


def test_a_record_without_answer_waits_for_the_next_sign_in_of_the_same_user(amelia, room) -> None:
    page = amelia.page
    amelia.rank()
    pumps = record_without_answer(amelia)
    sign_out(amelia)
    amelia.sign_in()
    amelia.expect_state("unknown")
    expect(page.locator("#record span")).to_have_text(f"Record sent: {pumps}")
    amelia.press("Control+Enter")
    amelia.expect_state("recorded")
    assert ", ".join(sorted(each["pump"] for each in room.recorded())) == ", ".join(sorted(pumps.split(", ")))


def test_a_page_records_nothing_under_a_user_who_signed_in_beside_it(amelia, room) -> None:
    page = amelia.page
    amelia.rank()
    record_without_answer(amelia)
    withdraw_all(room)
    room.add("sam")
    beside = page.context.new_page()
    # the cookie belongs to the browser and not to the tab
    beside.request.post(
        f"{room.address}/console/sign-in",
        form={"username": "sam", "password": PASSWORD},
        headers={"Sec-Fetch-Site": "same-origin", "Console-Part": "1"},
    )
    amelia.press("Control+Enter")
    expect(page.locator("#again")).to_be_visible(timeout=WAIT_MS)
    assert room.recorded() == []
    expect(page.locator("#again-username")).to_have_value("amelia")
    page.fill("#again-password", PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator("#again")).to_be_hidden(timeout=WAIT_MS)
    amelia.press("Control+Enter")
    amelia.expect_state("refused")
    expect(page.locator("#list > #refusal")).to_contain_text("was withdrawn")
    assert room.recorded() == []


def test_a_draft_of_another_user_is_not_used(amelia, room) -> None:
    page = amelia.page
    record_at(amelia, PLACE)
    amelia.rank()
    amelia.press("Alt+j")
    expect(page.locator("#joined")).to_contain_text("The pumps are added to L0001-")
    sign_out(amelia)
    room.add("sam")
    amelia.sign_in("sam")
    expect(page.locator("#place")).to_have_value("")
    amelia.rank(FAR)
    expect(page.locator("#joined")).to_be_hidden()
    expect(page.locator("#notice")).to_be_empty()
    assert "incident=&" in f"{body_of(amelia)}&"
    amelia.expect_state("recorded")
    assert {each["incident_number"][:5] for each in room.recorded()} == {"L0001", "L0002"}


def test_two_calls_that_name_the_same_borough_are_not_said_to_be_close(amelia) -> None:
    page = amelia.page
    record_at(amelia, BOROUGH)
    amelia.rank(BOROUGH)
    same = page.locator("#list .same").first
    expect(same).to_contain_text(
        re.compile(rf"Same call\? L0001-\d+, in the same area \({BOROUGH}\), \d+ min ago")
    )
    about = page.locator("#understood")
    middle = f"{about.get_attribute('data-latitude')}, {about.get_attribute('data-longitude')}"
    amelia.rank(middle)
    expect(same).to_contain_text(re.compile(rf"Same call\? L0001-\d+, in {BOROUGH}, not exact, \d+ min ago"))
