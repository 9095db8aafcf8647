"""Stored predictions against the digests that the audit holds of them."""

import json
from collections.abc import Mapping
from contextlib import closing

from sqlalchemy import Connection

from londonpump.service.predictions.repository import as_row, digest_of, find_predictions
from londonpump.storage.database.audit_repository import EVENT_TYPE, read_audit


def find_changed_prediction(connection: Connection) -> tuple[int, str] | None:
    """The first that is not what the audit tells: (row of the audit, what is wrong). For a chain that is whole."""
    with closing(read_audit(connection)) as rows:
        for row in rows:
            entries = json.loads(row.about)["entries"] if row.kind == EVENT_TYPE else []
            problem = _problem_of(connection, {entry["id"]: entry["sha256"] for entry in entries})
            if problem is not None:
                return row.seq, problem
    return None


def _problem_of(connection: Connection, digests: Mapping[str, str]) -> str | None:
    stored = find_predictions(connection, list(digests))
    for prediction_id, digest in digests.items():
        record = stored.get(prediction_id)
        if record is None:
            return f"prediction {prediction_id}, of which it tells, is gone"
        if digest_of(as_row(record)) != digest:
            return f"prediction {prediction_id}, of which it tells, was changed"
    return None
