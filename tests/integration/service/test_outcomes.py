"""`/v1/outcomes`: filters, pages, CSV, and what hostile values do."""

import csv
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from support.accounts_service import PASSWORD

from londonpump.persistence.database import open_database, writing
from londonpump.persistence.database.schema import mobilisations
from londonpump.persistence.repositories.outcomes import OutcomeQuery, add_outcome, list_outcomes
from londonpump.service.outcomes.routes import to_csv

NOON = datetime(2025, 6, 2, 11, 0, tzinfo=UTC)
FORMULA = '=HYPERLINK("http://x")'


@pytest.fixture
def stored(live_service):
    """Return a function that stores an arrival, and the headers of an analyst."""
    users = {}

    def store(number, actual_s=300.0, arrived_at=NOON, user="olaf", station="A21", flagged=False, **more):
        if user not in users:
            users[user] = live_service.add(user)
        row = {
            "id": f"{number:032d}",
            "incident_number": f"{number}",
            "pump_code": f"A{number}",
            "mobilised_at": arrived_at - timedelta(seconds=actual_s),
            "arrived_at": arrived_at,
            "station_code": station,
            "is_from_road": False,
            "user_id": users[user],
            "model": "m",
            "announced_p10_s": 200.0,
            "announced_p50_s": 300.0,
            "announced_p90_s": 400.0,
            "announced_chances": {"360": 0.75},
            "is_flagged": flagged,
            **more,
        }
        engine = open_database(live_service.url)
        with writing(engine) as connection:
            connection.execute(mobilisations.insert(), [row])
            add_outcome(connection, row["id"])
        engine.dispose()

    return store


@pytest.fixture
def analyst(live_service):
    return live_service.bearer("ann", "analyst")


@pytest.fixture
def get(live_service, analyst):
    return lambda **query: live_service.client.get("/v1/outcomes", params=query, headers=analyst)


def found(answer) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [each["incident_number"] for each in answer.json()["outcomes"]]


def test_an_outcome_has_what_was_announced_and_what_came(stored, get) -> None:
    stored(1, actual_s=450.0, flagged=True)
    (outcome,) = get().json()["outcomes"]
    assert outcome == {
        "mobilisation_id": f"{1:032d}",
        "incident_number": "1",
        "pump": "A1",
        "station_code": "A21",
        "user": "olaf",
        "model": "m",
        "mobilised_at": "2025-06-02T10:52:30Z",
        "arrived_at": "2025-06-02T11:00:00Z",
        "p10_s": 200.0,
        "p50_s": 300.0,
        "p90_s": 400.0,
        "actual_s": 450.0,
        "error_s": 150.0,
        "is_inside_80": False,
        "has_warning": True,
        "chance_within_s": {"360": 0.75},
        "is_implausible": False,
    }


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ({}, ["3", "2", "1"]),
        ({"user": "OLGA"}, ["2"]),
        ({"user": "nobody"}, []),
        ({"station_code": "h27"}, ["3"]),
        ({"warning": "true"}, ["3"]),
        ({"warning": "false"}, ["2", "1"]),
        ({"inside": "true"}, ["3", "1"]),
        ({"inside": "false"}, ["2"]),
        ({"first_day": "2025-06-03"}, ["3", "2"]),
        ({"last_day": "2025-06-02"}, ["1"]),
        ({"first_day": "2025-06-03", "last_day": "2025-06-03", "user": "olaf"}, ["3"]),
    ],
)
def test_outcomes_by_user_day_station_warning_and_interval(query, numbers, stored, get) -> None:
    stored(1)
    stored(2, actual_s=500.0, arrived_at=NOON + timedelta(days=1), user="olga")
    stored(3, arrived_at=NOON + timedelta(days=1, minutes=1), station="H27", flagged=True)
    assert found(get(**query)) == numbers


def test_days_are_those_of_london_when_the_clocks_change(stored, get) -> None:
    # 30 March has 23 hours, 26 October 25
    for number, at in enumerate(
        (
            datetime(2025, 3, 29, 23, 59, 59, tzinfo=UTC),
            datetime(2025, 3, 30, 0, 0, tzinfo=UTC),
            datetime(2025, 3, 30, 22, 59, 59, tzinfo=UTC),
            datetime(2025, 3, 30, 23, 0, tzinfo=UTC),
            datetime(2025, 10, 25, 22, 59, 59, tzinfo=UTC),
            datetime(2025, 10, 25, 23, 0, tzinfo=UTC),
            datetime(2025, 10, 26, 23, 59, 59, tzinfo=UTC),
            datetime(2025, 10, 27, 0, 0, tzinfo=UTC),
        ),
        start=1,
    ):
        stored(number, arrived_at=at)
    assert found(get(first_day="2025-03-30", last_day="2025-03-30")) == ["3", "2"]
    assert found(get(first_day="2025-10-26", last_day="2025-10-26")) == ["7", "6"]


