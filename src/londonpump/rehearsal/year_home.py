"""The home of a rehearsal: its folder, settings, database, user, commands and service."""

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from pydantic import SecretStr

from londonpump.domain.errors import BadFile, BadValue, LondonPumpError
from londonpump.persistence.database import open_database, writing
from londonpump.registry.manual_decisions import ledger
from londonpump.rehearsal.service_process import running_service, service_ended_error
from londonpump.rehearsal.year_plan import YearPlan
from londonpump.service.auth import accounts
from londonpump.service.auth.passwords import Passwords
from londonpump.service.rights import Role
from londonpump.settings import Settings

USER = "rehearsal"
# Trainings and the service share one disk here, and a request should rather wait than be rejected.
PATIENCE_MS = "1000"
COMMAND_TIMEOUT_S = 1_800
MAX_LEDGER_LINES = 500
LOG = "service.log"


class RehearsalFailed(LondonPumpError):
    """A step of the rehearsal failed, so later results would prove nothing."""


@dataclass(frozen=True, slots=True)
class YearHome:
    """A folder with a database, and a user with a random password."""

    folder: Path
    settings: Settings
    plan: YearPlan
    password: str = field(repr=False)

    def records(self, number: int) -> Path:
        """Return the folder of the published files of a month."""
        return self.folder / "records" / f"{self.plan.first_day(number):%Y-%m}"

    def environment(self) -> dict[str, str]:
        """Return the environment of this process with the settings of this home only."""
        # settings of the environment must not reach the commands of the rehearsal
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("LONDONPUMP_")}
        inherited |= {"LONDONPUMP_HOME": str(self.folder), "LONDONPUMP_DATABASE_PATIENCE_MS": PATIENCE_MS}
        inherited |= {"LONDONPUMP_CONFIG": os.devnull}  # nor those of a file in the current folder
        if not self.settings.is_embedded:
            inherited |= {"LONDONPUMP_DATABASE_URL": self.settings.database}
        return inherited

    def command(self, *arguments: str) -> list[str]:
        """Return the command line of a command of the product."""
        return [sys.executable, "-m", "londonpump.cli", *arguments]

    def run(self, *arguments: str) -> str:
        """Run a command and return its output. Raises: RehearsalFailed if it fails."""
        done = subprocess.run(  # noqa: S603
            self.command(*arguments),
            env=self.environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=COMMAND_TIMEOUT_S,
        )
        if done.returncode:
            last_line = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise RehearsalFailed(
                f"londonpump {' '.join(arguments[:2])} ended with {done.returncode}: {last_line}"
            )
        return done.stdout


@contextmanager
def year_home(plan: YearPlan, folder: Path, database_url: str | None) -> Iterator[YearHome]:
    """Make a home with a database without decisions, and a user.

    Raises: BadFile if the folder is not empty; BadValue if the database holds decisions; DatabaseFailed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise BadFile(folder, "is not empty", "Name a new folder: a rehearsal changes nothing else.")
    settings = Settings(
        home=folder,
        database_url=None if database_url is None else SecretStr(database_url),
        bundles=None,
        secret_file=None,
        registration=None,
    )
    home = YearHome(folder.resolve(), settings, plan, secrets.token_urlsafe(12))
    if ledger(settings, 1):
        raise BadValue(
            "--database-url", "...", "holds decisions already: a rehearsal needs a database of its own"
        )
    _make_user(home)
    yield home


def _make_user(home: YearHome) -> None:
    passwords = Passwords()
    try:
        hashed = passwords.make_now(home.password)
    finally:
        passwords.close()
    engine = open_database(home.settings.database)
    try:
        with writing(engine) as connection:
            accounts.create(
                connection, accounts.NewUser(USER, Role.OPERATOR, hashed), USER, datetime.now(UTC)
            )
    finally:
        engine.dispose()


@contextmanager
def running_year_service(home: YearHome) -> Iterator[str]:
    """Run a service on a free port of the loopback interface and yield its address.

    Raises: ServiceFailed if it does not start, or ended by itself.
    """
    log = home.folder / LOG
    with running_service(home.command("serve", "--port", "0"), home.environment(), log) as (process, address):
        yield address
        if process.poll() is not None:
            raise service_ended_error(log)
