"""Cost of the console: its polls, its list, the bytes of its first page, thirty consoles at once, and what a person waits for."""

import re
import shutil
import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from benchmarks.figures import Measurement, Reading
from benchmarks.inputs import Inputs
from benchmarks.processes import ROOT
from benchmarks.service.load import MS_PER_S, PRODUCT, load, sqlite_home
from benchmarks.service.server import Server, serving
from benchmarks.service.service_home import PASSWORD, USERNAME

ROUNDS = 5
CONSOLES, POLLS = 30, 60
PAGE, FETCHED = "/console/", ("/console/live", "/console/map.json")
"""The first page, and what its scripts fetch before anybody presses a key; tiles of streets come apart."""
FILE = re.compile(r"""["'](?:/console/static|\.)/([\w./-]+\.(?:js|css|svg))["']""")
LISTS, LOADS = 20, 3
WAIT_MS = 60_000
TILES = ROOT.parent / "shared" / "data" / "map" / "london_west_openmaptiles_z14_nobuildings.pmtiles"
"""Streets that lie beside the project where there are any; without them the map has its built-in layers."""
WATCH = """
window.longestMs = 0;
new PerformanceObserver((list) => { for (const task of list.getEntries()) longestMs = Math.max(longestMs, task.duration); })
  .observe({type: "longtask", buffered: true});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return;
  enterMs = performance.now();
  delete document.documentElement.dataset.listMs;
}, true);
document.addEventListener("ranked", () => { document.documentElement.dataset.listMs = performance.now() - enterMs; });
"""
"""Run before any script of the page, which sends `ranked` once the list is painted and before the map moves."""


