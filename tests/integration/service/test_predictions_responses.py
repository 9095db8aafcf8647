"""`/v1/predictions` through its route, on both engines: what is ranked, derived, stored and rejected."""

import json
from datetime import datetime, timedelta

import numpy as np
import pytest
from sqlalchemy import select
from support.api_client import SOHO, serve_api
from support.context_rows import weather

from londonpump.models.predict import predict_dispatches
from londonpump.persistence.database import open_database, reading
from londonpump.persistence.database.schema import predictions
from londonpump.persistence.repositories.audit import EVENT_TYPE, read_audit
from londonpump.persistence.repositories.context import store_weather
from londonpump.persistence.repositories.predictions import as_row, digest_of, find_prediction
from londonpump.service.predictions.schemas import BatchResponse, PredictionResponse

ALL = 200
THERE = "A241"
"""A pump of Soho, whose ground it is."""
FAR = {"easting_m": 180_000.0, "northing_m": 529_000.0}


def pumps(prediction) -> list[str]:
    return [candidate["pump"] for candidate in prediction["candidates"]]


def stored(api) -> list:
    engine = open_database(api.url)
    with reading(engine) as connection:
        found = list(connection.execute(select(predictions).order_by(predictions.c.created_at)))
    engine.dispose()
    return found


def test_candidates_are_ranked_by_arrival(shared_api) -> None:
    prediction = shared_api.prediction(max_candidates=ALL)
    p50 = [candidate["p50_s"] for candidate in prediction["candidates"]]
    assert p50 == sorted(p50)
    assert (len(p50), prediction["n_ranked"]) == (len(shared_api.fleet()), len(shared_api.fleet()))


def test_the_nearest_station_comes_first_in_the_middle_of_its_ground(shared_api) -> None:
    prediction = shared_api.prediction()
    assert prediction["candidates"][0]["station"] == {"code": "A24", "name": "Soho"}
    assert prediction["location"]["station_ground"]["code"] == "A24"


def test_an_answer_is_what_the_document_says(shared_api) -> None:
    PredictionResponse.model_validate_json(shared_api.ask(explanations="all").content)
    PredictionResponse.model_validate_json(shared_api.ask(location={"station_ground": "A24"}).content)


def test_a_stored_answer_is_the_given_one(api) -> None:
    response = api.ask(incident_number="000123-02062025")
    assert api.again(response.json()["id"]).content == response.content


def test_what_is_stored_says_who_asked_what_and_what_was_announced(api) -> None:
    prediction = api.prediction(incident_number="000123-02062025", explanations="none")
    row = stored(api)[0]
    first = prediction["candidates"][0]
    assert (row.endpoint, row.model, row.incident_number) == ("call", api.model, "000123-02062025")
    assert (row.response_time_s, row.call_at) == (first["p50_s"], api.clock())
    assert row.inputs == {"location": SOHO, "incident_number": "000123-02062025", "explanations": "none"}


def test_the_audit_holds_the_digest_of_what_is_stored(api) -> None:
    prediction = api.prediction(incident_number="000123-02062025")
    state = api.client.app.state.service
    api.client.portal.call(state.audit.flush)
    engine = open_database(api.url)
    with reading(engine) as connection:
        entries = [
            json.loads(line.details)["entries"]
            for line in read_audit(connection)
            if line.event_type == EVENT_TYPE
        ]
        stored_prediction = find_prediction(connection, prediction["id"])
    engine.dispose()
    assert stored_prediction is not None
    assert [(entry["id"], entry["sha256"]) for entry in entries[0]] == [
        (prediction["id"], digest_of(as_row(stored_prediction)))
    ]


def test_the_served_times_are_those_of_the_model(shared_api, small_bundle) -> None:
    prediction = shared_api.prediction(max_candidates=ALL, incident_type="Fire", explanations="none")
    stations = {station.code: station for station in small_bundle.stations}
    rows = [stations[candidate["station"]["code"]] for candidate in prediction["candidates"]]
    n = len(rows)
    columns = {
        "mobilised_us": np.full(n, int(shared_api.clock().timestamp()) * 1_000_000),
        "easting_m": np.full(n, SOHO["easting_m"]),
        "northing_m": np.full(n, SOHO["northing_m"]),
        "station_code": np.array([row.code for row in rows], object),
        "station_easting_m": np.array([row.easting_m for row in rows]),
        "station_northing_m": np.array([row.northing_m for row in rows]),
        "deployed_from": np.full(n, "Home Station", object),
        "incident_type": np.full(n, "Fire", object),
    }
    expected = predict_dispatches(small_bundle, columns)
    assert [c["p50_s"] for c in prediction["candidates"]] == expected.median_s.round(1).tolist()
    assert [c["chance_within_s"]["480"] for c in prediction["candidates"]] == (
        (1 - expected.p_over[:, 1]).round(4).tolist()
    )
    assert prediction["pumps_needed"]["number"] == expected.pumps[0]


