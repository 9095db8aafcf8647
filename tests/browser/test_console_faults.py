"""Issue 18: what the console shows when something breaks, each with its text on the screen."""

import json
import random
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from playwright.sync_api import expect
from sqlalchemy import make_url
from support.console_browser import NETWORK, PLACE, WAIT_MS, operator
from support.postgres import Server, server

N_CHANGES = 200
NEXT = "545000, 170000"
MARKUP = "<img src=x onerror=alert(1)><b>bold</b>"


def test_a_service_that_is_killed_while_it_records_has_recorded_once(amelia, room) -> None:
    amelia.rank()
    pump = amelia.pumps()[0]
    sent = []

    def lose_the_answer(route) -> None:
        # the service records, and dies before its answer arrives
        route.fetch()
        sent.append(route.request.post_data)
        room.kill()
        route.abort()

    amelia.page.route("**/console/record", lose_the_answer, times=1)
    amelia.press("Control+Enter")
    amelia.expect_state("unknown")
    expect(amelia.page.locator("#refusal")).to_contain_text(
        "Not known whether it was recorded. Ctrl+Enter again is safe."
    )
    lost = amelia.page.locator("#lost")
    expect(lost).to_contain_text(
        re.compile(r"No connection since \d\d:\d\d:\d\d\. What you see is \d+ s old\."), timeout=WAIT_MS
    )
    expect(lost).to_contain_text(
        "Nothing is recorded until this disappears. Use your fallback: the printed table."
    )
    # blocked while the connection is lost
    amelia.press("Control+Enter")
    expect(amelia.page.locator("#said")).to_contain_text("Nothing is recorded while there is no connection.")
    room.start()
    expect(lost).to_be_empty(timeout=WAIT_MS)
    amelia.page.on(
        "request", lambda request: sent.append(request.post_data) if "record" in request.url else None
    )
    amelia.press("Control+Enter")
    amelia.expect_state("recorded")
    expect(amelia.page.locator("#done")).to_contain_text(f"{pump}")
    # the same body under the same key, and one row in the database
    assert sent[0] == sent[1]
    assert [each["pump"] for each in room.recorded()].count(pump) == 1
    amelia.expect_nothing_wrong(allowed=NETWORK)


@contextmanager
def database_gone(url: str) -> Iterator[None]:
    """Take the database away: PostgreSQL drops and refuses every connection; the file of SQLite is locked by another process."""
    address = make_url(url)
    if address.get_backend_name() == "sqlite":
        with sqlite3.connect(str(address.database), isolation_level=None) as other:
            other.execute("BEGIN EXCLUSIVE")
            yield
            other.execute("ROLLBACK")
        return
    running = server()
    assert isinstance(running, Server)
    running.ask(f"ALTER DATABASE {address.database} ALLOW_CONNECTIONS false")
    running.ask(
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{address.database}'"  # noqa: S608
    )
    yield
    running.ask(f"ALTER DATABASE {address.database} ALLOW_CONNECTIONS true")


def test_a_database_that_is_gone_in_mid_call_records_once_when_it_is_back(amelia, room) -> None:
    page = amelia.page
    amelia.rank()
    named = page.locator("#record span").inner_text()
    is_readable = room.url.startswith("sqlite")
    with database_gone(room.url):
        amelia.press("Control+Enter")
        amelia.expect_state("unknown")
        expect(page.locator("#refusal")).to_contain_text(
            "Not known whether it was recorded. Ctrl+Enter again is safe."
        )
        # what is known stays on the screen, and what was typed in the field
        expect(page.locator("#place")).to_have_value(PLACE)
        expect(page.locator("tr[data-pump]")).to_have_count(6)
        if not is_readable:
            # a locked SQLite can still be read, so its pages are not stale
            expect(page.locator("#lost")).to_contain_text("No connection since", timeout=WAIT_MS)
            amelia.press("Control+Enter")
            expect(page.locator("#said")).to_contain_text("Nothing is recorded while there is no connection.")
    expect(page.locator("#lost")).to_be_empty(timeout=WAIT_MS)
    assert room.recorded() == []
    amelia.press("Control+Enter")
    amelia.expect_state("recorded")
    pumps = [each["pump"] for each in room.recorded()]
    assert named == f"Record sent: {', '.join(pumps)}"
    assert len(set(pumps)) == len(pumps)
    with database_gone(room.url):
        amelia.press("Alt+u")
        expect(page.locator("#notice")).to_contain_text(
            "Not known whether it was withdrawn. Alt+U again is safe.", timeout=WAIT_MS
        )
    expect(page.locator("#lost")).to_be_empty(timeout=WAIT_MS)
    amelia.press("Alt+u")
    amelia.expect_state("withdrawn")
    assert room.recorded() == []
    amelia.expect_nothing_wrong(allowed=NETWORK)


