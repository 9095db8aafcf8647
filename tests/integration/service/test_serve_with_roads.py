"""A model that needs a table of roads: refused at the start without it, and degraded in a running service."""

import shutil
from typing import Any

import pytest
from support.accounts_service import LiveService
from support.api_client import SOHO
from support.running_service import database_with, name_champion, put_in_store, running, settings_for

from londonpump.domain.errors import BadFile, LondonPumpError
from londonpump.persistence.database import connect
from londonpump.registry.manual_decisions import PromotionRequest, promote
from londonpump.service.champion import MAX_POLLS_TO_SKIP
from londonpump.service.predictions.response import ROADS_MISSING

COMMAND = "londonpump roads import FILE"


@pytest.fixture
def url(tmp_path) -> str:
    return f"sqlite:///{tmp_path}/a.db"


@pytest.fixture
def stored(road_bundle_folder, tmp_path):
    return put_in_store(road_bundle_folder, tmp_path)


def bring_roads(roads_folder, tmp_path) -> None:
    shutil.copytree(roads_folder, tmp_path / "home" / "roads")


def ask(client, headers) -> dict[str, Any]:
    answer = client.post("/v1/predictions", json={"location": SOHO}, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


def look(client) -> None:
    client.portal.call(client.app.state.service.champion.poll)


def test_a_promotion_is_refused_until_the_table_is_there(
    url, tmp_path, road_bundle_folder, roads_folder
) -> None:
    settings = settings_for(url, tmp_path)
    request = PromotionRequest(str(road_bundle_folder), "with roads")
    with pytest.raises(BadFile, match=COMMAND):
        promote(settings, request)
    bring_roads(roads_folder, tmp_path)
    assert promote(settings, request).after == road_bundle_folder.name


def test_the_start_is_refused_with_the_command(url, tmp_path, stored) -> None:
    database_with(url, stored.name)
    with pytest.raises(LondonPumpError, match=COMMAND), running(url, tmp_path):
        pass


def test_with_its_table_the_service_is_ready(url, tmp_path, stored, roads_folder) -> None:
    bring_roads(roads_folder, tmp_path)
    database_with(url, stored.name)
    with running(url, tmp_path) as client:
        assert client.get("/readyz").json()["status"] == "pass"
        assert not client.app.state.service.champion.require().bundle.lacks_roads


def test_a_running_service_answers_without_the_table_says_so_and_finds_it_later(
    url, tmp_path, stored, roads_folder
) -> None:
    database_with(url)
    with running(url, tmp_path) as client:
        engine = connect(url)
        name_champion(engine, stored.name)
        engine.dispose()
        look(client)
        answer = client.get("/readyz")
        assert (answer.status_code, answer.json()["status"]) == (200, "warn")
        assert answer.json()["model"]["status"] == "warn"
        assert COMMAND in answer.json()["model"]["output"]
        assert str(tmp_path) not in answer.text
        assert client.app.state.service.champion.require().bundle.lacks_roads
        headers = LiveService(client, client.app.state.service.clock, url).bearer("olaf")
        assert ROADS_MISSING in ask(client, headers)["warning"]
        bring_roads(roads_folder, tmp_path)
        for _ in range(MAX_POLLS_TO_SKIP + 1):
            look(client)
        assert client.get("/readyz").json()["status"] == "pass"
        assert ROADS_MISSING not in (ask(client, headers)["warning"] or "")
