"""The command line: help, homes, progress, and how a command ends."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from platformdirs import user_data_path
from typer.testing import CliRunner

from londonpump import __version__
from londonpump.cli import app
from londonpump.settings import Settings

COMMANDS = ("demo", "simulate", "prepare", "train", "evaluate", "predict")
OPTIONS = {
    "simulate": ("--incidents", "--start", "--days", "--seed", "--out", "--vintage", "--clean", "--close"),
    "prepare": (
        *("--incidents", "--mobilisations", "--stations", "--weather", "--traffic"),
        *("--school-holidays", "--complete", "--out"),
    ),
    "train": ("--data", "--until", "--out", "--seed"),
    "evaluate": ("BUNDLE", "--data", "--from", "--json", "--report"),
    "predict": (
        "BUNDLE",
        "--input",
        "--out",
        "--station",
        "--easting",
        "--northing",
        "--at",
        "--table",
        "--json",
    ),
    "demo": (),
}


def run(*arguments: object):
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, [str(argument) for argument in arguments])


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_explains_itself(command) -> None:
    result = run(command, "--help")
    assert result.exit_code == 0
    assert all(option in result.stdout for option in OPTIONS[command])


def test_help_names_every_command() -> None:
    result = run("--help")
    assert result.exit_code == 0
    assert all(command in result.stdout for command in COMMANDS)


def test_help_does_not_import_what_it_does_not_need() -> None:
    code = (
        "import sys, londonpump.cli; print({'lightgbm', 'duckdb', 'ibis', 'matplotlib'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "set()"


def test_the_version_is_told() -> None:
    assert run("--version").stdout.strip() == f"londonpump {__version__}"


@pytest.mark.parametrize(
    "arguments",
    [
        ("predikt",),
        ("prepare", "--incidents", "a.csv", "--complete", "maybe"),
        ("simulate", "--out", "x", "--start", "2023-13-01"),
        ("train", "--until", "yesterday"),
        ("simulate",),
        ("prepare", "--out", "x"),
    ],
)
def test_what_the_command_line_does_not_know_ends_in_2(arguments, own_home) -> None:
    assert run(*arguments).exit_code == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ("train",),
        ("evaluate",),
        ("predict", "--station", "A24", "--easting", "529900", "--northing", "181000"),
        ("prepare", "--incidents", "missing.csv"),
    ],
)
def test_what_is_missing_is_named_and_nothing_is_written(arguments, own_home) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1].startswith("londonpump: ")
    assert "Traceback" not in result.output
    assert not own_home.exists()


def test_state_lives_under_londonpump_home(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("LONDONPUMP_HOME", str(tmp_path))
    settings = Settings()
    assert (settings.data, settings.bundle) == (tmp_path / "data", tmp_path / "bundle")
    assert settings.report == tmp_path / "report.html"


@pytest.mark.parametrize("home", [None, ""])
def test_without_a_home_state_lives_in_the_platforms_folder(home, monkeypatch) -> None:
    monkeypatch.delenv("LONDONPUMP_HOME", raising=False)
    if home is not None:
        monkeypatch.setenv("LONDONPUMP_HOME", home)
    assert Settings().home == user_data_path("londonpump", appauthor=False)


@pytest.mark.long
def test_the_road_goes_through_the_home_when_nothing_else_is_named(small_raw, own_home) -> None:
    prepared = run("prepare", "--incidents", small_raw["incidents"], "--complete", "no")
    assert prepared.exit_code == 0
    assert (own_home / "data" / "report.json").exists()
    trained = run("train", "--until", "2023-03-18")
    assert trained.exit_code == 0
    assert (own_home / "bundle" / "current.json").exists()
    assert "until before 2023-03-18" in trained.stdout
    predicted = run("predict", "--station", "A24", "--easting", "529900", "--northing", "181000")
    assert predicted.exit_code == 0
    assert "expected; 8 in 10 between" in predicted.stdout


@pytest.fixture(scope="module", params=["yes", "no"])
def prepared_as(request, small_raw, tmp_path_factory):
    """What was stated of completeness, what `prepare` showed and its folder."""
    out = tmp_path_factory.mktemp("prepared") / "data"
    arguments = ("--incidents", small_raw["incidents"], "--complete", request.param, "--out", out)
    return request.param, run("prepare", *arguments), out


@pytest.mark.long
def test_completeness_may_be_stated(prepared_as) -> None:
    stated, result, out = prepared_as
    message = {"yes": "a complete stream", "no": "a sample"}[stated]
    assert result.exit_code == 0
    assert f"Taken as {message} (as stated" in result.stdout
    report = json.loads((out / "report.json").read_text(encoding="utf-8"))
    assert report["complete"] == (stated == "yes")


@pytest.mark.long
def test_progress_is_a_line_a_step_where_nobody_watches(prepared_as) -> None:
    _, result, _ = prepared_as
    lines = [line for line in result.stderr.splitlines() if "%  " in line]
    shares = [int(line.split("%")[0]) for line in lines]
    assert shares == sorted(shares)
    assert lines[-1] == "100%  Done"
    assert len(set(lines)) == len(lines)
    assert "\x1b" not in result.output


def test_simulate_shows_simulated_beside_real(tmp_path) -> None:
    result = run("simulate", "--incidents", 300, "--days", 2, "--out", tmp_path / "raw")
    assert result.exit_code == 0
    assert "| figure | unit | simulated | real |" in result.stdout
    assert "Comparison(" not in result.stdout


def test_simulated_records_are_never_written_among_real_ones(tmp_path) -> None:
    (tmp_path / "incidents.csv").write_text("real", encoding="utf-8")
    result = run("simulate", "--incidents", 300, "--days", 2, "--out", tmp_path)
    assert result.exit_code == 2
    assert "holds other things (no faults.json)" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["incidents.csv"]
    assert (tmp_path / "incidents.csv").read_text(encoding="utf-8") == "real"


def test_an_earlier_simulation_is_replaced(tmp_path) -> None:
    plan = ("simulate", "--days", 2, "--out", tmp_path / "raw")
    assert run(*plan, "--incidents", 200).exit_code == 0
    before = (tmp_path / "raw" / "incidents.csv").read_bytes()
    assert run(*plan, "--incidents", 300).exit_code == 0
    assert (tmp_path / "raw" / "incidents.csv").read_bytes() != before


def test_a_training_refuses_a_foreign_folder_before_it_reads_anything(tmp_path) -> None:
    (tmp_path / "thesis.txt").touch()
    result = run("train", "--data", tmp_path / "absent", "--out", tmp_path)
    assert result.exit_code == 2
    assert "holds other things (no current.json)" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_the_demo_refuses_a_home_it_did_not_make(own_home) -> None:
    own_home.mkdir()
    (own_home / "thesis.txt").write_text("mine", encoding="utf-8")
    result = run("demo", "--incidents", 300)
    assert result.exit_code == 2
    assert "was not made by the demo" in result.stderr
    assert [path.name for path in own_home.iterdir()] == ["thesis.txt"]


def test_the_demo_refuses_a_home_that_is_a_file(own_home) -> None:
    own_home.write_text("mine", encoding="utf-8")
    assert run("demo", "--incidents", 300).exit_code == 2
    assert own_home.read_text(encoding="utf-8") == "mine"


def test_ctrl_c_ends_a_command_without_a_traceback_and_leaves_nothing(tmp_path) -> None:
    code = (
        "import signal, sys\n"
        "from londonpump import cli\n"
        "from londonpump.lifecycle import prepare\n"
        "prepare.prepare = lambda *_: signal.raise_signal(signal.SIGINT)\n"
        "sys.argv = ['londonpump', 'prepare', '--incidents', 'a.csv', '--out', sys.argv[1]]\n"
        "cli.main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "data")],
        capture_output=True,
        text=True,
        env=os.environ,
        check=False,
    )
    assert done.returncode == 128 + signal.SIGINT
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "data").exists()


def test_the_module_runs_as_the_command_does() -> None:
    command = [str(Path(sys.executable).with_name("londonpump")), "--version"]
    module = [sys.executable, "-m", "londonpump.cli", "--version"]
    message = {
        subprocess.run(c, check=True, capture_output=True, text=True).stdout for c in (command, module)
    }
    assert message == {f"londonpump {__version__}\n"}
