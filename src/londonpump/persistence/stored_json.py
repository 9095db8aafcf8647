"""Present names of keys in stored JSON, which builds before database version 0009 named otherwise.

Stored answers, inputs and evidence are never rewritten, because the audit has hashed them. They are renamed when they are
read for people or by the board; the audit and repeats under an idempotency key use what is stored.
"""

from collections.abc import Mapping
from typing import Any

from londonpump.domain.json_values import JsonObject

REQUEST_NAMES = {
    "kind_of_call": "incident_type",
    "place": "location",
    "reasons": "explanations",
    "return_at_most": "max_candidates",
}
_OLD_REQUEST_NAMES = {new: old for old, new in REQUEST_NAMES.items()}
# an answer of today has none of the old names at any depth, so renaming leaves it as it is
_ANSWER_NAMES = {
    "place": "location",
    "named": "area",
    "points": "n_points",
    "ranked": "n_ranked",
    "filled": "imputed",
    "is_filled": "is_imputed",
    "reasons": "explanations",
    "about": "feature_group",
    "seconds": "contribution_s",
    "words": "text",
    "risk_because": "risk_reasons",
}
_EVIDENCE_NAMES = {
    "prototype_s": "self_test_s",
    "least_rows": "min_rows",
    "least_days": "min_days",
    "least_slice_rows": "min_slice_rows",
}


def rename_answer(answer: Any) -> Any:
    """Return a stored answer under the names of today."""
    return _renamed(answer, _ANSWER_NAMES)


def rename_evidence(evidence: Any) -> Any:
    """Return the evidence of a decision under the names of today."""
    return _renamed(evidence, _EVIDENCE_NAMES)


def request_to_hash(request: JsonObject) -> JsonObject:
    """Return a valid request under its old names, so that a repeat after the upgrade has the digest of the first one."""
    return {_OLD_REQUEST_NAMES.get(name, name): value for name, value in request.items()}


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, Mapping):
        return {names.get(name, name): _renamed(inner, names) for name, inner in value.items()}
    return [_renamed(each, names) for each in value] if isinstance(value, list) else value
