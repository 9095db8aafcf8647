"""`/v1/places`, and questions whose location is the text of a place."""

from itertools import count

import pytest
from support.api_client import SOHO
from support.gazetteers import PLACES

from londonpump.places.index import Source
from londonpump.places.store import FILE, FOLDERS, save_places

NUMBERS = count()
OSM = Source(
    "OpenStreetMap", "Open Database License 1.0 (ODbL)", "© OpenStreetMap contributors", "2026-11-01"
)


def save(settings, places=PLACES):
    return save_places(list(places), [OSM], {}, settings.places)


@pytest.fixture
def gazetteer(api):
    return save(api.client.app.state.service.settings)


@pytest.fixture(scope="module")
def shared_gazetteer(shared_api):
    return save(shared_api.client.app.state.service.settings)


def find(api, q, headers=None):
    return api.client.get("/v1/places", params={"q": q}, headers=headers or api.headers)


@pytest.mark.parametrize(
    ("role", "status"), [("operator", 200), ("service", 200), ("admin", 200), ("analyst", 403), (None, 401)]
)
def test_who_may_ask_for_predictions_may_find_places(role, status, shared_api, shared_gazetteer):
    headers = shared_api.live_service.bearer(f"{role}-{next(NUMBERS)}", role) if role else {"X-Nobody": "1"}
    assert find(shared_api, "trafalgar sq", headers).status_code == status


def test_a_match_says_what_it_is_where_how_exact_and_under_which_licence(shared_api, shared_gazetteer):
    found = find(shared_api, "edgware rd").json()
    match = found["matches"][0]
    expected = {
        "kind": "street",
        "label": "Edgware Road, Westminster, W2",
        "borough": "Westminster",
        "postcode_district": "W2",
        "easting_m": 527_380,
        "exactness": "street, 610 m",
        "is_certain": True,
        "left_out": None,
        "source": "OpenStreetMap",
    }
    assert {name: match[name] for name in expected} == expected
    assert (match["latitude"], match["longitude"]) == pytest.approx((51.516, -0.166), abs=0.002)
    assert [each["attribution"] for each in found["sources"]] == ["© OpenStreetMap contributors"]


def test_numbers_need_no_source(shared_api, shared_gazetteer):
    found = find(shared_api, "TQ 300 803").json()
    assert (found["matches"][0]["kind"], found["matches"][0]["source"], found["sources"]) == (
        "point",
        None,
        [],
    )


@pytest.mark.parametrize("q", ["", "x" * 101, "a\x00b"])
def test_a_text_that_cannot_be_one_is_422(q, shared_api):
    answer = find(shared_api, q)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "query.q")


def test_at_most_ten_places_are_returned(api):
    streets = [
        PLACES[4].__class__("street", f"Park Road {i}", 520_000 + 900 * i, 180_000, "Camden", f"N{i}")
        for i in range(12)
    ]
    save(api.client.app.state.service.settings, streets)
    assert len(find(api, "park road").json()["matches"]) == 10


def test_without_an_import_stations_districts_and_boroughs_are_found(api):
    kinds = {
        q: find(api, q).json()["matches"][0]["kind"]
        for q in ("soho fire station", "camden", "se1", "530000 180000")
    }
    assert list(kinds.values()) == ["station", "borough", "district", "point"]
    assert find(api, "trafalgar sq").json()["matches"] == []


def test_an_import_takes_effect_without_a_restart(api):
    assert find(api, "trafalgar sq").json()["matches"] == []
    save(api.client.app.state.service.settings)
    assert find(api, "trafalgar sq").json()["matches"][0]["name"] == "Trafalgar Sq."


def test_a_damaged_index_is_a_503_without_its_path(api, gazetteer):
    (gazetteer / FILE).write_bytes(b"")
    answer = find(api, "trafalgar sq")
    assert answer.status_code == 503
    assert str(gazetteer) not in answer.text


def test_a_question_takes_a_text_an_id_a_postcode_and_a_street_with_its_district(api, gazetteer):
    place_id = find(api, "electric avenue hackney").json()["matches"][0]["id"]
    for location, label, east in [
        ("trafalgar sq", "Trafalgar Sq., Westminster, WC2N", 530_059),
        ({"text": "sw1a2aa"}, "SW1A 2AA, Westminster, SW1A", 530_047),
        (place_id, "Electric Avenue, Hackney, E8", 533_877),
        ("church rd w3", "Church Road, Ealing, W3", 520_176),
        ("TQ 30050 80390", "530050,180390", 530_050),
    ]:
        answer = api.prediction(location=location)
        match = answer["location"]["match"]
        assert match["label"] == label
        assert match["exactness"] in {"exact", f"{match['kind']}, {match['radius_m']:.0f} m"}
        assert answer["location"]["easting_m"] == pytest.approx(east, abs=15)
        stored = api.again(answer["id"]).json()
        assert stored == answer


