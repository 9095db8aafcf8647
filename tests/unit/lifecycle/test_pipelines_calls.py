"""CALLS.csv: every problem is named, a bad value affects only its own row, and a wrong file is rejected."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from londonpump.domain.errors import BadFile, BadValue
from londonpump.domain.stations import by_code, known_stations
from londonpump.lifecycle.calls_file import (
    LIMITS,
    OPTIONAL,
    REQUIRED,
    parse_call,
    parse_timestamp,
    read_calls,
)

STATIONS = by_code(known_stations())
HEADER = "id,mobilised_at,station_code,easting_m,northing_m"
SOUND = "2024-01-15T08:00Z,G30,518650,186250"


def written(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "calls.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
    return path


def read(tmp_path: Path, *rows: str, header: str = HEADER):
    return read_calls(written(tmp_path, "\n".join((header, *rows)) + "\n"), STATIONS)


def one(**given_columns: str):
    values = dict(zip(REQUIRED, ("1", *SOUND.split(",")), strict=True))
    return parse_call({**values, **given_columns}, STATIONS)


WRONG_FILES = {
    "nothing in it": ("", "is empty"),
    "blank lines only": ("\n\n\n", "is empty"),
    "a header only": (HEADER + "\n", "has no rows"),
    "a header and blank lines": (HEADER + "\n\n\r\n", "has no rows"),
    "bars": (HEADER.replace(",", "|") + "\n1|x|G30|1|2\n", "has no column id"),
    "no header": (f"1,{SOUND}\n", "has no column id"),
    "a column twice": (f"{HEADER},id\n1,{SOUND},1\n", "has two columns id"),
    "no encoding": (f"{HEADER}\n1,{SOUND}\n".encode() + b"\x81\x8d", "neither UTF-8 nor Windows-1252"),
    "UTF-16 without a mark": (f"{HEADER}\n1,{SOUND}\n".encode("utf-16-le"), "zero bytes"),
    "a quote that never closes": (
        f'{HEADER}\n1,2024-01-15T08:00Z,"G30,1,2\n2,{SOUND}\n',
        "is not CSV.*quotes",
    ),
    "a field beyond reading": (f"{HEADER}\n1,{'x' * 200_000},G30,1,2\n", "line 2 is not CSV"),
}


@pytest.mark.parametrize(("content", "problem"), WRONG_FILES.values(), ids=WRONG_FILES)
def test_a_wrong_file_is_refused_whole_and_named(content, problem, tmp_path) -> None:
    with pytest.raises(BadFile, match=problem) as caught:
        read_calls(written(tmp_path, content), STATIONS)
    assert "calls.csv" in str(caught.value)


@pytest.mark.parametrize("column", REQUIRED)
def test_each_required_column_is_missed_by_name(column, tmp_path) -> None:
    rest = [name for name in REQUIRED if name != column]
    with pytest.raises(BadFile, match=f"has no column {column}"):
        read_calls(written(tmp_path, ",".join(rest) + "\n1,2,3,4\n"), STATIONS)


def test_a_file_that_is_not_there_or_a_folder_is_refused(tmp_path) -> None:
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(BadFile, match="cannot be read"):
            read_calls(path, STATIONS)


SOUND_FILES = {
    "semicolons": f"{HEADER}\n1,{SOUND}\n2,{SOUND}\n".replace(",", ";"),
    "tabs": f"{HEADER}\n1,{SOUND}\n2,{SOUND}\n".replace(",", "\t"),
    "UTF-16": f"{HEADER}\n1,{SOUND}\n2,{SOUND}\n".encode("utf-16"),
    "Windows-1252": f"{HEADER},conditions\n1,{SOUND},caf\u00e9\n2,{SOUND},\n".encode("cp1252"),
    "a separator line": f"sep=,\r\n{HEADER}\r\n1,{SOUND}\r\n2,{SOUND}\r\n",
    "empty columns at the end": f"{HEADER},,\n1,{SOUND},,\n2,{SOUND},,\n",
    "rows longer by empty fields": f"{HEADER}\n1,{SOUND},,\n2,{SOUND},\n",
    "lines of commas at the end": f"{HEADER}\n1,{SOUND}\n2,{SOUND}\n,,,,\n,,,,\n",
    "names in capitals": f"{HEADER.upper()}\n1,{SOUND}\n2,{SOUND}\n",
    "a header again": f"{HEADER}\n1,{SOUND}\n\ufeff{HEADER}\n2,{SOUND}\n",
    "an index at the start": f",{HEADER}\n0,1,{SOUND}\n1,2,{SOUND}\n",
    "a byte order mark": f"\ufeff{HEADER}\n1,{SOUND}\n2,{SOUND}\n",
    "carriage returns": f"{HEADER}\r\n1,{SOUND}\r\n2,{SOUND}\r\n",
    "blank lines": f"\n{HEADER}\n\n1,{SOUND}\n\n2,{SOUND}\n\n",
    "no last line end": f"{HEADER}\n1,{SOUND}\n2,{SOUND}",
    "spaces in the header": f"{HEADER.replace(',', ' , ')}\n1,{SOUND}\n2,{SOUND}\n",
    "quotes around everything": '"id","mobilised_at","station_code","easting_m","northing_m"\n'
    '"1","2024-01-15T08:00Z","G30","518650","186250"\n"2","2024-01-15T08:00Z","G30","518650","186250"\n',
    "columns in another order": "northing_m,easting_m,station_code,mobilised_at,id\n"
    "186250,518650,g30, 2024-01-15T08:00Z ,1\n186250,518650, G30,2024-01-15T08:00Z,2\n",
}


@pytest.mark.parametrize("content", SOUND_FILES.values(), ids=SOUND_FILES)
def test_a_sound_file_is_read_however_it_was_saved(content, tmp_path) -> None:
    calls = read_calls(written(tmp_path, content), STATIONS)
    assert calls.ids == ["1", "2"]
    assert calls.errors == ["", ""]
    assert calls.columns["easting_m"].tolist() == [518_650.0, 518_650.0]
    assert calls.columns["station_code"].tolist() == ["G30", "G30"]


BAD_VALUES = {
    "unknown station": ({"station_code": "X99"}, "station_code 'X99': is not a station"),
    "no station": ({"station_code": ""}, "station_code ''"),
    "the river station": ({"station_code": "H23"}, "has no road pump"),
    "no number": ({"easting_m": "west"}, "easting_m 'west': is not a number"),
    "no easting": ({"easting_m": ""}, "easting_m '': is not a number"),
    "not a number": ({"easting_m": "nan"}, "easting_m 'nan': is not a number"),
    "infinite": ({"northing_m": "-inf"}, "is not a number"),
    "beyond a float": ({"northing_m": "1e400"}, "is not between"),
    "underscores": ({"easting_m": "518_650"}, "is not a number"),
    "other digits": ({"easting_m": "\u0665\u0661\u0668\u0666\u0665\u0660"}, "is not a number"),
    "a comma in a number": ({"easting_m": "518,650"}, "is not a number"),
    "hexadecimal": ({"easting_m": "0x7ea"}, "is not a number"),
    "negative place": ({"easting_m": "-1"}, "is not between"),
    "degrees": ({"easting_m": "51.5", "northing_m": "0.12"}, "looks like degrees"),
    "negative pumps": ({"pumps_out": "-1"}, "pumps_out '-1': is not between"),
    "pumps that are none": ({"ground_pumps_available": "NaN"}, "is not a number"),
    "an impossible cold": ({"temp_c": "-300"}, "temp_c"),
    "negative rain": ({"precip_mm": "-0.1"}, "precip_mm"),
    "cloud over 100": ({"cloudcover_pct": "101"}, "cloudcover_pct"),
    "negative visibility": ({"visibility_km": "-1"}, "visibility_km"),
    "an unknown kind": ({"incident_type": "Barbecue"}, "incident_type 'Barbecue': is not one of: Fire"),
    "an unknown appliance": ({"appliance": "3"}, "appliance '3'"),
    "neither true nor false": ({"is_home_station": "maybe"}, "is neither true nor false"),
    "an unknown ground": ({"station_ground_code": "X99"}, "station_ground_code 'X99'"),
    "an hour that does not exist": ({"mobilised_at": "2024-03-31T01:30"}, "does not exist"),
    "no time": ({"mobilised_at": "soon"}, "is not a time"),
    "an empty time": ({"mobilised_at": ""}, "is not a time"),
    "a date alone": ({"mobilised_at": "2024-01-15"}, "has no time of day"),
    "an offset in place of a time": ({"mobilised_at": "2024-01-15+01:00"}, "has no time of day"),
    "the 25th hour": ({"mobilised_at": "2024-01-15T25:00Z"}, "is not a time"),
    "the 30th of February": ({"mobilised_at": "2024-02-30T08:00Z"}, "is not a time"),
    "before the records": ({"mobilised_at": "1999-12-31T23:59Z"}, "is not between 2009"),
    "far in the future": ({"mobilised_at": "2041-01-01T00:00Z"}, "is not between 2009"),
    "the first instant of all": ({"mobilised_at": "0001-01-01T00:00+01:00"}, "is not between 2009"),
    "the last instant of all": ({"mobilised_at": "9999-12-31T23:59-01:00"}, "is not between 2009"),
    "a closed station": ({"station_code": "A26"}, "closed on 09 January 2014"),
}


@pytest.mark.parametrize(("given_columns", "problem"), BAD_VALUES.values(), ids=BAD_VALUES)
def test_a_bad_value_is_named_with_its_column(given_columns, problem) -> None:
    with pytest.raises(BadValue, match=problem) as caught:
        one(**given_columns)
    assert caught.value.column in {*given_columns, "easting_m"}


def test_a_bad_value_spoils_its_own_row_only(tmp_path) -> None:
    calls = read(
        tmp_path,
        f"1,{SOUND}",
        "2,2024-01-15T08:00Z,X99,518650,186250",
        f"3,{SOUND}",
        "4,short",
        f"5,{SOUND},x",
    )
    assert [bool(error) for error in calls.errors] == [False, True, False, True, True]
    assert calls.answered.tolist() == [0, 2]
    assert len(calls.columns["mobilised_us"]) == 2
    assert "has 2 fields where the header has 5" in calls.errors[3]
    assert "has 6 fields" in calls.errors[4]


def test_an_error_does_not_repeat_a_very_long_text(tmp_path) -> None:
    calls = read(tmp_path, f"1,2024-01-15T08:00Z,{'x' * 100_000},518650,186250", f"2,{SOUND}")
    assert len(calls.errors[0]) < 300
    assert "is not a station" in calls.errors[0]
    assert calls.errors[1] == ""


def test_ids_are_kept_as_they_are_even_twice_or_empty(tmp_path) -> None:
    calls = read(tmp_path, f"7,{SOUND}", f"7,{SOUND}", f",{SOUND}", f'"a, ""b""",{SOUND}', f" 9 ,{SOUND}")
    assert calls.ids == ["7", "7", "", 'a, "b"', " 9 "]
    assert calls.errors == [""] * 5


