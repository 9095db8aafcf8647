"""Issue 18: the session of the console, and who can use it."""

from collections.abc import Iterator

import pytest
from support.accounts_service import PASSWORD
from support.console_client import ORIGIN, PART, Console, signed_in

from londonpump.service.console.session import own_path

MARKUP = '<script>alert("x")</script>'


@pytest.fixture
def console(live_service) -> Iterator[Console]:
    with signed_in(live_service, "amelia") as person:
        yield person


def cookie_of(response) -> str:
    return response.headers["set-cookie"]


def test_a_person_signs_in_by_a_cookie_that_no_script_and_no_plain_address_can_use(live_service) -> None:
    live_service.add("amelia")
    console = Console(live_service)
    assert console.get("/console/").headers["location"] == "/console/sign-in?next=/console/"
    answer = console.sign_in("amelia", next="/console/nowhere")
    assert (answer.status_code, answer.headers["location"]) == (
        303,
        "/console/sign-in?after=1&next=/console/nowhere",
    )
    name, _, attributes = cookie_of(answer).partition("=")
    assert name.startswith("__Host-londonpump-")
    assert {"HttpOnly", "Secure", "SameSite=lax", "Path=/", "Max-Age=43200"} <= set(attributes.split("; "))
    assert console.get(answer.headers["location"]).headers["location"] == "/console/nowhere"
    page = console.get("/console/")
    assert page.status_code == 200
    assert "amelia, operator" in page.text


def test_pages_have_a_policy_without_exceptions(console) -> None:
    for path in ("/console/", "/console/sign-in", "/console/nowhere"):
        headers = console.get(path).headers
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'; ")
        # `no-referrer` would make browsers send `Origin: null` with our own forms
        assert headers["referrer-policy"] == "same-origin"
        assert headers["cache-control"] == "no-store"


def test_the_api_takes_no_cookie_and_the_console_takes_no_token(console) -> None:
    assert console.get("/v1/board").status_code == 401
    token = console.live_service.bearer("olaf")
    assert Console(console.live_service).get("/console/live", **token, **PART).status_code == 401


def test_the_token_of_a_cookie_is_no_refresh_token(console) -> None:
    token = next(iter(console.client.cookies.values())).partition(".")[0]
    answer = console.client.post("/refresh", json={"refresh_token": token})
    assert answer.status_code == 401
    assert console.get("/console/live", **PART).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "same-site", "Origin": ORIGIN},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "https://elsewhere.example"},
        {"Origin": "https://testserver.elsewhere.example"},
        {"Origin": "null"},
        {},
    ],
    ids=str,
)
def test_no_foreign_page_can_change_anything(headers, console) -> None:
    assert console.post("/console/sign-out", headers=headers).status_code == 403
    assert console.get("/console/live", **PART).status_code == 200
    # nor sign a person in to an account of its own
    stranger = Console(console.live_service)
    answer = stranger.sign_in("amelia", headers=headers)
    assert (answer.status_code, answer.headers.get("set-cookie")) == (403, None)


def test_a_browser_that_names_only_its_origin_is_served(console) -> None:
    assert console.post("/console/sign-out", headers={"Origin": ORIGIN}).status_code == 303


def test_signing_out_ends_the_session_and_not_only_the_cookie(console) -> None:
    kept = dict(console.client.cookies)
    assert console.post("/console/sign-out").headers["location"] == "/console/sign-in"
    assert not dict(console.client.cookies)
    console.client.cookies.update(kept)
    assert console.get("/console/").status_code == 303
    assert console.get("/console/live", **PART).status_code == 401


def test_a_session_ends_after_twelve_hours_and_is_begun_again_in_place(console) -> None:
    console.live_service.clock.move(hours=12)
    assert console.get("/console/live", **PART).status_code == 401
    renewed = console.post("/console/sign-in", {"username": "amelia", "password": PASSWORD}, PART)
    assert (renewed.status_code, renewed.text) == (204, "")
    assert console.get("/console/live", **PART).status_code == 200


def test_a_changed_cookie_is_no_session(console) -> None:
    name, value = next(iter(console.client.cookies.items()))
    for changed in (value[:-1], value + "0", "A" * 43 + value[43:], value.partition(".")[0], "\N{SNOWMAN}.x"):
        console.client.cookies.clear()
        answer = console.client.get("/console/live", headers={"Cookie": f"{name}={changed}".encode(), **PART})
        assert answer.status_code == 401


