"""Issue 11, A12: codes and postcodes as people write them."""

import pytest

from londonpump.domain.canonical_spelling import normalise_code, normalise_district


@pytest.mark.parametrize("text", ["g30", " G30", "G30\u00a0", "\tg30\n"])
def test_a_code_is_read_in_small_letters_and_between_blanks(text) -> None:
    assert normalise_code(text) == "G30"


@pytest.mark.parametrize(
    ("text", "district"),
    [
        ("se1", "SE1"),
        ("SE1 7PB", "SE1"),
        ("se17pb", "SE1"),
        ("sw1a 1aa", "SW1A"),
        ("SW1A1AA", "SW1A"),
        ("e1 1aa", "E1"),
        ("E11AA", "E1"),
        ("e111aa", "E11"),
        (" w1 ", "W1"),
        ("se1\u00a0 7pb", "SE1"),
        ("SE1 7", "SE1"),
        ("SE17", "SE17"),
    ],
)
def test_a_postcode_is_read_as_its_district(text, district) -> None:
    assert normalise_district(text) == district


@pytest.mark.parametrize("text", ["", "SE", "Lambeth", "SE1 7P", "S E1", "SE1 7PBX", "\u017fe1", "SE1-7PB"])
def test_what_is_no_postcode_is_left_for_the_check(text) -> None:
    assert normalise_district(text) == normalise_code(text)
