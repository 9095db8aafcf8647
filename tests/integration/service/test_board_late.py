"""Issue 11, A2: a board that is read late is not an empty board, and what this process accepted counts at once."""

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
from support.asking import SOHO, Asking, asking_at
from support.late_reads import ONE_READER, Seconds, late_reads
from support.running_service import running

from londonpump.service.board import acts
from londonpump.service.board.kept import BoardLimits, KeptBoard
from londonpump.service.board.rules import Event
from londonpump.service.board.shapes import NewMobilisation
from londonpump.service.predictions import batches
from londonpump.service.predictions.asking import ask
from londonpump.service.predictions.shapes import Question
from londonpump.service.rights import Person, Role
from londonpump.storage.database import connect, writing
from londonpump.storage.database.store import StoreLimits

UNREAD = "The board could not be read"


@dataclass
class Control:
    """A person who asks, also while the lane on which sessions are looked up is held. seconds: the age of the board."""

    asking: Asking
    seconds: Seconds
    user_id: str

    @property
    def state(self) -> Any:
        return self.asking.client.app.state.service

    def call(self, work: Any, *given: Any) -> Any:
        return self.asking.client.portal.call(partial(work, *given))

    def ask(self, **more: Any) -> dict[str, Any]:
        """The answer to a question, as the route gives it."""
        person = Person(self.user_id, "olaf", Role.OPERATOR, "")
        question = Question.model_validate({"place": SOHO, **more})
        given = self.call(ask, self.state, person, question, None)
        return json.loads(given.texts[0])

    def mobilise(self, pump: str, incident: str = "7") -> Any:
        """As the route does."""
        who = acts.Who(self.user_id, self.asking.clock(), self.state.champion.require().bundle.stations)
        new = NewMobilisation(incident_number=incident, pump=pump)
        return self.call(
            self.state.part(KeptBoard).act,
            self.state,
            lambda connection: acts.mobilise(connection, who, new)[0],
            lambda done: [done.pump],
        )


@pytest.fixture
def control(database_url, tmp_path, small_brigade) -> Iterator[Control]:
    """A control room on each engine, whose board is known."""
    seconds = Seconds()
    options = {"limits": ONE_READER, "parts": (BoardLimits(now_s=seconds),)}
    with asking_at(database_url, tmp_path, small_brigade.bundle, **options) as asking:
        asking.know_the_board()
        yield Control(asking, seconds, asking.user_id)


def first_of(told: dict[str, Any]) -> str:
    return str(told["candidates"][0]["pump"])


def ranked(told: dict[str, Any]) -> list[str]:
    return [candidate["pump"] for candidate in told["candidates"]]


def test_a_board_read_in_time_is_as_old_as_the_question(control) -> None:
    told = control.asking.told()
    assert (told["board_age_s"], told["warning"]) == (0.0, None)


def test_a_late_board_is_the_last_one_that_was_read_with_its_age(control) -> None:
    sent = first_of(control.asking.told())
    control.asking.post("/v1/mobilisations", {"incident_number": "1", "pump": sent})
    control.asking.told()
    control.seconds.now += 3
    with late_reads(control.asking.client):
        told = control.ask()
    assert (told["board_age_s"], told["warning"]) == (3.0, None)
    assert sent not in ranked(told)
    assert told["pumps_out"] == 1


def test_from_five_seconds_on_the_age_is_a_warning(control) -> None:
    control.seconds.now += 12
    with late_reads(control.asking.client):
        told = control.ask()
    assert told["board_age_s"] == 12.0
    assert told["warning"].startswith("The board is 12 s old")


def test_after_a_minute_the_board_is_not_used_and_a_warning_says_so(control) -> None:
    control.seconds.now += 61
    with late_reads(control.asking.client):
        told = control.ask()
    assert (told["board_age_s"], told["warning"].startswith(UNREAD)) == (None, True)
    assert any(line.startswith("the board: the database did not answer in time") for line in told["missing"])


