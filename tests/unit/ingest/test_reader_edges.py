"""Issue 11, B4 to B10: what a review of the readers found."""

from pathlib import Path

import ibis
import pyarrow as pa
import pytest

from londonpump.domain.errors import BadFile
from londonpump.domain.published_columns import MOBILISATIONS
from londonpump.domain.stations import by_code, known_stations
from londonpump.ingest.context_csv import read_weather
from londonpump.ingest.published import header, parsing
from londonpump.ingest.station_file import read_stations
from londonpump.ingest.user_csv import read_rows
from londonpump.lifecycle.calls_file import read_calls

GRID = "code,name,easting_m,northing_m"
CALLS = "id,mobilised_at,station_code,easting_m,northing_m"
SOUND = "2024-01-15T08:00Z,G30,518650,186250"
WEATHER = "temp,precip,cloudcover,visibility,conditions,date\n9,0,50,9,Rain,2022-05-01 08\n"


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "given.csv"
    path.write_text(text, encoding="utf-8", newline="")
    return path


@pytest.mark.parametrize(
    "row",
    [
        "A24,Soho,180939,529861",
        "A24,Soho,529.861,180.939",
        "X1,Here,180939,529861",
        "X1,Here,529.861,180.939",
    ],
)
def test_a_station_with_exchanged_or_kilometre_coordinates_is_refused(tmp_path, row) -> None:
    with pytest.raises(BadFile, match=r"km from the nearest station of London.*exchanged, or in kilometres"):
        read_stations(written(tmp_path, f"{GRID}\n{row}\n"))


def test_a_known_code_far_from_its_known_place_is_refused(tmp_path) -> None:
    east = max(known_stations(), key=lambda station: station.easting_m)
    row = f"G30,Wembley,{east.easting_m},{east.northing_m}"
    with pytest.raises(BadFile, match=r"row 1: G30 lies .* km from the known place of this code"):
        read_stations(written(tmp_path, f"{GRID}\n{row}\n"))


@pytest.mark.parametrize(("line_end", "other"), [("\r\n", "\n"), ("\n", "\r\n"), ("\n", "\r"), ("\r", "\n")])
def test_a_separator_line_may_end_otherwise_than_the_rest(read, write, rows_of, line_end, other) -> None:
    path = write("mobilisations", {}, {}, delimiter=";")
    text = "sep=;" + other + path.read_text().replace("\n", line_end)
    path.write_text(text, newline="")
    published = read("mobilisations", path)
    assert [row["attendance_s"] for row in rows_of(published.typed)] == [181, 181]
    assert published.files[0].read_as.is_separator_stated


def test_an_error_below_a_separator_line_names_the_line_of_the_file(read, write) -> None:
    path = write("mobilisations", {}, {}, delimiter=";")
    text = path.read_text()
    path.write_text("sep=;\n" + text + "1;2\n")
    with pytest.raises(BadFile, match="line 5 has 2 fields"):
        read("mobilisations", path)


MARKERS = ["#N/D", "#n/b", "(null)", "#NA", "#N/A N/A", "<null>", "N.A.", "-nan", "\u2013", "."]


def test_more_null_markers_are_null_in_every_kind_of_column(read, write, rows_of) -> None:
    names = {"PropertyType": "property_type", "FRS": "frs", "CalYear": "cal_year", "Easting_m": "easting_m"}
    path = write("incidents", *(dict.fromkeys(names, marker) for marker in MARKERS))
    rows = rows_of(read("incidents", path).typed)
    assert {tuple(row[name] for name in (*names.values(), "unreadable")) for row in rows} == {(None,) * 5}


def test_codes_and_status_of_stations_are_read_in_any_case(tmp_path) -> None:
    path = written(tmp_path, f"{GRID},status\na24,Soho,529861,180939,Open\n")
    (soho,) = read_stations(path)
    assert (soho.code, soho.status, soho.pumps) == ("A24", "open", by_code(known_stations())["A24"].pumps)


@pytest.mark.parametrize(
    ("second", "problem"),
    [("a24,Ohos", "code 'A24' is used 2 times"), ("A25,SOHO", "name 'Soho' is used 2 times")],
)
def test_stations_that_differ_only_in_case_stand_twice(tmp_path, second, problem) -> None:
    path = written(tmp_path, f"{GRID}\nA24,Soho,529861,180939\n{second},529861,180939\n")
    with pytest.raises(BadFile, match=problem):
        read_stations(path)


