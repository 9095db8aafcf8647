"""Without MLflow, commands succeed, print one line about it, and do not wait for long."""

import fcntl
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator

import pytest
from support.running_service import settings_for
from typer.testing import CliRunner

from londonpump.cli import app
from londonpump.domain.errors import BadSetting
from londonpump.lifecycle.track_runs import track, track_after_run
from londonpump.registry.mlflow_process import TrackingFailed, attachments_of, server_of
from londonpump.settings import read_settings

NAME = "0123456789abcdef"


@pytest.fixture
def settings(tmp_path):
    return settings_for(f"sqlite:///{tmp_path}/a.db", tmp_path, tracking=True)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Server that accepts a connection and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as made:
        yield made


def address(listener: socket.socket) -> str:
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


def lines_of(settings) -> list[str]:
    progress: list[str] = []
    track_after_run(settings, progress.append)
    return "\n".join(progress).splitlines()


def test_a_server_that_is_down_is_told_in_one_line_and_fails_nothing(settings, listener) -> None:
    away = settings.model_copy(update={"mlflow_url": address(listener)})
    listener.close()
    (line,) = lines_of(away)
    assert line.startswith(f"MLflow at {away.mlflow_url}: ")
    assert "got no answer. " in line
    assert line.endswith("or run londonpump track.")


@pytest.mark.slow
def test_a_server_that_never_answers_is_given_up(settings, listener) -> None:
    # of the six seconds it names those that were left when it was asked
    with pytest.raises(TrackingFailed, match=r"did not finish within [0-6] s"):
        track(settings.model_copy(update={"mlflow_url": address(listener)}), within_s=6)


@pytest.mark.slow
def test_a_store_that_another_program_holds_is_told_in_one_line(settings) -> None:
    track(settings)
    store = server_of(settings).folder / "mlflow.db"
    holding = sqlite3.connect(store, isolation_level=None)
    holding.execute("BEGIN EXCLUSIVE")
    lines = lines_of(settings)
    holding.close()
    assert [line.startswith(f"MLflow at {store}: ") for line in lines] == [True]


def test_without_the_package_one_line_says_what_to_install(settings, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    (line,) = lines_of(settings)
    assert "pip install 'londonpump[track]'" in line
    assert not server_of(settings).folder.exists()


def test_without_the_package_the_command_ends_in_2(own_home) -> None:
    code = (
        "import sys; sys.modules['mlflow'] = None; sys.argv = ['londonpump', 'track']; "
        "from londonpump.cli import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr.count("\n"), done.stdout) == (2, 1, "")


def test_a_training_by_itself_sends_nothing_to_mlflow(own_home, small_data) -> None:
    env = {"LONDONPUMP_TRACKING": "true"}
    done = CliRunner().invoke(app, ["train", "--data", str(small_data)], env=env)
    assert done.exit_code == 0, done.output
    assert "Bundle: " in done.stdout
    assert "MLflow" not in done.output
    assert not (own_home / "mlflow").exists()


@pytest.mark.slow
def test_without_the_package_every_step_is_done_and_one_line_says_so(
    own_home, small_raw, monkeypatch
) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    files = ("--incidents", str(small_raw["incidents"]), "--mobilisations", str(small_raw["mobilisations"]))
    done = CliRunner().invoke(app, ["run", *files], env={"LONDONPUMP_TRACKING": "true"})
    assert (done.exit_code, done.stderr.count("not installed here")) == (0, 1), done.output
    assert (own_home / "evaluation.json").exists()


def test_one_at_a_time(settings) -> None:
    folder = server_of(settings).folder
    folder.mkdir(parents=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(TrackingFailed, match="another process is sending"):
            track(settings, within_s=0.2)


def test_a_folder_that_cannot_be_made_is_named(settings) -> None:
    settings.home.write_text("a file", encoding="ascii")
    (line,) = lines_of(settings)
    assert str(server_of(settings).folder) in line


def test_by_default_run_tracks_only_where_mlflow_was_used_before(settings, listener) -> None:
    by_default = settings.model_copy(update={"tracking": None})
    assert lines_of(by_default) == []
    assert not settings.home.exists()
    url = address(listener)
    listener.close()
    (line,) = lines_of(by_default.model_copy(update={"mlflow_url": url}))
    assert line.startswith(f"MLflow at {url}: ")


def test_switched_off_nothing_is_told(settings) -> None:
    assert lines_of(settings.model_copy(update={"tracking": False})) == []
    assert not settings.home.exists()


@pytest.mark.parametrize(
    "wrong",
    [
        "mlflow:5000",
        "sqlite:///mlflow.db",
        "postgresql://host/mlflow",
        "databricks",
        "https://me:sesame@host",
        "https://sesame@host",
        "https://host/?sesame=1",
        "https://host/#sesame",
    ],
)
def test_an_address_that_would_not_work_is_refused_and_never_shown(wrong, monkeypatch) -> None:
    monkeypatch.setenv("LONDONPUMP_MLFLOW_URL", wrong)
    with pytest.raises(BadSetting, match="LONDONPUMP_MLFLOW_URL") as progress:
        read_settings()
    assert "sesame" not in str(progress.value)


@pytest.mark.parametrize(
    "right", ["https://mlflow.example.org", "http://mlflow:5000", "https://host/behind/"]
)
def test_a_server_may_stand_behind_any_web_address(right, monkeypatch) -> None:
    monkeypatch.setenv("LONDONPUMP_MLFLOW_URL", right)
    assert server_of(read_settings()).uri == right.rstrip("/")


@pytest.mark.parametrize("figures", [b"no json", b"\xff\xfe", b"[]", b'{"bundle": "fedcba9876543210"}'])
def test_pages_of_another_bundle_and_figures_of_another_program_are_left_alone(figures, settings) -> None:
    settings.home.mkdir(parents=True)
    settings.report.write_text("Bundle fedcba9876543210", encoding="ascii")
    settings.evaluation.write_bytes(figures)
    assert attachments_of(settings, (NAME,)) == ()
