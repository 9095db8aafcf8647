"""The home of the demo: a marked folder with records, a bundle, a report, a database, a user and weather.

Only LONDONPUMP_HOME of the environment counts, so a demo never writes into a database that was configured for
something else; `fill_empty` is the same for an installation that holds no model yet, such as the stack of containers. The
weather of now is that of the same London day and hour in the simulated year.
"""

import csv
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from londonpump.domain.columns import VISUAL_CROSSING_NAMES, WeatherHour
from londonpump.domain.errors import BadFile
from londonpump.domain.london_clock import LONDON
from londonpump.domain.usernames import username_key
from londonpump.lifecycle.progress import Progress
from londonpump.persistence.atomic_files import read_json, write_json
from londonpump.persistence.bundles import bundle_folder
from londonpump.persistence.database import Engine, open_database, writing
from londonpump.persistence.repositories import users
from londonpump.persistence.repositories.context import store_weather
from londonpump.persistence.verified_bundle import open_verified
from londonpump.registry.manual_decisions import PromotionRequest, ledger, promote
from londonpump.service.auth import accounts
from londonpump.service.auth.passwords import Passwords
from londonpump.service.rights import Role
from londonpump.settings import Settings

MARK, PASSWORD = "demo.json", "demo_password"
EXAMPLE, WEATHER = "example", Path("raw", "weather_hourly.csv")
USER = "demo"
REASON = "the model of the demo, trained on a simulated Brigade"
EXAMPLE_REASON = "the first model, trained on a simulated Brigade"
ACTOR = "demo"
SOURCE = "simulated"
HOURS_BEFORE, HOURS_AFTER = 2, 24
HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class DemoPlan:
    """The size and the seed of the simulated Brigade of a home."""

    incidents: int
    seed: int


@dataclass(frozen=True, slots=True)
class DemoUser:
    """The account of the demo."""

    name: str
    password: str
    password_file: Path
    is_new: bool
    """True if the password was generated now."""


def settings_of(home: Path) -> Settings:
    """Return settings with the database, models and secret of the home, whatever the environment holds."""
    return Settings(home=home, database_url=None, bundles=None, secret_file=None, registration=None)


def claim_folder(home: Path) -> None:
    """Mark a folder as a home of the demo that is not complete. Raises: BadFile if it holds other things."""
    if home.is_dir() and any(home.iterdir()) and not (home / MARK).exists():
        raise BadFile(
            home, "was not made by the demo", "Set LONDONPUMP_HOME to a new folder, or move it away."
        )
    if home.is_file():
        raise BadFile(home, "is a file", "Set LONDONPUMP_HOME to a new folder.")
    write_json(home / MARK, {"simulated": True})


def record_made(home: Path, plan: DemoPlan) -> None:
    """Mark the home as complete."""
    write_json(home / MARK, {"simulated": True, "made": asdict(plan)})


def is_complete(home: Path, plan: DemoPlan) -> bool:
    """Return whether the home is complete, has this plan, and holds a model that this version can use."""
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
    """Activate the new model; an older home keeps the model of its ledger. Raises: as `promote`."""
    settings = settings_of(home)
    if is_new or not ledger(settings, 1):
        promote(settings, PromotionRequest(str(settings.bundle), REASON))


def demo_user(home: Path) -> DemoUser:
    """Return the account of the demo, creating it if needed. Its random password is kept in the home, mode 0600.

    Raises: BadFile if the password file cannot be read or written, DatabaseFailed.
    """
    file = home / PASSWORD
    password, is_new = _password(file)
    with _database(settings_of(home)) as engine, writing(engine) as connection:
        user, now = users.find_named(connection, username_key(USER)), datetime.now(UTC)
        if user is None:
            new = accounts.NewUser(USER, Role.ADMIN, _hashed(password))
            accounts.create(connection, new, ACTOR, now)
        elif is_new:
            accounts.set_password(connection, user.id, _hashed(password), ACTOR, now)
    return DemoUser(USER, password, file, is_new)


def fill_weather(settings: Settings, folder: Path, now: datetime) -> int:
    """Store simulated weather for the hours around `now`, marked by its source. Returns: how many hours.

    Args: folder: the folder with the simulated records.
    """
    hours = simulated_weather(folder / WEATHER, now)
    with _database(settings) as engine:
        return store_weather(engine, hours)


