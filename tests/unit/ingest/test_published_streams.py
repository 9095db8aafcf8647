"""Several files as one stream, the text kept beside it, and the encodings of the Brigade."""

import gzip
import tempfile

import pytest

from londonpump.ingest.published import read_published

MOBILISATIONS = "mobilisations"


def test_raw_keeps_every_text_as_published_under_its_stripped_name(read, write, rows_of):
    path = write("incidents", {}, {})
    path.write_text(path.read_text().replace("PropertyType", " PropertyType "))

    rows = rows_of(read("incidents", path).raw)

    assert rows[1]["PropertyType"] == "House - single occupancy "
    assert rows[1]["FirstPumpArriving_AttendanceTime"] == "181.0"
    assert (rows[1]["source_file"], rows[1]["source_row"]) == (0, 2)


@pytest.mark.parametrize("text", ["Car ", " Car", "  Car  "])
def test_typed_texts_have_no_blanks_around_them(read, write, rows_of, text):
    assert (
        rows_of(read("incidents", write("incidents", {"PropertyType": text})).typed)[0]["property_type"]
        == "Car"
    )


def test_files_of_two_vintages_are_one_stream_that_says_where_a_row_came_from(read, write, rows_of):
    iso = {"IncidentNumber": "235138081.00", "DateOfCall": "2025-02-03", "TimeOfCall": "7:02:11"}
    first, second = write("incidents", {}, {}, name="a.csv"), write("incidents", iso, name="b.csv")

    published = read("incidents", first, second)

    source_rows = [(row["source_file"], row["source_row"]) for row in rows_of(published.typed)]
    assert source_rows == [(0, 1), (0, 2), (1, 1)]
    assert [row["incident_number"] for row in rows_of(published.typed)][-1] == "235138081"
    assert [file.file for file in published.files] == ["a.csv", "b.csv"]
    assert published.files[1].formats == {"call_date": "yyyy-mm-dd", "call_time": "H:MM:SS"}


def test_columns_of_one_file_only_are_null_for_the_other(read, write, rows_of):
    first, second = write(MOBILISATIONS, {}, name="a.csv"), write(MOBILISATIONS, {}, name="b.csv")
    second.write_text(second.read_text().replace("WardName", "Ward").replace("BoroughName", "boroughname"))

    raw = rows_of(read(MOBILISATIONS, first, second).raw)

    assert [row["WardName"] for row in raw] == ["Muswell Hill", None]
    assert [row["Ward"] for row in raw] == [None, "Muswell Hill"]
    assert [row["BoroughName"] for row in raw] == ["HARINGEY", "HARINGEY"]


def test_duplicates_are_kept(read, write):
    assert read(MOBILISATIONS, write(MOBILISATIONS, {}, {}, {})).files[0].rows == 3


@pytest.mark.parametrize("marker", ["", "NULL", "Null", "null", "NaN", "nan", "NaT", "None", " NULL ", "  "])
def test_every_null_marker_is_null_in_every_kind_of_column(read, write, rows_of, marker):
    columns = ("TurnoutTimeSeconds", "DateAndTimeMobile", "DelayCode_Description", "DeployedFromStation_Name")
    path = write(MOBILISATIONS, {}, dict.fromkeys(columns, marker))

    row = rows_of(read(MOBILISATIONS, path).typed)[1]

    assert (row["turnout_s"], row["mobile_at"], row["delay_description"], row["station_name"]) == (None,) * 4
    assert row["unreadable"] is None


def test_optional_columns_that_are_absent_are_null(read, write, rows_of):
    path = write(MOBILISATIONS, {})
    path.write_text(path.read_text().replace("PumpOrder", "Order").replace("CalYear", "Year"))

    row = rows_of(read(MOBILISATIONS, path).typed)[0]

    assert (row["pump_order"], row["cal_year"]) == (None, None)


