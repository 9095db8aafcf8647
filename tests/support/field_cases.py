"""Field cases: files as users damage them, with the commands that a test runs on them in a folder of its own."""

import csv
import json
import os
import shlex
import subprocess
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from typer.testing import CliRunner, Result

from londonpump.cli import app

CASES = Path(__file__).resolve().parents[2] / "../shared/data/field/cases"
PLACEHOLDERS = ("OUT", "BUNDLE", "DATA")
UNNAMED = ("example_id", "mobilisation_id")


@dataclass(frozen=True)
class Outcome:
    """Results of the commands of a case.

    exit_code: of the last command that ran. text: both streams of all commands. crash: a traceback, empty if none.
    folder: where the commands ran; OUT is its folder `OUT`, OUT.csv its file.
    """

    exit_code: int
    text: str
    crash: str
    folder: Path

    @property
    def report(self) -> dict[str, Any] | None:
        """Return the report of `prepare`; None if it wrote none."""
        path = self.folder / "OUT" / "report.json"
        return json.loads(path.read_text()) if path.exists() else None

    @property
    def answers(self) -> list[dict[str, str]] | None:
        """Return the rows of PREDICTIONS.csv; None if it was not written."""
        path = self.folder / "OUT.csv"
        if not path.exists():
            return None
        with path.open(newline="", encoding="utf-8") as stream:
            return list(csv.DictReader(stream))

    @property
    def examples(self) -> list[dict[str, Any]]:
        """Return the examples in a fixed order, without columns that depend on file and row numbers."""
        rows = pq.read_table(self.folder / "OUT" / "examples" / "examples.parquet").to_pylist()
        return sorted(({k: v for k, v in row.items() if k not in UNNAMED} for row in rows), key=repr)

    def counts(self, table: str) -> tuple[int, int] | None:
        """Return (rows in, rows kept) of a table of the report."""
        report = self.report
        if report is None or table not in report["tables"]:
            return None
        return report["tables"][table]["in"], report["tables"][table]["kept"]

    def rejected(self, table: str) -> dict[str, int]:
        """Return {rule: rejected rows} of a table of the report."""
        report = self.report
        if report is None:
            return {}
        found = report["tables"][table]
        return found["rejected"]


def commands_of(text: str) -> list[list[str]]:
    """Return the londonpump commands of a `cmd` file, in order, each without the program's name.

    What the file does around them (show the output, keep the exit code) is left out: the tests do that.
    """
    first = text.splitlines()[0]
    found = []
    for part in first.split("&&"):
        command_words = shlex.split(part.split(";")[0].split("2>&1")[0])
        assert command_words[0] == "londonpump", text
        found.append(command_words[1:])
    return found


def filled_in(argument: str, folder: Path, bundle: Path, data: Path) -> str:
    """Replace OUT, BUNDLE and DATA in an argument."""
    if argument == "BUNDLE":
        return str(bundle)
    if argument == "DATA":
        return str(data)
    if argument == "OUT" or argument.startswith("OUT."):
        return str(folder / argument)
    return argument


def link_files(source: Path, folder: Path) -> None:
    """Link the files of a case into the folder where its command runs, so that nothing is written beside the case."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in source.iterdir():
        (folder / file.name).symlink_to(file)


@contextmanager
def working_in(folder: Path) -> Iterator[None]:
    """Make the folder the current folder and LONDONPUMP_HOME, without any other setting of the product."""
    before, kept = Path.cwd(), dict(os.environ)
    for name in [name for name in os.environ if name.startswith("LONDONPUMP_")]:
        del os.environ[name]
    os.environ.update(settings_in(folder))
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
        os.environ.clear()
        os.environ.update(kept)


def settings_in(folder: Path) -> dict[str, str]:
    """Return settings with a home inside the folder."""
    return {"LONDONPUMP_HOME": str(folder / "home"), "LONDONPUMP_TRACKING": "false"}


def run_in_process(commands: Sequence[Sequence[str]], folder: Path) -> Outcome:
    """Run commands one after another in this process until one fails."""
    texts, code, crash = [], 0, ""
    with working_in(folder):
        for command in commands:
            result = CliRunner().invoke(app, list(command))
            texts.append(result.output)
            code, crash = result.exit_code, _crash_of(result)
            if code:
                break
    return Outcome(code, "\n".join(texts), crash, folder)


def run_by_command(commands: Sequence[Sequence[str]], folder: Path) -> Outcome:
    """Run commands as a person does, each in a process of its own, until one fails."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LONDONPUMP_")}
    texts, code = [], 0
    for command in commands:
        done = subprocess.run(
            [sys.executable, "-m", "londonpump.cli", *command],
            cwd=folder,
            env={**kept, **settings_in(folder)},
            capture_output=True,
            text=True,
            timeout=300,
        )
        texts += [done.stdout, done.stderr]
        code = done.returncode
        if code:
            break
    text = "\n".join(texts)
    return Outcome(code, text, text if "Traceback (most recent call last)" in text else "", folder)


def _crash_of(result: Result) -> str:
    if result.exception is None or isinstance(result.exception, SystemExit):
        return ""
    return "".join(traceback.format_exception(result.exception))


def run_case(
    name: str, folder: Path, input_paths: Mapping[str, Path], is_real_command: bool = False
) -> Outcome:
    """Run a case by its `cmd`. places: the paths of BUNDLE and DATA."""
    link_files(CASES / name, folder)
    commands = [
        [filled_in(argument, folder, input_paths["BUNDLE"], input_paths["DATA"]) for argument in command]
        for command in commands_of((CASES / name / "cmd").read_text())
    ]
    return (run_by_command if is_real_command else run_in_process)(commands, folder)
