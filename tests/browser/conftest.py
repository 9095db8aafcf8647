"""Fixtures for tests in Chromium."""

from collections.abc import Iterator
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
    with browsers(playwright_driver, room) as running:
        yield running


@pytest.fixture
def amelia(browser: Browser, room: ControlRoom) -> Operator:
    person = operator(browser, room)
    person.sign_in()
    return person
