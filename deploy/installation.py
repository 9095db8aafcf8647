"""Print where the parts of this installation are, as assignments of the shell, for backup.sh and restore.sh."""

import shlex
import sys

from londonpump.domain.errors import LondonPumpError
from londonpump.persistence.database.engine import address_of
from londonpump.settings import read_settings


def assignments() -> str:
    """Return the assignments. The password is apart from the address, which other users see in the list of processes."""
    settings = read_settings()
    address = address_of(settings.database)
    is_sqlite = address.get_backend_name() == "sqlite"
    bare = address._replace(drivername="postgresql", password=None).render_as_string(hide_password=False)
    values = {
        "engine": address.get_backend_name(),
        "database": address.database if is_sqlite else bare,
        "password": address.password or "",
        "bundles": settings.bundle.absolute(),
        "roads": settings.roads.absolute(),
        "secret": (settings.secret_file or settings.home / "secret").absolute(),
    }
    return "\n".join(f"{name}={shlex.quote(str(value))}" for name, value in values.items())


if __name__ == "__main__":
    try:
        print(assignments())
    except LondonPumpError as error:
        sys.exit(f"londonpump: {error}")
