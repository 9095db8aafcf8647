"""Responses of each route of the service for a freeze (golden.py), computed in this process with a fixed clock."""

import random
import tempfile
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient
from support.accounts_service import PASSWORD, Clock
from support.running_service import database_with, put_in_store, running

from londonpump.persistence.database import connect, writing
from londonpump.service.auth import accounts
from londonpump.service.auth.passwords import Passwords
from londonpump.service.rights import Role

KINDS = ("Fire", "Domestic Incidents", "Local Emergencies", None)
READ = (
    "/",
    "/livez",
    "/readyz",
    "/statusz",
    "/me",
    "/historique",
    "/v1/board",
    "/v1/users",
    "/v1/models/champion",
    "/v1/models/decisions",
    "/v1/mobilisations",
    "/v1/mobilisations?incident_number=000003-02062025",
)


def answers(bundle: Path, n_ranked: int, n_time_pump: int) -> dict[str, Any]:
    """Return responses by the name of their file: one list per group of requests, and the OpenAPI document."""
    with tempfile.TemporaryDirectory() as name:
        folder, clock = Path(name), Clock()
        url = f"sqlite:///{folder / 'golden.db'}"
        database_with(url, put_in_store(bundle, folder).name)
        _add_people(url, clock)
        with running(url, folder, clock=clock) as client:
            as_ = {role.value: _signed_in(client, role.value) for role in Role}
            board = _board(client, as_["operator"])
            ranked = [_ranked(client, as_["operator"], random.Random(i)) for i in range(n_ranked)]  # noqa: S311
            times = [_time_pump(client, as_["operator"], random.Random(i)) for i in range(n_time_pump)]  # noqa: S311
            read = {
                f"{role} {path}": _shown(client.get(path, headers=headers))
                for role, headers in as_.items()
                for path in READ
            }
            document = client.get("/openapi.json").json()
    return {"board": board, "ranked": ranked, "time_pump": times, "read": read, "openapi": document}


def _add_people(url: str, clock: Clock) -> None:
    passwords, engine = Passwords(), connect(url)
    with writing(engine) as connection:
        for role in Role:
            new = accounts.NewUser(role.value, role, passwords.make_now(PASSWORD))
            accounts.create(connection, new, "os:golden", clock())
    engine.dispose()
    passwords.close()


def _signed_in(client: TestClient, name: str) -> dict[str, str]:
    answer = client.post("/login", data={"username": name, "password": PASSWORD})
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


def _board(client: TestClient, headers: dict[str, str]) -> list[Any]:
    """Send valid and invalid changes to the board."""
    pumps = [pump["code"] for pump in client.get("/v1/board", headers=headers).json()["pumps"]]
    shown = []
    for number, pump in enumerate(pumps[:40]):
        sent = {"incident_number": f"{number:06}-02062025", "pump": pump}
        made = client.post("/v1/mobilisations", json=sent, headers=headers)
        shown.append(_shown(made))
        for event in ("mobile", "arrived", "left", "returned")[: number % 6]:
            address = f"/v1/mobilisations/{made.json()['id']}/{event}"
            shown.append(_shown(client.post(address, json={}, headers=headers)))
        shown.append(_shown(client.post("/v1/mobilisations", json=sent | {"pump": "Z999"}, headers=headers)))
    for state, pump in zip(
        ("available", "standby", "off_the_run", "no such state"), pumps[50:], strict=False
    ):
        shown.append(_shown(client.put(f"/v1/pumps/{pump}", json={"state": state}, headers=headers)))
    return shown


def _ranked(client: TestClient, headers: dict[str, str], drawn: random.Random) -> Any:
    east, north = round(drawn.gauss(530_000, 12_000)), round(drawn.gauss(180_000, 9_000))
    place: dict[str, Any] = {"easting_m": float(east), "northing_m": float(north)}
    if drawn.random() < 0.1:
        place = drawn.choice(({"postcode_district": "SE1"}, {"station_ground": "A21"}, {"latitude": 51.5}))
    sent = {
        "location": place,
        "incident_type": drawn.choice(KINDS),
        "explanations": drawn.choice(("first", "none", "all")) if drawn.random() < 0.3 else "first",
        "max_candidates": drawn.choice((5, 5, 20)),
    }
    if drawn.random() < 0.2:
        sent["context"] = {"temp_c": round(drawn.gauss(10, 8), 1), "pumps_out": float(drawn.randint(0, 40))}
    return _shown(client.post("/v1/predictions", json=sent, headers=headers))


def _time_pump(client: TestClient, headers: dict[str, str], drawn: random.Random) -> Any:
    sent = {
        "Distance": round(drawn.expovariate(0.5), 3),
        "month": drawn.randint(1, 12),
        "temp": round(drawn.gauss(11, 7), 1),
        "Station_Code_of_ressource": drawn.choice(("G30", "A21", "H22")),
        "TotalOfPumpInLondon_Out": drawn.randint(0, 30),
    }
    return _shown(client.post("/predict/time_pump", params=sent, headers=headers))


def _shown(answer: Any) -> dict[str, Any]:
    is_json = "json" in answer.headers.get("content-type", "")
    return {"status": answer.status_code, "body": answer.json() if is_json else answer.text}
