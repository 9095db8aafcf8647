"""The home of the demo: marked as its own, its model on duty, a user with a password of its own, some weather.

Nothing of the environment but LONDONPUMP_HOME counts here: a demo never writes into a database that was set for
something else.
"""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine

from londonpump.domain.errors import BadFile
from londonpump.domain.usernames import username_key
from londonpump.lifecycle.manual_decisions import PromotionRequest, ledger, promote
from londonpump.rehearsal.demo_weather import simulated_weather
from londonpump.service.auth import accounts, repository
from londonpump.service.auth.passwords import Passwords
from londonpump.service.rights import Role
from londonpump.settings import Settings
from londonpump.storage.bundles import bundle_folder
from londonpump.storage.database import open_database, writing
from londonpump.storage.database.context_repository import store_weather
from londonpump.storage.files import read_json, write_json
from londonpump.storage.verified_bundle import open_verified

MARK, PASSWORD = "demo.json", "demo_password"
USER = "demo"
REASON = "the model of the demo, trained on a simulated Brigade"
ACTOR = "demo"


@dataclass(frozen=True, slots=True)
class DemoPlan:
    """What the simulated Brigade of a home is made from."""

    incidents: int
    seed: int


@dataclass(frozen=True, slots=True)
class DemoUser:
    """is_new: the password was made just now."""

    name: str
    password: str
    password_file: Path
    is_new: bool


def settings_of(home: Path) -> Settings:
    """The home's own database, models and secret, whatever the environment names."""
    return Settings(home=home, database_url=None, bundles=None, secret_file=None, registration=None)


def claim_folder(home: Path) -> None:
    """Mark a new home as the demo's, or an old one as not made; refuse one that something else lives in."""
    if home.is_dir() and any(home.iterdir()) and not (home / MARK).exists():
        raise BadFile(home, "was not made by the demo", "Set LONDONPUMP_HOME to a new folder.")
    if home.is_file():
        raise BadFile(home, "is a file", "Set LONDONPUMP_HOME to a new folder.")
    write_json(home / MARK, {"simulated": True})


def record_made(home: Path, plan: DemoPlan) -> None:
    """Say that all of the home is there."""
    write_json(home / MARK, {"simulated": True, "made": asdict(plan)})


def is_complete(home: Path, plan: DemoPlan) -> bool:
    """Whether the home was made whole by this plan, and its model is one that this version can use."""
    if not (home / MARK).is_file():
        return False
    try:
        if read_json(home / MARK).get("made") != asdict(plan):
            return False
        open_verified(bundle_folder(settings_of(home).bundle))
    except BadFile:
        return False
    return (home / "report.html").is_file()


def activate_model(home: Path, *, is_new: bool) -> None:
    """The model that was made now; an older home keeps what its ledger names. Raises: as `promote`."""
    settings = settings_of(home)
    if is_new or not ledger(settings, 1):
        promote(settings, PromotionRequest(str(settings.bundle), REASON))


def demo_user(home: Path) -> DemoUser:
    """The account to try everything with. Its password is drawn at random for each home and kept there, mode 0600.

    Raises: BadFile if that file cannot be read or made, DatabaseFailed.
    """
    file = home / PASSWORD
    password, is_new = _password(file)
    with _database(home) as engine, writing(engine) as connection:
        found, now = repository.find_named(connection, username_key(USER)), datetime.now(UTC)
        if found is None:
            new = accounts.NewUser(USER, Role.ADMIN, _hashed(password))
            accounts.create(connection, new, ACTOR, now)
        elif is_new:
            accounts.set_password(connection, found[0].id, _hashed(password), ACTOR, now)
    return DemoUser(USER, password, file, is_new)


def fill_weather(home: Path, now: datetime) -> int:
    """Weather of the simulation as that of this hour and the next day, its source named so. Returns: how many hours."""
    hours = simulated_weather(home / "raw" / "weather_hourly.csv", now)
    with _database(home) as engine:
        return store_weather(engine, hours)


def _password(file: Path) -> tuple[str, bool]:
    try:
        with suppress(FileNotFoundError):
            if stored := file.read_text(encoding="ascii").strip():
                return stored, False
            file.unlink()
        password = secrets.token_urlsafe(12)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as password_handle:
            password_handle.write(password + "\n")
    except (OSError, UnicodeError) as error:
        raise BadFile(file, f"holds no password ({error})", "Remove it: a new one is made.") from error
    return password, True


def _hashed(password: str) -> str:
    passwords = Passwords()
    try:
        return passwords.make_now(password)
    finally:
        passwords.close()


@contextmanager
def _database(home: Path) -> Iterator[Engine]:
    engine = open_database(settings_of(home).database)
    try:
        yield engine
    finally:
        engine.dispose()
