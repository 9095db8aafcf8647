"""The audit check finds predictions that were changed after they were answered, on both engines."""

import pytest
from sqlalchemy import text

from londonpump.persistence.database import connect, open_database, reading
from londonpump.persistence.repositories.predictions import find_changed_prediction


@pytest.fixture
def prediction(api) -> str:
    """Add a question, a batch and a `time_pump` request to the audit, and return the id of the first prediction."""
    first = api.prediction(incident_number="000123-02062025")["id"]
    api.ask_many({"location": {"station_ground": "A24"}}, {"location": {}})
    api.client.post("/predict/time_pump", headers=api.headers)
    api.client.portal.call(api.client.app.state.service.audit.flush)
    return first


def looked_at(api) -> tuple[int, str] | None:
    engine = connect(api.url)
    with reading(engine) as connection:
        found = find_changed_prediction(connection)
    engine.dispose()
    return found


def change(api, statement: str, prediction_id: str) -> None:
    engine = open_database(api.url)
    with engine.begin() as connection:
        assert connection.execute(text(statement), {"id": prediction_id}).rowcount == 1
    engine.dispose()


def test_predictions_are_what_the_audit_tells(api, prediction) -> None:
    assert looked_at(api) is None


@pytest.mark.parametrize(
    "column", ["response_time_s = response_time_s + 1", "answer = '{}'", "incident_number = '9'"]
)
def test_a_changed_prediction_is_found(column, api, prediction) -> None:
    change(api, f"UPDATE predictions SET {column} WHERE id = :id", prediction)  # noqa: S608 - written above
    assert looked_at(api)[1] == f"prediction {prediction}, which it records, was changed"


def test_a_removed_prediction_is_found(api, prediction) -> None:
    change(api, "DELETE FROM predictions WHERE id = :id", prediction)
    assert looked_at(api)[1] == f"prediction {prediction}, which it records, is missing"
