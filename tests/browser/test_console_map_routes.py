"""Issue 18: the map draws the ticked pumps' routes by road, says where there are none, and never guesses one."""

import shutil
from collections import Counter
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, Route, expect
from support.console_browser import WAIT_MS, Operator

FAR = "529950, 182050"
"""A place 1 km from `PLACE`."""
OUTSIDE = "545000, 170000"
"""A place outside the map of roads."""
NO_ROADS = "No roads here: routes are not drawn."


@pytest.fixture
def roads(room, roads_folder) -> None:
    # found without a restart, as after an import
    shutil.copytree(roads_folder, room.home / "roads")


def expect_routes(page: Page, state: str, stations: set[str] | None = None) -> None:
    expect(page.locator(f"#map[data-routes={state}]")).to_be_visible(timeout=WAIT_MS)
    if stations is not None:
        drawn = page.locator("#map").get_attribute("data-routes-from") or ""
        assert set(drawn.split()) == stations


def ticked_stations(page: Page) -> set[str]:
    rows = page.locator("tr[data-pump]:has(input:checked)").all()
    return {str(row.get_attribute("data-station")) for row in rows}


def only_tick(person: Operator, *pumps: str) -> None:
    for tick in person.page.locator("input[name=pump]").all():
        tick.set_checked(tick.get_attribute("value") in pumps)


def test_each_ticked_pump_has_its_route_and_pumps_of_one_station_share_it(amelia, roads) -> None:
    page = amelia.page
    asked: Counter[str] = Counter()
    page.on(
        "request",
        lambda request: (
            asked.update(parse_qs(urlsplit(request.url).query)["station"])
            if "/console/route" in request.url
            else None
        ),
    )
    amelia.rank()
    expect_routes(page, "drawn", ticked_stations(page))
    # the data are named as long as the map is there
    expect(page.locator("#map-sources")).to_contain_text("© OpenStreetMap contributors")
    for tick in page.locator("input[name=pump]").all():
        tick.check()
    stations = ticked_stations(page)
    assert len(stations) < page.locator("input[name=pump]").count()
    expect(page.locator("#map")).to_have_attribute(
        "data-routes-from", " ".join(dict.fromkeys(pump[:3] for pump in amelia.pumps())), timeout=WAIT_MS
    )
    assert asked == dict.fromkeys(stations, 1)
    only_tick(amelia)
    expect_routes(page, "none", set())
    expect(page.locator("#routes-said")).to_be_empty()
    # what is known is not asked again
    only_tick(amelia, amelia.pumps()[0])
    expect_routes(page, "drawn", {amelia.pumps()[0][:3]})
    assert asked == dict.fromkeys(stations, 1)
    amelia.expect_nothing_wrong()


def test_without_roads_and_outside_their_map_nothing_is_drawn_and_it_is_said(
    amelia, room, roads_folder
) -> None:
    said = amelia.page.locator("#routes-said")
    amelia.rank()
    expect_routes(amelia.page, "missing", set())
    expect(said).to_have_text(NO_ROADS)
    shutil.copytree(roads_folder, room.home / "roads")
    amelia.rank(OUTSIDE)
    expect_routes(amelia.page, "missing", set())
    expect(said).to_have_text(NO_ROADS)
    amelia.rank()
    expect_routes(amelia.page, "drawn")
    expect(said).to_be_empty()
    amelia.expect_nothing_wrong()


def test_a_route_of_an_older_list_is_dropped_and_never_delays_a_list(amelia, roads) -> None:
    page = amelia.page
    held: list[Route] = []
    # the first is held, those after it pass
    page.route("**/console/route*", held.append, times=1)
    amelia.rank()
    expect_routes(page, "asking")
    # the list is there and can be recorded while the routes are not
    expect(page.locator("#record")).to_contain_text("Record sent")
    older = ticked_stations(page)
    amelia.rank(FAR)
    newer = ticked_stations(page)
    assert newer != older
    expect_routes(page, "drawn", newer)
    with page.expect_response("**/console/route*"):
        held[0].continue_()
    # whatever the page does with that answer, it has done before it can read another one
    page.evaluate("async () => { await (await fetch('/console/map.json')).json(); }")
    expect_routes(page, "drawn", newer)
    amelia.expect_nothing_wrong()
