"""A service of the version before goes on, and starts again, on a database that a newer version expanded."""

from support.accounts_service import bearer
from support.api_client import SOHO, ApiClient
from support.migration_steps import EXPANSION, folder_with_step, newer_code
from support.running_service import running

from londonpump.persistence.database import connect, reading, upgrade
from londonpump.persistence.repositories.audit import verify_audit
from londonpump.persistence.repositories.predictions import find_changed_prediction


def mobilise(api: ApiClient) -> str:
    """Predict and send the recommended pump; return the id of the prediction."""
    prediction = api.prediction()
    pump = prediction["candidates"][0]["pump"]
    sent = {"incident_number": "1", "pump": pump, "prediction_id": prediction["id"]}
    mobilisation = api.post("/v1/mobilisations", sent)
    assert mobilisation.status_code == 201, mobilisation.text
    return prediction["id"]


def test_older_code_serves_on_an_expanded_database(api, tmp_path) -> None:
    stored = [mobilise(api)]
    engine = connect(api.url)
    with newer_code(folder_with_step(tmp_path, "expand", *EXPANSION)):
        upgrade(engine, is_expand_only=True)
    stored.append(mobilise(api))
    assert [api.again(one).status_code for one in stored] == [200, 200]
    with running(api.url, tmp_path, clock=api.clock) as client:
        service = client.app.state.service
        if service.champion.current is None:
            client.portal.call(service.champion.poll)
        headers = bearer(
            client.post("/login", data={"username": "olaf", "password": "three quiet lanterns"}).json()[
                "access_token"
            ]
        )
        made = client.post("/v1/predictions", json={"location": SOHO}, headers=headers)
        stored.append(made.json()["id"])
        again = [client.get(f"/v1/predictions/{one}", headers=headers).status_code for one in stored]
    with reading(engine) as connection:
        verified = verify_audit(connection)
        assert (verified.problem, find_changed_prediction(connection)) == (None, None)
    engine.dispose()
    assert (made.status_code, again) == (200, [200, 200, 200])
