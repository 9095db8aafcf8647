"""Homes for the service under load: a database, an active model, and an account."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.processes import ROOT

PASSWORD = "three quiet lanterns"  # noqa: S105 - of a database that is thrown away
USERNAME = "somebody"
SECRET = "a secret that nobody needs to keep, of a database that is thrown away"  # noqa: S105


@dataclass(frozen=True)
class Home:
    """A folder, database and settings to start a service with the code of a checkout."""

    folder: Path
    url: str
    checkout: Path = ROOT
    settings: dict[str, str] = field(default_factory=dict)

    def environment(self) -> dict[str, str]:
        """Return the settings of the service, without any other setting of the product."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("LONDONPUMP_")}
        return {
            **inherited,
            # the code as it stands there, whatever was installed
            "PYTHONPATH": os.pathsep.join((str(self.checkout / "src"), str(self.checkout))),
            **{f"LONDONPUMP_{name}": value for name, value in self.settings.items()},
            "LONDONPUMP_HOME": str(self.folder),
            "LONDONPUMP_DATABASE_URL": self.url,
            "LONDONPUMP_SECRET_FILE": str(self.folder / "signing-secret"),
        }


def made(folder: Path, url: str, bundle: Path) -> Home:
    """Make a home with an active model and an operator who can sign in."""
    from pydantic import SecretStr

    from londonpump.persistence.database import connect, upgrade, writing
    from londonpump.registry.manual_decisions import PromotionRequest, promote
    from londonpump.service.auth import accounts
    from londonpump.service.auth.passwords import Passwords
    from londonpump.service.state import utc_now
    from londonpump.settings import Settings

    folder.mkdir(parents=True)
    secret = folder / "signing-secret"
    secret.write_text(SECRET, encoding="utf-8")
    secret.chmod(0o600)
    engine = connect(url)
    upgrade(engine)
    settings = Settings(home=folder, database_url=SecretStr(url), secret_file=secret)
    promote(settings, PromotionRequest(str(bundle), "to be measured"))
    passwords = Passwords()
    try:
        new = accounts.NewUser(USERNAME, "operator", passwords.make_now(PASSWORD))
        with writing(engine) as connection:
            accounts.create(connection, new, "os:benchmarks", utc_now())
    finally:
        engine.dispose()
        passwords.close()
    return Home(folder, url)