def recorded_and_withdrawn(amelia) -> list[Any]:
    """Record pumps and withdraw them, with the answer held. Returns: the held requests."""
    held: list[Any] = []
    amelia.rank()
    amelia.press("Control+Enter")
    amelia.expect_state("recorded")
    amelia.page.route("**/console/withdraw", held.append)
    with amelia.page.expect_request("**/console/withdraw"):
        amelia.press("Alt+u")
    amelia.expect_state("withdrawing")
    # a second press sends nothing while the first one waits
    amelia.press("Alt+u")
    return held


def test_a_late_answer_of_a_withdrawal_keeps_the_next_call(amelia, room) -> None:
    page = amelia.page
    held = recorded_and_withdrawn(amelia)
    amelia.rank(NEXT)
    listed = amelia.pumps()
    assert len(held) == 1
    held[0].continue_()
    notice = page.locator("#notice")
    expect(notice).to_contain_text(re.compile(r"Withdrawn [\d:]+: .+ for L0001-"), timeout=WAIT_MS)
    assert amelia.pumps() == listed
    amelia.expect_state("ranked")
    assert room.recorded() == []
    # the next call goes on, and with it the notice has done its work
    amelia.press("Control+Enter")
    amelia.expect_state("recorded")
    expect(notice).to_be_empty()
    assert {each["incident_number"][:5] for each in room.recorded()} == {"L0002"}
    amelia.expect_nothing_wrong()


def test_a_withdrawal_without_answer_is_repeated_from_the_next_call(amelia, room) -> None:
    page = amelia.page
    held = recorded_and_withdrawn(amelia)
    amelia.rank(NEXT)
    held[0].abort()
    page.unroute("**/console/withdraw")
    notice = page.locator("#notice")
    expect(notice).to_contain_text("Not known whether it was withdrawn. Alt+U again is safe. Recorded")
    assert {each["incident_number"][:5] for each in room.recorded()} == {"L0001"}
    # it stays through a list and a record of another call
    amelia.press("Control+Enter")
    amelia.expect_state("recorded")
    expect(notice).to_contain_text("Not known whether it was withdrawn.")
    amelia.press("Alt+u")
    expect(notice).to_contain_text(re.compile(r"^Withdrawn [\d:]+: .+ for L0001-"), timeout=WAIT_MS)
    assert {each["incident_number"][:5] for each in room.recorded()} == {"L0002"}
    expect(page.locator("#done .said")).to_contain_text("Recorded")
    # now the one on the screen, and then there is none
    amelia.press("Alt+u")
    amelia.expect_state("withdrawn")
    expect(notice).to_be_empty()
    assert room.recorded() == []
    amelia.press("Alt+u")
    expect(page.locator("#said")).to_contain_text("There is nothing to withdraw on this page.")
    amelia.expect_nothing_wrong(allowed=NETWORK)


