"""`/historique` on both engines: whose history is shown, what filters it, and in which pages."""

from datetime import timedelta

import pytest

from londonpump.persistence.database import connect, writing
from londonpump.persistence.repositories.predictions import ImportedPrediction, put_imported_predictions

ROUTE = "/historique"


@pytest.fixture
def user_ids(live_service):
    """Create users with predictions: amelia has two, bob one, and one was imported without its user."""
    amelia, bob = live_service.add("amelia"), live_service.add("bob")
    at = live_service.clock()
    rows = [
        ImportedPrediction("p1", amelia, at, "imported", 316.4, True),
        ImportedPrediction("p2", bob, at + timedelta(seconds=1), "time_pump", 200.0, False),
        ImportedPrediction(
            "p3", amelia, at + timedelta(seconds=2, microseconds=5), "time_pump", -12.0, False
        ),
        ImportedPrediction("p4", None, at + timedelta(seconds=3), "imported", 400.0, None),
    ]
    engine = connect(live_service.url)
    with writing(engine) as connection:
        put_imported_predictions(connection, rows)
    engine.dispose()
    return {"amelia": amelia, "bob": bob}


@pytest.fixture
def see(live_service, user_ids):
    def as_(name, role="operator", **filters):
        headers = live_service.bearer(name, role) if name not in user_ids else signed(live_service, name)
        return live_service.client.get(ROUTE, params=filters, headers=headers)

    return as_


def signed(live_service, name):
    return {"Authorization": f"Bearer {live_service.login(name).json()['access_token']}"}


def ids(answer):
    return [entry["id"] for entry in answer.json()]


def test_a_user_sees_their_own(see) -> None:
    assert ids(see("amelia")) == ["p1", "p3"]


@pytest.mark.parametrize("role", ["analyst", "admin"])
def test_analysts_and_admins_see_all_the_oldest_first(see, role) -> None:
    assert ids(see("ada", role)) == ["p1", "p2", "p3", "p4"]


def test_an_entry_is_told_as_the_original_did(see, user_ids) -> None:
    entry = see("amelia").json()[1]
    assert entry == {
        "id": "p3",
        "userId": user_ids["amelia"],
        "prediction": -12,
        "risk_underestimated": False,
        "created_at": "2025-06-02 09:30:02.000005",
    }


def test_another_s_history_is_404_just_as_for_no_such_user(live_service, user_ids) -> None:
    headers = signed(live_service, "amelia")
    names = ("bob", "nobody", "\0", "x" * 100)
    answers = [
        live_service.client.get(ROUTE, params={"username": name}, headers=headers).json() for name in names
    ]
    assert {(each["status"], each["detail"]) for each in answers} == {(404, "No user found")}


def test_one_s_own_name_counts_however_it_is_spelt(see) -> None:
    assert ids(see("amelia", username="AMELIA")) == ["p1", "p3"]


def test_an_analyst_may_ask_for_a_user(see) -> None:
    assert ids(see("ada", "analyst", username="bob")) == ["p2"]


@pytest.mark.parametrize("username", ["nobody", "a\0b"])
def test_an_analyst_gets_404_for_no_such_user(see, username) -> None:
    assert see("ada", "analyst", username=username).status_code == 404


def test_a_user_without_predictions_gets_404(see) -> None:
    assert see("carol").json()["detail"] == "No predictions found"


def test_risk_filters(see) -> None:
    assert ids(see("ada", "analyst", risk="false")) == ["p2", "p3"]


@pytest.mark.parametrize("text", ["2025-06-02 09:30:02.000005", "2025-06-02T10:30:02.000005+01:00"])
def test_created_at_filters_by_the_moment_as_it_was_told(see, text) -> None:
    assert ids(see("amelia", created_at=text)) == ["p3"]


def test_a_created_at_that_is_no_moment_is_422(live_service, user_ids) -> None:
    texts = ("yesterday", "2025-13-01", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59")
    headers = signed(live_service, "amelia")
    answers = [live_service.client.get(ROUTE, params={"created_at": text}, headers=headers) for text in texts]
    assert [answer.status_code for answer in answers] == [422] * len(texts)


def test_pages_lead_from_the_newest_to_the_oldest(see, live_service) -> None:
    first = see("ada", "analyst", limit=3)
    assert ids(first) == ["p2", "p3", "p4"]
    older = live_service.client.get(ROUTE + first.links["next"]["url"], headers=signed(live_service, "ada"))
    assert (ids(older), older.links) == (["p1"], {})


def test_the_page_after_another_s_prediction_is_404(see) -> None:
    assert see("amelia", before="p2").status_code == 404
