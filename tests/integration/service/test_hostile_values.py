"""Hostile values in every field of every route, found through the OpenAPI document.

No input causes a response of 500 or above, a rejected request stores nothing, and no table or account is changed.
Names in SQL are tested on both engines by test_auth_contract.test_sql_in_a_name_is_a_name.
"""

import json
from collections.abc import Iterator

import pytest
from support.contract_service import contract_of
from support.hostile_samples import MARK, REJECTED, Sender
from support.request_samples import Samples
from support.run_size import some

from londonpump.assembly import create_app
from londonpump.settings import Settings

DOCUMENT = create_app(Settings()).openapi()
LABELS = Samples(DOCUMENT, {}).labels()
WITH_JSON = Samples(DOCUMENT, {}).labels(with_json=True)
SQL = (
    "' OR '1'='1",
    "'; DROP TABLE users; --",
    '" OR ""="',
    "x' UNION SELECT password_hash FROM users --",
    "1); DELETE FROM users; --",
    "'; SELECT pg_sleep(9); --",
    "\\' OR 1=1 #",
)
TEXTS = (
    "a\0b",
    "\ud800",
    "\udfff\ud800",
    "x" * 200_000,
    "\u202egnp.exe",
    "\r\nSet-Cookie: a=b",
    "../../etc/passwd",
)
NUMBERS = ("NaN", "Infinity", "-Infinity", "1e400", "-1e400", "1" * 400, "1" * 5000, "-1", "1e-400", "true")
NESTED = 100_000
BODIES = {
    "no json": b"{'a': 1}",
    "half": b'{"username": "a',
    "nothing": b"",
    "null": b"null",
    "text": b'"text"',
    "list": b"[]",
    "deep lists": b"[" * NESTED + b"]" * NESTED,
    "deep objects": b'{"a":' * NESTED + b"1" + b"}" * NESTED,
    "no utf-8": b'{"username": "\xff\xfe"}',
    "utf-16": '{"username": "a"}'.encode("utf-16"),
    "a NUL": b'{"username": "a"}\0',
    "many digits": b"9" * 100_000,
    "many keys": json.dumps({f"key {n}": n for n in range(50_000)}).encode(),
    "names of Python": b'{"__class__": {"__init__": 1}, "__proto__": {"role": "admin"}}',
}
UNKNOWN_FIELDS = tuple(BODIES[name] for name in ("many keys", "names of Python", "utf-16"))
MEDIA = ("text/plain", "text/xml", "application/xml", "multipart/form-data", "application/x-yaml", "", "json")


@pytest.fixture(scope="module")
def sender(small_brigade, tmp_path_factory) -> Iterator[Sender]:
    with contract_of(small_brigade.bundle, tmp_path_factory.mktemp("hostile")) as running:
        # pumps are codes in a prediction request and objects in a snapshot
        real = {name: values for name, values in running.real.items() if name != "pumps"}
        yield Sender(running, Samples(DOCUMENT, real))


@pytest.mark.hypothesis
@pytest.mark.parametrize("label", LABELS)
def test_sql_in_a_text_is_a_text_or_refused(label, sender) -> None:
    tables, accounts = sender.tables.schema(), sender.tables.accounts()
    answers = [answer for text in some(SQL) for answer in sender.send_everywhere(label, "string", text)]
    assert not [answer.text for answer in answers if "$argon2" in answer.text]
    assert sender.tables.schema() == tables
    assert sender.tables.accounts() >= accounts


@pytest.mark.hypothesis
@pytest.mark.parametrize("label", LABELS)
def test_a_text_that_is_none_is_refused_or_kept(label, sender) -> None:
    answers = [answer for text in some(TEXTS) for answer in sender.send_everywhere(label, "string", text)]
    assert not [answer for answer in answers if "set-cookie" in answer.headers]


@pytest.mark.hypothesis
@pytest.mark.parametrize("label", LABELS)
def test_a_number_that_is_none_is_refused_or_kept(label, sender) -> None:
    answers = [
        answer
        for text in some(NUMBERS)
        for answer in sender.send_everywhere(label, "number", MARK, instead=text)
    ]
    assert not [answer.text for answer in answers if "NaN" in answer.text or "Infinity" in answer.text]


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("label", WITH_JSON)
def test_a_body_that_is_none_is_refused(label, body, sender) -> None:
    answer = sender.send(sender.samples.of(label, is_full=True), body=body)
    assert answer.status_code >= REJECTED or _may_be_missing(label, body)


@pytest.mark.parametrize("media", MEDIA)
@pytest.mark.parametrize("label", WITH_JSON)
def test_json_under_another_name_is_refused_or_understood(label, media, sender) -> None:
    sample = sender.samples.of(label, is_full=False)
    sender.send(sample, body=json.dumps(sample.values["json"]).encode(), media=media)


def _may_be_missing(label: str, body: bytes) -> bool:
    (content,) = (DOCUMENT["paths"][path][method.lower()]["requestBody"] for method, path in [label.split()])
    is_optional = not content.get("required", False)
    # the original read no body there
    is_ignored = label == "POST /refresh" and body in UNKNOWN_FIELDS
    return is_ignored or (is_optional and body in {b"", b"null"})