def test_a_process_that_never_read_a_board_warns(control) -> None:
    control.state.keep(KeptBoard(BoardLimits(now_s=control.seconds)))
    with late_reads(control.asking.client):
        told = control.ask()
    assert (told["board_age_s"], told["warning"].startswith(UNREAD)) == (None, True)


@pytest.mark.parametrize("later_s", [0, 59, 61, 3600])
def test_a_pump_that_this_process_mobilised_is_not_ranked_although_nothing_can_be_read(
    later_s, control
) -> None:
    with late_reads(control.asking.client):
        sent = first_of(control.ask())
        control.mobilise(sent)
        control.seconds.now += later_s
        told = control.ask()
    assert sent not in ranked(told)


@pytest.mark.parametrize("later_s", [59, 61])
def test_nor_is_it_for_a_time_within_four_hours(later_s, control) -> None:
    soon = (control.asking.clock() + timedelta(minutes=16)).isoformat()
    with late_reads(control.asking.client):
        sent = first_of(control.ask(at=soon))
        control.mobilise(sent)
        control.seconds.now += later_s
        told = control.ask(at=soon)
    assert sent not in ranked(told)
    assert told["warning"].startswith("The board of that time is not known")
    assert (UNREAD in told["warning"]) == (later_s == 61)


def test_a_pump_that_is_back_is_ranked_again_although_nothing_can_be_read(control) -> None:
    sent = first_of(control.ask())
    mobilisation = control.mobilise(sent)
    who = acts.Who(control.user_id, control.asking.clock())
    with late_reads(control.asking.client):
        control.call(
            control.state.part(KeptBoard).act,
            control.state,
            lambda c: acts.report_event(c, who, mobilisation.id, Event.RETURNED, None),
            lambda done: [done.pump],
        )
        assert sent in ranked(control.ask())


def test_a_refused_mobilisation_changes_no_board(control) -> None:
    sent = first_of(control.ask())
    control.mobilise(sent)
    revision = control.state.part(KeptBoard).revision
    refused = control.asking.post("/v1/mobilisations", {"incident_number": "8", "pump": sent})
    assert (refused.status_code, control.state.part(KeptBoard).revision) == (409, revision)


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
    first = first_of(control.asking.told())
    headers = control.asking.desk.bearer("watch", "service")
    sent = json.loads(json.dumps(body).replace("{pump}", first))
    answer = control.asking.client.request(method, path.replace("{pump}", first), json=sent, headers=headers)
    assert answer.status_code in {200, 201}, answer.text
    with late_reads(control.asking.client):
        told = control.ask()
    assert first not in ranked(told)


def test_an_event_that_was_accepted_counts_at_once(control) -> None:
    first = first_of(control.asking.told())
    sent = control.asking.post("/v1/mobilisations", {"incident_number": "1", "pump": first}).json()
    control.asking.post(f"/v1/mobilisations/{sent['id']}/returned", {})
    with late_reads(control.asking.client):
        assert first in ranked(control.ask())


def test_what_another_process_wrote_is_read_at_once(control) -> None:
    first = first_of(control.asking.told())
    engine = connect(control.asking.url)
    with writing(engine) as connection:
        who = acts.Who(control.user_id, control.asking.clock())
        acts.mobilise(connection, who, NewMobilisation(incident_number="9", pump=first))
    engine.dispose()
    told = control.asking.told()
    assert (first in ranked(told), told["board_age_s"]) == (False, 0.0)


def test_while_nothing_changes_the_rows_of_the_board_are_not_read_again(control) -> None:
    control.asking.told()
    statements: list[str] = []
    event.listen(
        control.state.store.engine, "before_cursor_execute", lambda *about: statements.append(about[2])
    )
    control.asking.told()
    unchanged = [each for each in statements if "FROM board_pumps" in each]
    control.asking.put_pump("A241", state="off_run")
    statements.clear()
    control.seconds.now += BoardLimits().read_whole_after_s
    control.asking.told()
    assert (unchanged, sum("FROM board_pumps" in each for each in statements)) == ([], 1)


