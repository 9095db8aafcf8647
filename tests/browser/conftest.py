"""Fixtures for tests in Chromium."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Playwright, sync_playwright
from support.console_browser import (
    MAP,
    ControlRoom,
    Operator,
    browsers,
    control_room,
    find_chromium,
    operator,
)
from support.postgres import database_url, postgresql

__all__ = ["database_url", "postgresql"]


@pytest.fixture(scope="module")
def playwright_driver() -> Iterator[Playwright]:
    # it keeps an event loop running, beside which no other test of the process may start one: it ends with the file
    find_chromium()
    with sync_playwright() as driver:
        yield driver


@pytest.fixture
def room(database_url: str, tmp_path: Path, small_brigade) -> Iterator[ControlRoom]:
    settings = {"LONDONPUMP_MAP_TILES": str(MAP)} if MAP.is_file() else {}
    with control_room(database_url, tmp_path, small_brigade.bundle, **settings) as running:
        yield running


@pytest.fixture
def browser(playwright_driver: Playwright, room: ControlRoom) -> Iterator[Browser]:
    with browsers(playwright_driver) as running:
        yield running


@pytest.fixture
def amelia(browser: Browser, room: ControlRoom) -> Operator:
    person = operator(browser, room)
    person.sign_in()
    return person


Stage = Callable[..., Operator]


@pytest.fixture
def stage(playwright_driver: Playwright, database_url: str, tmp_path: Path, small_brigade) -> Iterator[Stage]:
    """Give a person in a control room whose clock and language the test sets; `.room` is that room."""
    with ExitStack() as stack:

        def begin(language: str = "plain", at: str = "") -> Operator:
            settings = {"LONDONPUMP_MAP_TILES": str(MAP)} if MAP.is_file() else {}
            room = stack.enter_context(
                control_room(database_url, tmp_path, small_brigade.bundle, staged=language, at=at, **settings)
            )
            return operator(stack.enter_context(browsers(playwright_driver)), room)

        yield begin


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # most of what Chromium shows takes minutes: `make test` runs the smoke set, `make test-browser` all
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent) and not item.get_closest_marker("smoke"):
            item.add_marker(pytest.mark.slow)
