"""Live error and coverage by model on /metrics, on both engines."""

from datetime import timedelta

import pytest
from support.accounts_service import bearer


@pytest.fixture
def arrived(live_service):
    """Sends a pump with an announced time, and has it arrive after so many seconds."""
    headers = live_service.bearer("olaf")
    start = live_service.clock()

    def arrive(pump: str, actual_s: float, model: str = "one") -> None:
        announced = {"model": model, "p10_s": 200.0, "p50_s": 300.0, "p90_s": 420.0}
        body = {"incident_number": pump, "pump": pump, "at": start.isoformat(), "announced": announced}
        sent = live_service.client.post("/v1/mobilisations", json=body, headers=headers).json()["id"]
        for event, s in (("mobile", 60), ("arrived", actual_s)):
            at = (start + timedelta(seconds=s)).isoformat()
            path = f"/v1/mobilisations/{sent}/{event}"
            assert live_service.client.post(path, json={"at": at}, headers=headers).status_code == 200

    live_service.clock.move(minutes=25)
    headers = bearer(live_service.login("olaf").json()["access_token"])
    return arrive


def figure(live_service, name: str, model: str) -> float | None:
    start = f'londonpump_live_{name}{{model="{model}"}} '
    lines = live_service.client.get("/metrics").text.splitlines()
    return next((float(line.removeprefix(start)) for line in lines if line.startswith(start)), None)


def test_error_and_coverage_are_told_by_model(live_service, arrived) -> None:
    arrived("A211", 310)
    arrived("A241", 450)
    arrived("H271", 290, model="two")
    figures = {
        (name, model): figure(live_service, name, model)
        for name in ("arrivals", "mae_s", "inside_80_share")
        for model in ("one", "two")
    }
    assert figures == {
        ("arrivals", "one"): 2,
        ("mae_s", "one"): 80,
        ("inside_80_share", "one"): 0.5,
        ("arrivals", "two"): 1,
        ("mae_s", "two"): 10,
        ("inside_80_share", "two"): 1,
    }


def test_they_are_read_again_after_a_minute_and_not_before(live_service, arrived) -> None:
    arrived("A211", 310)
    figures = [figure(live_service, "arrivals", "one")]
    arrived("A241", 310)
    figures.append(figure(live_service, "arrivals", "one"))
    live_service.clock.move(seconds=61)
    figures.append(figure(live_service, "arrivals", "one"))
    assert figures == [1, 1, 2]


def test_arrivals_of_a_month_ago_do_not_count(live_service, arrived) -> None:
    arrived("A211", 310)
    live_service.clock.move(days=29)
    assert figure(live_service, "arrivals", "one") is None


def test_an_implausible_arrival_is_counted_apart_and_in_no_other_figure(live_service, arrived) -> None:
    """Issue 11, A13."""
    arrived("A211", 310)
    arrived("A241", 1201)
    arrived("A242", 1200)
    figures = [
        figure(live_service, name, "one") for name in ("arrivals", "implausible", "mae_s", "inside_80_share")
    ]
    assert figures == [2, 1, 455, 0.5]


def test_a_model_with_implausible_arrivals_alone_has_no_error(live_service, arrived) -> None:
    """Issue 11, A13."""
    arrived("A211", 1300)
    figures = [
        figure(live_service, name, "one") for name in ("arrivals", "implausible", "mae_s", "inside_80_share")
    ]
    assert figures == [0, 1, None, None]
