"""Issue 18: pages hold for everybody: axe-core on each page and theme, and nothing wider than its place at any width."""

import os
from pathlib import Path

import pytest
from playwright.sync_api import expect
from support.console_browser import WAIT_MS, Operator, operator

pytestmark = pytest.mark.slow
AXE = Path(__file__).resolve().parents[2] / "scripts/console/node_modules/axe-core/axe.min.js"
TAGS = ["wcag2a", "wcag2aa", "wcag2aaa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
PICTURES = Path(__file__).resolve().parents[2] / "docs" / "pictures"
"""Written with PICTURES=1; every run makes them, so that each state can be reached."""
WIDTHS = (320, 1366, 1920)
RUN_AXE = """async (tags) => (await axe.run({runOnly: tags})).violations.map(
    (each) => `${each.id}: ${each.nodes.map((node) => node.target + " " + node.failureSummary).join(" | ")}`)"""
OVERFLOW = """() => [document.documentElement, ...document.querySelectorAll(".panel, header, #status, table, fieldset")]
    .filter((each) => each.scrollWidth > each.clientWidth + 1)
    .map((each) => `${each.tagName} ${each.id} ${each.className} ${each.scrollWidth} > ${each.clientWidth}`)"""


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
        for width in WIDTHS:
            person.page.set_viewport_size({"width": width, "height": 900})
            wide[page, width] = person.page.evaluate(OVERFLOW)
        person.page.set_viewport_size({"width": 1366, "height": 768})
    assert {page: each for page, each in found.items() if each} == {}
    assert {where: each for where, each in wide.items() if each} == {}
    person.expect_nothing_wrong()


@pytest.mark.parametrize("theme", ["day", "night"])
def test_the_pictures_of_the_documents_are_made(theme, browser, room, tmp_path) -> None:
    folder = PICTURES if os.environ.get("PICTURES") else tmp_path
    person = operator(browser, room, color_scheme="light" if theme == "day" else "dark")
    page = person.page

    def take(name: str) -> None:
        # the clock of the page differs in each picture, and nothing else
        page.screenshot(path=folder / f"{name}_{theme}.png")
        assert (folder / f"{name}_{theme}.png").stat().st_size > 10_000

    person.sign_in()
    expect(page.locator("#map[data-state=drawn]")).to_be_visible(timeout=WAIT_MS)
    person.rank("soho")
    page.locator("#map[data-state=drawn]").wait_for()
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
    person.rank("soho")
    room.kill()
    expect(page.locator("#lost")).to_contain_text("No connection since", timeout=WAIT_MS)
    take("lost")


@pytest.mark.parametrize("theme", ["day", "night"])
def test_the_page_of_alarms_breaks_no_rule_either(theme, browser, room) -> None:
    room.raise_alarms("Camden", "Merton")
    room.add("sue", "supervisor")
    sue = operator(browser, room, color_scheme="light" if theme == "day" else "dark")
    sue.sign_in("sue", "/console/alarms")
    sue.page.get_by_role("button", name="Acknowledge").first.click()
    sue.page.locator("summary").first.click()
    expect(sue.page.locator("#refreshed")).to_contain_text("by sue.", timeout=WAIT_MS)
    assert violations(sue) == []
    for width in WIDTHS:
        sue.page.set_viewport_size({"width": width, "height": 900})
        assert sue.page.evaluate(OVERFLOW) == []
