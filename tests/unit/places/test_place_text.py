"""What operators type: grid references, coordinates, postcodes and words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from londonpump.domain.national_grid import to_degrees
from londonpump.places.text import find_partial_postcode, find_postcode, name_words, parse_point, query_words


@pytest.mark.parametrize(
    ("typed", "easting_m", "northing_m", "radius_m"),
    [
        ("TQ300803", 530_050, 180_350, 50),
        ("tq 300 803", 530_050, 180_350, 50),
        ("TQ 30050 80390", 530_050, 180_390, 0.5),
        ("TQ3080", 530_500, 180_500, 500),
        ("TL 300 003", 530_050, 200_350, 50),
        ("530050 180390", 530_050, 180_390, 0.5),
        ("530050,180390", 530_050, 180_390, 0.5),
        ("E 530050 N 180390", 530_050, 180_390, 0.5),
        ("51.5074, -0.1278", 530_029, 180_380, 5.55),
        ("51.5074n 0.1278w", 530_029, 180_380, 5.55),
        ("51.50740 0.10000", 545_837, 180_809, 0.555),
        ("51 30 26.6 N, 0 7 40 W", 530_030, 180_379, 15),
        ("51°30'26.6\"N 0°7'40\"W", 530_030, 180_379, 15),
    ],
)
def test_numbers_are_points(typed, easting_m, northing_m, radius_m):
    point = parse_point(typed)
    assert point is not None
    assert (point.easting_m, point.northing_m) == pytest.approx((easting_m, northing_m), abs=1)
    assert point.radius_m == pytest.approx(radius_m)
    assert parse_point(point.text) is not None


@pytest.mark.parametrize(
    "typed",
    ["", "TQ3", "TQ 300 80", "NZ300803", "5300501 180390", "12", "95.1, 200.5", "a1", "51.5", "10.5 10.5"],
)
def test_other_texts_are_no_points(typed):
    assert parse_point(typed) is None


@given(st.text(max_size=100))
def test_no_text_breaks_the_parsers(typed):
    parse_point(typed)
    assert all(word and all(word) for word in query_words(typed))
    code = find_postcode(typed)
    assert code is None or code == find_postcode(code)


@given(st.integers(505_000, 560_000), st.integers(155_000, 200_000))
def test_degrees_come_back_to_the_metre(easting_m, northing_m):
    latitude, longitude = to_degrees(easting_m, northing_m)
    point = parse_point(f"{float(latitude):.6f}, {float(longitude):.6f}")
    assert point is not None
    assert abs(point.easting_m - easting_m) <= 1
    assert abs(point.northing_m - northing_m) <= 1


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("sw1a2aa", "SW1A 2AA"),
        ("SW1A 2AA", "SW1A 2AA"),
        ("e145ab", "E14 5AB"),
        ("e14ab", "E1 4AB"),
        ("SW19-5AE", "SW19 5AE"),
        ("ig1 inn", "IG1 1NN"),
        ("flat 2, KT1 1EU kingston", "KT1 1EU"),
        ("lordship ln east dulwich", None),
        ("st georges tooting", None),
        ("se1", None),
    ],
)
def test_a_full_postcode_is_found_in_a_text(typed, code):
    assert find_postcode(typed) == code


def test_the_start_of_a_postcode_needs_its_blank():
    assert [find_partial_postcode(each) for each in ("sw9 8a", "SE1 7", "se17", "road 8")] == [
        "SW9 8A",
        "SE1 7",
        None,
        None,
    ]


def test_names_and_queries_are_written_out_alike():
    assert name_words("St. John's Rd.") == ["saint", "johns", "road"]
    assert name_words("Regent St.") == ["regent", "street"]
    assert name_words("Elephant & Castle") == ["elephant", "and", "castle"]
    assert name_words("Café Zoë") == ["cafe", "zoe"]
    assert query_words("st johns rd") == [("street", "saint", "st"), ("johns",), ("road", "rd")]
    assert query_words("heathrow t5") == [("heathrow",), ("terminal",), ("5",)]
