"""The active model: activated when the ledger names it, never replaced by one that fails."""

import asyncio
import json
import shutil
from typing import Any

import pytest
from support.accounts_service import Clock, LiveService
from support.running_service import another, database_with, name_champion, put_in_store, running

from londonpump.persistence.bundles import CARD
from londonpump.persistence.database import connect


@pytest.fixture
def url(tmp_path) -> str:
    return f"sqlite:///{tmp_path}/a.db"


@pytest.fixture
def first(small_brigade, tmp_path):
    return put_in_store(small_brigade.bundle, tmp_path)


def name(url: str, champion: str | None) -> None:
    engine = connect(url)
    name_champion(engine, champion)
    engine.dispose()


def look(client) -> None:
    client.portal.call(client.app.state.service.champion.poll)


def watch(client):
    return client.app.state.service.champion


def break_(bundle, how: str) -> None:
    """Damage a bundle on disk in one of several ways."""
    if how == "gone":
        shutil.rmtree(bundle)
    elif how == "a file gone":
        (bundle / "scale.txt").unlink()
    elif how == "a changed byte":
        content = bytearray((bundle / "scale.txt").read_bytes())
        content[-2] ^= 1
        (bundle / "scale.txt").write_bytes(content)
    elif how == "half copied":
        content = (bundle / "centre_0.txt").read_bytes()
        (bundle / "centre_0.txt").write_bytes(content[: len(content) // 2])
    elif how == "an empty card":
        (bundle / CARD).write_bytes(b"")


BROKEN = ["gone", "a file gone", "a changed byte", "half copied", "an empty card"]


def test_without_a_model_the_service_starts_and_says_which_command_mends_it(url, tmp_path) -> None:
    database_with(url)
    with running(url, tmp_path) as client:
        answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["model"]["status"]) == (503, "fail")
    assert "londonpump models promote BUNDLE --why" in answer.json()["model"]["output"]


def test_the_model_that_the_ledger_names_is_on_duty_from_the_start(url, tmp_path, first) -> None:
    database_with(url, first.name)
    with running(url, tmp_path) as client:
        answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (200, "pass")


def test_another_model_is_taken_up_without_a_restart(url, tmp_path, first) -> None:
    database_with(url, first.name)
    second = another(first, tmp_path, seed=2)
    with running(url, tmp_path) as client:
        name(url, second.name)
        look(client)
        assert watch(client).require().name == second.name


def test_the_ledger_is_looked_at_again_and_again(url, tmp_path, first) -> None:
    database_with(url)
    with running(url, tmp_path, poll_s=0.01) as client:
        name(url, first.name)
        client.portal.call(_until, lambda: watch(client).current is not None)
        assert watch(client).require().name == first.name


def test_who_asked_before_the_exchange_keeps_the_old_model(url, tmp_path, first) -> None:
    database_with(url, first.name)
    second = another(first, tmp_path, seed=2)
    with running(url, tmp_path) as client:
        active_model = watch(client).require()
        name(url, second.name)
        look(client)
    assert active_model.name == first.name


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_bundle_never_replaces_one_that_works(how, url, tmp_path, first) -> None:
    database_with(url, first.name)
    second = another(first, tmp_path, seed=2)
    break_(second, how)
    with running(url, tmp_path) as client:
        name(url, second.name)
        look(client)
        assert watch(client).require().name == first.name
        assert client.get("/readyz").status_code == 200
        assert f"{first.name} stays active" in watch(client).problem
        assert "londonpump_champion_problems_total 1.0" in client.get("/metrics").text


@pytest.mark.parametrize("how", BROKEN)
def test_a_service_that_starts_on_a_broken_bundle_is_not_ready(how, url, tmp_path, first) -> None:
    break_(first, how)
    database_with(url, first.name)
    with running(url, tmp_path) as client:
        answer = client.get("/readyz")
    assert answer.status_code == 503
    assert str(tmp_path) not in answer.text


def test_a_bundle_that_answers_its_prototype_otherwise_is_not_taken_up(url, tmp_path, first) -> None:
    database_with(url, first.name)
    dispatch = _card(first)["self_test"]["dispatch"]
    second = another(first, tmp_path, self_test={"dispatch": dispatch, "p50_s": 1.0})
    with running(url, tmp_path) as client:
        name(url, second.name)
        look(client)
        assert watch(client).require().name == first.name
        assert "in its self-test, not" in watch(client).problem


def test_a_bundle_of_another_version_is_not_taken_up(url, tmp_path, first) -> None:
    database_with(url, first.name)
    second = another(first, tmp_path, schema=99)
    with running(url, tmp_path) as client:
        name(url, second.name)
        look(client)
        assert watch(client).require().name == first.name


@pytest.mark.parametrize(
    "tricky", ["../../etc", "/etc/passwd", "..", "", "A" * 16, "0123456789abcdef/..", "\x00"]
)
def test_a_name_that_is_no_hash_leads_nowhere(tricky, url, tmp_path, first) -> None:
    database_with(url, first.name)
    with running(url, tmp_path) as client:
        name(url, tricky)
        look(client)
        assert watch(client).require().name == first.name
        assert "cannot be used" in watch(client).problem


@pytest.mark.parametrize("damaged", ["no json", "[1]", "[" * 100_000])
def test_a_provenance_that_cannot_be_read_stops_no_call(damaged, url, tmp_path, first) -> None:
    (first / "provenance.json").write_text(damaged)
    database_with(url, first.name)
    with running(url, tmp_path) as client:
        look(client)
        assert watch(client).require().name == first.name
        assert watch(client).problem is None


def test_a_link_to_another_bundle_is_not_taken_for_the_named_one(url, tmp_path, first) -> None:
    database_with(url)
    (first.parent / "0123456789abcdef").symlink_to(first)
    with running(url, tmp_path) as client:
        name(url, "0123456789abcdef")
        look(client)
        assert watch(client).current is None


def test_a_bundle_that_arrives_late_is_taken_up_when_it_is_whole(url, tmp_path, first) -> None:
    database_with(url)
    copy = shutil.copytree(first, tmp_path / "kept" / first.name)
    break_(first, "half copied")
    with running(url, tmp_path) as client:
        name(url, first.name)
        look(client)
        shutil.copytree(copy, first, dirs_exist_ok=True)
        look(client)
        look(client)
        assert watch(client).require().name == first.name
        assert watch(client).problem is None


def test_a_ledger_that_names_none_takes_the_model_off_duty(url, tmp_path, first) -> None:
    database_with(url, first.name)
    with running(url, tmp_path) as client:
        name(url, None)
        look(client)
        assert client.get("/readyz").status_code == 503
        assert "londonpump_model_info{" not in client.get("/metrics").text


def test_who_is_signed_in_sees_the_champion_and_analysts_the_ledger(url, tmp_path, first) -> None:
    database_with(url, first.name)
    with running(url, tmp_path) as client:
        live_service = LiveService(client, Clock(), url)
        analyst, operator = live_service.bearer("ann", "analyst"), live_service.bearer("olaf", "operator")
        assert client.get("/v1/models/champion", headers=operator).json()["model"] == first.name
        assert client.get("/v1/models/decisions", headers=operator).status_code == 403
        body = client.get("/v1/models/decisions", headers=analyst).json()
    assert [(line["champion_after"], line["actor"]) for line in body] == [(first.name, "tester")]


async def _until(is_so) -> None:
    async with asyncio.timeout(20):
        while not is_so():
            await asyncio.sleep(0.01)


def _card(bundle) -> dict[str, Any]:
    return json.loads((bundle / CARD).read_bytes())
