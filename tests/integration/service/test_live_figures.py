"""Live error and coverage by model on /metrics, on both engines."""

from datetime import timedelta

import pytest
from support.signing_in import bearer


@pytest.fixture
def arrived(desk):
    """Sends a pump with an announced time, and has it arrive after so many seconds."""
    headers = desk.bearer("olaf")
    start = desk.clock()

    def arrive(pump: str, actual_s: float, model: str = "one") -> None:
        announced = {"model": model, "p10_s": 200.0, "p50_s": 300.0, "p90_s": 420.0}
        body = {"incident_number": pump, "pump": pump, "at": start.isoformat(), "announced": announced}
        sent = desk.client.post("/v1/mobilisations", json=body, headers=headers).json()["id"]
        for event, s in (("mobile", 60), ("arrived", actual_s)):
            at = (start + timedelta(seconds=s)).isoformat()
            path = f"/v1/mobilisations/{sent}/{event}"
            assert desk.client.post(path, json={"at": at}, headers=headers).status_code == 200

    desk.clock.move(minutes=25)
    headers = bearer(desk.login("olaf").json()["access_token"])
    return arrive


def figure(desk, name: str, model: str) -> float | None:
    start = f'londonpump_live_{name}{{model="{model}"}} '
    lines = desk.client.get("/metrics").text.splitlines()
    return next((float(line.removeprefix(start)) for line in lines if line.startswith(start)), None)


def test_error_and_coverage_are_told_by_model(desk, arrived) -> None:
    arrived("A211", 310)
    arrived("A241", 450)
    arrived("H271", 290, model="two")
    told = {
        (name, model): figure(desk, name, model)
        for name in ("arrivals", "mae_s", "inside_80_share")
        for model in ("one", "two")
    }
    assert told == {
        ("arrivals", "one"): 2,
        ("mae_s", "one"): 80,
        ("inside_80_share", "one"): 0.5,
        ("arrivals", "two"): 1,
        ("mae_s", "two"): 10,
        ("inside_80_share", "two"): 1,
    }


def test_they_are_read_again_after_a_minute_and_not_before(desk, arrived) -> None:
    arrived("A211", 310)
    told = [figure(desk, "arrivals", "one")]
    arrived("A241", 310)
    told.append(figure(desk, "arrivals", "one"))
    desk.clock.move(seconds=61)
    told.append(figure(desk, "arrivals", "one"))
    assert told == [1, 1, 2]


def test_arrivals_of_a_month_ago_do_not_count(desk, arrived) -> None:
    arrived("A211", 310)
    desk.clock.move(days=29)
    assert figure(desk, "arrivals", "one") is None


def test_an_implausible_arrival_is_counted_apart_and_in_no_other_figure(desk, arrived) -> None:
    """Issue 11, A13."""
    arrived("A211", 310)
    arrived("A241", 1201)
    arrived("A242", 1200)
    told = [figure(desk, name, "one") for name in ("arrivals", "implausible", "mae_s", "inside_80_share")]
    assert told == [2, 1, 455, 0.5]


def test_a_model_with_implausible_arrivals_alone_has_no_error(desk, arrived) -> None:
    """Issue 11, A13."""
    arrived("A211", 1300)
    told = [figure(desk, name, "one") for name in ("arrivals", "implausible", "mae_s", "inside_80_share")]
    assert told == [0, 1, None, None]
