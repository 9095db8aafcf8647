"""Issue 11, A11: linters find no error in the OpenAPI document, and generated clients run the whole flow on a service.

The tools are pinned: tests/api_clients/package-lock.json (npm) and requirements/clients.lock (pip), each installed into
a folder of the test.
"""

import json
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from support.service_process import served

from londonpump.persistence.database import connect, writing
from londonpump.registry.manual_decisions import PromotionRequest, promote
from londonpump.service.auth import accounts
from londonpump.service.auth.passwords import Passwords
from londonpump.service.state import utc_now
from londonpump.settings import Settings

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]
HERE = ROOT / "tests" / "api_clients"
USER, PASSWORD = "the operator", "three quiet lanterns"
QUIET = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true", "NO_UPDATE_NOTIFIER": "1"}


@dataclass(frozen=True)
class Service:
    """document: the file of its /openapi.json."""

    address: str
    document: Path


def run(*arguments: object, folder: Path, **environment: str) -> str:
    """What a command wrote. Fails with all of it if the command did."""
    done = subprocess.run(
        [str(word) for word in arguments],
        cwd=folder,
        env={**os.environ, **QUIET, **environment},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"{arguments[0]}: {done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def service(small_brigade, tmp_path_factory) -> Iterator[Service]:
    """A process that serves, with a model in production and an operator."""
    folder = tmp_path_factory.mktemp("service")
    settings = Settings(home=folder / "home")
    promote(settings, PromotionRequest(str(small_brigade.bundle), "a test"))
    passwords, engine = Passwords(), connect(settings.database)
    new = accounts.NewUser(USER, "operator", passwords.make_now(PASSWORD))
    with writing(engine) as connection:
        accounts.create(connection, new, "os:test", utc_now())
    engine.dispose()
    passwords.close()
    # how soon a service on a busy machine answers is no matter here
    with served(folder / "home", LONDONPUMP_DATABASE_PATIENCE_MS="5000") as running:
        document = folder / "openapi.json"
        document.write_text(httpx2.get(f"{running.address}/openapi.json").text)
        yield Service(running.address, document)


@pytest.fixture(scope="module")
def npm(tmp_path_factory) -> Path:
    """A folder with the locked npm packages."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("node and npm are not installed")
    folder = tmp_path_factory.mktemp("npm")
    for file in HERE.iterdir():
        if file.is_file():
            shutil.copy(file, folder)
    run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", folder=folder)
    return folder


@pytest.fixture(scope="module")
def generator(tmp_path_factory) -> Path:
    """The environment of openapi-python-client: its packages are not the product's."""
    folder = tmp_path_factory.mktemp("generator")
    venv.create(folder, with_pip=True)
    python = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    run(python, "-m", "pip", "install", "--quiet", "--require-hashes", "-r", ROOT / "requirements/clients.lock",
        folder=folder)  # fmt: skip
    return python


def test_redocly_finds_no_error(npm: Path, service: Service) -> None:
    output = run("npx", "--no-install", "redocly", "lint", service.document, "--format=json", folder=npm)
    found = json.loads(output[output.index("{") :])
    assert found["totals"]["errors"] == 0


def test_spectral_finds_no_error(npm: Path, service: Service) -> None:
    output = run(
        "npx", "--no-install", "spectral", "lint", service.document, "--ruleset", "spectral.yaml",
        "--format", "json", "--quiet", folder=npm,
    )  # fmt: skip
    found = json.loads(output[output.index("[") : output.rindex("]") + 1])
    assert [each for each in found if each["severity"] == 0] == []


def test_a_typescript_client_runs_the_whole_flow(npm: Path, service: Service) -> None:
    run("npx", "--no-install", "openapi-typescript", service.document, "-o", "api.d.ts", folder=npm)
    run("npx", "--no-install", "tsc", "--project", ".", folder=npm)
    output = run("node", "built/flow.js", service.address, USER, PASSWORD, folder=npm)
    assert_whole(json.loads(output))


def test_a_python_client_runs_the_whole_flow(generator: Path, service: Service, tmp_path: Path) -> None:
    script = generator.with_name("openapi-python-client")
    run(script, "generate", "--path", service.document, "--output-path", "made", "--meta", "none",
        folder=tmp_path)  # fmt: skip
    shutil.copy(HERE / "flow.py", tmp_path)
    output = run(generator, "flow.py", service.address, USER, PASSWORD, folder=tmp_path)
    assert_whole(json.loads(output))


def assert_whole(output: dict[str, Any]) -> None:
    """Signed in, ranked, mobilised with every event, and read again."""
    assert output["user"] == USER
    assert output["announced_s"] == output["p50_s"]
    assert output["states"] == ["mobilised", "mobile", "at_incident", "returning", "available"]
    assert output["listed"] == [True]
    assert (output["is_arrived"], output["is_same_prediction"]) == (True, True)
    assert (output["pumps"], output["is_renewed"]) == (True, True)
