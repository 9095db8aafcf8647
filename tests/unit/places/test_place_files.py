"""Readers of gazetteers: the published forms, a csv of one's own, an OpenStreetMap extract, and files that are refused."""

import gzip

import pytest
from support.gazetteers import (
    CODE_POINT_HEADER,
    CODE_POINT_ROWS,
    open_names_text,
    write_code_point,
    write_named_map,
    write_open_names,
    write_zip,
)
from support.road_maps import EAST_M, NORTH_M

from londonpump.domain.errors import BadFile
from londonpump.ingest import place_files
from londonpump.ingest.place_files import read_place_files
from londonpump.places.index import Source

OWN = "name,easting,northing,class,borough,postcode_district,extent_m\nHigh Street,530000,180000,primary,Camden,n1,400\n"


def named(found):
    return {each.name: each for each in found.places}


def test_open_names_is_read_from_its_zip_and_from_a_csv_of_it(tmp_path):
    path = tmp_path / "TQ28.csv"
    path.write_text(open_names_text(), encoding="utf-8-sig")
    for file in (write_open_names(tmp_path / "opname_csv_gb.zip"), path):
        found = read_place_files([file])
        places = named(found)
        assert [(each.kind, each.borough, each.district) for each in found.places] == [
            ("locality", "Ealing", "W3"),
            ("street", "Ealing", "W3"),
            ("street", "Westminster", "SW1A"),
            ("interest", "Ealing", "W3"),
            ("postcode", "Lambeth", "SE1"),
        ]
        assert (places["Church Road"].radius_m, places["Acton Central"].place_class) == (150, "railway")
        assert found.n_outside == 1
        assert [each.name for each in found.sources][1:] == ["OS Open Names"]


@pytest.mark.parametrize("form", ["zip", "with its header", "without", "gzip"])
def test_code_point_is_read_in_each_form(form, tmp_path):
    path = tmp_path / "codepo"
    long_header = CODE_POINT_HEADER.splitlines(keepends=True)[1]
    match form:
        case "zip":
            write_code_point(path)
        case "with its header":
            path.write_text(long_header + CODE_POINT_ROWS)
        case "without":
            path.write_text(CODE_POINT_ROWS)
        case _:
            path.write_bytes(gzip.compress(b"pc,E,N,pq,lad\nSW1A 1AA,529090,179645,10,E09000033\n"))
    found = read_place_files([path])
    first = found.places[0]
    assert (first.name, first.easting_m, first.northing_m) == ("SW1A 1AA", 529_090, 179_645)
    assert (first.borough, first.district, first.radius_m) == ("Westminster", "SW1A", 60)
    if form != "gzip":
        # the postcode without a position is counted, not read as a point in the Atlantic
        assert ([each.name for each in found.places][1:], found.n_without_position) == (
            ["SW1A 2AA", "E1 1BB"],
            1,
        )
        assert found.places[2].radius_m == 200
    assert "Royal Mail" in found.sources[1].attribution


def test_a_csv_of_ones_own_has_the_licence_that_is_stated(tmp_path):
    path = tmp_path / "own.csv"
    path.write_text(OWN.replace(",", ";"), encoding="utf-8-sig")
    found = read_place_files([path], Source("", "ODbL", "© somebody"))
    (place,) = found.places
    assert (place.kind, place.district, place.radius_m) == ("street", "N1", 200)
    assert found.sources[1] == Source("own.csv", "ODbL", "© somebody")


def test_a_postcode_of_ones_own_is_spelt_as_it_is_printed(tmp_path):
    path = tmp_path / "own.csv"
    path.write_text("name,easting,northing,kind\nsw9 8ab,531000,175000,postcode\n")
    assert named(read_place_files([path])).keys() == {"SW9 8AB"}


def test_an_extract_gives_streets_junctions_localities_and_places(tmp_path):
    found = read_place_files([write_named_map(tmp_path / "map.osm.pbf")])
    places = named(found)
    assert {name: each.kind for name, each in places.items()} == {
        "A Road": "street",
        "B Street": "street",
        "A Road / B Street": "junction",
        "Great Hospital": "interest",
        "Oldtown": "locality",
    }
    road, junction = places["A Road"], places["A Road / B Street"]
    assert (road.radius_m, road.also, road.place_class) == (pytest.approx(300, abs=2), "A1", "primary")
    assert (junction.easting_m, junction.northing_m) == pytest.approx((EAST_M, NORTH_M), abs=2)
    assert found.sources[1].date == "2026-11-01"


