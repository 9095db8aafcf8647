"""Places that are only named, on real records: what `python -m benchmarks.accuracy` measures of them holds."""

from pathlib import Path

import pytest

from benchmarks.accuracy.named_places import EXACT, MIDDLE, NAMED, evaluate_named_places
from benchmarks.accuracy.records import STREAM_2017, UNION, examples_of
from benchmarks.accuracy.splits import later

REAL = Path(__file__).resolve().parents[2] / "../shared/data"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not all((REAL / name).exists() for name in (*UNION.files, *STREAM_2017.files)),
        reason="the real records are not beside the repository",
    ),
]
RESAMPLES = 20
NAME_TYPES = ("district", "ground")


@pytest.fixture(scope="module", params=(UNION, STREAM_2017), ids=lambda records: records.name)
def measured(request, tmp_path_factory):
    examples = examples_of(request.param, REAL, tmp_path_factory.mktemp("named"))
    return evaluate_named_places(examples, later(request.param, examples)[0], RESAMPLES)


@pytest.mark.parametrize("name_type", NAME_TYPES)
def test_the_interval_of_a_name_covers_what_it_claims_within_three_points(name_type, measured) -> None:
    assert measured[name_type][NAMED]["cover_80_share"]["value"] == pytest.approx(0.8, abs=0.03)


@pytest.mark.parametrize("name_type", NAME_TYPES)
def test_a_name_is_less_sure_than_the_exact_place(name_type, measured) -> None:
    assert (
        measured[name_type][NAMED]["width_80_s"]["value"]
        > 1.25 * measured[name_type][EXACT]["width_80_s"]["value"]
    )


@pytest.mark.parametrize("name_type", NAME_TYPES)
def test_a_name_is_nearer_the_truth_than_its_central_point(name_type, measured) -> None:
    assert measured[name_type][NAMED]["mae_s"]["value"] < measured[name_type][MIDDLE]["mae_s"]["value"]


@pytest.mark.parametrize("name_type", NAME_TYPES)
def test_hardly_a_run_has_a_name_that_training_did_not_know(name_type, measured) -> None:
    assert measured[name_type]["unknown"] < 0.03 * measured[name_type]["rows"]
