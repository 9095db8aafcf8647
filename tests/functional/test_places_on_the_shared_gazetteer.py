"""The search at the size of London's gazetteers: hit rates over inputs as operators type them, and what a question takes."""

import pytest
from support.gazetteers import SHARED

from benchmarks.places.__main__ import INPUTS, measure, read_gazetteer, read_inputs
from londonpump.domain.stations import known_stations
from londonpump.places.index import own_places
from londonpump.places.store import open_places, save_places

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not SHARED.exists(), reason="the shared gazetteers are not beside the project"),
]


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    read = read_gazetteer(SHARED)
    assert len(read.places) > 230_000
    places = [*own_places(known_stations()), *read.places]
    search = open_places(save_places(places, read.sources, {}, tmp_path_factory.mktemp("places")))
    return {name: measure(search, read_inputs(path)) for name, path in INPUTS.items()}


@pytest.mark.parametrize("name", INPUTS)
def test_nine_of_ten_are_right_at_the_first_place_and_nearly_all_in_ten(name, found):
    inputs = found[name]
    assert sum(each.rank == 1 for each in inputs) >= 0.9 * len(inputs)
    assert sum(each.rank > 0 for each in inputs) >= 0.95 * len(inputs)


@pytest.mark.parametrize("name", INPUTS)
def test_a_question_takes_no_text_for_another_place(name, found):
    # the one that differs is the same street in the neighbouring district
    assert [each.input.typed for each in found[name] if not each.is_right] in ([], ["saint james's dr"])
