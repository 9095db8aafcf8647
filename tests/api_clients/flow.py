"""The whole flow of the control room by a client that openapi-python-client made: flow.py ADDRESS USER PASSWORD.

Run by the generator's own environment, with the generated package `made` beside it. Prints what it saw as json.
"""

import json
import sys
from typing import Any

from made import AuthenticatedClient, Client
from made.api.accounts import get_me, refresh_token, sign_in
from made.api.board import get_board, get_mobilisation, list_mobilisations, record_mobilisation, report_event
from made.api.predictions import get_prediction, rank_pumps
from made.models import (
    BodySignIn,
    Event,
    LocationQuery,
    NewMobilisation,
    PredictionRequest,
)

INCIDENT = "000078-02062025"


def found(answer: Any) -> Any:
    """What was answered, read by the client into its own shapes."""
    if answer.parsed is None or answer.status_code >= 400:
        raise SystemExit(f"{answer.status_code}: {answer.content!r}")
    return answer.parsed


def main(address: str, username: str, password: str) -> dict[str, Any]:
    anonymous = Client(base_url=address)
    signed_in = found(sign_in.sync_detailed(client=anonymous, body=BodySignIn(username, password)))
    client = AuthenticatedClient(base_url=address, token=signed_in.access_token)
    me = found(get_me.sync_detailed(client=client))
    question = PredictionRequest(location=LocationQuery(postcode_district="SE1"), max_candidates=3)
    prediction = found(rank_pumps.sync_detailed(client=client, body=question))
    first = prediction.candidates[0]
    new_mobilisation = NewMobilisation(incident_number=INCIDENT, pump=first.pump, prediction_id=prediction.id)
    sent = found(record_mobilisation.sync_detailed(client=client, body=new_mobilisation))
    # the body of an event may be left out: it happened now
    report = [
        found(report_event.sync_detailed(sent.id, event, client=client))
        for event in (Event.MOBILE, Event.ARRIVED, Event.LEFT, Event.RETURNED)
    ]
    read = found(get_mobilisation.sync_detailed(sent.id, client=client))
    listed = found(list_mobilisations.sync_detailed(client=client, incident_number=INCIDENT))
    again = found(get_prediction.sync_detailed(prediction.id, client=client))
    board = found(get_board.sync_detailed(client=client))
    renewed = found(refresh_token.sync_detailed(client=client))
    return {
        "user": me.user.username,
        "pump": first.pump,
        "announced_s": read.announced.p50_s,
        "p50_s": first.p50_s,
        "states": [str(each.state) for each in (sent, *report)],
        "is_arrived": read.arrived_at is not None,
        "listed": [each.id == sent.id for each in listed],
        "is_same_prediction": again.id == prediction.id,
        "pumps": len(board.pumps) > 0,
        "is_renewed": len(renewed.access_token) > 0,
    }


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
