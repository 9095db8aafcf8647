"""The monthly report on paper and on a phone, as Chromium shows it."""

import io
import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("playwright")
from playwright.sync_api import Page, sync_playwright
from pypdf import PdfReader

from londonpump.domain.london_map import borough_outlines
from londonpump.domain.stations import known_stations
from londonpump.evaluation.attendance import AttendanceRows
from londonpump.evaluation.drift.detection import Drift, DriftResult, ShiftedBin
from londonpump.evaluation.drift.thresholds import DriftMeasure
from londonpump.evaluation.live import LiveRows
from londonpump.presentation.monthly import Month, MonthInputs, render_month
from londonpump.presentation.monthly.inputs import LivePerformance, Records
from londonpump.presentation.texts.challenge import DecisionView
from londonpump.presentation.texts.monitor import AlarmView

CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not on this machine")
MAX_PAGES = 6
FIRST_DAY = 19_358
"""1 January 2023."""
AT = datetime(2024, 3, 1, 8, tzinfo=UTC)


def a_year(n: int = 40_000) -> AttendanceRows:
    rng = np.random.default_rng(2)
    open_stations = [station for station in known_stations() if station.status == "open"]
    station = rng.integers(0, len(open_stations), n)
    names = [each["properties"]["name"].upper() for each in borough_outlines()["features"]]
    turnout_s, travel_s = rng.normal(71, 20, n), np.clip(rng.normal(250, 90, n), 5, 1100)
    return AttendanceRows(
        attendance_s=turnout_s + travel_s,
        is_second=rng.random(n) < 0.3,
        day=FIRST_DAY + rng.integers(0, 365, n),
        hour=rng.integers(0, 24, n),
        borough=np.array(names)[station % len(names)],
        ground_code=np.array([each.code for each in open_stations])[station],
        easting_m=np.array([each.easting_m for each in open_stations], np.float64)[station],
        northing_m=np.array([each.northing_m for each in open_stations], np.float64)[station],
        turnout_s=turnout_s,
        travel_s=travel_s,
    )


def replayed(n: int = 6_000) -> LiveRows:
    rng = np.random.default_rng(3)
    actual_s = rng.normal(330, 90, n)
    codes = [station.code for station in known_stations()][:30]
    return LiveRows(
        model=np.full(n, "a" * 16),
        station_code=rng.choice(codes, n),
        day=FIRST_DAY + 304 + rng.integers(0, 61, n),
        hour=rng.integers(0, 24, n),
        p10_s=actual_s * 0 + 210,
        p50_s=actual_s * 0 + 310,
        p90_s=actual_s * 0 + 450,
        actual_s=actual_s,
        predicted_late_share=np.full(n, 0.4),
    )


def a_full_month() -> MonthInputs:
    """A month with everything on its page: a year of records, a replayed model, drift, decisions and alarms."""
    moved = (ShiftedBin("Purpose Built Flats/Maisonettes - 4 to 9 storeys", 0.164, 0.153),)
    inputs = tuple(
        Drift(f"input_{at}", DriftMeasure.MIX, 0.05, 0.02, 6.0, 8.0, 5000, None, (), moved)
        for at in range(12)
    )
    reason = (
        "better by 1.2 s (0.4 to 2.0) on 9,687 later mobilisations, and no slice is worse beyond its interval"
    )
    decisions = [
        DecisionView(
            datetime(2023, 12, day, tzinfo=UTC),
            "promote",
            None,
            "b" * 16,
            "b" * 16,
            "",
            reason,
            {},
            "airflow",
            1,
        )
        for day in (4, 18)
    ]
    alarm = AlarmView(
        "1", "input_drift", "property_type", "warning", reason, datetime(2023, 12, 20, tzinfo=UTC), None, {}
    )
    return MonthInputs(
        month=Month(2023, 12),
        at=AT,
        records=Records(a_year(), date(2023, 12, 31), is_complete=True, incidents=9_000),
        live_performances=[
            LivePerformance("The active model on published mobilisations", "Predicted again.", replayed())
        ],
        decisions=decisions,
        alarms=[alarm, alarm],
        drift=DriftResult(400, True, date(2023, 12, 31), inputs),
        drift_note="",
        stations=[],
        attribution="Contains public sector information licensed under the Open Government Licence v3.0.",
        facts={"Data hash": "335d8e295b089c54", "Active model": "a" * 16},
    )


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("page") / "month.html"
    file.write_text(render_month(a_full_month()).html, encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def phone(page_file: Path) -> Iterator[Page]:
    """The page on a screen of 390 pixels, with everything unfolded; printed from the same page."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 390, "height": 844})
        page.goto(page_file.as_uri())
        yield page
        browser.close()


@pytest.fixture(scope="module")
def printed(phone: Page) -> PdfReader:
    return PdfReader(io.BytesIO(phone.pdf(prefer_css_page_size=True)))


def test_a_full_month_fits_on_six_pages_of_a4(printed: PdfReader) -> None:
    box = printed.pages[0].mediabox
    assert (round(float(box.width)), round(float(box.height))) == (595, 842)
    assert 3 <= len(printed.pages) <= MAX_PAGES


def test_no_heading_is_the_last_line_of_a_page(phone: Page, printed: PdfReader) -> None:
    headings = set(phone.locator("h2, h3").all_inner_texts())
    assert len(headings) > 10
    last = [page.extract_text().strip().splitlines()[-1].strip() for page in printed.pages]
    assert [line for line in last if line in headings] == []


def test_nothing_but_tables_and_plots_is_wider_than_a_phone(phone: Page) -> None:
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390


def test_exactly_the_tables_that_scroll_on_a_phone_say_so(phone: Page) -> None:
    phone.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    found = phone.evaluate(
        """[...document.querySelectorAll('.scroll:has(table)')].map(each =>
            [each.getAttribute('aria-label'), each.scrollWidth > each.clientWidth, !!each.querySelector('.hint')])"""
    )
    assert len(found) > 8
    assert [name for name, scrolls, says_so in found if scrolls != says_so] == []