def test_pages_neither_repeat_nor_lose_arrivals_of_the_same_time(stored, get) -> None:
    for number in range(1, 8):
        stored(number)
    seen, query = [], {"limit": 3}
    while True:
        answer = get(**query)
        seen += found(answer)
        if answer.json()["next"] is None:
            break
        assert f"before={answer.json()['next']}" in answer.headers["link"]
        query["before"] = answer.json()["next"]
    assert seen == ["7", "6", "5", "4", "3", "2", "1"]
    assert "link" not in answer.headers
    assert found(get(before="0" * 31 + "9")) == []


def test_csv_has_the_same_rows_and_a_link_to_the_next_page(stored, get) -> None:
    stored(1)
    stored(2, actual_s=450.0, arrived_at=NOON + timedelta(seconds=0.5), flagged=True)
    answer = get(format="csv", limit=1)
    (row,) = csv.DictReader(StringIO(answer.text))
    assert (answer.headers["content-type"], 'rel="next"' in answer.headers["link"]) == (
        "text/csv; charset=utf-8",
        True,
    )
    assert {
        name: row[name] for name in ("pump", "error_s", "has_warning", "chance_within_s", "arrived_at")
    } == {
        "pump": "A2",
        "error_s": "150.0",
        "has_warning": "true",
        "chance_within_s": "360=0.75",
        "arrived_at": "2025-06-02T11:00:00.500000Z",
    }


@pytest.mark.parametrize("user", [FORMULA, "+1", "-1", "@SUM(A1)", "<b>x</b>", 'a"b,c'])
def test_no_cell_of_the_csv_is_a_formula(user, stored, get) -> None:
    stored(1, user=user)
    (row,) = csv.DictReader(StringIO(get(format="csv").text))
    assert row["user"] == (f"'{user}" if user[0] in "=+-@" else user)
    # numbers stay numbers
    stored(2, actual_s=200.0)
    assert {row["error_s"] for row in csv.DictReader(StringIO(get(format="csv").text))} == {"0.0", "-100.0"}


@pytest.mark.parametrize(
    "query",
    [
        {"user": ""},
        {"user": "a\0b"},
        {"user": "x" * 201},
        {"first_day": "20250602"},
        {"first_day": "1748856600"},
        {"first_day": "2025-02-30"},
        {"last_day": "0001-01-01"},
        {"last_day": "9999-12-31"},
        {"first_day": "2025-06-03", "last_day": "2025-06-02"},
        {"station_code": "x'; DROP TABLE outcomes; --"},
        {"before": "1"},
        {"limit": "0"},
        {"limit": "1001"},
        {"format": "xlsx"},
        {"warning": "perhaps"},
    ],
    ids=str,
)
def test_a_filter_that_is_none_is_422(query, get) -> None:
    assert get(**query).status_code == 422


def test_ten_thousand_rows_are_read_page_by_page(live_service, stored, get) -> None:
    stored(0)
    engine = open_database(live_service.url)
    with writing(engine) as connection:
        from londonpump.persistence.database.schema import outcomes

        first = dict(connection.execute(mobilisations.select()).mappings().one())
        outcome = dict(connection.execute(outcomes.select()).mappings().one())
        ids = [f"{number:032d}" for number in range(1, 10_000)]
        connection.execute(
            mobilisations.insert(),
            [{**first, "id": each, "pump_code": f"B{each}"} for each in ids],
        )
        connection.execute(outcomes.insert(), [{**outcome, "mobilisation_id": each} for each in ids])
    engine.dispose()
    n_rows, query = 0, {"format": "csv", "limit": 1_000}
    for _ in range(10):
        answer = get(**query)
        rows = list(csv.DictReader(StringIO(answer.text)))
        n_rows += len(rows)
        query["before"] = rows[-1]["mobilisation_id"]
    assert (n_rows, "link" in answer.headers) == (10_000, False)
    assert get(limit=10_000).status_code == 422


def test_an_operator_sees_no_outcomes_of_others(live_service) -> None:
    live_service.add("olaf", "operator", PASSWORD)
    token = live_service.login("olaf").json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    assert live_service.client.get("/v1/outcomes", headers=headers).status_code == 403


def test_no_rows_are_a_header_alone(engine) -> None:
    with writing(engine) as connection:
        rows = list_outcomes(connection, OutcomeQuery(), 10)
    assert to_csv(rows).count("\n") == 1
