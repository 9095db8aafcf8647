"""`londonpump stations import` replaces the whole list and prints the changes; `stations list` shows it."""

from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from londonpump.cli import app
from londonpump.domain.errors import BadFile
from londonpump.domain.stations import Station, by_code, known_stations
from londonpump.lifecycle.import_files import import_stations, stations_in_use
from londonpump.persistence.database import open_database
from londonpump.settings import Settings

TODAY = date(2026, 11, 24)
COLUMNS = "code,name,easting_m,northing_m,status,borough,opened_date,closed_date,pumps"


def as_csv(stations: list[Station]) -> str:
    rows = [
        f"{s.code},{s.name},{s.easting_m},{s.northing_m},{s.status},{s.borough},{s.opened_date or ''},"
        f"{s.closed_date or ''},{' '.join(map(str, s.pumps))}"
        for s in stations
    ]
    return "\n".join([COLUMNS, *rows]) + "\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "stations.csv"
    path.write_text(as_csv(list(known_stations())), encoding="utf-8")
    return path


def run(*arguments: object):
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, [str(argument) for argument in arguments])


def test_before_an_import_the_list_is_the_one_that_comes_with_the_product(engine) -> None:
    assert stations_in_use(engine) == known_stations()


def test_the_same_list_changes_nothing(engine, file) -> None:
    reported = import_stations(engine, file, TODAY, is_forced=False)
    assert reported == [
        "Nothing changes.",
        "119 stations are in use, 102 of them open in London on 24 November 2026.",
    ]
    assert stations_in_use(engine) == known_stations()


def test_what_is_added_gone_moved_and_otherwise_changed_is_told(engine, file) -> None:
    stations = by_code(known_stations())
    soho = stations["A24"]
    del stations["A21"]
    text = as_csv(list(stations.values()))
    text = text.replace(f"A24,Soho,{soho.easting_m}", f"A24,Soho,{soho.easting_m + 300}")
    text = text.replace("A23,Euston,", "A23,Euston Road,")
    file.write_text(text + "X1,New,530000,180000,open,Camden,2026-03-01,,1\n", encoding="utf-8")
    assert import_stations(engine, file, TODAY, is_forced=False) == [
        "Added X1 New (open).",
        "Removed A21 Paddington.",
        "Moved A24 Soho by 300 m.",
        "Changed A23 Euston Road: name, status, borough, pumps or dates.",
        "119 stations are in use, 102 of them open in London on 24 November 2026.",
    ]


def test_dates_are_kept(engine, file) -> None:
    extra = "X1,New,530000,180000,open,Camden,2026-03-01,2030-01-01,1\n"
    file.write_text(file.read_text(encoding="utf-8") + extra, encoding="utf-8")
    import_stations(engine, file, TODAY, is_forced=False)
    new = by_code(stations_in_use(engine))["X1"]
    assert (new.opened_date, new.closed_date) == (date(2026, 3, 1), date(2030, 1, 1))


def test_a_second_list_takes_the_place_of_the_first_whole(engine, file) -> None:
    import_stations(engine, file, TODAY, is_forced=False)
    file.write_text(as_csv([s for s in known_stations() if s.status == "open"]), encoding="utf-8")
    import_stations(engine, file, TODAY, is_forced=False)
    assert {station.status for station in stations_in_use(engine)} == {"open"}


def test_a_list_of_few_stations_is_refused(engine, file) -> None:
    file.write_text(as_csv(list(known_stations())[:30]), encoding="utf-8")
    with pytest.raises(BadFile, match=r"has 2\d stations open in London on 24 November 2026.*--force"):
        import_stations(engine, file, TODAY, is_forced=False)
    assert stations_in_use(engine) == known_stations()


def test_a_list_of_stations_that_have_all_closed_is_refused(engine, file) -> None:
    rows = [f"X{n},New {n},530000,180000,open,Camden,,2026-11-24,1" for n in range(100)]
    file.write_text("\n".join([COLUMNS, *rows]) + "\n", encoding="utf-8")
    with pytest.raises(BadFile, match="has 0 stations open in London"):
        import_stations(engine, file, TODAY, is_forced=False)


def test_a_list_of_few_stations_is_taken_when_forced(engine, file) -> None:
    file.write_text(as_csv(list(known_stations())[:30]), encoding="utf-8")
    import_stations(engine, file, TODAY, is_forced=True)
    assert len(stations_in_use(engine)) == 30


def test_the_commands_import_and_show_the_list(own_home, file) -> None:
    imported = run("stations", "import", file)
    assert imported.exit_code == 0
    assert imported.stdout.startswith("Nothing changes.")
    listed = run("stations", "list")
    assert listed.exit_code == 0
    lines = listed.stdout.splitlines()
    assert len(lines) == 1 + 119 + 1
    assert lines[0].split() == [
        "code",
        "name",
        "status",
        "easting_m",
        "northing_m",
        "pumps",
        "opened",
        "closed",
    ]
    bow = next(line.split() for line in lines if line.startswith("F27"))
    assert bow == ["F27", "Bow", "closed", "537005", "183522", "0", "2014-01-09"]


def test_a_wrong_list_ends_in_2_and_changes_nothing(own_home, file) -> None:
    file.write_text("code,name\nA24,Soho\n", encoding="utf-8")
    result = run("stations", "import", file)
    assert result.exit_code == 2
    assert "has no column latitude" in result.stderr
    engine = open_database(Settings().database)
    assert stations_in_use(engine) == known_stations()
    engine.dispose()
