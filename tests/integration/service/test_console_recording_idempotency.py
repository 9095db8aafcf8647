"""Issue 18: what the forms of New call record, without a model and without script."""

import html
import json
import re
from collections.abc import Iterator

import pytest
from fastapi import Request
from support.console_client import PART, Console, signed_in

from londonpump.domain.errors import DatabaseFailed
from londonpump.service.board import routes as board
from londonpump.service.board.batch import SentPumps
from londonpump.service.console.new_call import recorded_page

PLACE = "529700, 181100"
MARKUP = "<script>alert(1)</script>"


@pytest.fixture
def console(live_service) -> Iterator[Console]:
    with signed_in(live_service, "amelia") as person:
        yield person


def hidden(page: str, name: str) -> str:
    found = re.search(rf'<input type="hidden" name="{name}" value="([^"]*)"', page)
    assert found, name
    return found[1]


def ranked(console: Console) -> str:
    return console.post("/console/call", {"place": PLACE}, PART).text


def recorded(console: Console, **headers: str) -> list:
    token = console.live_service.bearer(f"olaf{len(console.live_service.client.cookies)}{id(headers)}")
    incidents = console.client.get("/v1/incidents", headers=token).json()
    return [each["pump"] for incident in incidents for each in incident["mobilisations"]]


def test_without_a_model_pumps_are_ordered_by_distance_and_can_be_recorded(console) -> None:
    page = ranked(console)
    assert "No model is active: no times. Pumps are ordered by distance." in page
    # no dots and no chances
    assert "<svg" not in page
    assert re.findall(r'data-pump="([A-Z0-9]+)"', page)[:2] == ["A241", "A242"]
    assert "0.2 km" in page
    assert "Pumps, the nearest station first" in page
    form = {name: hidden(page, name) for name in ("key", "easting_m", "northing_m")}
    answer = console.post("/console/record", {**form, "pump": ["A241"], "first": "A241"}, PART)
    assert "A241 for L0001-02062025." in answer.text
    incident = console.client.get(
        "/v1/incidents/L0001-02062025", headers=console.live_service.bearer("the reader")
    ).json()
    assert incident["location"] == {"easting_m": 529_700.0, "northing_m": 181_100.0}
    assert recorded(console) == ["A241"]


def test_the_same_form_sent_twice_records_once_and_says_the_same(console) -> None:
    form = {"pump": ["A241", "A242"], "key": hidden(ranked(console), "key"), "first": "A241"}
    first, again = (console.post("/console/record", form, PART) for _ in range(2))
    assert first.status_code == again.status_code == 200
    assert re.findall(r"Recorded .*\.", first.text) == re.findall(r"Recorded .*\.", again.text) != []
    assert sorted(recorded(console)) == ["A241", "A242"]


def test_what_can_go_goes_and_the_rest_says_what_is_in_the_way(console) -> None:
    form = {"pump": ["A241"], "key": "0" * 20, "first": "A241"}
    console.post("/console/record", form, PART)
    answer = console.post("/console/record", {**form, "pump": ["A241", "A242"], "key": "1" * 20}, PART).text
    assert "A242 for L0002-02062025." in answer
    assert "A241 was not recorded: A241 is mobilised for incident L0001-02062025." in answer


def test_another_pump_than_the_first_needs_a_reason(console) -> None:
    form = {"pump": ["A242"], "key": "0" * 20, "first": "A241"}
    refused = console.post("/console/record", form, PART)
    assert (refused.status_code, recorded(console)) == (422, [])
    assert "A241 is first in the list and not ticked. Why?" in refused.text
    assert console.post("/console/record", {**form, "own_reason": "asked for"}, PART).status_code == 200


def test_recording_can_be_switched_off(console) -> None:
    object.__setattr__(console.live_service.client.app.state.service.settings, "console_records", False)
    assert "Recording is switched off here: the feed keeps the board." in ranked(console)
    answer = console.post("/console/record", {"pump": ["A241"], "key": "0" * 20}, PART)
    assert (answer.status_code, recorded(console)) == (403, [])


