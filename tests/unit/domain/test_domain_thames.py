"""The Thames: banks, crossings, and the way over the nearest bridge."""

import itertools

import numpy as np
import pytest

from londonpump.domain import thames
from londonpump.domain.stations import by_code, open_stations

SOUTH_BOROUGHS = [
    "BEXLEY",
    "BROMLEY",
    "CROYDON",
    "GREENWICH",
    "KINGSTON UPON THAMES",
    "LAMBETH",
    "LEWISHAM",
    "MERTON",
    "SOUTHWARK",
    "SUTTON",
    "WANDSWORTH",
]
BOTH_BANKS = "RICHMOND UPON THAMES"
SURREY_WARDS_OF_RICHMOND = [
    "BARNES",
    "EAST SHEEN",
    "HAM, PETERSHAM & RICHMOND RIVERSIDE",
    "HAM, PETERSHAM AND RICHMOND RIVERSIDE",
    "KEW",
    "MORTLAKE & BARNES COMMON",
    "MORTLAKE AND BARNES COMMON",
    "NORTH RICHMOND",
    "SOUTH RICHMOND",
]
NORTH_LOCATIONS = {
    "Staines": (504_100, 171_600),
    "Hampton Court Palace": (515_750, 168_450),
    "Twickenham stadium": (515_300, 174_200),
    "Fulham Palace": (524_050, 176_150),
    "Tate Britain": (530_000, 178_600),
    "Houses of Parliament": (530_300, 179_500),
    "Tower of London": (533_600, 180_500),
    "Canary Wharf": (537_500, 180_200),
    "Island Gardens": (538_300, 178_350),
    "North Woolwich": (543_300, 179_900),
    "Purfleet": (555_500, 178_200),
}
SOUTH_LOCATIONS = {
    "Egham": (501_100, 171_400),
    "Kew Gardens": (518_300, 177_000),
    "Richmond station": (518_000, 175_150),
    "Kingston market": (517_900, 169_250),
    "Barnes pond": (522_100, 176_500),
    "Battersea power station": (528_900, 177_400),
    "London Eye": (530_650, 179_850),
    "Tate Modern": (532_050, 180_400),
    "Rotherhithe church": (535_150, 179_800),
    "Cutty Sark": (538_270, 177_750),
    "The O2": (539_150, 180_050),
    "Woolwich Arsenal": (543_700, 178_850),
    "Dartford": (554_200, 174_000),
}


@pytest.mark.parametrize("location", NORTH_LOCATIONS)
def test_a_place_known_to_be_on_the_north_bank_is_there(location):
    assert not thames.is_south_of_thames(*NORTH_LOCATIONS[location])


@pytest.mark.parametrize("location", SOUTH_LOCATIONS)
def test_a_place_known_to_be_on_the_south_bank_is_there(location):
    assert thames.is_south_of_thames(*SOUTH_LOCATIONS[location])


def test_every_open_station_is_on_the_bank_of_its_borough():
    stations = [station for station in open_stations() if station.borough.upper() != BOTH_BANKS]
    south = thames.is_south_of_thames(
        [station.easting_m for station in stations], [station.northing_m for station in stations]
    )
    expected = np.isin([station.borough.upper() for station in stations], SOUTH_BOROUGHS)
    assert [s.name for s, wrong in zip(stations, south != expected, strict=True) if wrong] == []


def test_the_two_stations_of_richmond_upon_thames_face_each_other_over_the_river():
    stations = by_code(open_stations())
    richmond, twickenham = stations["H42"], stations["H43"]
    assert thames.is_south_of_thames(richmond.easting_m, richmond.northing_m)
    assert not thames.is_south_of_thames(twickenham.easting_m, twickenham.northing_m)


def test_all_but_three_published_incidents_are_on_the_bank_of_their_borough(published_locations):
    south = thames.is_south_of_thames(published_locations.easting_m, published_locations.northing_m)
    in_surrey = np.isin(published_locations.ward, SURREY_WARDS_OF_RICHMOND)
    expected = np.where(
        published_locations.borough == BOTH_BANKS,
        in_surrey,
        np.isin(published_locations.borough, SOUTH_BOROUGHS),
    )
    assert (len(south), int((south != expected).sum())) == (25_441, 3)


def test_the_line_of_the_river_never_crosses_itself():
    bends = np.array([(point.easting_m, point.northing_m) for point in thames.river_line()])
    start, step = bends[:-1], np.diff(bends, axis=0)
    gap = start[None, :] - start[:, None]
    turn = step[:, None, 0] * step[None, :, 1] - step[:, None, 1] * step[None, :, 0]
    turn = np.where(turn == 0, np.nan, turn)
    along = (gap[..., 0] * step[None, :, 1] - gap[..., 1] * step[None, :, 0]) / turn
    across = (gap[..., 0] * step[:, None, 1] - gap[..., 1] * step[:, None, 0]) / turn
    meets = (along > 0) & (along < 1) & (across > 0) & (across < 1)
    apart = np.abs(np.subtract.outer(np.arange(len(step)), np.arange(len(step)))) > 1
    assert not (meets & apart).any()


def test_bends_are_near_enough_to_each_other_to_draw_the_river():
    bends = np.array([(point.easting_m, point.northing_m) for point in thames.river_line()])
    assert np.hypot(*np.diff(bends, axis=0).T).max() < 4_000