@pytest.mark.parametrize("by", [timedelta(hours=-2), timedelta(minutes=-5), timedelta(hours=2)])
def test_a_clock_that_is_set_changes_no_age_and_hides_no_mobilisation(by, control) -> None:
    sent = first_of(control.ask())
    control.mobilise(sent)
    control.asking.clock.now += by
    with late_reads(control.asking.client):
        told = control.ask()
    assert (sent in ranked(told), told["board_age_s"]) == (False, 0.0)
    assert sent not in ranked(control.ask())


def test_a_process_that_starts_anew_has_read_the_board_before_its_first_question(control, tmp_path) -> None:
    sent = first_of(control.ask())
    control.mobilise(sent)
    options = {"clock": control.asking.clock, "limits": ONE_READER, "parts": control.state.options.parts}
    with running(control.asking.url, tmp_path, **options) as client:
        again = Control(
            Asking(control.asking.desk, {}, control.asking.url, ""), control.seconds, control.user_id
        )
        again.asking.desk.client = client
        with late_reads(client):
            told = again.ask()
    assert (sent in ranked(told), told["board_age_s"], told["warning"]) == (False, 0.0, None)


def test_a_batch_that_takes_long_takes_the_board_of_each_part(control, monkeypatch) -> None:
    """A pump that is mobilised while a batch is at work is not ranked in the rest of it."""
    sent = first_of(control.asking.told())
    monkeypatch.setattr(batches, "ROWS_A_SLICE", 1)
    made, sending, make = [], [], batches.make

    def make_and_mobilise(calls, duty):
        made.append(len(calls))
        if len(made) == 2:
            # in the pause after this part, as any other request would be served
            sending.append(asyncio.get_running_loop().create_task(mobilised()))
        return make(calls, duty)

    async def mobilised() -> None:
        who = acts.Who(control.user_id, control.asking.clock())
        new = NewMobilisation(incident_number="7", pump=sent)
        kept = control.state.part(KeptBoard)
        await kept.act(control.state, lambda c: acts.mobilise(c, who, new)[0], lambda done: [done.pump])

    monkeypatch.setattr(batches, "make", make_and_mobilise)
    answer = control.asking.ask_many(*[{"place": SOHO, "reasons": "none"} for _ in range(40)])
    assert (answer.status_code, len(sending)) == (200, 1), answer.text
    answers = [item["answer"] for item in answer.json()["items"]]
    assert (first_of(answers[0]), sent in ranked(answers[-1])) == (sent, False)


def test_while_clients_fetch_a_stored_batch_no_answer_ranks_what_was_mobilised_before_it(
    database_url, tmp_path, small_brigade
) -> None:
    limits = StoreLimits(patience_s=0.5)
    with asking_at(database_url, tmp_path, small_brigade.bundle, limits=limits) as asking:
        asking.know_the_board()
        questions = [{"place": SOHO, "return_at_most": 20, "reasons": "none"}] * 100
        assert asking.ask_many(*questions, key="large").status_code == 200

        def fetch(_: int) -> list[int]:
            return [asking.ask_many(*questions, key="large").status_code for _ in range(4)]

        with ThreadPoolExecutor(2) as pool:
            fetching = [pool.submit(fetch, number) for number in range(2)]
            out: set[str] = set()
            for number in range(12):
                before, answer = frozenset(out), asking.ask()
                assert answer.status_code == 200, answer.text
                told = answer.json()
                assert not before & set(ranked(told))
                assert told["board_age_s"] is not None or told["warning"].startswith(UNREAD)
                body = {"incident_number": str(number), "pump": first_of(told)}
                if asking.post("/v1/mobilisations", body).status_code == 201:
                    out.add(first_of(told))
            statuses = [status for each in fetching for status in each.result()]
        assert set(statuses) == {200}
        assert out