def test_an_analyst_sees_incidents_and_records_nothing(live_service) -> None:
    with signed_in(live_service, "anna", "analyst") as analyst:
        assert analyst.get("/console/").headers["location"] == "/console/incidents"
        assert analyst.get("/console/incidents").status_code == 200
        answer = analyst.post("/console/record", {"pump": ["A241"], "key": "0" * 20}, PART)
        assert answer.status_code == 403
        assert "This requires the role" in answer.text


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("", "Type a place first."),
        ("   ", "Type a place first."),
        (MARKUP, "No place found for &#34;&lt;script&gt;"),
        ("\0", "No place found for"),
    ],
)
def test_no_place_says_what_to_do(place, said, console) -> None:
    page = console.post("/console/call", {"place": place}).text
    assert said in page
    assert MARKUP not in page


def test_a_place_that_may_be_several_is_asked_for(console) -> None:
    page = console.post("/console/call", {"place": "ham"}).text
    assert "Which place is meant?" in page
    # a name that is only similar is never taken
    assert 'data-pump="' not in page


def test_a_match_of_the_page_is_taken_as_the_place(console) -> None:
    match = console.get("/console/places?q=soho", **PART).json()[0]
    chosen = json.dumps({"label": match["label"], "location": match["location"], "typed": "soho"})
    page = console.post("/console/call", {"place": "soho", "chosen": chosen}, PART).text
    assert re.findall(r'data-pump="([A-Z0-9]+)"', page)[0] == "A241"
    # of another text than the field's it is none
    assert 'data-pump="' not in console.post("/console/call", {"place": "ham", "chosen": chosen}, PART).text


def test_a_changed_match_of_the_page_is_refused_and_not_believed(console) -> None:
    for chosen in (
        "{",
        "[]",
        '{"label": "x"}',
        '{"label": "x", "location": {"easting_m": 1e9, "northing_m": 0}}',
    ):
        answer = console.post("/console/call", {"place": PLACE, "chosen": chosen}, PART)
        assert answer.status_code in {200, 422}
        assert "Traceback" not in answer.text


def test_without_script_a_new_text_is_never_ranked_as_the_old_place(console) -> None:
    page = console.post("/console/call", {"place": PLACE}).text
    old = html.unescape(hidden(page, "chosen"))
    again = console.post("/console/call", {"place": "528000, 185000", "chosen": old, "incident": "L0001"})
    assert json.loads(html.unescape(hidden(again.text, "chosen")))["typed"] == "528000, 185000"
    assert "TQ 2800 8500" in again.text
    # nor is the incident of the old place kept
    assert hidden(again.text, "incident") == ""
    # a choice that does not say for which text it was made is none
    bare = json.dumps({name: value for name, value in json.loads(old).items() if name != "typed"})
    assert "TQ 2800 8500" in console.post("/console/call", {"place": "528000, 185000", "chosen": bare}).text


def test_without_script_an_incident_nearby_is_joined_and_left_by_buttons(console) -> None:
    console.post("/console/record", {"pump": ["A241"], "key": "0" * 20, "first": "A241"})
    form = {"place": PLACE, "chosen": html.unescape(hidden(ranked(console), "chosen"))}
    joined = console.post("/console/call", {**form, "join": "L0001-02062025"}).text
    assert (hidden(joined, "incident"), "added to L0001-02062025" in joined) == ("L0001-02062025", True)
    form["incident"] = "L0001-02062025"
    assert hidden(console.post("/console/call", form).text, "incident") == "L0001-02062025"
    assert hidden(console.post("/console/call", {**form, "separate": "yes"}).text, "incident") == ""


def ids_of(page: str) -> list[str]:
    return re.findall(r'name="mobilisation" value="([0-9a-f]+)"', page)


def test_a_pump_that_has_arrived_does_not_keep_the_others_recorded(console) -> None:
    form = {"pump": ["A241", "A242"], "key": "0" * 20, "first": "A241"}
    first, second = ids_of(console.post("/console/record", form, PART).text)
    console.post("/console/events", {"mobilisation": first, "event": "arrived"})
    answer = console.post("/console/withdraw", {"mobilisation": [first, second]}, PART)
    assert answer.status_code == 200
    assert "A241 has arrived already" in answer.text
    assert re.search(r"Withdrawn [0-9:]+: A242 for", answer.text)
    alone = console.post("/console/withdraw", {"mobilisation": [first]}, PART)
    assert (alone.status_code, "A241 has arrived already" in alone.text) == (409, True)