def test_an_exact_place_is_answered_as_its_coordinates_are(shared_api, shared_gazetteer):
    by_name = shared_api.prediction(location="trafalgar sq")
    by_number = shared_api.prediction(location={"easting_m": 530_059.0, "northing_m": 180_412.0})
    assert by_name["candidates"] == by_number["candidates"]
    assert (by_name["location"]["n_points"], by_name["location"]["area"]) == (1, None)
    assert by_name["location"]["match"]["attribution"] == OSM.attribution
    assert by_number["location"]["match"] is None


def test_inexactness_widens_the_interval(api):
    near, far = (
        PLACES[4].__class__("street", name, 529_700, 181_100, "Westminster", "W1F", radius_m)
        for name, radius_m in (("Near Street", 30), ("Far Street", 1_500))
    )
    save(api.client.app.state.service.settings, [near, far])
    widths = []
    for text in ("near street", "far street"):
        answer = api.prediction(location=text, pumps=["A241"])
        first = answer["candidates"][0]
        widths.append(first["p90_s"] - first["p10_s"])
        assert answer["location"]["n_points"] == (1 if text == "near street" else 16)
    assert widths[1] > 1.1 * widths[0]


@pytest.mark.parametrize(
    ("text", "listed"),
    [
        ("electric avenue", ["Electric Avenue, Lambeth, SW9 (id ", "Electric Avenue, Hackney, E8 (id "]),
        ("edgeware road", ["Edgware Road, Westminster, W2 (id "]),
        ("zzzzz", ["is no known place"]),
    ],
)
def test_a_text_that_is_not_certain_is_422_with_the_candidates(text, listed, shared_api, shared_gazetteer):
    answer = shared_api.ask(location=text)
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["field"] == "location.text"
    assert all(each in error["problem"] for each in listed), error


def test_each_question_of_a_batch_has_its_own_place_or_problem(api, gazetteer):
    texts = ["trafalgar sq", "electric avenue", SOHO, {"text": "IG1 1NN"}, {"text": "x", **SOHO}, 7]
    items = api.ask_many(*({"location": text} for text in texts)).json()["items"]
    found = [item["answer"] and (item["answer"]["location"]["match"] or {}).get("label") for item in items]
    assert found == ["Trafalgar Sq., Westminster, WC2N", None, None, "IG1 1NN, Redbridge, IG1", None, None]
    assert [item["problem"] and item["problem"]["errors"][0]["field"] for item in items] == [
        None,
        "location.text",
        None,
        None,
        "location",
        "location",
    ]


def test_the_same_text_is_the_same_question_for_its_key(api, gazetteer):
    first = api.ask("key-1", location="trafalgar sq")
    again = api.ask("key-1", location={"text": "trafalgar sq"})
    assert (again.headers["Idempotent-Replay"], again.text) == ("true", first.text)
    assert api.ask("key-1", location="edgware road").status_code == 409


def test_a_district_is_answered_from_the_past_calls_of_the_model(api):
    text, code = (api.prediction(location=each) for each in ("se1", {"postcode_district": "SE1"}))
    assert text["candidates"] == code["candidates"]
    assert text["location"]["match"]["kind"] == "district"


def test_a_place_far_from_london_is_422(shared_api):
    answer = shared_api.ask(location="400000 300000")
    assert answer.status_code == 422
    assert "from the nearest station of London" in answer.json()["detail"]


def test_two_imports_at_once_leave_one_whole_index(shared_api, tmp_path):
    from concurrent.futures import ThreadPoolExecutor

    def run(i):
        return save_places(list(PLACES[: 10 + i % 2]), [OSM], {}, tmp_path)

    with ThreadPoolExecutor(4) as pool:
        folders = set(pool.map(run, range(8)))
    assert len(folders) == 2
    assert all(FOLDERS.opener(folder).find("trafalgar sq") for folder in folders)
    assert FOLDERS.current_name(tmp_path) in {folder.name for folder in folders}
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted(
        ["current.json", *(each.name for each in folders)]
    )