def test_reasons_add_up_to_the_median(shared_api) -> None:
    for place in (SOHO, {"station_ground": "A24"}):
        prediction = shared_api.prediction(location=place, explanations="all")
        for candidate in prediction["candidates"]:
            seconds = sum(reason["contribution_s"] for reason in candidate["explanations"])
            assert seconds == pytest.approx(candidate["p50_s"], abs=0.05)


@pytest.mark.parametrize(("detail", "explained"), [("first", [0]), ("all", [0, 1, 2]), ("none", [])])
def test_reasons_are_given_as_asked(detail, explained, shared_api) -> None:
    prediction = shared_api.prediction(explanations=detail, max_candidates=3)
    assert [
        i for i, candidate in enumerate(prediction["candidates"]) if candidate["explanations"]
    ] == explained


def test_two_pumps_are_both_there_later_than_either(shared_api) -> None:
    prediction = shared_api.prediction()
    second = prediction["second_pump"]
    assert second["pump"] == prediction["candidates"][1]["pump"]
    assert second["p50_s"] > max(candidate["p50_s"] for candidate in prediction["candidates"][:2])


def test_chances_of_pumps_needed_sum_to_one(shared_api) -> None:
    needed = shared_api.prediction()["pumps_needed"]
    assert sum(needed["chances"].values()) == pytest.approx(1, abs=3e-4)
    assert str(needed["number"]) in needed["chances"]


def test_a_board_that_nobody_knows_is_assumed_available_and_said(shared_api) -> None:
    prediction = shared_api.prediction()
    assert {c["state"] for c in prediction["candidates"]} == {"unknown"}
    assert all(c["is_assumed"] for c in prediction["candidates"])
    assert (
        prediction["pumps_out"],
        prediction["ground_pumps_available"],
        prediction["recent_ground_calls"],
    ) == (None,) * 3
    assert "pumps_out=default" in prediction["imputed"]
    assert any(line.startswith("the board: fewer than half") for line in prediction["missing"])


def test_a_known_board_is_told_and_counted(api) -> None:
    api.report_all_available()
    prediction = api.prediction()
    assert (prediction["pumps_out"], prediction["recent_ground_calls"]) == (0, 0)
    assert prediction["ground_pumps_available"] >= 1
    assert [line for line in prediction["missing"] if line.startswith("the board")] == []
    assert prediction["candidates"][0]["reported_at"] == "2025-06-02T09:29:00Z"


def test_a_pump_off_the_run_is_ranked_only_when_it_is_named(api) -> None:
    api.put_pump(THERE, state="off_run", reason="brakes")
    assert THERE not in pumps(api.prediction(max_candidates=ALL))
    named = api.prediction(pumps=[THERE, "A211"])
    assert {(c["pump"], c["state"]) for c in named["candidates"]} == {(THERE, "off_run"), ("A211", "unknown")}


def test_a_pump_that_is_out_is_not_ranked(api) -> None:
    sent = {"incident_number": "000124-02062025", "pump": THERE}
    assert api.post("/v1/mobilisations", sent).status_code == 201
    assert THERE not in pumps(api.prediction(max_candidates=ALL))


def test_a_pump_on_standby_sets_out_from_there(api) -> None:
    before = api.prediction(pumps=["H271"])["candidates"][0]
    api.put_pump("H271", state="standby", station_code="A24")
    after = api.prediction(pumps=["H271"])["candidates"][0]
    assert (before["home_station"], after["home_station"]["code"]) == (None, "H27")
    assert (after["station"]["code"], after["state"]) == ("A24", "standby")
    assert after["p50_s"] < before["p50_s"]


def test_of_two_at_one_time_the_available_one_goes_first(api) -> None:
    pair = sorted(code for code in api.fleet() if code.startswith("A24"))
    api.put_pump(pair[-1], state="available")
    assert pumps(api.prediction(pumps=pair)) == [pair[-1], *pair[:-1]]


def test_no_pump_that_can_go_is_an_answer_with_a_warning(api) -> None:
    api.report_all_available(**{code: {"state": "off_run"} for code in api.fleet()})
    prediction = api.prediction()
    assert (prediction["candidates"], prediction["second_pump"], prediction["n_ranked"]) == ([], None, 0)
    assert prediction["warning"].startswith("No pump can be ranked")
    assert stored(api)[0].response_time_s is None


def test_context_is_told_with_its_source_and_age(api) -> None:
    engine = open_database(api.url)
    hour = api.clock().replace(minute=0)
    store_weather(engine, [weather(hour, hour - timedelta(minutes=30), precip_mm=2.5)])
    engine.dispose()
    rain = api.prediction()["context"]["precip_mm"]
    assert rain == {
        "value": 2.5,
        "unit": "mm",
        "source": "visual_crossing",
        "observed_at": "2025-06-02T09:00:00Z",
        "age_min": 60.0,
        "is_imputed": False,
    }


def test_weather_that_came_later_than_the_moment_is_not_used(api) -> None:
    engine = open_database(api.url)
    hour = datetime.fromisoformat("2025-05-01T09:00:00Z")
    store_weather(engine, [weather(hour, hour + timedelta(hours=3), precip_mm=2.5)])
    engine.dispose()
    prediction = api.prediction(at="2025-05-01T09:30:00Z")
    assert prediction["context"]["precip_mm"]["source"] == "climate"