@pytest.mark.parametrize(
    ("address", "is_possible"),
    [
        ("http://192.0.2.2:8000", False),
        ("http://control-room", False),
        ("http://localhost:8000", True),
        ("http://127.0.0.1", True),
        ("https://control-room", True),
    ],
)
def test_a_plain_address_says_that_signing_in_is_not_possible(address, is_possible, live_service) -> None:
    page = live_service.client.get(f"{address}/console/sign-in").text
    assert (
        "This address is not encrypted: signing in is not possible. Use https." in page
    ) is not is_possible
    assert ('name="password"' in page) is is_possible


def test_a_browser_that_drops_the_cookie_says_so(live_service) -> None:
    page = Console(live_service).get("/console/sign-in?after=1&next=/console/").text
    assert "The browser did not keep the session." in page


def test_a_wrong_password_keeps_the_name_and_shows_markup_as_text(live_service) -> None:
    answer = Console(live_service).sign_in(MARKUP)
    assert answer.status_code == 400
    assert "Wrong username or password." in answer.text
    assert MARKUP not in answer.text
    assert "&lt;script&gt;" in answer.text


def test_too_many_attempts_are_answered_with_the_wait(live_service) -> None:
    live_service.add("amelia")
    answers = [Console(live_service).sign_in("amelia", "wrong") for _ in range(7)]
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["retry-after"]) > 0
    assert "Too many attempts." in answers[-1].text


@pytest.mark.parametrize(
    "path",
    ["https://elsewhere.example/", "//elsewhere.example", "/console/\\elsewhere", "/console//x", "/docs", ""],
)
def test_sign_in_leads_to_pages_of_the_console_only(path) -> None:
    assert own_path(path) == "/console/"


def test_only_a_browser_is_sent_to_the_console(live_service) -> None:
    client = live_service.client
    sent = client.get("/", headers={"Accept": "text/html,*/*;q=0.8"}, follow_redirects=False)
    assert (sent.status_code, sent.headers["location"], sent.headers["vary"]) == (303, "/console/", "Accept")
    for accept in ("*/*", "application/json"):
        assert client.get("/", headers={"Accept": accept}).json()["statut"] == "Ready"


def test_the_poll_is_answered_with_304_until_the_board_or_the_minute_changes(console) -> None:
    first = console.get("/console/live", **PART)
    tag = first.headers["etag"]
    again = console.get("/console/live", **PART, **{"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    # the clock of the server goes with both: pages never show that of the PC
    assert again.headers["console-time"] == first.headers["console-time"]
    token = console.live_service.bearer("olaf")
    report = {"state": "off_run", "reason": MARKUP.replace('"', "")}
    assert console.client.put("/v1/pumps/A241", json=report, headers=token).status_code == 200
    changed = console.get("/console/live", **PART, **{"If-None-Match": tag})
    assert changed.status_code == 200
    assert changed.json()["away"] == {"A241": "off the run: recorded 10:30:00 by olaf"}
    console.live_service.clock.move(minutes=1)
    known = {"If-None-Match": changed.headers["etag"]}
    assert console.get("/console/live", **PART, **known).status_code == 200


def test_a_page_that_does_not_exist_says_what_to_do(console) -> None:
    answer = console.get("/console/nowhere")
    assert answer.status_code == 404
    assert "There is no such page. Choose one above." in answer.text
    assert answer.headers["x-request-id"] in answer.text


def test_files_are_compressed_and_asked_for_by_their_tag(live_service) -> None:
    console = Console(live_service)
    first = console.get("/console/static/console.css")
    assert (first.headers["content-encoding"], first.headers["content-type"]) == (
        "gzip",
        "text/css; charset=utf-8",
    )
    assert ":root" in first.text
    known = {"If-None-Match": first.headers["etag"]}
    assert console.get("/console/static/console.css", **known).status_code == 304
    assert console.get("/console/static/../routes.py").status_code in {303, 404}
    assert console.get("/console/static/%2e%2e/routes.py").status_code == 404


def test_nobody_signs_in_at_an_address_that_is_not_encrypted(live_service) -> None:
    live_service.add("amelia")
    console = Console(live_service)
    console.client.base_url = "http://control-room.test"
    answer = console.sign_in("amelia")
    assert (answer.status_code, answer.headers.get("set-cookie")) == (403, None)
    assert "This address is not encrypted: signing in is not possible. Use https." in answer.text


def test_a_form_that_is_sent_after_the_session_leads_back_to_a_page(live_service) -> None:
    console = Console(live_service)
    answer = console.post("/console/record", {"pump": ["A241"]})
    assert answer.headers["location"] == "/console/sign-in?next=/console/"
    # of a page, the page itself
    assert console.get("/console/incidents").headers["location"] == "/console/sign-in?next=/console/incidents"
