"""`roads import` and `roads show`: what they print, their exit codes, and where the table lies."""

import json
from pathlib import Path

import pytest
from support import road_maps
from support.road_maps import Way, write_osm
from typer.testing import CliRunner, Result

from londonpump.cli import app
from londonpump.roads.store import current_table

pytestmark = pytest.mark.long
SOHO = {1: (-600, 890), 2: (-200, 890), 3: (200, 890), 4: (-200, 650)}
"""A street past the fire station of Soho, and no other station."""
WAYS = [Way([1, 2, 3], "primary"), Way([2, 4])]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LONDONPUMP_HOME", str(tmp_path / "home"))
    # the box of the map must not reach to other stations
    monkeypatch.setattr(road_maps, "MARGIN_M", 200.0)
    path = write_osm(tmp_path / "soho.osm.pbf", SOHO, WAYS)

    def invoke(*args: str) -> Result:
        return CliRunner().invoke(app, [*args, *([str(path)] if args[1] == "import" else [])])

    return invoke


def test_a_part_of_london_needs_the_option(run, tmp_path):
    done = run("roads", "import")
    assert done.exit_code == 2
    assert "covers only a part of London" in done.output
    assert "Traceback" not in done.output
    assert not (tmp_path / "home" / "roads").exists()


def test_an_import_prints_the_table_and_what_it_lacks_and_show_prints_it_again(run, tmp_path):
    done = run("roads", "import", "--partial")
    assert done.exit_code == 0, done.output
    table = current_table(tmp_path / "home" / "roads")
    assert table.stations.tolist() == ["A24"]
    for text in (table.name, "© OpenStreetMap contributors", "(a part of London)", "Euston (A23)"):
        assert text in done.output
    shown = run("roads", "show")
    assert shown.exit_code == 0
    assert all(line in done.output for line in shown.output.splitlines())
    summary = json.loads(run("roads", "show", "--json", "-").output)
    assert (summary["name"], summary["is_partial"], summary["stations"]) == (table.name, True, 1)


def test_without_an_import_show_names_the_command(run):
    done = run("roads", "show")
    assert done.exit_code == 2
    assert "londonpump roads import FILE" in done.output
