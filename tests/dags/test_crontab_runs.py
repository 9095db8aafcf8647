"""Lines of the crontab, run by a shell with a minimal environment, as cron does."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support import crontab

from londonpump.persistence.database import open_database, reading
from londonpump.persistence.repositories.decisions import read_decisions
from londonpump.settings import Settings

pytestmark = pytest.mark.slow

OF_CRON = {"SHELL": "/bin/sh", "LOGNAME": "nobody"}


@pytest.fixture(scope="module")
def ran(published, tmp_path_factory) -> list[Any]:
    """Finished process per line; the publishers replace the real ones, and the home replaces /srv/londonpump."""
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    home = {"HOME": str(tmp_path_factory.mktemp("of_cron")), "PATH": path}
    return [
        subprocess.run(
            ["/bin/sh", "-c", line.command],
            env={**OF_CRON, **home, **published},
            capture_output=True,
            text=True,
        )
        for line in crontab.lines()
    ]


@pytest.mark.parametrize("number", range(4))
def test_a_line_ends_well(number, ran) -> None:
    assert ran[number].returncode == 0, ran[number].stdout + ran[number].stderr


def test_a_training_was_judged_and_decided_once(ran, published) -> None:
    engine = open_database(Settings(home=Path(published["LONDONPUMP_HOME"])).database)
    with reading(engine) as connection:
        decisions = read_decisions(connection, 10)
    engine.dispose()
    assert len(decisions) == 1
