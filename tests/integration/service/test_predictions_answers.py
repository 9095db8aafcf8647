"""The operator's question through its route, on both engines: what is ranked, derived, stored and refused."""

import json
from datetime import datetime, timedelta

import numpy as np
import pytest
from sqlalchemy import select
from support.asking import SOHO, asking_at
from support.context_rows import weather

from londonpump.models.answering import answer
from londonpump.service.predictions.rows import as_row, digest_of, find_prediction
from londonpump.service.predictions.shown import BatchShown, PredictionShown
from londonpump.storage.database import open_database, reading
from londonpump.storage.database.audit_batch import KIND, AuditBatch
from londonpump.storage.database.audit_rows import read_audit
from londonpump.storage.database.context_rows import store_weather
from londonpump.storage.database.prediction_tables import predictions

ALL = 200
THERE = "A241"
"""A pump of Soho, whose ground it is."""
FAR = {"easting_m": 180_000.0, "northing_m": 529_000.0}


def pumps(told) -> list[str]:
    return [candidate["pump"] for candidate in told["candidates"]]


def stored(asking) -> list:
    engine = open_database(asking.url)
    with reading(engine) as connection:
        found = connection.execute(select(predictions).order_by(predictions.c.created_at)).all()
    engine.dispose()
    return found


def test_candidates_are_ranked_by_arrival(asking_once) -> None:
    told = asking_once.told(return_at_most=ALL)
    p50 = [candidate["p50_s"] for candidate in told["candidates"]]
    assert p50 == sorted(p50)
    assert (len(p50), told["ranked"]) == (len(asking_once.fleet()), len(asking_once.fleet()))


def test_the_nearest_station_comes_first_in_the_middle_of_its_ground(asking_once) -> None:
    told = asking_once.told()
    assert told["candidates"][0]["station"] == {"code": "A24", "name": "Soho"}
    assert told["place"]["station_ground"]["code"] == "A24"


def test_an_answer_is_what_the_document_says(asking_once) -> None:
    PredictionShown.model_validate_json(asking_once.ask(reasons="all").content)
    PredictionShown.model_validate_json(asking_once.ask(place={"station_ground": "A24"}).content)


def test_a_stored_answer_is_the_given_one(asking) -> None:
    given = asking.ask(incident_number="000123-02062025")
    assert asking.again(given.json()["id"]).content == given.content


def test_what_is_stored_says_who_asked_what_and_what_was_announced(asking) -> None:
    told = asking.told(incident_number="000123-02062025", reasons="none")
    row = stored(asking)[0]
    first = told["candidates"][0]
    assert (row.kind, row.model, row.incident_number) == ("call", asking.model, "000123-02062025")
    assert (row.response_time_s, row.asked_at) == (first["p50_s"], asking.clock())
    assert row.inputs == {"place": SOHO, "incident_number": "000123-02062025", "reasons": "none"}


def test_the_audit_holds_the_digest_of_what_is_stored(asking) -> None:
    told = asking.told(incident_number="000123-02062025")
    state = asking.client.app.state.service
    asking.client.portal.call(state.part(AuditBatch).flush)
    engine = open_database(asking.url)
    with reading(engine) as connection:
        entries = [json.loads(line.about)["entries"] for line in read_audit(connection) if line.kind == KIND]
        kept = find_prediction(connection, told["id"])
    engine.dispose()
    assert kept is not None
    assert [(entry["id"], entry["sha256"]) for entry in entries[0]] == [(told["id"], digest_of(as_row(kept)))]


def test_the_served_times_are_those_of_the_model(asking_once, small_bundle) -> None:
    told = asking_once.told(return_at_most=ALL, kind_of_call="Fire", reasons="none")
    stations = {station.code: station for station in small_bundle.stations}
    rows = [stations[candidate["station"]["code"]] for candidate in told["candidates"]]
    n = len(rows)
    columns = {
        "mobilised_us": np.full(n, int(asking_once.clock().timestamp()) * 1_000_000),
        "easting_m": np.full(n, SOHO["easting_m"]),
        "northing_m": np.full(n, SOHO["northing_m"]),
        "station_code": np.array([row.code for row in rows], object),
        "station_easting_m": np.array([row.easting_m for row in rows]),
        "station_northing_m": np.array([row.northing_m for row in rows]),
        "deployed_from": np.full(n, "Home Station", object),
        "incident_type": np.full(n, "Fire", object),
    }
    expected = answer(small_bundle, columns)
    assert [c["p50_s"] for c in told["candidates"]] == expected.median_s.round(1).tolist()
    assert [c["chance_within_s"]["480"] for c in told["candidates"]] == (
        (1 - expected.p_over[:, 1]).round(4).tolist()
    )
    assert told["pumps_needed"]["number"] == expected.pumps[0]


