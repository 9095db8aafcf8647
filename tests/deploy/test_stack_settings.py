"""The stack and Azure name the settings that the code reads, and no other: `.env.example`, compose file, Bicep, page of settings."""

import re
import subprocess
from pathlib import Path

import pytest
import write_docs

from londonpump.settings import CONFIG, SECRETS, Settings

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
SETTINGS = {f"LONDONPUMP_{name.upper()}" for name in Settings.model_fields}
KNOWN = SETTINGS | {CONFIG} | {f"LONDONPUMP_{name.upper()}_FILE" for name in SECRETS}
OF_SCRIPTS = {"LONDONPUMP_COMMAND"}
"""Read by the DAGs, not by the product."""
LEFT_AT_DEFAULT_ON_AZURE = {
    "LONDONPUMP_DATASTORE_URL",
    "LONDONPUMP_OPEN_METEO_URL",
    "LONDONPUMP_VISUAL_CROSSING_URL",
    "LONDONPUMP_SCHOOL_TERMS_URL",
    "LONDONPUMP_GOVUK_URL",
    "LONDONPUMP_TOMTOM_URL",
    "LONDONPUMP_ROADS_URL",
    "LONDONPUMP_BUNDLES",  # `bundle` in the home, which is a share
    "LONDONPUMP_TRACKING",
    "LONDONPUMP_REGISTRATION",
    "LONDONPUMP_PASSWORD_MIN",
    "LONDONPUMP_TOKEN_MINUTES",
    "LONDONPUMP_SOURCE_CONNECTIONS",  # not counted behind the ingress
    "LONDONPUMP_PUBLIC_URL",  # the ingress keeps the host
    "LONDONPUMP_CONSOLE_RECORDS",
    "LONDONPUMP_MAP_TILES",
    "LONDONPUMP_CHALLENGE_DAYS",
    "LONDONPUMP_CHAMPION_AGE_DAYS",
    "LONDONPUMP_ROLL_BACK",
    "LONDONPUMP_ROLL_BACK_MAE_PCT",
    "LONDONPUMP_ROLL_BACK_DAYS",
    "LONDONPUMP_ROLL_BACK_GAP_DAYS",
}
"""An installation changes them with the parameter `settings` of deploy/azure/main.bicep."""


def named_in(path: Path) -> set[str]:
    return set(re.findall(r"\bLONDONPUMP_[A-Z_]+[A-Z]\b", path.read_text(encoding="utf-8")))


def deployed_files() -> list[Path]:
    files = [path for path in DEPLOY.rglob("*") if path.is_file() and "secrets" not in path.parts]
    return [ROOT / ".env.example", ROOT / "compose.yaml", *files]


@pytest.mark.parametrize("path", deployed_files(), ids=lambda path: path.name)
def test_a_deployed_file_names_no_setting_that_does_not_exist(path: Path) -> None:
    assert named_in(path) - KNOWN - OF_SCRIPTS == set()


def settings_in(path: Path) -> set[str]:
    """Return the settings that a file sets, by value or by the file of a secret."""
    names = named_in(path)
    return {name.removesuffix("_FILE") if name in KNOWN - SETTINGS else name for name in names - {CONFIG}}


def test_every_setting_is_set_on_azure_or_listed_as_left_at_its_default() -> None:
    # the head of a job's script sets LONDONPUMP_RUN
    on_azure = settings_in(DEPLOY / "azure" / "main.bicep") | settings_in(
        DEPLOY / "azure" / "modules" / "job.bicep"
    )
    assert on_azure | LEFT_AT_DEFAULT_ON_AZURE == SETTINGS
    assert on_azure & LEFT_AT_DEFAULT_ON_AZURE == set()


def test_the_page_of_settings_names_each_setting_and_no_other() -> None:
    page = ROOT / "docs" / "reference" / "settings.md"
    rows = re.findall(r"^\| `(LONDONPUMP_[A-Z_]+)` \|", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(rows) == sorted(SETTINGS)
    assert named_in(page) <= KNOWN


def test_every_secret_that_azure_mounts_is_read_from_the_vault() -> None:
    """Settings name files under /mnt/secrets; each must be a secret that the vault has or that the guide adds."""
    main = (DEPLOY / "azure" / "main.bicep").read_text(encoding="utf-8")
    vault = (DEPLOY / "azure" / "modules" / "vault.bicep").read_text(encoding="utf-8")
    guide = (ROOT / "docs" / "how-to" / "deploy-on-azure.md").read_text(encoding="utf-8")
    stored = set(re.findall(r"^    name: '([a-z-]+)'$", vault, re.MULTILINE))
    mounted = set(re.findall(r"\$\{mounted\}/([a-z-]+)", main))
    optional = set(re.findall(r"^  '([a-z-]+)': 'LONDONPUMP_", main, re.MULTILINE))
    assert mounted == stored
    assert len(optional) == 3
    assert all(f"`{name}`" in guide for name in optional)


def test_every_setting_is_in_the_example_or_set_by_the_stack() -> None:
    compose = settings_in(DEPLOY / "compose.yaml")
    by_the_stack = {f"LONDONPUMP_{name.upper()}" for name in write_docs.SET_BY_THE_STACK}
    assert SETTINGS - named_in(ROOT / ".env.example") - by_the_stack == set()
    # the folder of bundles follows from the home
    assert by_the_stack - compose == {"LONDONPUMP_BUNDLES"}


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
