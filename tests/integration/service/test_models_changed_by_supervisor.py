"""Promotions and roll backs by a supervisor over HTTP: what is judged, who did it, and what stays."""

import shutil
from datetime import UTC, datetime

import pytest
from support.accounts_service import bearer
from support.api_client import serve_api
from support.running_service import another

from londonpump.evaluation.promotion.evidence import CHALLENGER_UNUSABLE, FEW_ROWS
from londonpump.persistence.database import open_database, reading, writing
from londonpump.persistence.repositories.audit import read_audit, verify_audit
from londonpump.persistence.repositories.decisions import KEEP, Decision, append_decision, read_decisions

MARKUP = "<script>alert(1)</script>"
UNKNOWN = "0123456789abcdef"


@pytest.fixture
def api(small_brigade, tmp_path):
    url = f"sqlite:///{tmp_path}/a.db"
    with serve_api(url, tmp_path, small_brigade.bundle) as running:
        running.live_service.add("sue", "supervisor")
        yield running


@pytest.fixture
def challenger(api, small_brigade, tmp_path):
    """Another bundle of the store, of which the ledger says nothing."""
    return another(small_brigade.bundle, tmp_path, seed=2)


def sue(api) -> dict[str, str]:
    return bearer(api.live_service.login("sue").json()["access_token"])


def judge(api, challenger, verdict="worse", judged_by: str | None = "rule", *, is_simulated=True) -> None:
    engine = open_database(api.url)
    with writing(engine) as connection:
        line = Decision(
            datetime(2025, 6, 1, tzinfo=UTC),
            *(
                KEEP,
                api.model,
                api.model,
                challenger.name,
                verdict,
                "a test",
                {"judged_by": judged_by, "is_simulated": is_simulated},
                "tester",
            ),
        )
        append_decision(connection, line)
    engine.dispose()


def promote(api, name, why="better in Barnet"):
    return api.post("/v1/models/promote", {"bundle": name, "why": why}, headers=sue(api))


def roll_back(api, **change):
    return api.post("/v1/models/roll-back", {"why": "late", **change}, headers=sue(api))


def ledger(api) -> list[Decision]:
    engine = open_database(api.url)
    with reading(engine) as connection:
        found = read_decisions(connection, 9)
        assert verify_audit(connection).problem is None
        actors = [row.actor for row in read_audit(connection) if row.event_type in {"promotion", "roll_back"}]
    engine.dispose()
    assert actors == [each.actor for each in reversed(found) if each.actor.startswith("api:")]
    return found


def test_a_judged_challenger_is_active_at_once_and_rolled_back(api, challenger) -> None:
    judge(api, challenger)
    answer = promote(api, challenger.name, MARKUP)
    assert (answer.status_code, answer.json()) == (
        200,
        {"before": api.model, "after": challenger.name, "is_new": True},
    )
    champion = api.client.get("/v1/models/champion", headers=sue(api)).json()
    assert champion["model"] == challenger.name
    assert [(ledger(api)[0].actor, ledger(api)[0].reason)] == [("api:sue", MARKUP)]
    assert promote(api, challenger.name).json()["is_new"] is False
    assert roll_back(api).json() == {"before": challenger.name, "after": api.model, "is_new": True}
    # an earlier champion may be promoted again
    assert promote(api, challenger.name).json()["after"] == challenger.name
    assert [(each.action, each.actor) for each in ledger(api)[:3]] == [
        ("promote", "api:sue"),
        ("roll_back", "api:sue"),
        ("promote", "api:sue"),
    ]


@pytest.mark.parametrize(
    ("verdict", "judged_by"),
    [(None, None), ("by hand", None), (CHALLENGER_UNUSABLE, "rule"), (FEW_ROWS, "rule")],
    ids=["nothing", "not by the rule", "unusable", "few rows"],
)
def test_a_model_without_a_judgement_is_not_promoted(verdict, judged_by, api, challenger) -> None:
    if verdict is not None:
        judge(api, challenger, verdict, judged_by)
    before = ledger(api)
    answer = promote(api, challenger.name)
    assert (answer.status_code, "never compared" in answer.json()["detail"]) == (409, True)
    assert ledger(api) == before


def test_a_simulated_model_does_not_take_the_place_of_a_real_one(api, challenger) -> None:
    judge(api, challenger, is_simulated=False)
    answer = promote(api, challenger.name)
    assert (answer.status_code, "simulated records" in answer.json()["detail"]) == (409, True)


def test_a_judged_model_that_is_gone_or_broken_changes_nothing(api, challenger) -> None:
    judge(api, challenger)
    before = ledger(api)
    (challenger / "bundle.json").write_text("{}")
    broken = promote(api, challenger.name)
    shutil.rmtree(challenger)
    gone = promote(api, challenger.name)
    assert [answer.status_code for answer in (broken, gone)] == [409, 409]
    assert not [answer for answer in (broken, gone) if str(challenger.parent) in answer.text]
    assert (ledger(api), api.client.app.state.service.champion.current.name) == (before, api.model)


def test_what_was_never_active_is_not_rolled_back_to(api, challenger) -> None:
    before = ledger(api)
    answers = [roll_back(api), roll_back(api, to=challenger.name), roll_back(api, to=UNKNOWN)]
    assert [answer.status_code for answer in answers] == [409, 409, 409]
    assert roll_back(api, to=api.model).json()["is_new"] is False
    assert ledger(api) == before


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/root", "x" * 16, UNKNOWN.upper(), UNKNOWN + "0", "", "a\0b"], ids=repr
)
def test_a_name_that_is_no_model_is_422_and_no_path_is_opened(name, api) -> None:
    assert [promote(api, name).status_code, roll_back(api, to=name).status_code] == [422, 422]


@pytest.mark.parametrize("why", ["", "  ", "a\0b", "x" * 501])
def test_a_reason_is_needed(why, api) -> None:
    assert promote(api, api.model, why).status_code == 422


def test_two_changes_at_once_are_one(api, challenger) -> None:
    judge(api, challenger)
    lock = api.client.app.state.service.model_change
    api.client.portal.call(lock.acquire)
    answer = promote(api, challenger.name)
    api.client.portal.call(lock.release)
    assert (answer.status_code, "Another change" in answer.json()["detail"]) == (409, True)
    assert promote(api, challenger.name).status_code == 200