def test_reasons_add_up_to_the_median(asking_once) -> None:
    for place in (SOHO, {"station_ground": "A24"}):
        told = asking_once.told(place=place, reasons="all")
        for candidate in told["candidates"]:
            seconds = sum(reason["seconds"] for reason in candidate["reasons"])
            assert seconds == pytest.approx(candidate["p50_s"], abs=0.05)


@pytest.mark.parametrize(("wanted", "explained"), [("first", [0]), ("all", [0, 1, 2]), ("none", [])])
def test_reasons_are_given_as_asked(wanted, explained, asking_once) -> None:
    told = asking_once.told(reasons=wanted, return_at_most=3)
    assert [i for i, candidate in enumerate(told["candidates"]) if candidate["reasons"]] == explained


def test_two_pumps_are_both_there_later_than_either(asking_once) -> None:
    told = asking_once.told()
    second = told["second_pump"]
    assert second["pump"] == told["candidates"][1]["pump"]
    assert second["p50_s"] > max(candidate["p50_s"] for candidate in told["candidates"][:2])


def test_chances_of_pumps_needed_sum_to_one(asking_once) -> None:
    needed = asking_once.told()["pumps_needed"]
    assert sum(needed["chances"].values()) == pytest.approx(1, abs=3e-4)
    assert str(needed["number"]) in needed["chances"]


def test_a_board_that_nobody_knows_is_assumed_available_and_said(asking_once) -> None:
    told = asking_once.told()
    assert {c["state"] for c in told["candidates"]} == {"unknown"}
    assert all(c["is_assumed"] for c in told["candidates"])
    assert (told["pumps_out"], told["ground_pumps_available"], told["recent_ground_calls"]) == (None,) * 3
    assert "pumps_out=default" in told["filled"]
    assert any(line.startswith("the board: fewer than half") for line in told["missing"])


def test_a_known_board_is_told_and_counted(asking) -> None:
    asking.know_the_board()
    told = asking.told()
    assert (told["pumps_out"], told["recent_ground_calls"]) == (0, 0)
    assert told["ground_pumps_available"] >= 1
    assert [line for line in told["missing"] if line.startswith("the board")] == []
    assert told["candidates"][0]["reported_at"] == "2025-06-02T09:29:00Z"


def test_a_pump_off_the_run_is_ranked_only_when_it_is_named(asking) -> None:
    asking.put_pump(THERE, state="off_run", reason="brakes")
    assert THERE not in pumps(asking.told(return_at_most=ALL))
    named = asking.told(pumps=[THERE, "A211"])
    assert {(c["pump"], c["state"]) for c in named["candidates"]} == {(THERE, "off_run"), ("A211", "unknown")}


def test_a_pump_that_is_out_is_not_ranked(asking) -> None:
    sent = {"incident_number": "000124-02062025", "pump": THERE}
    assert asking.post("/v1/mobilisations", sent).status_code == 201
    assert THERE not in pumps(asking.told(return_at_most=ALL))


def test_a_pump_on_standby_sets_out_from_there(asking) -> None:
    before = asking.told(pumps=["H271"])["candidates"][0]
    asking.put_pump("H271", state="standby", station_code="A24")
    after = asking.told(pumps=["H271"])["candidates"][0]
    assert (before["home_station"], after["home_station"]["code"]) == (None, "H27")
    assert (after["station"]["code"], after["state"]) == ("A24", "standby")
    assert after["p50_s"] < before["p50_s"]


def test_of_two_at_one_time_the_available_one_goes_first(asking) -> None:
    pair = sorted(code for code in asking.fleet() if code.startswith("A24"))
    asking.put_pump(pair[-1], state="available")
    assert pumps(asking.told(pumps=pair)) == [pair[-1], *pair[:-1]]


def test_no_pump_that_can_go_is_an_answer_with_a_warning(asking) -> None:
    asking.know_the_board(**{code: {"state": "off_run"} for code in asking.fleet()})
    told = asking.told()
    assert (told["candidates"], told["second_pump"], told["ranked"]) == ([], None, 0)
    assert told["warning"].startswith("No pump can be ranked")
    assert stored(asking)[0].response_time_s is None


def test_context_is_told_with_its_source_and_age(asking) -> None:
    engine = open_database(asking.url)
    hour = asking.clock().replace(minute=0)
    store_weather(engine, [weather(hour, hour - timedelta(minutes=30), precip_mm=2.5)])
    engine.dispose()
    rain = asking.told()["context"]["precip_mm"]
    assert rain == {
        "value": 2.5,
        "unit": "mm",
        "source": "visual_crossing",
        "observed_at": "2025-06-02T09:00:00Z",
        "age_min": 60.0,
        "is_filled": False,
    }


def test_weather_that_came_later_than_the_moment_is_not_used(asking) -> None:
    engine = open_database(asking.url)
    hour = datetime.fromisoformat("2025-05-01T09:00:00Z")
    store_weather(engine, [weather(hour, hour + timedelta(hours=3), precip_mm=2.5)])
    engine.dispose()
    told = asking.told(at="2025-05-01T09:30:00Z")
    assert told["context"]["precip_mm"]["source"] == "climate"


