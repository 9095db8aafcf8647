"""The DAGs as Airflow reads them: importing has no effects, and each is due in London time."""

from typing import Any

import pytest
from support import crontab

NAMES = ("train", "challenge", "refresh_context", "monitor")
YEAR = "2026-01-01T00:00+00:00,2026-12-31T00:00+00:00"
FORWARD = "2026-03-29T00:00+00:00,2026-03-29T22:59+00:00"
BACK = "2026-10-24T23:00+00:00,2026-10-25T23:59+00:00"
"""The 23 and the 25 hours of the days on which the clocks change."""
CHANGES = ("2026-03-28T12:00+00:00,2026-03-31T00:00+00:00", "2026-10-24T12:00+00:00,2026-10-27T00:00+00:00")


@pytest.fixture(scope="module")
def read(airflow) -> dict[str, Any]:
    """Answers of one process."""
    questions = (
        "imported",
        "shapes",
        f"instants,train,{YEAR}",
        f"instants,challenge,{YEAR}",
        f"instants,refresh_context,{FORWARD}",
        f"instants,refresh_context,{BACK}",
        *(f"instants,monitor,{days}" for days in CHANGES),
    )
    return dict(zip(questions, airflow.ask(*questions), strict=True))


@pytest.fixture(scope="module")
def dags(read) -> dict[str, Any]:
    return read["shapes"]["dags"]


def test_every_dag_is_imported_without_an_error_or_a_warning(read) -> None:
    assert (read["shapes"]["errors"], read["shapes"]["warnings"]) == ({}, {})
    assert sorted(read["shapes"]["dags"]) == sorted(NAMES)


def test_importing_them_opens_no_file_no_process_and_no_connection(read) -> None:
    assert read["imported"]["did"] == []


def test_importing_them_loads_nothing_of_the_product(read) -> None:
    assert read["imported"]["products"] == []


def test_importing_them_costs_less_than_a_second_of_the_processor(read) -> None:
    assert read["imported"]["cpu_s"] < 1


@pytest.mark.parametrize("name", NAMES)
def test_one_run_at_a_time_and_none_for_times_gone_by(name, dags) -> None:
    assert (dags[name]["max_active_runs"], dags[name]["catchup"]) == (1, False)


@pytest.mark.parametrize("name", NAMES)
def test_a_page_of_airflow_says_what_it_does_and_when(name, dags) -> None:
    assert dags[name]["doc"].startswith("**")
    assert "London time" in dags[name]["doc"] or "every hour" in dags[name]["doc"]


@pytest.mark.parametrize("name", NAMES)
def test_it_has_an_owner_and_a_tag_and_every_task_an_end(name, dags) -> None:
    assert "londonpump" in dags[name]["tags"]
    assert {task["owner"] for task in dags[name]["tasks"]} == {"londonpump"}
    assert all(0 < task["timeout_s"] <= 3 * 3600 for task in dags[name]["tasks"])


def test_only_what_asks_publishers_is_tried_again(dags) -> None:
    retries = {
        task["id"]: task["retries"] for dag in dags.values() for task in dag["tasks"] if task["retries"]
    }
    assert retries == {"fetch": 4, "refresh": 2}


def test_training_is_four_commands_one_after_the_other(dags) -> None:
    tasks = dags["train"]["tasks"]
    assert [task["arguments"] for task in tasks] == [
        "fetch records",
        "prepare --context",
        "train",
        "evaluate",
    ]
    assert [task["before"] for task in tasks] == [["prepare"], ["train"], ["evaluate"], []]


def test_a_training_that_has_finished_starts_the_challenge(dags) -> None:
    assert dags["train"]["tasks"][-1]["outlets"] == dags["challenge"]["assets"] == ["londonpump_trained"]


def test_training_is_at_two_in_london_in_winter_and_in_summer(read) -> None:
    logical_dates = read[f"instants,train,{YEAR}"]
    winter = [f"2026-{month}-15T02:00Z" for month in ("01", "02", "03", "11", "12")]
    summer = [f"2026-{month:02}-15T01:00Z" for month in range(4, 11)]
    assert logical_dates == sorted(winter + summer)


def test_the_challenge_is_at_midnight_in_london_in_winter_and_in_summer(read) -> None:
    logical_dates = read[f"instants,challenge,{YEAR}"]
    winter = [f"2026-{month}-16T00:00Z" for month in ("01", "02", "03", "11", "12")]
    summer = [f"2026-{month:02}-15T23:00Z" for month in range(4, 11)]
    assert logical_dates == sorted(winter + summer)


def test_context_comes_every_hour_when_the_clocks_go_forward(read) -> None:
    expected = [f"2026-03-29T{hour:02}:05Z" for hour in range(23)]
    assert read[f"instants,refresh_context,{FORWARD}"] == expected


def test_context_comes_every_hour_when_the_clocks_go_back(read) -> None:
    expected = ["2026-10-24T23:05Z", *(f"2026-10-25T{hour:02}:05Z" for hour in range(24))]
    assert read[f"instants,refresh_context,{BACK}"] == expected


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (CHANGES[0], ["2026-03-29T05:30Z", "2026-03-30T05:30Z"]),
        (CHANGES[1], ["2026-10-25T06:30Z", "2026-10-26T06:30Z"]),
    ],
    ids=["forward", "back"],
)
def test_the_model_is_watched_once_a_day_whatever_the_clocks_do(days, expected, read) -> None:
    assert read[f"instants,monitor,{days}"] == expected


def test_the_crontab_of_the_documents_does_the_same_at_the_same_times(dags) -> None:
    commands = {name: [task["arguments"] for task in dag["tasks"]] for name, dag in dags.items()}
    # in cron there is no asset: the line that trains goes on
    commands["train"] += commands["challenge"]
    expected = [[dags[name]["cron"], commands[name]] for name in NAMES]
    assert [[line.cron, line.arguments] for line in crontab.lines()] == expected


def test_the_crontab_of_the_documents_is_in_london_time(dags) -> None:
    assert {crontab.settings()["CRON_TZ"]} == {dag["zone"] for dag in dags.values()}