def test_a_first_column_without_a_name_is_left_out(read, write):
    path = write(MOBILISATIONS, {})
    path.write_text("".join(f",{line}\n" for line in path.read_text().splitlines()))

    published = read(MOBILISATIONS, path)

    assert published.raw.columns[2] == "IncidentNumber"
    assert len(published.raw.columns) == 2 + 24


def test_the_names_of_the_header_may_be_in_any_case(read, write, rows_of):
    path = write(MOBILISATIONS, {})
    header, rest = path.read_text().split("\n", 1)
    path.write_text(f"{header.upper()}\n{rest}")
    assert rows_of(read(MOBILISATIONS, path).typed)[0]["attendance_s"] == 181


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_the_encodings_of_the_brigade(read, write, rows_of, encoding):
    path = write(MOBILISATIONS, {"DeployedFromStation_Name": "Café – £5"}, encoding=encoding)
    published = read(MOBILISATIONS, path)
    assert rows_of(published.typed)[0]["station_name"] == "Café – £5"
    assert published.raw.columns[2] == "IncidentNumber"


def test_the_copy_of_another_encoding_is_removed(read, write, tmp_path, monkeypatch):
    folder = tmp_path / "copies"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    read(MOBILISATIONS, write(MOBILISATIONS, {"DeployedFromStation_Name": "Café"}, encoding="cp1252"))
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_gzipped_csv_is_read_through(read, write, rows_of, tmp_path, encoding):
    plain = write(MOBILISATIONS, {"DeployedFromStation_Name": "Café"}, encoding=encoding)
    packed = tmp_path / "packed.csv.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert rows_of(read(MOBILISATIONS, packed).typed)[0]["station_name"] == "Café"


def test_quoted_commas_quotes_and_line_ends_stay_in_their_field(read, write, rows_of):
    text = 'Traffic, "roadworks",\r\netc'
    path = write(MOBILISATIONS, {}, {"DelayCode_Description": text}, {})
    rows = rows_of(read(MOBILISATIONS, path).typed)
    # every blank is an ordinary one in a category; the field ends where its quote does
    assert [row["delay_description"] for row in rows] == [None, 'Traffic, "roadworks", etc', None]
    assert [row["source_row"] for row in rows] == [1, 2, 3]


@pytest.mark.parametrize("name", ["records [1].csv", "a*.csv", "it's.csv"])
def test_a_file_name_is_never_a_pattern(read, write, tmp_path, name):
    write(MOBILISATIONS, {}, {}, name="records 1.csv")
    write(MOBILISATIONS, {}, {}, name="ab.csv")
    assert read(MOBILISATIONS, write(MOBILISATIONS, {}, name=name)).files[0].rows == 1


@pytest.mark.slow
@pytest.mark.long
def test_rows_keep_their_place_in_a_large_file_read_by_two_threads(connection, write):
    connection.raw_sql("SET threads = 2")
    n = 200_000
    path = write(MOBILISATIONS, *({"ResourceMobilisationId": str(i)} for i in range(1, n + 1)))

    typed = read_published(connection, MOBILISATIONS, [path]).typed

    assert typed.filter(typed.source_row == typed.mobilisation_id).count().to_pyarrow().as_py() == n


def test_progress_tells_the_file_and_the_share_done(connection, write):
    heard = []
    files = [write(MOBILISATIONS, {}, name="a.csv"), write(MOBILISATIONS, {"CalYear": ""}, name="b.csv")]

    read_published(
        connection, MOBILISATIONS, files, lambda text, share: heard.append((text, round(share, 1)))
    )

    assert heard == [("reading a.csv", 0.0), ("reading b.csv", 0.5), ("read 2 files of mobilisations", 1.0)]


def test_two_readings_on_one_connection_do_not_disturb_each_other(read, write):
    first = read(MOBILISATIONS, write(MOBILISATIONS, {}, {}, name="a.csv"))
    second = read(MOBILISATIONS, write(MOBILISATIONS, {}, name="b.csv"))
    assert first.typed.count().to_pyarrow().as_py() == 2
    assert second.typed.count().to_pyarrow().as_py() == 1
