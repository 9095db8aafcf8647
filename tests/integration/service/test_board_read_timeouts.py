"""Issue 11, A2: a slow board read does not empty the board, and accepted changes count at once."""

import asyncio
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import event
from support.api_client import SOHO, ApiClient, serve_api
from support.blocked_reads import ONE_READER, Seconds, late_reads
from support.running_service import running

from londonpump.domain.mobilisations import Event
from londonpump.persistence.database import connect, writing
from londonpump.persistence.database.store import StoreLimits
from londonpump.service.board import updates
from londonpump.service.board.cache import BoardCache, BoardLimits
from londonpump.service.board.schemas import NewMobilisation
from londonpump.service.predictions import batching, service
from londonpump.service.predictions.schemas import PredictionRequest
from londonpump.service.predictions.service import answer_question, predict_calls
from londonpump.service.rights import Person, Role

BOARD_UNREAD_WARNING = "The board could not be read"


@dataclass
class Control:
    """Person who sends requests, also while session look-ups are blocked. seconds: the age of the board."""

    api: ApiClient
    seconds: Seconds
    user_id: str

    @property
    def state(self) -> Any:
        return self.api.client.app.state.service

    def call(self, work: Any, *arguments: Any) -> Any:
        return self.api.client.portal.call(partial(work, *arguments))

    def ask(self, **more: Any) -> dict[str, Any]:
        """Return the response of the route to a request."""
        person = Person(self.user_id, "olaf", Role.OPERATOR, "")
        question = PredictionRequest.model_validate({"location": SOHO, **more})
        arguments = self.call(answer_question, self.state, person, question, None)
        return json.loads(arguments.texts[0])

    def mobilise(self, pump: str, incident: str = "7") -> Any:
        """Send a pump as the route does."""
        who = updates.Actor(self.user_id, self.api.clock(), self.state.champion.require().bundle.stations)
        new = NewMobilisation(incident_number=incident, pump=pump)
        return self.call(
            self.state.board.change,
            self.state,
            lambda connection: updates.mobilise(connection, who, new)[0],
            lambda done: [done.pump],
        )


@pytest.fixture
def control(database_url, tmp_path, small_brigade) -> Iterator[Control]:
    """Control room with a known board, on each engine."""
    seconds = Seconds()
    options = {"limits": ONE_READER, "board_limits": BoardLimits(now_s=seconds)}
    with serve_api(database_url, tmp_path, small_brigade.bundle, **options) as api:
        api.report_all_available()
        yield Control(api, seconds, api.user_id)


def first_of(prediction: dict[str, Any]) -> str:
    return str(prediction["candidates"][0]["pump"])


def ranked(prediction: dict[str, Any]) -> list[str]:
    return [candidate["pump"] for candidate in prediction["candidates"]]


def test_a_board_read_in_time_is_as_old_as_the_question(control) -> None:
    prediction = control.api.prediction()
    assert (prediction["board_age_s"], prediction["warning"]) == (0.0, None)


def test_a_late_board_is_the_last_one_that_was_read_with_its_age(control) -> None:
    sent = first_of(control.api.prediction())
    control.api.post("/v1/mobilisations", {"incident_number": "1", "pump": sent})
    control.api.prediction()
    control.seconds.now += 3
    with late_reads(control.api.client):
        prediction = control.ask()
    assert (prediction["board_age_s"], prediction["warning"]) == (3.0, None)
    assert sent not in ranked(prediction)
    assert prediction["pumps_out"] == 1


def test_from_five_seconds_on_the_age_is_a_warning(control) -> None:
    control.seconds.now += 12
    with late_reads(control.api.client):
        prediction = control.ask()
    assert prediction["board_age_s"] == 12.0
    assert prediction["warning"].startswith("The board is 12 s old")


def test_after_a_minute_the_board_is_not_used_and_a_warning_says_so(control) -> None:
    control.seconds.now += 61
    with late_reads(control.api.client):
        prediction = control.ask()
    assert (prediction["board_age_s"], prediction["warning"].startswith(BOARD_UNREAD_WARNING)) == (None, True)
    assert any(
        line.startswith("the board: the database did not answer in time") for line in prediction["missing"]
    )


