"""`quantiles` in a question: 20 equally likely times per candidate; and a colleague's question near a point."""

import pytest
from support.api_client import SOHO

PLACES = {
    "exact": SOHO,
    "area": {"postcode_district": "SE1"},
}


@pytest.mark.parametrize("location", PLACES.values(), ids=PLACES)
def test_twenty_times_agree_with_the_interval(location, shared_api) -> None:
    answer = shared_api.prediction(location=location, quantiles=True, max_candidates=3)
    assert len(answer["candidates"]) == 3
    for candidate in answer["candidates"]:
        times = candidate["quantiles_s"]
        assert (len(times), times) == (20, sorted(times))
        # 0.075 <= 0.1 <= 0.125, and so on; both are rounded to 0.1 s
        for below, name, above in ((1, "p10_s", 2), (9, "p50_s", 10), (17, "p90_s", 18)):
            assert times[below] - 0.1 <= candidate[name] <= times[above] + 0.1
        within = sum(time <= 360 for time in times) / 20
        assert within == pytest.approx(candidate["chance_within_s"]["360"], abs=0.051)


def test_without_the_request_there_are_none(shared_api) -> None:
    assert all("quantiles_s" not in each for each in shared_api.prediction()["candidates"])


def test_a_batch_has_them_per_question(shared_api) -> None:
    questions = [{"location": SOHO, "quantiles": True}, {"location": SOHO}]
    with_, without = shared_api.ask_many(*questions).json()["items"]
    assert len(with_["answer"]["candidates"][0]["quantiles_s"]) == 20
    assert "quantiles_s" not in without["answer"]["candidates"][0]


@pytest.mark.parametrize("value", ["true", 1, None, [0.5]], ids=repr)
def test_what_is_no_yes_or_no_is_422(value, shared_api) -> None:
    assert shared_api.ask(quantiles=value).status_code == 422


def test_a_question_of_a_colleague_is_near_and_the_own_is_not(shared_api) -> None:
    asked = shared_api.prediction(incident_number="000777-02062025")
    shared_api.prediction(location={"postcode_district": "SE1"})
    olga = shared_api.live_service.bearer("olga")
    nearby = {
        who: shared_api.client.get("/v1/nearby", params=SOHO, headers=headers).json()["calls"]
        for who, headers in (("olga", olga), ("olaf", shared_api.headers))
    }
    assert nearby["olaf"] == []
    (call,) = [each for each in nearby["olga"] if each["incident_number"]]
    assert (call["prediction_id"], call["user"], call["distance_m"]) == (asked["id"], "olaf", 0.0)
