"""The search in a small gazetteer: ranking, correction, nearness, junctions, ids, and which texts are certain."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.gazetteers import PLACES, search_in

from londonpump.domain.stations import known_stations
from londonpump.places.index import STREET, Place, borough_of_code, boroughs, own_places
from londonpump.places.resolve import DISC_POINTS, points_of, resolve
from londonpump.simulation import measured


@pytest.fixture(scope="module")
def search():
    return search_in()


@pytest.mark.parametrize(
    ("typed", "label"),
    [
        ("trafalgar sq", "Trafalgar Sq., Westminster, WC2N"),
        ("TRAFALGAR SQUARE", "Trafalgar Sq., Westminster, WC2N"),
        ("edgeware road", "Edgware Road, Westminster, W2"),
        ("edgware rd w2", "Edgware Road, Westminster, W2"),
        ("a5", "Edgware Road, Westminster, W2"),
        ("church rd acton", "Church Road, Ealing, W3"),
        ("mitcham church rd", "Church Road, Merton, CR4"),
        ("church rd w3", "Church Road, Ealing, W3"),
        ("st johns hill", "St John's Hill, Wandsworth, SW11"),
        ("saint john's hill", "St John's Hill, Wandsworth, SW11"),
        ("heathrow t5", "Heathrow Terminal 5, Hillingdon, TW6"),
        ("kings x", "King's Cross St. Pancras, Camden, N1"),
        ("uch", "University College Hospital, Camden, NW1"),
        ("uni coll hosp", "University College Hospital, Camden, NW1"),
        ("canarywharf", "Canary Wharf, Tower Hamlets, E14"),
        ("canary wharf tube", "Canary Wharf, Tower Hamlets, E14"),
        ("cafe st johns", "St John's Café, Islington, N1"),
        ("black friars road", "Blackfriars Rd., Southwark, SE1"),
        ("electric av lambeth", "Electric Avenue, Lambeth, SW9"),
        ("sw1a2aa", "SW1A 2AA, Westminster, SW1A"),
        ("sw1a 2", "SW1A 2AA, Westminster, SW1A"),
        ("ig1 inn", "IG1 1NN, Redbridge, IG1"),
        ("tq300803", "530050,180350"),
    ],
)
def test_the_place_that_is_meant_comes_first(typed, label, search):
    assert [each.label for each in search.find(typed)][:1] == [label]


def test_a_word_that_is_left_out_is_named(search):
    found = search.find("trafalgar square zzzzz")[0]
    assert (found.name, found.left_out, found.is_certain) == ("Trafalgar Sq.", "zzzzz", False)


@pytest.mark.parametrize(
    "typed", ["", "   ", "zzzzz", "/", "' OR 1=1 --", '"', "*", "NEAR(", "a/", "/ /", "\x00", "AND", "-"]
)
def test_a_text_of_no_place_finds_none_or_something_but_never_breaks(typed, search):
    assert len(search.find(typed)) <= 10


@given(st.text(alphabet=st.sampled_from("abdeghiorst '/-*\"&.é0123456789"), max_size=100))
def test_no_text_breaks_the_search(typed):
    assert len(SEARCH.find(typed)) <= 10


SEARCH = search_in()


def test_many_corrections_take_no_time_that_grows_with_their_product(search):
    # every word has corrections: the product of them all would take minutes
    assert len(search.find(" ".join(["electrik", "avenoe", "churgh"] * 3))) <= 10


@pytest.mark.parametrize("typed", ["edgware rd / harrow rd", "Harrow Road/Edgware Road"])
def test_two_streets_without_a_junction_of_theirs_meet_between_them(typed, search):
    found = search.find(typed)[0]
    assert (found.kind, found.is_certain) == ("junction", False)
    assert (found.easting_m, found.northing_m) == pytest.approx((527_140, 181_533), abs=1)
    assert found.radius_m > 500
    again = search.by_id(found.id)
    assert again is not None
    assert (again.name, again.radius_m) == (found.name, found.radius_m)


def test_ids_lead_back_to_their_places_and_stay_when_others_are_added(search):
    found = search.find("trafalgar sq")[0]
    more = search_in((*PLACES, Place(STREET, "Aaa Street", 530_000, 180_000, "Westminster", "SW1A")))
    assert more.by_id(found.id) == search.by_id(found.id)
    assert [
        search.by_id(each) for each in ("", "0" * 15, "f" * 16, "../../etc", "0" * 15 + "+" + "0" * 15)
    ] == [None] * 5


@pytest.mark.parametrize(
    "typed",
    ["trafalgar sq", "church rd w3", "electric avenue hackney", "SW1A 2AA", "530050,180390", "acton"],
)
def test_a_whole_name_that_one_place_has_is_certain(typed, search):
    resolved, problem = resolve(search, typed)
    assert (resolved is not None, problem) == (True, "")


@pytest.mark.parametrize(
    ("typed", "listed"),
    [
        ("electric avenue", ["Electric Avenue, Lambeth, SW9", "Electric Avenue, Hackney, E8"]),
        ("edgeware road", ["Edgware Road"]),
        ("church rd acton", ["Church Road, Ealing"]),
        ("trafalgar", ["Trafalgar Sq."]),
        ("trafalgar square zzzzz", ["Trafalgar Sq."]),
        ("SW1A 2AA croydon", ["SW1A 2AA"]),
        ("sw1a 2", ["SW1A 2AA", "SW1A 2AB"]),
        ("zzzzz", ["is no known place"]),
    ],
)
def test_a_text_that_is_not_certain_lists_the_candidates(typed, listed, search):
    resolved, problem = resolve(search, typed)
    assert resolved is None
    assert all(text in problem for text in listed), problem
    assert "Send its id, or coordinates" in problem


def test_an_id_of_a_candidate_is_certain(search):
    for match in search.find("electric avenue"):
        resolved, _ = resolve(search, match.id)
        assert resolved is not None
        assert resolved.match.label == match.label


def test_an_inexact_place_is_points_over_its_disc_and_an_exact_one_is_one(search):
    square, road = search.find("trafalgar sq")[0], search.find("edgware road")[0]
    assert points_of(square).tolist() == [[530_059, 180_412]]
    points = points_of(road) - [road.easting_m, road.northing_m]
    distances_m = (points**2).sum(axis=1) ** 0.5
    assert (len(points), road.exactness) == (DISC_POINTS, "street, 610 m")
    assert distances_m.max() <= 610
    # over a disc the mean distance to the middle is two thirds of the radius
    assert distances_m.mean() == pytest.approx(610 * 2 / 3, rel=0.03)
    assert abs(points.mean(axis=0)).max() < 61


def test_without_an_import_stations_boroughs_and_districts_are_known():
    known = search_in((), stations=known_stations())
    assert known.find("soho fire stn")[0].label == "Soho fire station, Westminster"
    assert known.find("a24")[0].label == "Soho fire station, Westminster"
    assert known.find("tower hamlets")[0].kind == "borough"
    assert len([each for each in own_places(known_stations()) if each.kind == "borough"]) == 33


def test_the_codes_of_boroughs_are_those_of_the_records():
    import csv
    from importlib import resources

    rows = csv.DictReader(resources.files(measured).joinpath("boroughs.csv").read_text("utf-8").splitlines())
    published = {row["borough_code"]: row["name"] for row in rows}
    assert {code: borough_of_code(code).upper() for code in published} == published
    assert len(boroughs()) == 33
    assert borough_of_code("E07000001") == borough_of_code("") == ""