def test_a_process_that_never_read_a_board_warns(control) -> None:
    control.state.board = BoardCache(BoardLimits(now_s=control.seconds))
    with late_reads(control.api.client):
        prediction = control.ask()
    assert (prediction["board_age_s"], prediction["warning"].startswith(BOARD_UNREAD_WARNING)) == (None, True)


@pytest.mark.parametrize("later_s", [0, 59, 61, 3600])
def test_a_pump_that_this_process_mobilised_is_not_ranked_although_nothing_can_be_read(
    later_s, control
) -> None:
    with late_reads(control.api.client):
        sent = first_of(control.ask())
        control.mobilise(sent)
        control.seconds.now += later_s
        prediction = control.ask()
    assert sent not in ranked(prediction)


@pytest.mark.parametrize("later_s", [59, 61])
def test_nor_is_it_for_a_time_within_four_hours(later_s, control) -> None:
    soon = (control.api.clock() + timedelta(minutes=16)).isoformat()
    with late_reads(control.api.client):
        sent = first_of(control.ask(at=soon))
        control.mobilise(sent)
        control.seconds.now += later_s
        prediction = control.ask(at=soon)
    assert sent not in ranked(prediction)
    assert prediction["warning"].startswith("The board of that time is not known")
    assert (BOARD_UNREAD_WARNING in prediction["warning"]) == (later_s == 61)


def test_a_pump_that_is_back_is_ranked_again_although_nothing_can_be_read(control) -> None:
    sent = first_of(control.ask())
    mobilisation = control.mobilise(sent)
    who = updates.Actor(control.user_id, control.api.clock())
    with late_reads(control.api.client):
        control.call(
            control.state.board.change,
            control.state,
            lambda c: updates.report_event(c, who, mobilisation.id, Event.RETURNED, None),
            lambda done: [done.pump],
        )
        assert sent in ranked(control.ask())


def test_a_refused_mobilisation_changes_no_board(control) -> None:
    sent = first_of(control.ask())
    control.mobilise(sent)
    revision = control.state.board.revision
    rejection = control.api.post("/v1/mobilisations", {"incident_number": "8", "pump": sent})
    assert (rejection.status_code, control.state.board.revision) == (409, revision)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/v1/mobilisations", {"incident_number": "1", "pump": "{pump}"}),
        ("PUT", "/v1/pumps/{pump}", {"state": "off_run"}),
        (
            "PUT",
            "/v1/board",
            {"at": "2025-06-02T09:30:00Z", "pumps": [{"pump": "{pump}", "state": "mobilised"}]},
        ),
    ],
)
def test_what_each_route_accepted_counts_at_once(method, path, body, control) -> None:
    first = first_of(control.api.prediction())
    headers = control.api.live_service.bearer("watch", "service")
    sent = json.loads(json.dumps(body).replace("{pump}", first))
    answer = control.api.client.request(method, path.replace("{pump}", first), json=sent, headers=headers)
    assert answer.status_code in {200, 201}, answer.text
    with late_reads(control.api.client):
        prediction = control.ask()
    assert first not in ranked(prediction)


def test_an_event_that_was_accepted_counts_at_once(control) -> None:
    first = first_of(control.api.prediction())
    sent = control.api.post("/v1/mobilisations", {"incident_number": "1", "pump": first}).json()
    control.api.post(f"/v1/mobilisations/{sent['id']}/returned", {})
    with late_reads(control.api.client):
        assert first in ranked(control.ask())


def test_what_another_process_wrote_is_read_at_once(control) -> None:
    first = first_of(control.api.prediction())
    engine = connect(control.api.url)
    with writing(engine) as connection:
        who = updates.Actor(control.user_id, control.api.clock())
        updates.mobilise(connection, who, NewMobilisation(incident_number="9", pump=first))
    engine.dispose()
    prediction = control.api.prediction()
    assert (first in ranked(prediction), prediction["board_age_s"]) == (False, 0.0)


def test_while_nothing_changes_the_rows_of_the_board_are_not_read_again(control) -> None:
    control.api.prediction()
    statements: list[str] = []
    event.listen(
        control.state.store.engine, "before_cursor_execute", lambda *about: statements.append(about[2])
    )
    control.api.prediction()
    unchanged = [each for each in statements if "FROM board_pumps" in each]
    control.api.put_pump("A241", state="off_run")
    statements.clear()
    control.seconds.now += BoardLimits().read_whole_after_s
    control.api.prediction()
    assert (unchanged, sum("FROM board_pumps" in each for each in statements)) == ([], 1)