def test_the_crossings_of_a_pump_leave_out_what_it_cannot_use():
    names = {point.name for point in thames.road_crossings()}
    assert {"Putney Bridge", "Tower Bridge", "Blackwall Tunnel", "Dartford Crossing"} <= names
    assert not names & {"Hammersmith Bridge", "Albert Bridge", "Woolwich Ferry", "Rotherhithe Tunnel"}


def test_a_crossing_is_open_to_pumps_or_says_why_not():
    assert {point.crossing for point in thames.river_line()} == {
        "",
        "road",
        "closed",
        "light",
        "narrow",
        "ferry",
        "new",
    }


def test_bends_have_names_of_their_own():
    names = [point.name for point in thames.river_line()]
    assert len(set(names)) == len(names)


def test_on_one_bank_the_distance_is_the_straight_one():
    assert thames.distance_by_bridge_m(530_000, 181_000, 530_300, 181_400) == pytest.approx(500)


def test_at_a_bridge_the_way_across_is_no_longer_than_the_straight_one():
    bridge = next(point for point in thames.road_crossings() if point.name == "Putney Bridge")
    way_m = thames.distance_by_bridge_m(
        bridge.easting_m, bridge.northing_m + 300, bridge.easting_m, bridge.northing_m - 300
    )
    assert way_m == pytest.approx(600)


def test_a_closed_bridge_is_no_way_across():
    bridge = next(point for point in thames.river_line() if point.name == "Hammersmith Bridge")
    way_m = thames.distance_by_bridge_m(
        bridge.easting_m, bridge.northing_m + 300, bridge.easting_m, bridge.northing_m - 300
    )
    assert way_m > 4_000


def test_from_the_isle_of_dogs_to_greenwich_a_pump_drives_round_by_the_tunnel():
    millwall = by_code(open_stations())["F23"]
    greenwich = (538_300, 177_600)
    way_m = thames.distance_by_bridge_m(millwall.easting_m, millwall.northing_m, *greenwich)
    tunnel = next(point for point in thames.road_crossings() if point.name == "Blackwall Tunnel")
    there_m = np.hypot(tunnel.easting_m - millwall.easting_m, tunnel.northing_m - millwall.northing_m)
    back_m = np.hypot(tunnel.easting_m - greenwich[0], tunnel.northing_m - greenwich[1])
    assert way_m == pytest.approx(there_m + back_m)


def test_one_place_is_measured_from_every_station_at_once():
    stations = open_stations()[:5]
    easting = np.array([station.easting_m for station in stations])
    northing = np.array([station.northing_m for station in stations])
    together = thames.distance_by_bridge_m(easting, northing, 533_000, 178_000)
    one_by_one = [
        float(thames.distance_by_bridge_m(e, n, 533_000, 178_000))
        for e, n in zip(easting, northing, strict=True)
    ]
    assert together.tolist() == pytest.approx(one_by_one)


def test_stations_by_places_is_a_table():
    stations_e, stations_n = np.array([[530_000], [534_000]]), np.array([[181_000], [179_000]])
    location_eastings, location_northings = (
        np.array([531_000, 532_000, 533_000]),
        np.array([178_000, 182_000, 179_500]),
    )
    table_m = thames.distance_by_bridge_m(stations_e, stations_n, location_eastings, location_northings)
    assert table_m.shape == (2, 3)
    assert thames.crosses_thames(stations_e, stations_n, location_eastings, location_northings).tolist() == [
        [True, False, True],
        [False, True, False],
    ]


def test_many_rows_are_worked_out_in_blocks_as_each_would_be_alone():
    copies = 2 * thames.BLOCK_ROWS + 3
    near, far = (530_000.0, 181_000.0), (531_000.0, 177_000.0)
    columns = [np.full(copies, value) for value in (*near, *far)]
    way_m = thames.distance_by_bridge_m(*columns)
    assert np.unique(way_m).tolist() == pytest.approx([float(thames.distance_by_bridge_m(*near, *far))])


def test_no_rows_are_no_distances():
    nothing = np.empty(0)
    assert thames.distance_by_bridge_m(nothing, nothing, nothing, nothing).shape == (0,)


@pytest.mark.parametrize("station", [(530_000, 181_000), (531_000, 177_000)])
def test_an_unknown_place_has_no_distance(station: tuple[int, int]):
    assert np.isnan(thames.distance_by_bridge_m(*station, np.nan, np.nan))


def test_an_unknown_place_is_not_called_south():
    assert thames.is_south_of_thames([np.nan, 531_000, np.nan], [177_000, np.nan, np.nan]).tolist() == [
        False,
        False,
        False,
    ]


@pytest.mark.parametrize("easting_m", [300_000, 490_000, 580_000, 655_000])
def test_beyond_both_ends_of_the_line_the_river_runs_on(easting_m):
    ends = [thames.river_line()[0].northing_m, thames.river_line()[-1].northing_m]
    assert thames.is_south_of_thames(easting_m, min(ends) - 1_000)
    assert not thames.is_south_of_thames(easting_m, max(ends) + 1_000)


def test_a_bend_is_never_west_of_windsor_nor_east_of_gravesend():
    eastings = [point.easting_m for point in thames.river_line()]
    assert (min(eastings), max(eastings)) == (eastings[0], eastings[-1])


def test_bridges_stand_in_their_order_along_the_water():
    names = [point.name for point in thames.road_crossings()]
    downstream = ["Richmond Bridge", "Kew Bridge", "Vauxhall Bridge", "London Bridge", "Blackwall Tunnel"]
    positions = [names.index(name) for name in downstream]
    assert all(before < after for before, after in itertools.pairwise(positions))