def measure_poll(inputs: Inputs) -> Measurement:
    """Measure a poll that is answered 304, with one client that polls without a pause."""
    n = inputs.sizes.samples
    with _service(inputs) as server:
        cookie = server.cookie()
        load(server, "console_poll", n // 10, clients=1, token=cookie)
        found = [load(server, "console_poll", n, clients=1, token=cookie) for _ in range(ROUNDS)]
    p50_ms = statistics.median(second for seen, _ in found for second in seen["took_s"]) * MS_PER_S
    readings = (_median("cpu_ms", [cpu_ms for _, cpu_ms in found], 1.0), Reading("p50_ms", p50_ms, "ms"))
    return Measurement("console_poll", "a poll of the console without news", {"polls": n}, ROUNDS, readings)


def measure_list(inputs: Inputs) -> Measurement:
    """Measure the list of New call and the same prediction by the API, alternately in one process."""
    n = max(inputs.sizes.samples // 10, 1)
    listed, predicted = [], []
    with _service(inputs) as server:
        cookie, token = server.cookie(), server.token()
        for _ in range(1 + ROUNDS):
            listed.append(load(server, "console_list", n, clients=1, token=cookie)[1])
            predicted.append(load(server, "prediction_as_listed", n, clients=1, token=token)[1])
    # the first round warms up
    added = [mine - other for mine, other in zip(listed, predicted, strict=True)][1:]
    readings = (
        _median("added_cpu_ms", added, 3.0),
        _median("list_cpu_ms", listed[1:]),
        _median("prediction_cpu_ms", predicted[1:]),
    )
    return Measurement(
        "console_list", "what the list of New call adds to its prediction", {"lists": n}, ROUNDS, readings
    )


def measure_page(inputs: Inputs) -> Measurement:
    """Measure the first page with all its files as sent, heads of the answers included."""
    with _service(inputs) as server:
        cookie = server.cookie()
        sizes: dict[str, int] = {}
        wanted = [PAGE, *FETCHED]
        while wanted:
            path = wanted.pop()
            content, sizes[path] = server.download(path, cookie)
            # the files that a page or a script names; none is in a folder of its own but those of `vendor`
            names = FILE.findall(content.decode()) if path == PAGE or path.endswith(".js") else []
            wanted += [f"/console/static/{name}" for name in names if f"/console/static/{name}" not in sizes]
    largest = max(sizes, key=lambda path: sizes[path])
    readings = (
        Reading("transferred_kb", sum(sizes.values()) / 1000, "KB", 200),
        Reading(f"{largest.rpartition('/')[2]}_kb", sizes[largest] / 1000, "KB"),
    )
    return Measurement(
        "console_page_kb", "the first page of the console, gzipped", {"files": len(sizes)}, 1, readings
    )


def measure_thirty(inputs: Inputs) -> Measurement:
    """Measure a minute of thirty consoles with one session, one of which records six pumps."""
    polls = min(POLLS, inputs.sizes.samples)
    with _service(inputs) as server:
        seen, cpu_ms = load(
            server, "console_minute", CONSOLES * polls, clients=CONSOLES, token=server.cookie()
        )
    took_ms = np.array(seen["took_s"]) * MS_PER_S
    share_pct = 100 * cpu_ms * len(took_ms) / MS_PER_S / seen["together_s"]
    readings = (
        Reading("cpu_share_of_one_core_pct", share_pct, "%"),
        Reading("p50_ms", float(np.percentile(took_ms, 50)), "ms"),
        Reading("p99_ms", float(np.percentile(took_ms, 99)), "ms"),
        Reading("not_now", seen["n_not_now"], "polls", 0),
    )
    what = "thirty consoles that poll each second, one of which records"
    return Measurement("console_thirty", what, {"consoles": CONSOLES, "polls": len(took_ms)}, 1, readings)


def measure_browser(inputs: Inputs) -> Measurement:
    """Measure in Chromium the time from Enter to the painted list, and the longest task while the map loads."""
    what = "the console in Chromium"
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        chromium = None
    if chromium is None:
        return Measurement("console_browser", what, {"lists": 0}, 0, (Reading("chromium_is_here", 0, ""),))
    with _service(inputs) as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_context(viewport={"width": 1366, "height": 768}).new_page()
        page.set_default_timeout(WAIT_MS)
        page.add_init_script(WATCH)
        # the cookie of the sign-in is kept on localhost alone, where no certificate is needed
        page.goto(server.address.replace("127.0.0.1", "localhost") + PAGE)
        page.fill("#username", USERNAME)
        page.fill("#password", PASSWORD)
        page.press("#password", "Enter")
        longest_ms = []
        for _ in range(LOADS):
            page.locator("#map[data-state=drawn]").wait_for()
            longest_ms.append(float(page.evaluate("longestMs")))
            page.reload()
        page.locator("#map[data-state=drawn]").wait_for()
        lists_ms = [_list_ms(page, number) for number in range(1 + min(LISTS, inputs.sizes.samples))][1:]
        browser.close()
    readings = (
        _median("enter_to_list_ms", lists_ms, 100),
        _median("longest_task_while_the_map_loads_ms", longest_ms, 500),
        Reading("has_streets", int(TILES.exists()), ""),
    )
    return Measurement("console_browser", what, {"lists": len(lists_ms), "loads": LOADS}, 1, readings)


def _list_ms(page: Any, number: int) -> float:
    page.fill("#place", f"{530_000 + 137 * number}, {180_000 + 211 * number}")
    page.locator("#matches [role=option]").first.wait_for()
    # a person does not press Enter while the map still moves to the place before
    page.locator("#map[data-state=drawn]").wait_for()
    page.press("#place", "Enter")
    # an attribute, because the policy of the page allows no script that waits for an expression
    listed = page.locator("html[data-list-ms]")
    listed.wait_for()
    return float(listed.get_attribute("data-list-ms"))


def _median(quantity: str, values: list[float], target: float | None = None) -> Reading:
    return Reading(quantity, statistics.median(values), "ms", target, (min(values), max(values)))


@contextmanager
def _service(inputs: Inputs) -> Iterator[Server]:
    with sqlite_home(inputs) as home:
        if TILES.exists():
            home.settings["MAP_TILES"] = str(TILES)
        with serving(PRODUCT, home) as server:
            yield server


MEASURES = {
    "console_poll": measure_poll,
    "console_list": measure_list,
    "console_page_kb": measure_page,
    "console_thirty": measure_thirty,
    "console_browser": measure_browser,
}
