"""Requests with hostile values, and a check of each response."""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from requests import Response
from support.contract_service import Contract, Tables
from support.request_samples import JSON, Sample, Samples

WHO = "admin"
REJECTED, FAILED = 400, 500
MARK = 123454321
"""Placeholder of a number that JSON cannot express."""
ENDING_SESSIONS = frozenset({"/logout"})


@dataclass(frozen=True)
class Sender:
    """Sends requests as an admin, who has every right."""

    contract: Contract
    samples: Samples

    @property
    def tables(self) -> Tables:
        return self.contract.tables

    def send_everywhere(
        self, label: str, json_type: str, value: object, *, instead: str = ""
    ) -> list[Response]:
        """Send the value in every field of the type: with the required fields only, and with all optional ones."""
        full, bare = (self.samples.of(label, is_full=is_full) for is_full in (True, False))
        answers = []
        for json_path in self.samples.json_paths(label, json_type):
            answers.append(self.send(full.with_value(json_path, value), instead=instead))
            if bare.reaches(json_path):
                answers.append(self.send(bare.with_value(json_path, value), instead=instead))
        return answers

    def send(
        self, sample: Sample, *, body: bytes | None = None, media: str = JSON, instead: str = ""
    ) -> Response:
        """Return the response. body: replaces that of the sample. instead: JSON text that replaces the placeholder."""
        headers = dict(self.contract.headers(WHO))
        data, named = _body(sample, instead)
        if body is not None or data is not None:
            headers["Content-Type"] = media if body is not None else named
        for name, value in sample.values.get("header", {}).items():
            headers[name] = _sent_text(value, instead).encode("utf-8", "replace").decode("latin-1")
        self.contract.forget_attempts()
        before = self.tables.content()
        answer = self.contract.client.request(
            sample.method,
            _address(sample, instead),
            data=data if body is None else body,
            headers={name: value.replace("\r", "").replace("\n", "") for name, value in headers.items()},
        )
        assert answer.status_code < FAILED, answer.text
        if answer.status_code >= REJECTED:
            assert self.tables.content() == before, f"{answer.status_code}, and something was stored"
        if sample.path in ENDING_SESSIONS:
            self.contract.signed_out(WHO)
        return answer


def _body(sample: Sample, instead: str) -> tuple[bytes | None, str]:
    if "json" in sample.values:
        return json.dumps(sample.values["json"]).replace(str(MARK), instead or str(MARK)).encode(), JSON
    if "form" in sample.values:
        return _pairs(sample.values["form"], instead).encode(), "application/x-www-form-urlencoded"
    return None, ""


def _address(sample: Sample, instead: str) -> str:
    path = sample.path
    for name, value in sample.values.get("path", {}).items():
        path = path.replace(f"{{{name}}}", quote(_bytes(value, instead), safe=""))
    query = _pairs(sample.values.get("query", {}), instead)
    return f"{path}?{query}" if query else path


def _pairs(values: dict[str, Any], instead: str) -> str:
    return urlencode({name: _bytes(value, instead) for name, value in values.items()})


def _bytes(value: object, instead: str) -> bytes:
    # half of a pair of surrogates becomes what is no utf-8
    return _sent_text(value, instead).encode("utf-8", "surrogatepass")


def _sent_text(value: object, instead: str) -> str:
    return instead if value == MARK and instead else str(value)