def test_what_is_stated_goes_before_what_is_known(asking) -> None:
    asking.know_the_board()
    told = asking.told(context={"precip_mm": 7.0, "pumps_out": 55})
    assert (told["context"]["precip_mm"]["value"], told["context"]["precip_mm"]["source"]) == (7.0, "call")
    assert told["pumps_out"] == 55
    assert not any(label.startswith(("pumps_out", "precip_mm")) for label in told["filled"])


def test_a_category_that_nobody_knows_counts_as_not_stated(asking_once) -> None:
    told = asking_once.told(property_category="Castle in the air")
    assert "property_category=unknown" in told["filled"]


def test_another_moment_is_answered_without_the_board(asking) -> None:
    asking.know_the_board(**{THERE: {"state": "off_run"}})
    told = asking.told(at="2025-06-01T09:30:00Z", return_at_most=ALL)
    assert THERE in pumps(told)
    assert any(line.startswith("the board: it tells about now alone") for line in told["missing"])


def test_the_fleet_is_that_of_the_day(asking_once) -> None:
    then = asking_once.told(at="2013-06-01T09:30:00Z", return_at_most=ALL)
    now = asking_once.told(return_at_most=ALL)
    closed = {"A03", "A22", "A25"}
    assert closed & {candidate["station"]["code"] for candidate in then["candidates"]}
    assert not closed & {candidate["station"]["code"] for candidate in now["candidates"]}


def test_degrees_are_the_same_place_as_metres(asking_once) -> None:
    told = asking_once.told(place={"latitude": 51.513_91, "longitude": -0.132_02})
    assert told["place"]["easting_m"] == pytest.approx(SOHO["easting_m"], abs=60)
    assert told["place"]["northing_m"] == pytest.approx(SOHO["northing_m"], abs=60)


def test_a_place_that_is_only_named_is_answered_wider(asking_once) -> None:
    named = asking_once.told(place={"station_ground": "A24"})
    middle = {name: named["place"][name] for name in ("easting_m", "northing_m")}
    exact = asking_once.told(place=middle)
    widths = [told["candidates"][0]["p90_s"] - told["candidates"][0]["p10_s"] for told in (named, exact)]
    assert (named["place"]["named"], named["place"]["points"] > 1) == ("A24", True)
    assert widths[0] > widths[1]


def test_a_named_place_ranks_pumps_that_are_asked_for_however_far(asking_once) -> None:
    codes = sorted(asking_once.fleet())[-40:]
    told = asking_once.told(place={"station_ground": "A24"}, pumps=codes, return_at_most=ALL)
    assert sorted(pumps(told)) == codes


@pytest.mark.parametrize(
    ("question", "named"),
    [
        ({"place": FAR}, "from the nearest station"),
        ({"place": {"postcode_district": "se1 7p"}}, "is no postcode. Write it whole, like SE1 7PB"),
        ({"place": {"postcode_district": "ZZ9"}}, "no past calls from ZZ9"),
        ({"place": {"station_ground": "Z99"}}, "Z99 is no station"),
        ({"pumps": ["Z991"]}, "Z991: not in the fleet"),
    ],
)
def test_what_cannot_be_used_is_422_and_says_what_to_do(question, named, asking_once) -> None:
    refused = asking_once.ask(**question)
    assert refused.status_code == 422
    assert named in refused.json()["detail"]


def test_without_a_model_it_is_503_and_says_which_command_mends_it(tmp_path) -> None:
    with asking_at(f"sqlite:///{tmp_path}/a.db", tmp_path, None) as asking:
        refused = asking.ask()
    assert (refused.status_code, "londonpump models promote" in refused.json()["detail"]) == (503, True)


def test_another_persons_prediction_is_404_for_operators_alone(asking) -> None:
    mine = asking.told()["id"]
    seen = {role: asking.again(mine, asking.desk.bearer(f"{role}-2", role)).status_code for role in ROLES}
    assert seen == {"operator": 404, "service": 404, "analyst": 200, "admin": 200}


ROLES = ("operator", "service", "analyst", "admin")


def test_an_analyst_asks_no_questions(asking_once) -> None:
    refused = asking_once.ask(headers=asking_once.desk.bearer("anna", "analyst"))
    assert refused.status_code == 403


def test_predictions_are_counted_by_model(asking_sqlite) -> None:
    asking_sqlite.told()
    text = asking_sqlite.client.get("/metrics").text
    assert f'londonpump_predictions_total{{kind="call",model="{asking_sqlite.model}"}} 1.0' in text


def test_the_batch_document_has_the_answer_of_a_question(asking_once) -> None:
    BatchShown.model_validate_json(asking_once.ask_many({"place": SOHO}, {"place": {}}).content)