def _password(file: Path) -> tuple[str, bool]:
    try:
        with suppress(FileNotFoundError):
            if stored := file.read_text(encoding="ascii").strip():
                return stored, False
            # an empty file is left by a demo that was killed between creating and writing it
            file.unlink()
        password = secrets.token_urlsafe(12)
        # O_EXCL and the mode in one call: the password is never readable by others, not even briefly
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as password_handle:
            password_handle.write(password + "\n")
    except (OSError, UnicodeError) as error:
        raise BadFile(
            file, f"holds no password ({error})", "Remove it: the demo generates a new one."
        ) from error
    return password, True


def _hashed(password: str) -> str:
    passwords = Passwords()
    try:
        return passwords.make_now(password)
    finally:
        passwords.close()


@contextmanager
def _database(settings: Settings) -> Iterator[Engine]:
    engine = open_database(settings.database)
    try:
        yield engine
    finally:
        engine.dispose()


def simulated_weather(file: Path, now: datetime) -> list[WeatherHour]:
    """Return the hours around `now` from the file. Future hours are known from `now` on, like a forecast.

    Args: file: weather_hourly.csv of the simulation, by London hour of its year.
    """
    with file.open(encoding="utf-8", newline="") as opened:
        # without the year: the simulated year is used as this year
        by_hour = {row["date"][5:]: row for row in csv.DictReader(opened)}
    this_hour_at = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    hours_at = [this_hour_at + step * HOUR for step in range(-HOURS_BEFORE, HOURS_AFTER + 1)]
    found = [(hour_at, by_hour.get(f"{hour_at.astimezone(LONDON):%m-%d %H}")) for hour_at in hours_at]
    return [_hour(hour_at, min(hour_at, now), row) for hour_at, row in found if row is not None]


def _hour(observed_at: datetime, available_at: datetime, row: dict[str, str]) -> WeatherHour:
    return WeatherHour(
        observed_at=observed_at,
        available_at=available_at,
        **{
            name: float(row[field]) if field in row else None for field, name in VISUAL_CROSSING_NAMES.items()
        },
        conditions=row["conditions"],
        source=SOURCE,
    )


def make_demo(home: Path, plan: DemoPlan, progress: Progress, *, is_overwriting: bool = False) -> str:
    """Make a complete home unless there is one of this plan, and return a summary.

    Args: is_overwriting: replace a complete home too. Raises: BadFile if `home` holds other things.
    """
    if is_complete(home, plan) and not is_overwriting:
        message = f"The SIMULATED Brigade of an earlier demo, in {home} (--overwrite makes it again)"
        activate_model(home, is_new=False)
    else:
        claim_folder(home)
        # imported here: these imports take seconds that an existing home does not need
        from londonpump.rehearsal.demo_records import make_records  # noqa: PLC0415

        message = make_records(home, settings_of(home).bundle, plan, progress)
        # marked as complete last, so that an interrupted demo starts again
        activate_model(home, is_new=True)
        record_made(home, plan)
    fill_weather(settings_of(home), home, datetime.now(UTC))
    return _with_pages(message, home)


def fill_empty(settings: Settings, plan: DemoPlan, progress: Progress) -> str:
    """Give an installation without a model that of the demo, and return a summary.

    The steps are those of `make_demo`, so the same plan gives the same answers. An installation with a model keeps it;
    while that is a simulated one, the weather of now is simulated too.
    Raises: BadFile if a file cannot be written, DatabaseFailed.
    """
    folder, newest = settings.home / EXAMPLE, next(iter(ledger(settings, 1)), None)
    if newest is None:
        claim_folder(folder)
        # a start that was killed may have left a part of it
        shutil.rmtree(folder, ignore_errors=True)
        claim_folder(folder)
        from londonpump.rehearsal.demo_records import make_records  # noqa: PLC0415

        message = _with_pages(make_records(folder, settings.bundle, plan, progress), folder)
        promote(settings, PromotionRequest(str(settings.bundle), EXAMPLE_REASON))
    else:
        message = f"Nothing to train: {newest.champion_after} is active."
        if not newest.evidence.get("is_simulated"):
            return message
    if (folder / WEATHER).is_file():
        fill_weather(settings, folder, datetime.now(UTC))
    return message


def _with_pages(message: str, home: Path) -> str:
    pages = (("Report", "report.html"), ("Model card", "model_card.html"))
    return "\n".join(
        [message, "", *(f"{name}: {(home / file).resolve().as_uri()}" for name, file in pages), ""]
    )