def test_what_fails_after_a_withdrawal_does_not_hide_it_and_can_be_tried_again(console, monkeypatch) -> None:
    form = {"pump": ["A241", "A242"], "key": "0" * 20, "first": "A241"}
    first, second = ids_of(console.post("/console/record", form, PART).text)
    withdraw = board.withdraw

    async def fail_the_second(person, state, mobilisation_id, withdrawal):
        if mobilisation_id == second:
            raise DatabaseFailed("sqlite:///secret.db is locked")
        return await withdraw(person, state, mobilisation_id, withdrawal)

    monkeypatch.setattr(board, "withdraw", fail_the_second)
    answer = console.post("/console/withdraw", {"mobilisation": [first, second]}, PART)
    assert answer.status_code == 200
    assert re.search(r"Withdrawn [0-9:]+: A241 for", answer.text)
    assert "Not withdrawn: 1 of 2." in answer.text
    assert "secret" not in answer.text
    assert ids_of(answer.text) == [second]
    # nothing is withdrawn by this one: what can be tried again counts, and not what cannot
    only = {"mobilisation": ["f" * 32, second]}
    assert console.post("/console/withdraw", only, PART).status_code == 503
    monkeypatch.setattr(board, "withdraw", withdraw)
    # a record that nobody knows is no reason to hide what was done
    answer = console.post("/console/withdraw", {"mobilisation": [second, "f" * 32]}, PART).text
    assert re.search(r"Withdrawn [0-9:]+: A242 for", answer)
    assert "Not withdrawn: 1 of 2." in answer
    assert ids_of(answer) == []
    assert recorded(console) == []


def test_a_page_of_somebody_else_records_nothing(console) -> None:
    form = {"pump": ["A241"], "key": "0" * 20, "first": "A241"}
    assert console.post("/console/record", {**form, "user": "olga"}, PART).status_code == 401
    assert recorded(console) == []
    assert console.post("/console/record", {**form, "user": "amelia"}, PART).status_code == 200


def test_a_pump_whose_record_was_withdrawn_is_not_said_to_be_recorded(console) -> None:
    form = {"pump": ["A241", "A242"], "key": "0" * 20, "first": "A241"}
    ids = ids_of(console.post("/console/record", form, PART).text)
    console.post("/console/withdraw", {"mobilisation": ids[:1]}, PART)
    token = console.live_service.bearer("olaf")
    found = [console.client.get(f"/v1/mobilisations/{each}", headers=token).json() for each in ids]
    sent = [{"pump": each["pump"], "mobilisation": each, "is_new": False, "problem": None} for each in found]
    result = SentPumps.model_validate({"incident_number": found[0]["incident_number"], "pumps": sent})
    request = Request(
        {"type": "http", "path": "/console/record", "headers": [], "app": console.live_service.client.app}
    )
    page = bytes(recorded_page(request, result).body).decode()
    assert re.search(r"Recorded [0-9:]+: A242 for", page)
    assert re.search(r"A241 is not recorded: its record was withdrawn at [0-9:]+\.", page)
    # and there is nothing of it to withdraw
    assert ids_of(page) == ids[1:]


@pytest.mark.parametrize(
    "chosen", ["[" * 999, json.dumps({"label": "\ud800", "location": {}, "typed": PLACE})]
)
def test_a_choice_that_no_page_makes_is_answered_by_a_page(chosen, console) -> None:
    answer = console.post("/console/call", {"place": PLACE, "chosen": chosen})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")


@pytest.mark.parametrize("key", ["a key", "\x00", "\u00e9", "k" * 129])
def test_a_key_that_no_page_makes_is_refused(key, console) -> None:
    for path, form in (("/console/record", {"pump": ["A241"]}), ("/console/call", {"place": PLACE})):
        assert console.post(path, {**form, "key": key}).status_code == 422
    assert recorded(console) == []
