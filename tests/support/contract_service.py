"""The service for the tests of its contract: one process on SQLite, an active model, and a signed-in user of each role."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import schemathesis
from schemathesis.python import asgi
from support.accounts_service import CHEAP, PASSWORD, Clock
from support.running_service import NEVER_S, PATIENT, database_with, put_in_store, settings_for

from londonpump.assembly import create_app
from londonpump.persistence.database import connect, writing
from londonpump.persistence.repositories.alarms import Condition, reconcile_alarms
from londonpump.service.auth import accounts
from londonpump.service.auth.passwords import Passwords
from londonpump.service.auth.throttle import Waits
from londonpump.service.rights import Role
from londonpump.service.state import ServiceOptions

OK = 200
NOBODY = "nobody"
WHO = (*(role.value for role in Role), NOBODY)
LOCATIONS = [
    {"easting_m": 530_000.0, "northing_m": 180_000.0},
    {"latitude": 51.5, "longitude": -0.12},
    {"station_ground": "A21"},
    {"postcode_district": "SE1"},
]
TABLES_CHANGED_BY_REJECTIONS = frozenset({"audit", "audit_head", "sign_in_counts"})
"""Tables that a rejected request may change: that it was tried, and how often. The audit of predictions is written later."""


@dataclass
class Tables:
    """Content of a SQLite database, read over a second connection."""

    connection: sqlite3.Connection
    _version: int = -1
    _content: dict[str, int] = field(default_factory=dict)

    def content(self) -> dict[str, int]:
        """Return {table: hash of all its rows}, without what a rejected request may change."""
        (version,) = self.connection.execute("PRAGMA data_version").fetchone()
        if version != self._version:
            self._content = {name: self._rows(name) for name in self._names()}
            self._version = version
        return self._content

    def schema(self) -> list[tuple[object, ...]]:
        """Return the SQL of every table, index and trigger."""
        return sorted(self.connection.execute("SELECT type, name, sql FROM sqlite_master"), key=repr)

    def accounts(self) -> set[tuple[object, ...]]:
        """Return (id, name, hash of the password) of each account."""
        return set(self.connection.execute("SELECT id, username, password_hash FROM users"))

    def _names(self) -> list[str]:
        found = self.connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        return [name for (name,) in found if name not in TABLES_CHANGED_BY_REJECTIONS]

    def _rows(self, name: str) -> int:
        return hash(tuple(sorted(map(repr, self.connection.execute(f'SELECT * FROM "{name}"')))))  # noqa: S608


@dataclass
class Contract:
    """A running service and its data. real: existing values by the name of the field that takes them."""

    app: Any
    client: asgi.ASGIClient
    tables: Tables
    clock: Clock
    schema: schemathesis.BaseSchema
    real: dict[str, list[Any]] = field(default_factory=dict)
    _headers: dict[str, dict[str, str]] = field(default_factory=dict)

    def headers(self, who: str) -> dict[str, str]:
        """Return the headers of a user of the role; empty if no role is given."""
        if who == NOBODY:
            return {}
        if who not in self._headers:
            answer = self.client.post("/login", data={"username": f"the {who}", "password": PASSWORD})
            assert answer.status_code == OK, answer.text
            self._headers[who] = {"Authorization": f"Bearer {answer.json()['access_token']}"}
        return self._headers[who]

    def forget_attempts(self) -> None:
        """Forget the attempts to sign in, because otherwise all but the first would be answered 429."""
        self.tables.connection.execute("DELETE FROM sign_in_counts")
        service = self.app.state.service
        service.auth = replace(service.auth, waits=Waits())

    def signed_out(self, who: str) -> None:
        """Let the next `headers` sign in again."""
        self._headers.pop(who, None)


@dataclass(frozen=True, eq=False)
class _BoardState:
    """The application without its lifespan: schemathesis would otherwise start and stop the service around every test."""

    app: Any

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "lifespan":
            await self.app(scope, receive, send)
            return
        for step in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{step}.complete"})


@contextmanager
def contract_of(bundle: Path, folder: Path) -> Iterator[Contract]:
    """Run a service that contains entries of each kind."""
    file = folder / "contract.db"
    url, clock = f"sqlite:///{file}", Clock()
    database_with(url, put_in_store(bundle, folder).name)
    _add_people(url, clock)
    options = ServiceOptions(clock=clock, store_limits=PATIENT, champion_poll_s=NEVER_S, hash_cost=CHEAP)
    app = create_app(settings_for(url, folder, registration=True), options=options)
    lifespan = asgi._get_portal().wrap_async_context_manager(app.router.lifespan_context(app))
    begun = _BoardState(app)
    with (
        lifespan,
        asgi.get_client(begun) as client,
        closing(sqlite3.connect(file, isolation_level=None)) as watching,
    ):
        schema = schemathesis.openapi.from_asgi("/openapi.json", begun)
        contract = Contract(app, client, Tables(watching), clock, schema)
        _fill(contract)
        yield contract


def _add_people(url: str, clock: Clock) -> None:
    passwords, engine = Passwords(CHEAP), connect(url)
    with writing(engine) as connection:
        for name, role in (*((role.value, role) for role in Role), ("spare", Role.OPERATOR)):
            new = accounts.NewUser(f"the {name}", role, passwords.make_now(PASSWORD))
            accounts.create(connection, new, "os:test", clock())
        silent = Condition("weather_silent", "", "warning", "The weather source is silent.")
        reconcile_alarms(connection, clock(), {"weather_silent"}, [silent])
    engine.dispose()
    passwords.close()


def _fill(contract: Contract) -> None:
    """Store a mobilisation in each state, so that requests can be both rejected and answered."""
    operator, admin = contract.headers(Role.OPERATOR), contract.headers(Role.ADMIN)
    pumps = contract.client.get("/v1/board", headers=operator).json()["pumps"]
    kept = []
    for number, pump in enumerate(pumps[:5]):
        at = contract.clock() - timedelta(hours=1, minutes=number)
        sent = {"incident_number": f"00000{number}-02062025", "pump": pump["code"], "at": at.isoformat()}
        made = contract.client.post("/v1/mobilisations", json=sent, headers=operator).json()
        kept.append(made["id"])
        for step, event in enumerate(("mobile", "arrived", "left", "returned")[:number]):
            event_body = {"at": (at + timedelta(minutes=step + 1)).isoformat()}
            contract.client.post(f"/v1/mobilisations/{made['id']}/{event}", json=event_body, headers=operator)
    body: dict[str, Any] = {"location": LOCATIONS[0], "max_candidates": 1}
    predicted = [
        contract.client.post("/v1/predictions", json=body, headers=who).json() for who in (operator, admin)
    ]
    users = contract.client.get("/v1/users", headers=admin).json()["users"]
    spare = [user["id"] for user in users if user["username"] == "the spare"]
    codes = [pump["code"] for pump in pumps[:8]]
    contract.real = {
        "mobilisation_id": kept,
        "alarm_id": [alarm["id"] for alarm in contract.client.get("/v1/alarms", headers=admin).json()],
        "user_id": spare,
        "prediction_id": [made["id"] for made in predicted],
        "location": LOCATIONS,
        "pumps": [codes, codes[:1]],
        "incident_type": ["Fire", "Domestic Incidents"],
        "Idempotency-Key": ["one", "two", "three"],
        "pump": codes,
        "code": codes,
        "recommended_pump": codes[1:],
        "station_code": [pump["station_code"] for pump in pumps[:3]],
        "incident_number": [f"00000{number}-02062025" for number in range(5)],
        "at": [(contract.clock() - timedelta(minutes=minutes)).isoformat() for minutes in (1, 61, 500)],
        "username": ["the spare", *(f"a new one {number}" for number in range(200))],
        "password": [PASSWORD],
        "passwordConfirm": [PASSWORD],
    }
