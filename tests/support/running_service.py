"""The service for tests, on a database and a store of bundles of the test's own."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from sqlalchemy import Engine
from support.accounts_service import CHEAP, SECRET, Clock, ServiceClient

from londonpump.assembly import create_app
from londonpump.persistence.bundles import CARD, PROVENANCE, save_bundle
from londonpump.persistence.database import open_database, reading, writing
from londonpump.persistence.database.store import StoreLimits
from londonpump.persistence.repositories.decisions import (
    PROMOTE,
    Decision,
    active_champion,
    append_decision,
)
from londonpump.service.board.cache import BoardLimits
from londonpump.service.state import ServiceOptions
from londonpump.settings import Settings

NEVER_S = 3600.0
PATIENT = StoreLimits(patience_s=10)


def settings_for(url: str, folder: Path, **more: Any) -> Settings:
    """Return settings with a secret of the test's own."""
    secret = folder / "signing-secret"
    secret.write_bytes(SECRET)
    secret.chmod(0o600)
    return Settings(
        home=folder / "home",
        bundles=folder / "bundles",
        database_url=SecretStr(url),
        secret_file=secret,
        **more,
    )


@contextmanager
def running(
    url: str,
    folder: Path,
    *,
    clock: Clock | None = None,
    limits: StoreLimits = PATIENT,
    poll_s: float = NEVER_S,
    board_limits: BoardLimits | None = None,
) -> Iterator[ServiceClient]:
    """Run a service and return its client; `client.app.state.service` is its state."""
    options = ServiceOptions(
        clock=clock or Clock(),
        store_limits=limits,
        champion_poll_s=poll_s,
        hash_cost=CHEAP,
        board_limits=board_limits,
    )
    app = create_app(settings_for(url, folder), options=options)
    with ServiceClient(app, raise_server_exceptions=False) as client:
        yield client


def name_champion(engine: Engine, name: str | None) -> None:
    """Add a line to the ledger, whatever the store contains."""
    with reading(engine) as connection:
        before = active_champion(connection)
    line = Decision(datetime.now(UTC), PROMOTE, before, name, name, "by hand", "a test", {}, "tester")
    with writing(engine) as connection:
        append_decision(connection, line)


def database_with(url: str, name: str | None = None) -> None:
    """Make a database of the present version, with or without a champion."""
    engine = open_database(url)
    if name is not None:
        name_champion(engine, name)
    engine.dispose()


def put_in_store(bundle: Path, folder: Path) -> Path:
    """Copy a bundle to the test's store."""
    return save_bundle(files_of(bundle), {}, folder / "bundles")


def another(bundle: Path, folder: Path, **card: object) -> Path:
    """Store a bundle that differs in its card only, under its own hash."""
    files = files_of(bundle)
    files[CARD] = json.dumps({**json.loads(files[CARD]), **card}).encode()
    return save_bundle(files, {}, folder / "bundles")


def files_of(bundle: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in bundle.iterdir() if file.name != PROVENANCE}