def test_every_optional_column_is_read(tmp_path) -> None:
    stated = {
        "incident_type": "Fire",
        "property_category": "Dwelling",
        "property_type": '"House, ""tall"" "',
        "address_qualifier": "Within same building",
        "conditions": "Rain, Overcast".replace(",", ""),
        "appliance": "2",
        "is_home_station": "FALSE",
        "station_ground_code": "g30",
        "pumps_out": "12",
        "ground_pumps_available": "1",
        "recent_ground_calls": "2",
        "temp_c": "-3.5",
        "precip_mm": "0.2",
        "cloudcover_pct": "100",
        "visibility_km": "1e1",
        "wind_kmh": "31.5",
        "congestion_rate": "0.25",
        "is_school_holiday": "true",
        "is_working_day": "no",
    }
    assert set(stated) == set(OPTIONAL)
    calls = read(tmp_path, f"1,{SOUND}," + ",".join(stated.values()), header=f"{HEADER},{','.join(stated)}")
    assert calls.errors == [""]
    got = {name: values[0] for name, values in calls.columns.items()}
    assert got["property_type"] == 'House, "tall"'
    assert (got["appliance"], got["deployed_from"], got["station_ground_code"]) == (
        "Pump Ladder",
        "Other Station",
        "G30",
    )
    assert [got[name] for name in ("pumps_out", "temp_c", "visibility_km")] == [12.0, -3.5, 10.0]
    assert [got[name] for name in ("wind_kmh", "congestion_rate")] == [31.5, 0.25]
    assert [got[name] for name in ("is_school_holiday", "is_working_day")] == [1.0, 0.0]