@pytest.mark.parametrize("by", [timedelta(hours=-2), timedelta(minutes=-5), timedelta(hours=2)])
def test_a_clock_that_is_set_changes_no_age_and_hides_no_mobilisation(by, control) -> None:
    sent = first_of(control.ask())
    control.mobilise(sent)
    control.api.clock.now += by
    with late_reads(control.api.client):
        prediction = control.ask()
    assert (sent in ranked(prediction), prediction["board_age_s"]) == (False, 0.0)
    assert sent not in ranked(control.ask())


def test_a_process_that_starts_anew_has_read_the_board_before_its_first_question(control, tmp_path) -> None:
    sent = first_of(control.ask())
    control.mobilise(sent)
    options = {
        "clock": control.api.clock,
        "limits": ONE_READER,
        "board_limits": control.state.options.board_limits,
    }
    with running(control.api.url, tmp_path, **options) as client:
        again = Control(
            ApiClient(control.api.live_service, {}, control.api.url, ""), control.seconds, control.user_id
        )
        again.api.live_service.client = client
        with late_reads(client):
            prediction = again.ask()
    assert (sent in ranked(prediction), prediction["board_age_s"], prediction["warning"]) == (
        False,
        0.0,
        None,
    )


def test_a_batch_that_takes_long_takes_the_board_of_each_part(control, monkeypatch) -> None:
    """A pump that is mobilised during a batch is not ranked in the rest of it."""
    sent = first_of(control.api.prediction())
    monkeypatch.setattr(batching, "ROWS_PER_SLICE", 1)
    made, sending = [], []

    def make_and_mobilise(calls, request_context):
        made.append(len(calls))
        if len(made) == 2:
            # runs in the pause after this part, in which other requests are served
            sending.append(asyncio.get_running_loop().create_task(mobilised()))
        return predict_calls(calls, request_context)

    async def mobilised() -> None:
        who = updates.Actor(control.user_id, control.api.clock())
        new = NewMobilisation(incident_number="7", pump=sent)
        board_cache = control.state.board
        await board_cache.change(
            control.state, lambda c: updates.mobilise(c, who, new)[0], lambda done: [done.pump]
        )

    monkeypatch.setattr(service, "predict_calls", make_and_mobilise)
    answer = control.api.ask_many(*[{"location": SOHO, "explanations": "none"} for _ in range(40)])
    assert (answer.status_code, len(sending)) == (200, 1), answer.text
    answers = [item["answer"] for item in answer.json()["items"]]
    assert (first_of(answers[0]), sent in ranked(answers[-1])) == (sent, False)


def test_while_clients_fetch_a_stored_batch_no_answer_ranks_what_was_mobilised_before_it(
    database_url, tmp_path, small_brigade
) -> None:
    limits = StoreLimits(patience_s=0.5)
    with serve_api(database_url, tmp_path, small_brigade.bundle, limits=limits) as api:
        api.report_all_available()
        questions = [{"location": SOHO, "max_candidates": 20, "explanations": "none"}] * 100
        assert api.ask_many(*questions, key="large").status_code == 200

        def fetch(_: int) -> list[int]:
            return [api.ask_many(*questions, key="large").status_code for _ in range(4)]

        with ThreadPoolExecutor(2) as pool:
            fetching = [pool.submit(fetch, number) for number in range(2)]
            out: set[str] = set()
            for number in range(12):
                before, answer = frozenset(out), api.ask()
                assert answer.status_code == 200, answer.text
                prediction = answer.json()
                assert not before & set(ranked(prediction))
                assert prediction["board_age_s"] is not None or prediction["warning"].startswith(
                    BOARD_UNREAD_WARNING
                )
                body = {"incident_number": str(number), "pump": first_of(prediction)}
                if api.post("/v1/mobilisations", body).status_code == 201:
                    out.add(first_of(prediction))
            statuses = [status for each in fetching for status in each.result()]
        assert set(statuses) == {200}
        assert out
