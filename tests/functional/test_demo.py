"""The demo: the whole road in a home it marks as its own."""

import json

import pytest

from londonpump.brigade.errors import BadFile
from londonpump.pipelines.progress import silent
from londonpump.rehearsal.demo import claim, run_demo


def test_the_demo_leaves_a_marked_home_with_every_part_simulated(tmp_path) -> None:
    home = tmp_path / "demo"
    told = run_demo(home, incidents=2_500, seed=3, progress=silent)
    for words in ("SIMULATED Brigade", "ours", "Report: file://", "SIMULATED records"):
        assert words in told
    assert json.loads((home / "demo.json").read_text(encoding="utf-8")) == {"simulated": True}
    assert json.loads((home / "data" / "report.json").read_text(encoding="utf-8"))["simulated"] is True
    assert (home / "predictions.csv").read_text(encoding="utf-8").count("\n") == 5
    for page in ("report.html", "model_card.html"):
        assert "simulated" in (home / page).read_text(encoding="utf-8").lower()
    claim(home)


def test_a_home_of_something_else_is_never_claimed(tmp_path) -> None:
    (tmp_path / "data").mkdir()
    with pytest.raises(BadFile, match="was not made by the demo"):
        claim(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_an_empty_folder_becomes_the_demos(tmp_path) -> None:
    claim(tmp_path)
    assert (tmp_path / "demo.json").exists()