def test_what_is_stated_goes_before_what_is_known(api) -> None:
    api.report_all_available()
    prediction = api.prediction(context={"precip_mm": 7.0, "pumps_out": 55})
    assert (prediction["context"]["precip_mm"]["value"], prediction["context"]["precip_mm"]["source"]) == (
        7.0,
        "call",
    )
    assert prediction["pumps_out"] == 55
    assert not any(label.startswith(("pumps_out", "precip_mm")) for label in prediction["imputed"])


def test_a_category_that_nobody_knows_counts_as_not_stated(shared_api) -> None:
    prediction = shared_api.prediction(property_category="Castle in the air")
    assert "property_category=unknown" in prediction["imputed"]


def test_another_moment_is_answered_without_the_board(api) -> None:
    api.report_all_available(**{THERE: {"state": "off_run"}})
    prediction = api.prediction(at="2025-06-01T09:30:00Z", max_candidates=ALL)
    assert THERE in pumps(prediction)
    assert any(line.startswith("the board: it is known only for now") for line in prediction["missing"])


def test_the_fleet_is_that_of_the_day(shared_api) -> None:
    then = shared_api.prediction(at="2013-06-01T09:30:00Z", max_candidates=ALL)
    now = shared_api.prediction(max_candidates=ALL)
    closed = {"A03", "A22", "A25"}
    assert closed & {candidate["station"]["code"] for candidate in then["candidates"]}
    assert not closed & {candidate["station"]["code"] for candidate in now["candidates"]}


def test_degrees_are_the_same_place_as_metres(shared_api) -> None:
    prediction = shared_api.prediction(location={"latitude": 51.513_91, "longitude": -0.132_02})
    assert prediction["location"]["easting_m"] == pytest.approx(SOHO["easting_m"], abs=60)
    assert prediction["location"]["northing_m"] == pytest.approx(SOHO["northing_m"], abs=60)


def test_a_place_that_is_only_named_is_answered_wider(shared_api) -> None:
    named = shared_api.prediction(location={"station_ground": "A24"})
    middle = {name: named["location"][name] for name in ("easting_m", "northing_m")}
    exact = shared_api.prediction(location=middle)
    widths = [
        prediction["candidates"][0]["p90_s"] - prediction["candidates"][0]["p10_s"]
        for prediction in (named, exact)
    ]
    assert (named["location"]["area"], named["location"]["n_points"] > 1) == ("A24", True)
    assert widths[0] > widths[1]


def test_a_named_place_ranks_pumps_that_are_asked_for_however_far(shared_api) -> None:
    codes = sorted(shared_api.fleet())[-40:]
    prediction = shared_api.prediction(location={"station_ground": "A24"}, pumps=codes, max_candidates=ALL)
    assert sorted(pumps(prediction)) == codes


@pytest.mark.parametrize(
    ("question", "named"),
    [
        ({"location": FAR}, "from the nearest station"),
        ({"location": {"postcode_district": "se1 7p"}}, "is not a postcode. Write it whole, like SE1 7PB"),
        ({"location": {"postcode_district": "ZZ9"}}, "no past calls from ZZ9"),
        ({"location": {"station_ground": "Z99"}}, "Z99 is no station"),
        ({"pumps": ["Z991"]}, "Z991: not in the fleet"),
    ],
)
def test_what_cannot_be_used_is_422_and_says_what_to_do(question, named, shared_api) -> None:
    rejection = shared_api.ask(**question)
    assert rejection.status_code == 422
    assert named in rejection.json()["detail"]


def test_without_a_model_it_is_503_and_says_which_command_mends_it(tmp_path) -> None:
    with serve_api(f"sqlite:///{tmp_path}/a.db", tmp_path, None) as api:
        rejection = api.ask()
    assert (rejection.status_code, "londonpump models promote" in rejection.json()["detail"]) == (503, True)


def test_another_persons_prediction_is_404_for_operators_alone(api) -> None:
    mine = api.prediction()["id"]
    seen = {role: api.again(mine, api.live_service.bearer(f"{role}-2", role)).status_code for role in ROLES}
    assert seen == {"operator": 404, "service": 404, "analyst": 200, "admin": 200}


ROLES = ("operator", "service", "analyst", "admin")


def test_an_analyst_asks_no_questions(shared_api) -> None:
    rejection = shared_api.ask(headers=shared_api.live_service.bearer("anna", "analyst"))
    assert rejection.status_code == 403


def test_predictions_are_counted_by_model(sqlite_api) -> None:
    sqlite_api.prediction()
    text = sqlite_api.client.get("/metrics").text
    assert f'londonpump_predictions_total{{kind="call",model="{sqlite_api.model}"}} 1.0' in text


def test_the_batch_document_has_the_answer_of_a_question(shared_api) -> None:
    BatchResponse.model_validate_json(shared_api.ask_many({"location": SOHO}, {"location": {}}).content)