def test_a_withdrawal_that_fails_in_part_says_what_was_withdrawn(amelia, room) -> None:
    page = amelia.page
    amelia.rank()
    rows = page.locator("input[name=pump]")
    for i in range(2):
        rows.nth(i).check()
    amelia.press("Control+Enter")
    amelia.expect_state("recorded")
    ids = page.locator("#withdraw input[name=mobilisation]")
    expect(ids).to_have_count(2)
    # a record that the service does not know
    ids.nth(1).evaluate("(input) => { input.value = 'f'.repeat(32); }")
    amelia.press("Alt+u")
    amelia.expect_state("withdrawn")
    expect(page.locator("#done")).to_contain_text("Not withdrawn: 1 of 2.")
    (withdrawn,) = [each["pump"] for each in room.recorded() if each["withdrawn_at"]]
    expect(page.locator("#done .said")).to_contain_text(f": {withdrawn} for L0001-")


def test_a_list_stays_when_the_database_cannot_make_a_new_one(amelia, room) -> None:
    amelia.rank()
    pumps = amelia.pumps()
    with database_gone(room.url):
        amelia.press("r")
        amelia.expect_state("failed")
        expect(amelia.page.locator("#said")).to_contain_text("The list could not be made. Try again.")
        assert amelia.pumps() == pumps
    expect(amelia.page.locator("#lost")).to_be_empty(timeout=WAIT_MS)
    amelia.press("r")
    amelia.expect_state("ranked")
    amelia.expect_nothing_wrong(allowed=NETWORK)


def test_the_draft_of_a_lost_call_survives_a_reload(amelia, room) -> None:
    amelia.rank()
    amelia.page.reload()
    amelia.expect_state("ranked")
    assert amelia.page.locator("#place").input_value() == PLACE
    amelia.page.route("**/console/record", lambda route: route.abort(), times=1)
    amelia.press("Control+Enter")
    amelia.expect_state("unknown")
    amelia.page.reload()
    amelia.expect_state("unknown")
    amelia.press("Control+Enter")
    amelia.expect_state("recorded")
    assert len(room.recorded()) == amelia.page.locator("input[name=mobilisation]").count()


def test_answers_that_arrive_late_and_out_of_order_are_dropped(amelia) -> None:
    page = amelia.page
    held: list[Any] = []
    # the first is held, those after it pass
    page.route("**/console/call", held.append, times=1)
    amelia.type_place()
    amelia.press("Enter")
    expect(page.locator("#call[data-state=ranking]")).to_be_visible()
    page.locator("#type").select_option("Fire")
    amelia.expect_state("ranked")
    before = page.locator("#list").inner_html()
    held[0].continue_()
    # a later answer of the page's own proves that the held one has passed
    with page.expect_response(lambda response: "/console/places" in response.url):
        page.locator("#place").fill("soho")
    assert page.locator("#list").inner_html() == before


def test_no_row_moves_and_the_focus_stays_through_two_hundred_changes(amelia) -> None:
    amelia.rank()
    pumps = amelia.pumps()
    tick = amelia.page.locator(f"#tick-{pumps[1]}")
    tick.focus()
    boxes = [amelia.page.locator(f"tr[data-pump='{pump}']").bounding_box() for pump in pumps]
    names = [amelia.page.locator("tr[data-pump] label").nth(i).inner_text() for i in range(len(pumps))]
    chance = random.Random(4)  # noqa: S311 - the same changes in each run
    polls = 0

    def change(route) -> None:
        nonlocal polls
        polls += 1
        away = {pump: "now out since 02:14:06" for pump in pumps if chance.random() < 0.5}
        live = {
            "line": "",
            "away": away,
            "unknown": [],
            "session_ends_at_ms": 4_102_444_800_000,
            "session_ends": "06:00",
        }
        route.fulfill(
            body=json.dumps(live),
            content_type="application/json",
            headers={"ETag": f'"{polls}"', "Console-Zone": "GMT"},
        )

    amelia.page.route("**/console/live", change)
    for _ in range(N_CHANGES):
        # each tab event starts a poll at once, so that no second has to pass
        with amelia.page.expect_response("**/console/live"):
            amelia.page.evaluate("() => document.dispatchEvent(new Event('visibilitychange'))")
    assert polls >= N_CHANGES
    assert amelia.pumps() == pumps
    expect(tick).to_be_focused()
    assert names == [
        amelia.page.locator("tr[data-pump] label").nth(i).inner_text() for i in range(len(pumps))
    ]
    order = [amelia.page.locator(f"tr[data-pump='{pump}']").bounding_box()["y"] for pump in pumps]
    assert order == sorted(order)
    assert len(boxes) == len(order)


