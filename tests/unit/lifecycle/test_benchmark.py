"""Predictions of anybody: ids of dispatches, and what is wrong with a file of predictions."""

from datetime import date

import numpy as np
import pytest

from londonpump.domain.errors import BadFile
from londonpump.lifecycle.benchmark import dispatch_ids, hash_of_ids, read_predictions, rows_to_predict
from londonpump.lifecycle.calls_file import OPTIONAL, REQUIRED
from londonpump.lifecycle.evaluate import EvaluateRequest, evaluate

IDS = ["1-01012023/first", "1-01012023/second", "2-01012023/A241"]
GOOD = "id,seconds,p90,p10\n2-01012023/A241,300,420.5,200\n1-01012023/first,310,410,210\n1-01012023/second,320,400,220\n"


def read(tmp_path, text):
    path = tmp_path / "theirs.csv"
    path.write_text(text, encoding="utf-8")
    return read_predictions(path, IDS)


def columns(*rows):
    names = ("incident_number", "resource_code", "pump", "mobilised_us")
    return {
        name: np.array(values, object) for name, values in zip(names, zip(*rows, strict=True), strict=True)
    }


def test_an_id_is_the_incident_and_the_pump():
    rows = columns(("1", None, "first", 5), ("1", None, "second", 5), ("2", "A241", "first", 6))
    assert dispatch_ids(rows).tolist() == ["1/first", "1/second", "2/A241"]


def test_a_pump_sent_again_is_numbered_by_time_and_not_by_the_order_of_the_rows():
    rows = columns(("1", "A241", "later", 9), ("1", "A241", "first", 5), ("1", "A241", "later", 7))
    assert dispatch_ids(rows).tolist() == ["1/A241/3", "1/A241", "1/A241/2"]


def test_the_hash_does_not_depend_on_the_order():
    assert hash_of_ids(IDS) == hash_of_ids(reversed(IDS))
    assert hash_of_ids(IDS) != hash_of_ids(IDS[:2])


def test_predictions_are_put_in_the_order_of_the_dispatches(tmp_path):
    forecast = read(tmp_path, GOOD)
    assert forecast.median_s.tolist() == [310, 320, 300]
    assert forecast.levels == (0.1, 0.9)
    assert forecast.quantiles_s is not None
    assert forecast.quantiles_s.tolist() == [[210, 410], [220, 400], [200, 420.5]]


def test_predictions_without_quantiles_are_points(tmp_path):
    forecast = read(tmp_path, "id,seconds\n" + "".join(f"{one},300\n" for one in IDS))
    assert (forecast.levels, forecast.quantiles_s, forecast.mean_s) == (None, None, None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (GOOD.replace("/second", "/third"), r"not among the evaluated dispatches \(1: '1-01012023/third'\); lacks some of the 3"),
        (GOOD.rsplit("\n", 2)[0] + "\n", r"lacks some of the 3 evaluated dispatches \(1: '1-01012023/second'\)"),
        (GOOD + "1-01012023/first,1,2,1\n", r"has ids twice \(1: '1-01012023/first'\)"),
        (GOOD.replace("310", "soon"), "id 1-01012023/first, column seconds: 'soon' is not a time"),
        (GOOD.replace("310", ""), "id 1-01012023/first, column seconds: '' is not a time"),
        (GOOD.replace("310", "-3"), "id 1-01012023/first, column seconds: '-3' is not a time"),
        (GOOD.replace("410", "110"), "id 1-01012023/first: p90 is below p10 \\(1 such rows\\)"),
        (GOOD.replace("seconds", "minutes"), "has no column seconds"),
        (GOOD.replace("id,", "key,"), "has no column id"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_and_nothing_is_dropped(text, message, tmp_path):
    with pytest.raises(BadFile, match=message):
        read(tmp_path, text)


def test_the_rows_to_predict_are_calls_without_what_is_known_later(small_examples):
    rows = rows_to_predict(small_examples, date(2023, 3, 26))
    assert set(rows) <= {*REQUIRED, *OPTIONAL}
    assert len(set(rows["id"])) == len(rows["id"]) > 500


def test_our_own_predictions_are_evaluated_as_ours(small_brigade, small_examples, small_bundle, tmp_path):
    from londonpump.api import Model

    # through the door, as anybody's: the workload, which `evaluate` counts anew, is given as the examples have it
    rows = rows_to_predict(small_examples, small_bundle.card.data.trained_until)
    predicted = Model(small_brigade.bundle, small_bundle).predict(
        {**rows, "mobilised_at": [f"{at}Z" for at in rows["mobilised_at"]]}
    )
    path = tmp_path / "ours.csv"
    lines = [
        f"{i},{p50},{p10},{p90}"
        for i, p50, p10, p90 in zip(*(predicted[n] for n in ("id", "p50_s", "p10_s", "p90_s")), strict=True)
    ]
    path.write_text("\n".join(["id,seconds,p10,p90", *lines]), encoding="utf-8")
    request = EvaluateRequest(small_brigade.bundle, small_brigade.data, resamples=20, predictions=path)
    results = evaluate(request).results
    assert results.row_ids_sha256 == hash_of_ids(rows["id"])
    ours, theirs = (results.evaluation.whole(name) for name in ("ours", "submitted"))
    for metric in ("mae_s", "cover_80_share", "width_80_s"):
        assert theirs[metric].value == pytest.approx(ours[metric].value, rel=0.02)
    assert "crps_s" not in theirs or theirs["crps_s"].value is None
