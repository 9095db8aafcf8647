"""The service conforms to its OpenAPI document for every role and any input.

Every operation is called with generated values, half of them valid, by each role and without a token. Some values are
names that exist, so that not every call ends with a 404. An answer that
refuses must have stored nothing.
"""

import os
from collections.abc import Iterator
from copy import deepcopy

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import load_all_checks
from schemathesis.specs.openapi import checks
from support.contract_service import NOBODY, WHO, Contract, contract_of
from support.run_size import examples

from londonpump.assembly import create_app
from londonpump.settings import Settings

CASES = examples(50)
MANY_CASES = "CONTRACT_CASES"
"""Set by `make test-nightly`."""
REJECTED, FAILED = 400, 500
CHECKS = [
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
IF_UNCHANGED = [checks.negative_data_rejection]
"""What was made wrong must be refused, unless a name that exists took the place of just that."""
TOO_LARGE = 413
"""A refusal as well, which that check does not know."""
LENIENT = frozenset(
    {"POST /v1/predictions/batch", "POST /predict/time_pump", "POST /register", "POST /refresh"}
)
"""A wrong question of a batch has its own problem, in an answer of 200. The original's values go json over form over
query, field by field, and take numbers for texts, as /register does: what is wrong in one place may not count. /refresh ignores a
body that is null or no JSON, because the original read none. tests/spec and test_hostile_values say what these refuse."""
DOCUMENT = create_app(Settings()).openapi()
OPERATIONS = [f"{method.upper()} {path}" for path, methods in DOCUMENT["paths"].items() for method in methods]


@pytest.fixture(scope="session")
def contract(small_brigade, tmp_path_factory) -> Iterator[Contract]:
    """One service for all tests."""
    load_all_checks()
    with contract_of(small_brigade.bundle, tmp_path_factory.mktemp("contract")) as running:
        yield running


@pytest.mark.hypothesis
@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_operation_keeps_to_its_document(operation, who, contract) -> None:
    _hold(contract, operation, who, settings(max_examples=CASES, derandomize=True))


@pytest.mark.slow
@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_operation_keeps_to_its_document_in_many_cases(operation, who, contract) -> None:
    if MANY_CASES not in os.environ:
        pytest.skip(f"takes hours; `make test-nightly` sets {MANY_CASES}")
    _hold(contract, operation, who, settings(max_examples=int(os.environ[MANY_CASES])))


def _hold(contract: Contract, label: str, who: str, hypothesis_settings: settings) -> None:
    operation = contract.schema.find_operation_by_label(label)
    assert operation is not None

    @settings(hypothesis_settings, database=None, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def hold(data: st.DataObject) -> None:
        case = data.draw(_cases(operation))
        is_renamed = _name_what_exists(case, contract, data)
        contract.forget_attempts()
        headers = contract.headers(who)
        before = contract.tables.content()
        answer = case.call(session=contract.client, headers=headers)
        assert answer.status_code < FAILED, answer.text
        is_judged = (
            who != NOBODY and not is_renamed and label not in LENIENT and answer.status_code != TOO_LARGE
        )
        case.validate_response(answer, checks=[*CHECKS, *(IF_UNCHANGED if is_judged else ())])
        if answer.status_code >= REJECTED:
            assert contract.tables.content() == before, f"{answer.status_code}, and something was stored"
        elif label == "POST /logout":
            contract.signed_out(who)

    hold()


def _cases(operation) -> st.SearchStrategy[Case]:
    fitting = operation.as_strategy(generation_mode=GenerationMode.POSITIVE)
    if not (operation.body or list(operation.iter_parameters())):
        return fitting
    return fitting | operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)


def _name_what_exists(case: Case, contract: Contract, data: st.DataObject) -> bool:
    if isinstance(case.body, dict | list):
        # a copy, because it may be an example of the document, which all cases share
        case.body = deepcopy(case.body)
    json_paths = [
        location
        for location in (case.path_parameters, case.query, case.headers, *_objects_in(case.body))
        if location
    ]
    named = [
        (location, name)
        for name in contract.real
        for location in json_paths
        # the pumps of a snapshot are objects, not codes
        if name in location and not (name == "pumps" and _objects_in(location[name]))
    ]
    is_renamed = False
    for location, name in named:
        if data.draw(st.integers(0, 3), label=f"{name} exists"):
            location[name] = data.draw(st.sampled_from(contract.real[name]))
            is_renamed = True
    return is_renamed


def _objects_in(value: object) -> list[dict[str, object]]:
    if isinstance(value, dict):
        return [value, *(found for part in value.values() for found in _objects_in(part))]
    return [found for part in value for found in _objects_in(part)] if isinstance(value, list) else []
