"""The tutorial with curl, from an account to a pump that arrived, against a service that runs."""

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.documented_commands import ROOT, blocks, run
from support.service_process import served

PAGE = ROOT / "docs" / "tutorials" / "first-call.md"
DOCUMENTED_ADDRESS = "localhost:8000"
WITH_STATUS = "curl() { command curl --max-time 30 -w '%{stderr}%{http_code}\\n' \"$@\"; }\n"
"""The status of each answer goes to standard error, beside what the reader sees."""
ONE_ARRIVAL = re.compile(r'^londonpump_live_arrivals{model="[0-9a-f]{16}"} 1.0$', re.MULTILINE)


@dataclass(frozen=True)
class Typed:
    """What came of all the commands of the page, typed one after the other into one shell."""

    code: int
    seen: str
    statuses: list[str]


@pytest.fixture(scope="module")
def typed(brigade: Path, tmp_path_factory: pytest.TempPathFactory) -> Typed:
    if shutil.which("bash") is None or shutil.which("curl") is None:
        pytest.skip("bash and curl are not on this machine")
    home = tmp_path_factory.mktemp("first_call") / "home"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LONDONPUMP_HOME", str(home))
        code, output = run(f"londonpump models promote {brigade / 'bundle'} --why first")
    assert code == 0, output
    with served(home) as service:
        host, port = service.host_and_port
        script = WITH_STATUS + "set -eu\n" + "".join(blocks(PAGE, "bash"))
        script = script.replace(DOCUMENTED_ADDRESS, f"{host}:{port}")
        done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=120)
    return Typed(done.returncode, done.stdout, done.stderr.split())


def test_every_command_of_the_tutorial_runs(typed: Typed) -> None:
    assert (typed.code, [status for status in typed.statuses if not status.isdecimal()]) == (0, [])


def test_what_is_refused_is_what_the_tutorial_shows_as_refused(typed: Typed) -> None:
    documented = re.findall(r'"status": (\d+)', PAGE.read_text(encoding="utf-8"))
    assert [status for status in typed.statuses if status >= "400"] == documented


def test_every_field_that_the_tutorial_shows_is_answered(typed: Typed) -> None:
    documented = set(re.findall(r'"(\w+)": ', "".join(blocks(PAGE, "json"))))
    assert {name for name in documented if f'"{name}":' not in typed.seen} == set()


@pytest.mark.parametrize(
    "documented",
    [
        '"recommended_pump": "A241"',
        '"override_reason": "A242 is kept for the theatres"',
        '"detail": "A241 is mobilised for incident 000123-28112026. Report its next event first."',
        '"actual_s": 290.0',
        '"state": "at_incident"',
        '"state": "off_run"',
    ],
)
def test_what_the_tutorial_tells_is_answered(documented: str, typed: Typed) -> None:
    assert documented in PAGE.read_text(encoding="utf-8")
    assert documented in typed.seen


def test_the_arrival_is_counted_to_the_live_error(typed: Typed) -> None:
    assert ONE_ARRIVAL.search(typed.seen)
