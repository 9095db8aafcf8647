"""A module that is not installed: the command names the extra that installs it, and a defect of ours stays one."""

import re
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from londonpump.cli.application import MODULES, not_installed

PYPROJECT = Path(__file__).resolve().parents[3] / "pyproject.toml"
WITHOUT = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name == {absent!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Absent())
sys.argv = ["londonpump", "train"]
from londonpump.cli import main
main()
"""


def named(requirement: str) -> str:
    """Return the distribution of a requirement, spelt as the index compares names."""
    return re.sub(r"[-_.]+", "-", re.split(r"[\[<>=; ]", requirement)[0]).lower()


@cache
def owners_of_modules() -> Mapping[str, list[str]]:
    # It reads the files of every installed distribution.
    return packages_distributions()


def extras() -> list[tuple[str, str]]:
    """Return (extra, distribution) of pyproject.toml."""
    dependencies = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    all_of_them = dependencies.pop("all")
    # GDAL is 100 MB, which only readers of OS Open Roads need
    assert all_of_them == [f"londonpump[{','.join(sorted(dependencies.keys() - {'gis'}))}]"]
    return [(extra, named(one)) for extra, requirements in dependencies.items() for one in requirements]


def without(absent: str) -> subprocess.CompletedProcess[str]:
    """Run `londonpump train` without a module."""
    return subprocess.run(
        [sys.executable, "-c", WITHOUT.format(absent=absent)], capture_output=True, text=True
    )


@pytest.mark.parametrize(("extra", "distribution"), extras())
def test_every_distribution_of_an_extra_is_known_by_its_module(extra, distribution) -> None:
    modules = {module for module, owners in owners_of_modules().items() if distribution in map(named, owners)}
    if not modules:
        pytest.skip(f"{distribution} is not installed on this machine")
    assert modules & {module for known in MODULES.values() for module in known}


def test_the_page_on_installing_names_each_extra_once() -> None:
    page = (PYPROJECT.parent / "docs" / "how-to" / "install.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)
    assert sorted(rows) == sorted({"all"} | {extra for extra, _ in extras()})


def test_a_module_deep_in_a_package_names_its_extra() -> None:
    dependencies = not_installed(ModuleNotFoundError(name="sklearn.exceptions"))
    assert "londonpump[train]" in str(dependencies)


def test_a_module_of_no_extra_is_a_fault_of_ours() -> None:
    assert not_installed(ModuleNotFoundError(name="londonpump.missing")) is None


def test_a_command_ends_in_2_and_one_line() -> None:
    done = without("pyarrow")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith("londonpump: This needs londonpump[train]")


def test_a_fault_of_ours_keeps_its_traceback() -> None:
    assert "Traceback" in without("londonpump.lifecycle").stderr
