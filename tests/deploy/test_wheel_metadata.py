"""The package: its page on an index has links that work there, the index accepts it, and the demo runs from the wheel alone."""

import os
import re
import subprocess
import sys
import tomllib
from email.message import Message
from email.parser import Parser
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).resolve().parents[2]
TARGET = re.compile(r"\]\(([^)\s]+)\)")


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> list[Path]:
    """The wheel and the sdist, as the workflow builds them."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--directory", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    return sorted(folder.iterdir())


@pytest.fixture(scope="module")
def metadata(built) -> Message:
    (wheel,) = (path for path in built if path.suffix == ".whl")
    with ZipFile(wheel) as opened:
        (name,) = (name for name in opened.namelist() if name.endswith(".dist-info/METADATA"))
        return Parser().parsestr(opened.read(name).decode())


def test_no_link_of_the_description_is_relative(metadata) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    _, _, address = metadata["Project-URL"].partition(", ")
    relative = [link for link in TARGET.findall(readme) if "://" not in link]
    links = TARGET.findall(metadata.get_payload())
    assert relative
    assert [link for link in links if "://" not in link] == []
    assert len([link for link in links if link.startswith(f"{address}/")]) == len(relative)


def test_the_address_of_the_repository_is_the_same_everywhere() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    address = tomllib.loads(text)["project"]["urls"]["Repository"]
    assert set(re.findall(r"https://[^'\"\s]+?(?=/raw/|/blob/|\")", text)) == {address}


def test_twine_accepts_wheel_and_sdist(built) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "twine", "check", "--strict", *map(str, built)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("PASSED") == len(built) == 2


@pytest.mark.slow
def test_the_demo_runs_from_the_wheel_alone(built, tmp_path) -> None:
    (wheel,) = (path for path in built if path.suffix == ".whl")
    environment, home = tmp_path / "environment", tmp_path / "home"
    python, command = environment / "bin" / "python", environment / "bin" / "londonpump"
    install = (str(python), "-m", "pip", "install", "--quiet")
    lock = str(ROOT / "requirements" / "worker.lock")
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    subprocess.run([*install, "--only-binary", ":all:", "--require-hashes", "-r", lock], check=True)
    subprocess.run([*install, f"{wheel}[all]"], check=True)
    # nothing of the checkout: another folder, and no setting that names one
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("LONDONPUMP", "PYTHON"))
    }
    done = subprocess.run(
        [command, "demo", "--incidents", "4000"],
        cwd=tmp_path,
        env={**inherited, "LONDONPUMP_HOME": str(home)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (home / "predictions.csv").exists()
