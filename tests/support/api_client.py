"""A service whose active model is trained on the small Brigade, and a client for each kind of user."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from support.accounts_service import Clock, LiveService, ServiceClient
from support.running_service import database_with, put_in_store, running

from londonpump.persistence.database import connect, reading
from londonpump.persistence.repositories.users import list_users

SOHO = {"easting_m": 529_700.0, "northing_m": 181_100.0}


@dataclass
class ApiClient:
    """A signed-in user of a running service."""

    live_service: LiveService
    headers: dict[str, str]
    url: str
    model: str

    @property
    def client(self) -> ServiceClient:
        return self.live_service.client

    @property
    def clock(self) -> Clock:
        return self.live_service.clock

    @property
    def user_id(self) -> str:
        """Return the id of the signed-in user."""
        engine = connect(self.url)
        with reading(engine) as connection:
            ids = {user.username: user.id for user in list_users(connection)}
        engine.dispose()
        return ids["olaf"]

    def post(self, path: str, body: Any, key: str | None = None, headers: dict[str, str] | None = None):
        more = {} if key is None else {"Idempotency-Key": key}
        return self.client.post(path, json=body, headers={**(headers or self.headers), **more})

    def ask(self, key: str | None = None, headers: dict[str, str] | None = None, **question: Any):
        return self.post("/v1/predictions", {"location": SOHO, **question}, key, headers)

    def prediction(self, **question: Any) -> dict[str, Any]:
        answer = self.ask(**question)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def ask_many(self, *questions: Any, key: str | None = None):
        return self.post("/v1/predictions/batch", {"questions": list(questions)}, key)

    def again(self, prediction_id: str, headers: dict[str, str] | None = None):
        return self.client.get(f"/v1/predictions/{prediction_id}", headers=headers or self.headers)

    def put_pump(self, code: str, **report: Any) -> None:
        answer = self.client.put(f"/v1/pumps/{code}", json=report, headers=self.headers)
        assert answer.status_code == 200, answer.text

    def fleet(self) -> list[str]:
        return [pump["code"] for pump in self.client.get("/v1/board", headers=self.headers).json()["pumps"]]

    def report_all_available(self, **other: dict[str, Any]) -> None:
        """Report all pumps as available, except for those given."""
        headers = self.live_service.bearer("feed", "service")
        pumps = [{"pump": code, "state": "available", **other.get(code, {})} for code in self.fleet()]
        at = (self.clock() - timedelta(minutes=1)).isoformat()
        answer = self.client.put("/v1/board", json={"at": at, "pumps": pumps}, headers=headers)
        assert answer.status_code == 200, answer.text


@contextmanager
def serve_api(url: str, folder: Path, bundle: Path | None, **options: Any) -> Iterator[ApiClient]:
    """Serve the API with a client. bundle: the active model, or None for no model. options: of `running`."""
    name = None if bundle is None else put_in_store(bundle, folder).name
    database_with(url, name)
    clock = Clock()
    with running(url, folder, clock=clock, **options) as client:
        champion = client.app.state.service.champion
        if name is not None and champion.current is None:
            # the service reads the ledger within a time limit, which a slow machine may exceed at the start
            client.portal.call(champion.poll)
        live_service = LiveService(client, clock, url)
        yield ApiClient(live_service, live_service.bearer("olaf"), url, name or "")


@pytest.fixture
def api(database_url: str, tmp_path: Path, small_brigade: Any) -> Iterator[ApiClient]:
    """Serve the API on each engine."""
    with serve_api(database_url, tmp_path, small_brigade.bundle) as person:
        yield person


@pytest.fixture(scope="module")
def shared_api(tmp_path_factory: pytest.TempPathFactory, small_brigade: Any) -> Iterator[ApiClient]:
    """Serve one API for all tests of a module that change nothing that other tests see, such as the board or the clock."""
    folder = tmp_path_factory.mktemp("asking")
    with serve_api(f"sqlite:///{folder}/a.db", folder, small_brigade.bundle) as person:
        yield person


@pytest.fixture
def sqlite_api(tmp_path: Path, small_brigade: Any) -> Iterator[ApiClient]:
    """Serve the API on SQLite only, for tests whose result does not depend on the engine."""
    with serve_api(f"sqlite:///{tmp_path}/a.db", tmp_path, small_brigade.bundle) as person:
        yield person