def test_an_empty_optional_value_is_unknown(tmp_path) -> None:
    calls = read(tmp_path, f"1,{SOUND}" + "," * len(OPTIONAL), header=f"{HEADER},{','.join(OPTIONAL)}")
    assert calls.errors == [""]
    assert calls.columns["incident_type"][0] is None
    assert calls.columns["deployed_from"][0] is None
    optional = set(LIMITS) & set(OPTIONAL)
    assert np.isnan([calls.columns[name][0] for name in optional]).all()


def test_columns_nobody_asked_for_are_told(tmp_path) -> None:
    calls = read(tmp_path, f"1,{SOUND},blue", header=f"{HEADER},colour")
    assert calls.ignored == ("colour",)


TIMES = {
    "2024-01-15T08:00Z": (8, 0),
    "2024-01-15T08:00": (8, 0),
    "2024-01-15 08:00:30": (8, 0),
    "2024-01-15T09:00+01:00": (8, 0),
    "20240115T0800Z": (8, 0),
    "2024-07-15T08:00": (7, 0),
    "2024-07-15 08:00 UTC": (8, 0),
    "2024-07-15 08:00:00 GMT": (8, 0),
    "15.07.2024 08:00": (7, 0),
    "15.7.2024 08:00": (7, 0),
    "2024-07-15T08:00Z": (8, 0),
}


