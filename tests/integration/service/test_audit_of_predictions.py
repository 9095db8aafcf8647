"""A prediction that was changed after it was answered is found, on both engines."""

import pytest
from sqlalchemy import text

from londonpump.service.predictions.audited import changed_prediction
from londonpump.storage.database import connect, open_database, reading
from londonpump.storage.database.audit_batch import AuditBatch


@pytest.fixture
def told(asking) -> str:
    """A question, a batch and a time of the original's kind that are in the audit. Returns: the id of the first."""
    first = asking.told(incident_number="000123-02062025")["id"]
    asking.ask_many({"place": {"station_ground": "A24"}}, {"place": {}})
    asking.client.post("/predict/time_pump", headers=asking.headers)
    asking.client.portal.call(asking.client.app.state.service.part(AuditBatch).flush)
    return first


def looked_at(asking) -> tuple[int, str] | None:
    engine = connect(asking.url)
    with reading(engine) as connection:
        found = changed_prediction(connection)
    engine.dispose()
    return found


def change(asking, statement: str, prediction: str) -> None:
    engine = open_database(asking.url)
    with engine.begin() as connection:
        assert connection.execute(text(statement), {"id": prediction}).rowcount == 1
    engine.dispose()


def test_predictions_are_what_the_audit_tells(asking, told) -> None:
    assert looked_at(asking) is None


@pytest.mark.parametrize(
    "column", ["response_time_s = response_time_s + 1", "answer = '{}'", "incident_number = '9'"]
)
def test_a_changed_prediction_is_found(column, asking, told) -> None:
    change(asking, f"UPDATE predictions SET {column} WHERE id = :id", told)  # noqa: S608 - written above
    assert looked_at(asking)[1] == f"prediction {told}, of which it tells, was changed"


def test_a_removed_prediction_is_found(asking, told) -> None:
    change(asking, "DELETE FROM predictions WHERE id = :id", told)
    assert looked_at(asking)[1] == f"prediction {told}, of which it tells, is gone"
