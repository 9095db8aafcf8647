"""Issue 18: pages hold for everybody: axe-core on each page and theme, and nothing wider than its place at any width."""

import os
from pathlib import Path

import pytest
from pictures import small
from playwright.sync_api import Page, expect
from support.console_browser import PLACE, WAIT_MS, Operator, browsers, operator
from support.console_layout import PROBLEMS, ZOOMED, data_texts, foreign_words, layout_problems

from londonpump.domain.canonical_spelling import PROPERTY_CATEGORIES
from londonpump.domain.incident_types import INCIDENT_TYPES

AXE = Path(__file__).resolve().parents[2] / "scripts/console/node_modules/axe-core/axe.min.js"
TAGS = ["wcag2a", "wcag2aa", "wcag2aaa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
PICTURES = Path(__file__).resolve().parents[2] / "docs" / "pictures"
"""Written with PICTURES=1; every run makes them, so that each state can be reached."""
RUN_AXE = """async (tags) => (await axe.run({runOnly: tags})).violations.map(
    (each) => `${each.id}: ${each.nodes.map((node) => node.target + " " + node.failureSummary).join(" | ")}`)"""


def violations(person: Operator) -> list[str]:
    if not AXE.is_file():
        pytest.skip("axe-core is absent: run scripts/vendor .venv")
    person.page.evaluate(AXE.read_text(encoding="utf-8"))
    return person.page.evaluate(RUN_AXE, TAGS)


def show(person: Operator, page: str) -> None:
    if page == "incident":
        person.page.goto(f"{person.room.address}/console/incidents")
        person.page.locator("#refreshed tbody a").first.click()
        expect(person.page.locator(".history")).to_be_visible(timeout=WAIT_MS)
        return
    person.page.goto(f"{person.room.address}/console/{page if page == 'incidents' else ''}")
    if page in {"list", "why"}:
        person.rank()
    if page == "why":
        person.page.locator("input[name=pump]").first.press("1")
        person.page.locator("input[name=pump]").nth(2).check()
        expect(person.page.locator("#why")).to_be_visible()


@pytest.mark.parametrize("theme", ["day", "night"])
def test_no_page_breaks_a_rule_of_accessibility_or_runs_out_of_its_place(theme, browser, room) -> None:
    person = operator(browser, room, color_scheme="light" if theme == "day" else "dark")
    person.page.goto(f"{room.address}/console/sign-in")
    found = {"sign-in": violations(person)}
    person.sign_in()
    person.rank()
    person.press("Control+Enter")
    person.expect_state("recorded")
    found["recorded"] = violations(person)
    wide = {}
    for page in ("call", "list", "why", "incidents", "incident"):
        show(person, page)
        found[page] = violations(person)
        wide[page] = layout_problems(person)
    assert {page: each for page, each in found.items() if each} == {}
    assert {where: each for where, each in wide.items() if each} == {}
    person.expect_nothing_wrong()


@pytest.mark.parametrize(
    ("html", "found"),
    [
        ("<p>one</p><p style='margin-top: -1.2em'>two</p>", 'P  "one" over P  "two"'),
        ("<p style='width: 2em; white-space: nowrap'>much too long</p>", 'P  "much too long": '),
        (
            "<button>one</button><button style='margin-left: -1em'>two</button>",
            'BUTTON  "one" over BUTTON  "two"',
        ),
        ("<p>one</p><p>two <b>three</b></p><button>four <kbd>F4</kbd></button>", ""),
    ],
)
def test_the_check_of_the_layout_finds_what_overlaps_and_what_runs_out(
    html, found, playwright_driver
) -> None:
    with browsers(playwright_driver) as browser:
        page = browser.new_page()
        page.set_content(html)
        problems = page.evaluate(PROBLEMS)
    assert [each[: len(found)] for each in problems[:1]] == ([found] if found else [])


def texts_of_the_api(room) -> set[str]:
    """Return what the API answers about the places of these tests, which pages show as it is."""
    with room.api("amelia") as client:
        place = {"easting_m": 529700, "northing_m": 181100}
        question = {"location": place, "max_candidates": 6}
        answers = [client.post("/v1/predictions", json=question).json(), client.get("/v1/incidents").json()]
        answers += [client.get("/v1/places", params={"q": typed}).json() for typed in ("soho", PLACE)]
    return data_texts(answers) | {*INCIDENT_TYPES, *PROPERTY_CATEGORIES, "amelia"}


def test_every_text_is_in_one_module_and_a_language_forty_percent_longer_fits(stage) -> None:
    person = stage("longer")
    page, room, found = person.page, person.room, {}

    def look(state: str) -> None:
        found[state] = layout_problems(person) + foreign_words(person, texts_of_the_api(room))
        if folder := os.environ.get("SHOTS"):
            page.screenshot(path=f"{folder}/{state}.png")

    page.goto(f"{room.address}/console/sign-in")
    look("sign-in")
    person.sign_in()
    look("call")
    person.type_place("soho")
    look("matches")
    page.goto(f"{room.address}/console/no-such-page")
    look("problem page")
    show(person, "why")
    look("why")
    page.locator("input[name=pump]").first.check()
    person.press("Control+Enter")
    person.expect_state("recorded")
    look("recorded")
    show(person, "list")
    person.press("Alt+j")
    expect(page.locator("#joined")).to_be_visible()
    look("joined")
    person.press("F1")
    look("keys")
    person.press("Escape")
    page.evaluate(
        "() => import('/console/static/live.js').then((live) => live.askAgain(live.texts.session_ended))"
    )
    expect(page.locator("#again")).to_be_visible()
    look("session ended")
    person.press("Escape")
    show(person, "incidents")
    look("incidents")
    show(person, "incident")
    look("incident")
    room.raise_alarms("Camden")
    room.add("sue", "supervisor")
    assert page.context.browser is not None
    sue = operator(page.context.browser, room)
    sue.sign_in("sue", "/console/alarms")
    sue.page.locator("summary").first.click()
    with room.api("sue") as client:
        alarms = data_texts(client.get("/v1/alarms").json())
    # the status line shows the first sentence
    alarms |= {each.partition(". ")[0] for each in alarms} | {"sue"}
    found["alarms"] = layout_problems(sue) + foreign_words(sue, alarms)
    before = texts_of_the_api(room)
    room.kill()
    expect(page.locator("#lost span")).to_be_visible(timeout=WAIT_MS)
    found["lost"] = layout_problems(person) + foreign_words(person, before)
    assert {state: each for state, each in found.items() if each} == {}


LONGEST_NAME = "wilhelmina-".ljust(64, "w")
WEST_HAMPSTEAD = "525384, 185185"
"""A place where the station has one of the longest names."""


@pytest.mark.parametrize("options", [{}, ZOOMED], ids=["100", "200"])
def test_sixty_open_incidents_and_the_longest_names_fit_at_every_width_and_at_200_percent(
    options, browser, room
) -> None:
    room.add(LONGEST_NAME)
    with room.api() as client:
        pumps = [
            pump["code"]
            for pump in client.get("/v1/board").json()["pumps"]
            if pump["code"][:3] not in {"A41", "G27", "A40"}
        ]
        for i, pump in enumerate(pumps[:60]):
            body = {
                "incident_number": f"{i:02d}".ljust(40, "8"),
                "pump": pump,
                "recommended_pump": "A411",
                "override_reason": "W" * 500,
            }
            assert client.post("/v1/mobilisations", json=body).status_code == 201
    found = {}
    person = operator(browser, room, **options)
    page = person.page

    def look(state: str) -> None:
        # a zoomed page has one width, which is that of the screen
        found[state] = page.evaluate(PROBLEMS) if options else layout_problems(person)

    person.sign_in(LONGEST_NAME, "/console/incidents")
    expect(page.locator("h1")).to_have_text("Open incidents: 60")
    look("incidents")
    person.press("F2")
    expect(page.locator("body[data-connection=live]")).to_be_visible(timeout=WAIT_MS)
    page.locator("#type").select_option("Major Environmental Disasters")
    page.locator("#property").select_option("Outdoor Structure")
    person.rank(WEST_HAMPSTEAD)
    look("list")
    page.locator("input[name=pump]:checked").first.uncheck()
    page.locator("input[name=pump]").last.check()
    expect(page.locator("#why")).to_be_visible()
    page.locator("#own-reason").fill("W" * 500)
    look("why")
    person.press("Control+Enter")
    person.expect_state("recorded")
    look("recorded")
    person.press("F8")
    page.locator("#refreshed tbody a").last.click()
    expect(page.locator(".history")).to_contain_text("W" * 500, timeout=WAIT_MS)
    look("incident")
    assert {where: each for where, each in found.items() if each} == {}


def test_new_call_with_four_pumps_fits_a_screen_of_1366_by_768(browser, room) -> None:
    person = operator(browser, room)
    person.sign_in()
    expect(person.page.locator("#map[data-state=drawn]")).to_be_visible(timeout=WAIT_MS)
    # a type of call that gets two pumps, for which most is said beside the button
    person.page.locator("#type").select_option("Fire")
    person.rank()
    shown = person.pumps()[:4]
    with room.api() as client:
        codes = [pump["code"] for pump in client.get("/v1/board").json()["pumps"]]
    room.report_all(**dict.fromkeys(set(codes) - set(shown), "off_run"))
    person.press("r")
    expect(person.page.locator("tr[data-pump]")).to_have_count(4)
    expect(person.page.locator(".foot")).to_contain_text("The first two are both there about")
    size = person.page.evaluate(
        "() => [document.documentElement.scrollWidth, document.documentElement.scrollHeight]"
    )
    assert size[0] <= 1366
    assert size[1] <= 768
    legend = person.page.locator("#map-panel p").last.bounding_box()
    assert legend["y"] + legend["height"] <= 768


def keep_picture(page: Page, name: str, tmp_path: Path) -> None:
    folder = PICTURES if os.environ.get("PICTURES") else tmp_path
    # the clock of the page differs in each picture, and nothing else
    (folder / f"{name}.png").write_bytes(small(page.screenshot()))
    assert (folder / f"{name}.png").stat().st_size > 10_000


@pytest.mark.parametrize("theme", ["day", "night"])
def test_the_pictures_of_the_documents_are_made(theme, browser, room, tmp_path) -> None:
    person = operator(browser, room, color_scheme="light" if theme == "day" else "dark")
    page = person.page

    def rank(place: str) -> None:
        """Rank, and wait until the map of the place is drawn with all its streets."""
        person.rank(place)
        latitude = page.locator("#understood").get_attribute("data-latitude")
        drawn = page.locator(f"#map[data-state=drawn][data-latitude='{latitude}']")
        expect(drawn).to_be_visible(timeout=WAIT_MS)

    def take(name: str) -> None:
        keep_picture(page, f"{name}_{theme}", tmp_path)

    person.sign_in()
    expect(page.locator("#map[data-state=drawn]")).to_be_visible(timeout=WAIT_MS)
    rank("soho")
    take("call")
    show(person, "why")
    take("why")
    page.locator("input[name=pump]").first.check()
    person.press("Control+Enter")
    person.expect_state("recorded")
    take("recorded")
    person.press("F8")
    expect(page.locator("[data-due]").first).to_be_visible(timeout=WAIT_MS)
    take("incidents")
    show(person, "incident")
    take("incident")
    page.goto(f"{room.address}/console/")
    expect(page.locator("#map[data-state=drawn]")).to_be_visible(timeout=WAIT_MS)
    rank("soho")
    room.kill()
    expect(page.locator("#lost")).to_contain_text("No connection since", timeout=WAIT_MS)
    take("lost")
    # the same without a file of streets
    room.settings.pop("LONDONPUMP_MAP_TILES", None)
    room.start()
    expect(page.locator("#lost")).to_be_empty(timeout=WAIT_MS)
    page.reload()
    expect(page.locator("#map[data-state=drawn]")).to_be_visible(timeout=WAIT_MS)
    take("streets_off")


@pytest.mark.parametrize("theme", ["day", "night"])
def test_the_page_of_alarms_breaks_no_rule_either(theme, browser, room, tmp_path) -> None:
    room.raise_alarms("Camden", "Merton")
    room.add("sue", "supervisor")
    sue = operator(browser, room, color_scheme="light" if theme == "day" else "dark")
    sue.sign_in("sue", "/console/alarms")
    sue.page.get_by_role("button", name="Acknowledge").first.click()
    sue.page.locator("summary").first.click()
    expect(sue.page.locator("#refreshed")).to_contain_text("by sue.", timeout=WAIT_MS)
    keep_picture(sue.page, f"alarms_{theme}", tmp_path)
    assert violations(sue) == []
    assert layout_problems(sue) == []