def test_a_session_that_ends_in_mid_call_is_renewed_over_the_page(amelia, room) -> None:
    amelia.rank()
    with room.api("amelia") as client:
        for session in client.get("/me/sessions").json():
            if not session["is_current"]:
                client.delete(f"/me/sessions/{session['id']}")
    again = amelia.page.locator("#again")
    expect(again).to_contain_text(
        "Your session has ended. Sign in again: what you typed is kept.", timeout=WAIT_MS
    )
    amelia.page.fill("#again-password", "wrong")
    amelia.page.keyboard.press("Enter")
    expect(again).to_contain_text("Wrong username or password.")
    amelia.page.fill("#again-password", "three quiet lanterns")
    amelia.page.keyboard.press("Enter")
    expect(again).to_be_hidden(timeout=WAIT_MS)
    assert amelia.page.locator("#place").input_value() == PLACE
    amelia.press("Control+Enter")
    amelia.expect_state("recorded")
    amelia.expect_nothing_wrong(allowed=NETWORK)


def test_a_pc_clock_that_is_wrong_changes_no_time(browser, room) -> None:
    person = operator(browser, room)
    # the clock of the PC is three hours ahead of the server's
    person.page.add_init_script("{ const real = Date.now; Date.now = () => real() + 3 * 3600000; }")
    person.sign_in()
    shown = person.page.locator("#clock").inner_text()
    seconds = sum(int(part) * unit for part, unit in zip(shown.split(":"), (3600, 60, 1), strict=True))
    now = datetime.now(UTC)
    away = abs(seconds - (now.hour * 3600 + now.minute * 60 + now.second)) % 3600
    assert min(away, 3600 - away) < 30
    assert seconds // 3600 in {now.hour, (now.hour + 1) % 24}


def test_a_plain_address_says_that_signing_in_is_not_possible(browser, room) -> None:
    person = operator(browser, room)
    # a name of another machine: browsers take only localhost as safe without encryption
    person.page.route(
        "http://control-room.test/**",
        lambda route: route.fulfill(
            response=route.fetch(
                url=route.request.url.replace("http://control-room.test", room.address),
                headers={**route.request.headers, "host": "control-room.test"},
            )
        ),
    )
    person.page.goto("http://control-room.test/console/sign-in")
    expect(person.page.locator("main")).to_contain_text(
        "This address is not encrypted: signing in is not possible. Use https."
    )
    expect(person.page.locator("#password")).to_have_count(0)


def test_markup_in_every_field_stays_text(amelia, room) -> None:
    page = amelia.page
    page.keyboard.press("Alt+p")
    page.keyboard.type(MARKUP)
    expect(page.locator("#said")).to_contain_text("No place found.", timeout=WAIT_MS)
    with room.api("amelia") as client:
        pump = client.get("/v1/board").json()["pumps"][0]["code"]
        body = {
            "incident_number": "000001-01012026",
            "pump": pump,
            "recommended_pump": "H271",
            "override_reason": MARKUP,
        }
        assert client.post("/v1/mobilisations", json=body).status_code == 201
    amelia.press("F8")
    page.locator("#refreshed tbody a").first.click()
    expect(page.locator(".history")).to_contain_text(MARKUP)
    assert page.locator("img, .history b").count() == 0
    amelia.expect_nothing_wrong()
