"""A database of version 0008: its tables, its JSON with the former names, and its hashes, none of them made by the product."""

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection
from support.accounts_service import CHEAP, PASSWORD

from londonpump.persistence.database import connect, writing
from londonpump.persistence.database.engine import Timestamp
from londonpump.persistence.database.schema_version import MIGRATIONS
from londonpump.service.auth.passwords import Passwords

VERSION_0_1 = "0008"
AT = datetime(2025, 6, 2, 9, 0, tzinfo=UTC)
USER, PREDICTION, KEY = "f" * 32, "a" * 32, "b2c1-7"
INPUTS: dict[str, Any] = {
    "place": {"easting_m": 529700.0, "northing_m": 181100.0},
    "incident_number": "1",
    "kind_of_call": "Fire",
    "return_at_most": 1,
    "reasons": "all",
}
STATION = {"code": "A24", "name": "Soho"}
ANSWER = {
    "id": PREDICTION,
    "at": "2025-06-02T09:00:00Z",
    "incident_number": "1",
    "model": {"name": "m", "is_simulated": True, "trained_until": None},
    "place": {
        "easting_m": 529700.0,
        "northing_m": 181100.0,
        "named": None,
        "points": 1,
        "station_ground": STATION,
    },
    "pumps_needed": {"number": 1, "chances": {"1": 1.0}},
    "candidates": [
        {
            "pump": "A241",
            "station": STATION,
            "home_station": None,
            "state": "available",
            "is_assumed": False,
            "reported_at": None,
            "distance_m": 500,
            "mean_s": 310.0,
            "p10_s": 200.0,
            "p50_s": 300.0,
            "p90_s": 400.0,
            "chance_within_s": {"360": 0.75},
            "warning": {"risk_underestimated": False, "words": None},
            "filled": [],
            "reasons": [{"about": "distance", "seconds": 300.0, "words": "0.5 km from the station"}],
        }
    ],
    "second_pump": None,
    "ranked": 1,
    "context": {
        "temp_c": {
            "value": 9.0,
            "unit": "degrees C",
            "source": "climate",
            "observed_at": None,
            "age_min": None,
            "is_filled": True,
        }
    },
    "pumps_out": None,
    "ground_pumps_available": None,
    "recent_ground_calls": None,
    "filled": ["temp_c=climate"],
    "missing": [],
    "board_age_s": None,
    "warning": None,
}
EVIDENCE = {"is_simulated": True, "prototype_s": 408.3, "settings": {"least_rows": 1000}}


def move(connection: Connection, version: str, *, is_back: bool = False) -> None:
    """Upgrade the tables to a version, or downgrade them."""
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(MIGRATIONS))
    (command.downgrade if is_back else command.upgrade)(config, version)


def put(connection: Connection, table: str, **values: Any) -> None:
    """Insert a row, whatever the present schema requires."""
    types: dict[type, Any] = {dict: sa.JSON(), list: sa.JSON(), datetime: Timestamp()}
    columns: list[Any] = [sa.column(name, types.get(type(value))) for name, value in values.items()]
    connection.execute(sa.table(table, *columns).insert().values(**values))


def add_to_audit(connection: Connection, kind: str, actor: str | None, about: dict[str, Any]) -> None:
    """Append an event to the chain, hashed as builds before database version 0009 did."""
    n_rows, previous = connection.execute(sa.text("SELECT n_rows, hash FROM audit_head")).one()
    row = {
        "seq": n_rows + 1,
        "kind": kind,
        "actor": actor,
        "about": _canonical(about),
        "previous_hash": previous,
    }
    at = AT.isoformat(timespec="microseconds")
    hashed = hashlib.sha256(_canonical({**row, "at": at}).encode()).hexdigest()
    put(connection, "audit", **row, at=AT, hash=hashed)
    head = sa.text("UPDATE audit_head SET n_rows = :n, hash = :hash")
    connection.execute(head, {"n": n_rows + 1, "hash": hashed})


def make_home(url: str, model: str) -> None:
    """Store a user with a prediction, its idempotency key and audit; a decision about a model, an alarm, a session, a fetch."""
    engine, passwords = connect(url), Passwords(CHEAP)
    hashed = passwords.make_now(PASSWORD)
    passwords.close()
    with writing(engine) as connection:
        move(connection, VERSION_0_1)
        put(
            connection, "users", id=USER, username="olaf", username_folded="olaf", role="operator", password_hash=hashed,
            created_at=AT,
        )  # fmt: skip
        prediction = {
            "id": PREDICTION,
            "user_id": USER,
            "created_at": AT,
            "kind": "call",
            "model": model,
            "response_time_s": 300.0,
            "risk_underestimated": False,
            "inputs": INPUTS,
            "answer": ANSWER,
            "incident_number": "1",
            "asked_at": AT,
        }
        put(connection, "predictions", **prediction)
        entry = {"id": PREDICTION, "user": USER, "at": AT.isoformat(), "sha256": _digest_of(prediction)}
        add_to_audit(connection, "predictions", None, {"n": 1, "entries": [entry]})
        digest = hashlib.sha256(f"predictions\n{json.dumps([INPUTS])}".encode()).hexdigest()
        put(
            connection, "idempotency_keys", user_id=USER, key=KEY, body_digest=digest, created_at=AT, status=200,
            answer=[{"id": PREDICTION}],
        )  # fmt: skip
        put(
            connection, "decisions", decided_at=AT, action="promote", champion_after=model, verdict="by hand",
            reason="a test", evidence=EVIDENCE, actor="tester",
        )  # fmt: skip
        put(
            connection, "alarms", id="1", raised_at=AT, kind="model_old", subject=model, severity="warning",
            words="The model is old.", evidence={},
        )  # fmt: skip
        put(
            connection, "sessions", id="s", user_id=USER, source="x", started_at=AT, ends_at=AT, ended_at=AT,
            ended_because="sign_out",
        )  # fmt: skip
        put(connection, "fetch_notes", source="open_meteo", fetched_at=AT, row_count=24)
        put(connection, "write_probe", id=1, filling="0")
    engine.dispose()


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _digest_of(prediction: dict[str, Any]) -> str:
    row = {**prediction, "risk_listed_at": None}
    for name in ("inputs", "answer"):
        row[name] = json.dumps(row[name], ensure_ascii=False, separators=(",", ":"))
    texts = (
        f"{name}={value.isoformat() if isinstance(value, datetime) else value}\n"
        for name, value in row.items()
    )
    return hashlib.sha256("".join(texts).encode()).hexdigest()
