"""`serve` that cannot start leaves the process as it was."""

import gc

from typer.testing import CliRunner

from londonpump.cli import app


def test_a_service_that_cannot_start_leaves_the_collector_on(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("LONDONPUMP_HOME", str(tmp_path))
    done = CliRunner().invoke(app, ["serve", "--host", "256.1.1.1"])
    assert (done.exit_code, gc.isenabled()) == (2, True)
