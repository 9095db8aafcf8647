"""A home whose database has version 0008 keeps its audit and its answers, and shows them under the present names."""

import json

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import select, text
from support import home_of_version_0_1 as old
from support.accounts_service import Clock, LiveService, bearer
from support.api_client import ApiClient
from support.running_service import put_in_store, running
from typer.testing import CliRunner

from londonpump.cli import app
from londonpump.persistence.database import connect, reading, upgrade, writing
from londonpump.persistence.database.schema import VERSION, VERSION_TABLE, metadata, predictions, sessions
from londonpump.persistence.repositories.audit import verify_audit
from londonpump.persistence.repositories.context import select_last_fetches
from londonpump.persistence.repositories.predictions import find_changed_prediction
from londonpump.service.predictions.schemas import PredictionResponse

QUESTION = {
    "incident_number": "1",
    "location": old.INPUTS["place"],
    "explanations": "all",
    "max_candidates": 1,
    "incident_type": "Fire",
}
OLD_NAMES = {
    "place",
    "named",
    "points",
    "ranked",
    "filled",
    "is_filled",
    "reasons",
    "about",
    "seconds",
    "words",
}


@pytest.fixture
def old_api(empty_database_url, tmp_path, small_brigade):
    """A service of today on a home of then, on each engine, and the person who asked then."""
    model = put_in_store(small_brigade.bundle, tmp_path).name
    old.make_home(empty_database_url, model)
    engine = connect(empty_database_url)
    assert upgrade(engine) == old.VERSION_0_1
    engine.dispose()
    clock = Clock()
    with running(empty_database_url, tmp_path, clock=clock) as client:
        live = LiveService(client, clock, empty_database_url)
        headers = bearer(live.login("olaf").json()["access_token"])
        yield ApiClient(live, headers, empty_database_url, model)


def names_in(value) -> set[str]:
    if isinstance(value, dict):
        return set(value).union(*map(names_in, value.values()))
    return set().union(*map(names_in, value)) if isinstance(value, list) else set()


def test_its_audit_verifies_and_its_json_is_as_it_was(old_api) -> None:
    engine = connect(old_api.url)
    with reading(engine) as connection:
        assert (verify_audit(connection).problem, find_changed_prediction(connection)) == (None, None)
        stored = connection.execute(select(predictions.c.inputs, predictions.c.answer)).one()
        assert tuple(stored) == (old.INPUTS, old.ANSWER)
        assert (
            connection.execute(select(sessions.c.end_reason).where(sessions.c.id == "s")).scalar_one()
            == "sign_out"
        )
        assert [fetch.rows for fetch in select_last_fetches(connection)] == [24]
    engine.dispose()


def test_a_changed_prediction_of_then_is_still_found(old_api) -> None:
    engine = connect(old_api.url)
    with writing(engine) as connection:
        connection.execute(text("UPDATE predictions SET call_at = NULL"))
        assert find_changed_prediction(connection) == (
            1,
            f"prediction {old.PREDICTION}, which it records, was changed",
        )
    engine.dispose()


def test_the_command_verifies_it(old_api, monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("LONDONPUMP_DATABASE_URL", old_api.url)
    monkeypatch.setenv("LONDONPUMP_HOME", str(tmp_path))
    done = CliRunner().invoke(app, ["audit", "verify"])
    assert (done.exit_code, "are as they were written" in done.stdout) == (0, True), done.output


def test_its_prediction_is_shown_under_the_names_of_today(old_api) -> None:
    shown = old_api.again(old.PREDICTION).json()
    PredictionResponse.model_validate(shown)
    assert not names_in(shown) & OLD_NAMES
    assert shown["location"] == {
        **old.INPUTS["place"],
        "area": None,
        "n_points": 1,
        "station_ground": old.STATION,
    }
    assert shown["candidates"][0]["explanations"] == [
        {"feature_group": "distance", "contribution_s": 300.0, "text": "0.5 km from the station"}
    ]


def test_a_new_prediction_is_stored_and_shown_under_the_same_names(old_api) -> None:
    made = old_api.ask(max_candidates=1, explanations="all")
    assert not names_in(made.json()) & OLD_NAMES
    assert old_api.again(made.json()["id"]).content == made.content


def test_the_same_question_under_its_key_has_the_stored_answer(old_api) -> None:
    repeated = old_api.post("/v1/predictions", QUESTION, old.KEY)
    assert (repeated.status_code, repeated.headers["idempotent-replay"]) == (200, "true")
    assert repeated.json() == old.ANSWER


def test_another_question_under_its_key_is_409(old_api) -> None:
    assert old_api.post("/v1/predictions", {**QUESTION, "max_candidates": 2}, old.KEY).status_code == 409


def test_its_prediction_provides_what_a_mobilisation_leaves_out(old_api) -> None:
    new = {"incident_number": "1", "pump": "A241", "prediction_id": old.PREDICTION}
    made = old_api.post("/v1/mobilisations", new).json()
    assert (made["location"], made["announced"]["p50_s"]) == (old.INPUTS["place"], 300.0)


def test_its_alarm_and_its_decision_are_shown_under_the_names_of_today(old_api) -> None:
    alarms = old_api.client.get("/statusz", headers=old_api.headers).json()["alarms"]
    assert [(each["alarm_type"], each["message"]) for each in alarms] == [("model_old", "The model is old.")]
    analyst = old_api.live_service.bearer("ana", "analyst")
    (decision,) = old_api.client.get("/v1/models/decisions", headers=analyst).json()
    assert decision["evidence"] == {
        "is_simulated": True,
        "self_test_s": 408.3,
        "settings": {"min_rows": 1000},
    }


def test_a_downgrade_brings_the_tables_of_then(empty_database_url) -> None:
    old.make_home(empty_database_url, "m")
    engine = connect(empty_database_url)
    for version, is_back in ((VERSION, False), (old.VERSION_0_1, True)):
        with writing(engine) as connection:
            old.move(connection, version, is_back=is_back)
    with writing(engine) as connection:
        old.add_to_audit(connection, "sign_out", old.USER, {"session": "s"})
        kinds = connection.execute(text("SELECT kind FROM audit ORDER BY seq")).scalars().all()
        assert connection.execute(text("SELECT words FROM alarms")).scalar_one() == "The model is old."
    upgrade(engine)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        assert (kinds, compare_metadata(context, metadata)) == (["predictions", "sign_out"], [])
    with reading(engine) as connection:
        assert verify_audit(connection).problem is None
    engine.dispose()


@pytest.mark.parametrize(
    ("name", "value", "now"),
    [
        ("place", old.INPUTS["place"], "location"),
        ("kind_of_call", "Fire", "incident_type"),
        ("reasons", "all", "explanations"),
        ("return_at_most", 3, "max_candidates"),
    ],
)
def test_an_old_name_in_a_request_is_422_and_names_the_new_one(name, value, now, shared_api) -> None:
    answer = shared_api.ask(**{name: value})
    error = {"field": f"body.{name}", "problem": f"{name!r} is now {now!r}"}
    assert (answer.status_code, answer.json()["errors"]) == (422, [error])
    (item,) = shared_api.ask_many({**QUESTION, name: value}).json()["items"]
    assert item["problem"]["detail"] == f"{name}: {name!r} is now {now!r}"


def test_an_old_name_in_a_mobilisation_is_422_and_names_the_new_one(shared_api) -> None:
    sent = {"incident_number": "1", "pump": "A241", "place": old.INPUTS["place"]}
    answer = shared_api.post("/v1/mobilisations", sent)
    assert (answer.status_code, "'place' is now 'location'" in json.dumps(answer.json())) == (422, True)