@pytest.mark.parametrize(("text", "utc"), TIMES.items())
def test_a_time_has_an_offset_or_is_londons(text, utc) -> None:
    parsed_at, is_twice = parse_timestamp(text)
    assert (parsed_at.tzinfo, parsed_at.hour, parsed_at.minute, is_twice) == (UTC, *utc, False)


def test_an_hour_that_london_shows_twice_is_the_first_and_labelled() -> None:
    assert parse_timestamp("2023-10-29T01:30") == (datetime(2023, 10, 29, 0, 30, tzinfo=UTC), True)
    assert one(mobilised_at="2023-10-29T01:30")[1] == ["mobilised_at=default"]
    assert one(mobilised_at="2023-10-29T01:30+00:00")[1] == []


def test_a_station_is_answered_for_as_long_as_it_was_open() -> None:
    assert one(station_code="A26", mobilised_at="2014-01-08T12:00Z")[0]["station_code"] == "A26"


def test_a_moment_keeps_its_microseconds() -> None:
    assert one(mobilised_at="2024-01-15T08:00:00.000001Z")[0]["mobilised_us"] == 1_705_305_600_000_001


FAR = {
    "exchanged": ({"easting_m": "186250", "northing_m": "518650"}, "easting_m, northing_m '186250, 518650'"),
    "kilometres": ({"easting_m": "518.65", "northing_m": "186.25"}, "km from the nearest station of London"),
    "Manchester": ({"easting_m": "383000", "northing_m": "398000"}, "lies 2[0-9]{2} km from the nearest"),
    "rounded": ({"easting_m": "5.21E+05"}, "easting_m '5.21E\\+05': was rounded by scientific notation"),
    "rounded in small letters": ({"northing_m": "1.86e5"}, "was rounded by scientific notation"),
    "an error of Excel": ({"property_type": "#VALUE!"}, "property_type '#VALUE!': is an Excel error"),
}


@pytest.mark.parametrize(("given_columns", "problem"), FAR.values(), ids=FAR)
def test_a_place_that_cannot_be_meant_is_refused(given_columns, problem) -> None:
    """Issue 11, B10 and B4: the API and the options of `predict` reject it too."""
    with pytest.raises(BadValue, match=problem):
        one(**given_columns)


def test_a_place_that_cannot_be_meant_is_an_error_of_its_row(tmp_path) -> None:
    """Issue 11, B10."""
    calls = read(tmp_path, f"1,{SOUND}", "2,2024-01-15T08:00Z,G30,186250,518650", f"3,{SOUND}")
    assert calls.answered.tolist() == [0, 2]
    assert "km from the nearest station of London" in calls.errors[1]


def test_a_place_in_scientific_notation_with_all_its_digits_is_read() -> None:
    """Issue 11, B10."""
    run, _ = one(easting_m="5.18650E+05", northing_m="1.86250E+05")
    assert (run["easting_m"], run["northing_m"]) == (518_650.0, 186_250.0)


@pytest.mark.parametrize("marker", ["NA", "N/A", "#N/A", "<NA>", "nan", "NULL", r"\N", "-"])
def test_what_programs_write_for_nothing_is_unknown(marker, tmp_path) -> None:
    """Issue 11, B6. An id is kept as it is."""
    header = f"{HEADER},temp_c,property_type,station_ground_code"
    calls = read(tmp_path, f"{marker},{SOUND},{marker},{marker},{marker}", header=header)
    assert (calls.errors, calls.ids) == ([""], [marker])
    assert np.isnan(calls.columns["temp_c"][0])
    assert (calls.columns["property_type"][0], calls.columns["station_ground_code"][0]) == (None, None)


def test_decimal_commas_and_what_was_found_are_told(tmp_path) -> None:
    """Issue 11, B8 and B9."""
    text = f"{HEADER},temp_c\n1,{SOUND},-3.5\n{HEADER},temp_c\n2,{SOUND},4.25\n"
    calls = read_calls(written(tmp_path, text.replace(",", ";").replace(".", ",")), STATIONS)
    assert calls.columns["temp_c"].tolist() == [-3.5, 4.25]
    assert calls.read_as == (
        "fields separated by semicolons; numbers with decimal commas; 1 repeated header lines skipped"
    )


def test_categories_are_read_in_any_case() -> None:
    """Issue 11, B8: as in published files."""
    run, _ = one(incident_type="fire", property_category="DWELLING", address_qualifier="within same building")
    assert (run["incident_type"], run["property_category"]) == ("Fire", "Dwelling")
    assert run["address_qualifier"] == "Within same building"
