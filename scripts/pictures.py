"""Take the pictures of pages in docs/pictures: light, dark, print and a phone of 390 px.

.venv/bin/python scripts/pictures.py HOME [NAME ...]     # HOME holds the pages, as `evaluate` and others write them

It needs Chromium on the machine and playwright from the dev group. Pages that HOME lacks are skipped, with a line that says so.
"""

import io
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
PICTURES = ROOT / "docs" / "pictures"
MAX_BYTES, MAX_ALL_BYTES = 300_000, 7_000_000
COLOURS = (192, 96, 48, 24)
"""Sizes of the palette, the first that keeps a picture below MAX_BYTES."""


@dataclass(frozen=True)
class Page:
    """A page, or one figure of it, to be pictured."""

    name: str
    file: str
    """Relative to the home."""
    element: str = ""
    """CSS selector of a figure; empty for the top of the page."""
    height_px: int = 2000


PAGES = (
    Page("evaluation-report", "report.html"),
    Page("evaluation-report-tables", "report.html", "h2:has-text('Against the other models')"),
    Page("evaluation-report-call", "report.html", "h2:has-text('One call')", 1000),
    Page("evaluation-report-plots", "report.html", "h2:has-text('Plots')"),
    Page("model-card", "model_card.html", "h2:has-text('Which features')", 1300),
    Page("map-error-by-borough", "report.html", "figure:has(#plot-map-error-by-borough)", 0),
    Page("map-error-by-station", "report.html", "figure:has(#plot-map-error-by-station)", 0),
    Page("map-bias-by-cell", "report.html", "figure:has(#plot-map-bias-by-cell)", 0),
    Page("brigade", "brigade.html"),
    Page("brigade-before-after", "brigade.html", "h2:has-text('Before and after')", 1400),
    Page("month", "month.html"),
    Page("data-quality", "data/quality.html"),
)
"""Every pictured page; a height of 0 pictures the element alone."""
MODES = {
    "light": ("screen", "light", 1200),
    "dark": ("screen", "dark", 1200),
    "print": ("print", "light", 700),  # A4 less its margins
    "phone": ("screen", "light", 390),
}
"""Medium, colour scheme and width in pixels by mode."""


def picture(browser: Browser, home: Path, page: Page, mode: str) -> bytes:
    """Return the PNG of a page in a mode."""
    medium, scheme, width = MODES[mode]
    tab = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
    tab.goto((home / page.file).resolve().as_uri())
    tab.emulate_media(media=medium, color_scheme=scheme)  # type: ignore[arg-type]
    box = {"x": 0.0, "y": 0.0, "width": float(width), "height": float(page.height_px)}
    if page.element:
        found = tab.locator(page.element).first.bounding_box()
        if found is None:
            raise SystemExit(
                f"{page.file} has no {page.element}: the list in scripts/pictures.py is out of date."
            )
        box["y"] = max(0.0, found["y"] - 8)
        box["height"] = page.height_px or found["height"] + 16
    whole = float(tab.evaluate("document.documentElement.scrollHeight"))
    box["height"] = min(box["height"], whole - box["y"])
    taken = tab.screenshot(full_page=True, clip=box)  # type: ignore[arg-type]
    tab.close()
    return taken


def small(png: bytes) -> bytes:
    """Return the PNG with as many colours as MAX_BYTES allow."""
    image = Image.open(io.BytesIO(png)).convert("RGB")
    for colours in COLOURS:
        content = io.BytesIO()
        image.quantize(colours, dither=Image.Dither.NONE).save(content, "PNG", optimize=True)
        if len(content.getvalue()) <= MAX_BYTES:
            break
    return content.getvalue()


def main() -> int:
    """Write the pictures of the pages that the home holds."""
    if len(sys.argv) < 2:
        print(__doc__)
        return 2
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        print("No Chromium on this machine: no picture was taken. Install it (apt install chromium).")
        return 1
    home, names = Path(sys.argv[1]), sys.argv[2:]
    PICTURES.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as engine:
        browser = engine.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for page in (each for each in PAGES if not names or each.name in names):
            if not (home / page.file).is_file():
                print(f"{page.name}: skipped, {home / page.file} is missing")
                continue
            for mode in MODES:
                content = small(picture(browser, home, page, mode))
                (PICTURES / f"{page.name}-{mode}.png").write_bytes(content)
                print(f"{page.name}-{mode}.png: {len(content):,} bytes")
        browser.close()
    total = sum(path.stat().st_size for path in PICTURES.glob("*.png"))
    print(f"{total:,} bytes in all, at most {MAX_ALL_BYTES:,}")
    return 0 if total <= MAX_ALL_BYTES else 1


if __name__ == "__main__":
    sys.exit(main())
