"""The stack names the settings that the code reads, and no other: `.env.example`, compose file, guide."""

import re
import subprocess
from pathlib import Path

import pytest
import write_docs

from londonpump.settings import SECRETS, Settings

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
KNOWN = {f"LONDONPUMP_{name.upper()}" for name in Settings.model_fields}
KNOWN |= {f"LONDONPUMP_{name.upper()}_FILE" for name in SECRETS}
OF_SCRIPTS = {"LONDONPUMP_COMMAND"}
"""Read by the DAGs, not by the product."""


def named_in(path: Path) -> set[str]:
    return set(re.findall(r"\bLONDONPUMP_[A-Z_]+[A-Z]\b", path.read_text(encoding="utf-8")))


def deployed_files() -> list[Path]:
    files = [path for path in DEPLOY.rglob("*") if path.is_file() and "secrets" not in path.parts]
    return [ROOT / ".env.example", ROOT / "compose.yaml", *files]


@pytest.mark.parametrize("path", deployed_files(), ids=lambda path: path.name)
def test_a_deployed_file_names_no_setting_that_does_not_exist(path: Path) -> None:
    assert named_in(path) - KNOWN - OF_SCRIPTS == set()


def test_every_setting_is_in_the_example_or_set_by_the_stack() -> None:
    compose = named_in(DEPLOY / "compose.yaml")
    by_the_stack = {f"LONDONPUMP_{name.upper()}" for name in write_docs.SET_BY_THE_STACK}
    settings = {f"LONDONPUMP_{name.upper()}" for name in Settings.model_fields}
    assert settings - named_in(ROOT / ".env.example") - by_the_stack == set()
    # the folder of bundles follows from the home
    of_compose = {
        name.removesuffix("_FILE") if name != "LONDONPUMP_SECRET_FILE" else name for name in compose
    }
    assert by_the_stack - of_compose == {"LONDONPUMP_BUNDLES"}


def test_the_example_has_the_defaults_of_the_stack() -> None:
    compose = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
    for name, value in write_docs.STACK_DEFAULTS.items():
        assert f"${{LONDONPUMP_{name.upper()}:-{value}}}" in compose


def test_the_example_sets_nothing_by_itself() -> None:
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line and not line.startswith("#")] == []


def test_secrets_are_made_once_and_are_readable_only_through_their_owners_folder(tmp_path: Path) -> None:
    script = tmp_path / "make-secrets.sh"
    script.write_bytes((DEPLOY / "make-secrets.sh").read_bytes())
    made = [_made(script), _made(script)]
    assert made[0] == made[1]
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "secrets").iterdir()} == {0o444}
    assert made[0]["database-password"] in made[0]["database-url"]
    compose = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
    assert set(made[0]) == set(re.findall(r"file: secrets/([a-z-]+)", compose))


def _made(script: Path) -> dict[str, str]:
    done = subprocess.run(["sh", str(script)], capture_output=True, text=True, check=True)
    assert done.stdout + done.stderr == ""
    return {path.name: path.read_text() for path in (script.parent / "secrets").iterdir()}
