"""The home of a rehearsal: its folder, settings and database, its user, and the commands that are run in it."""

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
from londonpump.lifecycle.manual_decisions import ledger
from londonpump.rehearsal.year_plan import YearPlan
from londonpump.service.auth import accounts
from londonpump.service.auth.passwords import Passwords
from londonpump.service.rights import Role
from londonpump.settings import Settings
from londonpump.storage.database import open_database, writing

USER = "rehearsal"
PATIENCE_MS = "1000"
COMMAND_TIMEOUT_S = 1_800
MAX_LEDGER_LINES = 500


class RehearsalFailed(LondonPumpError):
    """A step of the rehearsal could not be made: what is shown after it would prove nothing."""


@dataclass(frozen=True, slots=True)
class YearHome:
    """Where a rehearsal lives. password: of its user, drawn at random.

    On one disk with everything else that a year does, a write to SQLite waits for the disk, and a call had better wait
    than be refused: so the service of a rehearsal is more patient than one that has the disk for itself.
    """

    folder: Path
    settings: Settings
    plan: YearPlan
    password: str = field(repr=False)

    def records(self, number: int) -> Path:
        """Where the publisher's files of a month are put."""
        return self.folder / "records" / f"{self.plan.first_day(number):%Y-%m}"

    def environment(self) -> dict[str, str]:
        """This process's, with no setting of the product but this home's."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("LONDONPUMP_")}
        inherited |= {"LONDONPUMP_HOME": str(self.folder), "LONDONPUMP_DATABASE_PATIENCE_MS": PATIENCE_MS}
        if not self.settings.is_embedded:
            inherited |= {"LONDONPUMP_DATABASE_URL": self.settings.database}
        return inherited

    def command(self, *arguments: str) -> list[str]:
        """A command of the product as a process of its own."""
        return [sys.executable, "-m", "londonpump.cli", *arguments]

    def run(self, *arguments: str) -> str:
        """Run a command to its end. Returns: what it told. Raises: RehearsalFailed."""
        done = subprocess.run(  # noqa: S603
            self.command(*arguments),
            env=self.environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=COMMAND_TIMEOUT_S,
        )
        if done.returncode:
            last_line = (done.stderr.strip().splitlines() or ["no word"])[-1]
            raise RehearsalFailed(
                f"londonpump {' '.join(arguments[:2])} ended with {done.returncode}: {last_line}"
            )
        return done.stdout


@contextmanager
def year_home(plan: YearPlan, folder: Path, database_url: str | None) -> Iterator[YearHome]:
    """Make a home with a database that no model was ever decided in, and a user who asks.

    Raises: BadFile if something lives in the folder; BadValue if something was decided in the database; DatabaseFailed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise BadFile(folder, "is not empty", "Name a new folder: a rehearsal touches nothing else.")
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
            "--database-url", "...", "holds decisions already: a rehearsal wants a database of its own"
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