def bad(tmp_path, content, name="file"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ('{"type": "FeatureCollection", "features": []}', "is JSON (such as GeoJSON)"),
        ("<html><body>Not found</body></html>", "web page"),
        ("", "empty"),
        ("a,b,c\n1,2,3\n", "has the header 'a, b, c'"),
        ("name,easting\nHigh Street,530000\n", "has the header 'name, easting'"),
        ("name,easting,northing\n", "has no place with a name in London"),
        ("name,easting,northing\nA,1,2\n", "has no place with a name in London (1 outside)"),
        ("name,easting,northing\nA,x,180000\n", "row 2: column easting is 'x'"),
        ("name,easting,northing\nA,nan,180000\n", "row 2: column easting is 'nan'"),
        ("name,easting,northing\nA,1e999,180000\n", "row 2: column easting is '1e999'"),
        ("name,easting,northing\n,530000,180000\n", "row 2: the name '' is empty"),
        (f"name,easting,northing\n{'x' * 201},530000,180000\n", "longer than 200 characters"),
        ("name,easting,northing,kind\nA,530000,180000,galaxy\n", "column kind is 'galaxy'"),
        ("name,easting,northing,kind\nA,530000,180000,postcode\n", "is no postcode"),
        ("name,easting,easting,northing\nA,530000,1,180000\n", "several columns called easting"),
        ("name,easting,northing\nA,530000\n", "row 2 has 2 fields and the header 3"),
        ('name,easting,northing\n"A,530000,180000\n', "is not csv"),
        (CODE_POINT_ROWS.replace("E1  1BB", "HELLO"), "row 3: 'HELLO' is not a postcode"),
        (open_names_text().replace(",W3,", ",", 1), "has the header"),
        (
            "name,easting,northing\nCafé,530000,180000\n".encode() + "Café,530000,180000\n".encode("cp1252"),
            "mixes UTF-8",
        ),
        (b"PK\x03\x04 and nothing else", "archive is damaged"),
        (b"\x00\x00\x00\x0dOSMHeader and nothing else", "cannot be read as an OpenStreetMap extract"),
        (gzip.compress(OWN.encode(), mtime=0)[:-20], "gzip file is damaged"),
    ],
)
def test_a_bad_file_is_refused_with_what_and_where(content, problem, tmp_path):
    path = bad(tmp_path, content)
    with pytest.raises(BadFile) as caught:
        read_place_files([path])
    assert problem in str(caught.value), str(caught.value)
    assert str(caught.value).startswith(str(path))
    assert caught.value.advice


def test_a_folder_and_a_file_that_is_not_there_are_refused(tmp_path):
    for path in (tmp_path, tmp_path / "none.csv"):
        with pytest.raises(BadFile):
            read_place_files([path])


def test_windows_text_of_one_encoding_is_read(tmp_path):
    path = bad(tmp_path, "name,easting,northing\nCafé Zoë,530000,180000\n".encode("cp1252"))
    assert read_place_files([path]).places[0].name == "Café Zoë"


@pytest.mark.parametrize(
    ("members", "problem"),
    [
        ({"readme.txt": "hello"}, "holds no csv file with places"),
        ({"Data/a.csv": "a,b\n1,2\n"}, "a.csv: has the header"),
        ({"Data/a.csv": b"\xff\xfe\x00"}, "a.csv is not UTF-8"),
        ({"Doc/header.csv": "PC,PQ\n", "Data/a.csv": CODE_POINT_ROWS}, "its header file 2"),
    ],
)
def test_a_bad_archive_is_refused_with_the_file_in_it(members, problem, tmp_path):
    with pytest.raises(BadFile, match=r"Fetch|Name") as caught:
        read_place_files([write_zip(tmp_path / "x.zip", members)])
    assert problem in str(caught.value)


def test_an_archive_that_unpacks_to_more_than_any_gazetteer_is_refused_unread(tmp_path, monkeypatch):
    bomb = write_zip(tmp_path / "bomb.zip", {"Data/a.csv": b"0" * 300_000})
    assert bomb.stat().st_size < 1_000
    monkeypatch.setattr(place_files, "MAX_MEMBER_BYTES", 200_000)
    with pytest.raises(BadFile, match="more than any gazetteer"):
        read_place_files([bomb])
    # an archive may state less than it unpacks to
    content = bytearray(bomb.read_bytes())
    size = (300_000).to_bytes(4, "little")
    bomb.write_bytes(bytes(content).replace(size, (100).to_bytes(4, "little")))
    with pytest.raises(BadFile):
        read_place_files([bomb])


def test_many_small_files_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(place_files, "MAX_MEMBERS", 10)
    with pytest.raises(BadFile, match="unpacks to 11 files"):
        read_place_files(
            [write_zip(tmp_path / "x.zip", {f"Data/{i}.csv": CODE_POINT_ROWS for i in range(11)})]
        )