def test_appliances_and_flags_are_read_in_any_case_and_as_pandas_writes_them(tmp_path) -> None:
    rows = [f"1,{SOUND},pump ladder,TRUE", f"2,{SOUND},1.0,0.0"]
    text = "\n".join([f"{CALLS},appliance,is_home_station", *rows]) + "\n"
    calls = read_calls(written(tmp_path, text), by_code(known_stations()))
    assert calls.errors == ["", ""]
    assert calls.columns["appliance"].tolist() == ["Pump Ladder", "Pump Dual Ladder"]
    assert calls.columns["deployed_from"].tolist() == ["Home Station", "Other Station"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("#N/A", "station_code '#N/A': is a marker for an empty value"),
        ("#REF!", "station_code '#REF!': is an Excel error"),
    ],
)
def test_a_required_cell_keeps_its_marker_or_error_in_the_message(tmp_path, text, problem) -> None:
    path = written(tmp_path, f"{CALLS}\n1,{SOUND.replace('G30', text)}\n")
    assert read_calls(path, by_code(known_stations())).errors[0].startswith(problem)


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("150,0,50,9", "column temp is 150 in row 2"),
        ("9,-5,50,9", "column precip is -5 in row 2"),
        ("9,0,500,9", "column cloudcover is 500 in row 2"),
        ("9,0,50,-1", "column visibility is -1 in row 2"),
    ],
)
def test_weather_beyond_what_london_has_is_refused(tmp_path, row, problem) -> None:
    with pytest.raises(BadFile, match=problem):
        read_weather(written(tmp_path, f"{WEATHER}{row},Rain,2022-05-01 09\n"))


def test_a_visibility_as_open_meteo_gives_it_is_read(tmp_path) -> None:
    assert len(read_weather(written(tmp_path, f"{WEATHER}9,0,50,399,Rain,2022-05-01 09\n"))) == 2


@pytest.mark.parametrize("above", ["\n", "  \r\n\n"])
def test_blank_lines_above_a_separator_line_are_skipped(tmp_path, above) -> None:
    assert read_rows(written(tmp_path, f"{above}sep=;\na;b\n1;2\n"))[1] == [{"a": "1", "b": "2"}]


def test_a_name_with_a_blank_without_width_is_that_name(tmp_path, read, write, rows_of) -> None:
    assert read_rows(written(tmp_path, "\u200bid,b\u200b\n1,2\n"))[0] == ["id", "b"]
    path = write("mobilisations", {})
    path.write_text("\u200b" + path.read_text(), encoding="utf-8")
    assert len(rows_of(read("mobilisations", path).typed)) == 1


@pytest.mark.parametrize("blank", [" ", "\u00a0"])
def test_repeated_headers_are_found_where_numbers_begin_with_a_blank(read, write, monkeypatch, blank) -> None:
    monkeypatch.setattr(header, "MAX_EXAMINED_ROWS", 3)
    path = write("mobilisations", *({"IncidentNumber": f"{blank}000004-01022025"} for _ in range(5)))
    path.write_text(path.read_text() * 2, encoding="utf-8")
    published = read("mobilisations", path)
    assert (published.files[0].rows, published.files[0].read_as.n_headers) == (10, 1)


def test_many_different_texts_are_looked_up_in_a_table() -> None:
    count = parsing.MAX_BRANCHES + 2
    codes = [f"e{number}" for number in range(count)] + [" ", None, "E1"]
    table = ibis.memtable(pa.table({"station_code": pa.array(codes, pa.string()), "row": range(count + 3)}))
    spelt = parsing.with_published_spelling(table, table, {"station_code": "station_code"}, MOBILISATIONS)
    sql = str(ibis.to_sql(spelt, dialect="duckdb"))
    assert sql.count("WHEN") < parsing.MAX_BRANCHES
    values = spelt.order_by("row").to_pyarrow()["station_code"].to_pylist()
    assert values[:2] + values[-2:] == ["E0", "E1", None, "E1"]
    assert spelt.columns == table.columns
