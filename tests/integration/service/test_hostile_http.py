"""Hostile bytes sent to the running service. Smuggled requests are never answered."""

import re
import socket
from collections.abc import Iterator

import pytest
from support.service_process import Served, served

from londonpump.service.http_limits import HEAD_LIMIT_BYTES
from londonpump.service.middleware import SMALL_BODY_BYTES

ANSWER = re.compile(rb"^HTTP/1\.1 (\d{3})", re.MULTILINE)
SMUGGLED = b"GET /livez HTTP/1.1\r\nHost: a\r\nX-Request-ID: smuggled\r\n\r\n"
REGISTER = b"POST /register HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
AMBIGUOUS = {
    "length and chunks": b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": b"Content-Length: 0\r\nContent-Length: 4\r\n\r\n",
    "a length below nought": b"Content-Length: -1\r\n\r\n",
    "a length that is no number": b"Content-Length: 0x10\r\n\r\n",
    "a length without end": b"Content-Length: 99999999999999999999999\r\n\r\n",
    "another coding": b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "a blank before the colon": b"Content-Length : 4\r\n\r\n",
    "a folded line": b"X-A: b\r\n Content-Length: 4\r\n\r\n",
    "a NUL in a header": b"X-A: b\0c\r\n\r\n",
    "a bare return": b"X-A: b\rX-Injected: c\r\n\r\n",
}
INJECTED = ("%0d%0aX-Injected:%20yes", "%0aX-Injected:%20yes", "%E5%98%8A%E5%98%8DX-Injected:%20yes")


@pytest.fixture(scope="module")
def service(tmp_path_factory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("wire")) as running:
        yield running


def response_bytes(service: Served, *parts: bytes) -> bytes:
    """Read the response until the connection ends or nothing more arrives."""
    with service.connect(patience_s=2) as connection:
        for part in parts:
            connection.sendall(part)
        return heard(connection)


def heard(connection: socket.socket) -> bytes:
    received = b""
    try:
        while piece := connection.recv(65_536):
            received += piece
            if whole(received):
                break
    except (TimeoutError, ConnectionError):
        pass
    return received


def is_ended(connection: socket.socket) -> bool:
    try:
        while connection.recv(65_536):
            pass
    except ConnectionError:
        pass
    except TimeoutError:
        return False
    return True


def whole(received: bytes) -> bool:
    head, end, body = received.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head)
    return bool(end and length and len(body) >= int(length[1]))


def statuses(received: bytes) -> list[int]:
    return [int(code) for code in ANSWER.findall(received)]


def test_the_wire_of_these_tests_is_understood(service) -> None:
    assert statuses(response_bytes(service, SMUGGLED)) == [200]


@pytest.mark.parametrize("lines", AMBIGUOUS.values(), ids=AMBIGUOUS)
def test_an_ambiguous_request_is_refused_and_nothing_behind_it_answered(lines, service) -> None:
    received = response_bytes(service, REGISTER + lines + SMUGGLED)
    assert all(400 <= code < 500 for code in statuses(received))
    assert b"smuggled" not in received


@pytest.mark.parametrize("trick", INJECTED)
def test_a_line_end_in_an_address_makes_no_header(trick, service) -> None:
    for path in (f"/{trick}", f"/livez?a={trick}", f"/v1/pumps/{trick}", f"/docs/{trick}"):
        head = response_bytes(service, f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode()).partition(
            b"\r\n\r\n"
        )[0]
        assert b"x-injected" not in head.lower()


@pytest.mark.parametrize(
    "request_id", [b"a\r\n b", b"a\r\n\tX-Injected: yes", b"a\rX-Injected: yes", b"a\x0bb"]
)
def test_a_request_id_in_two_lines_makes_no_header(request_id, service) -> None:
    received = response_bytes(
        service, b"GET /livez HTTP/1.1\r\nHost: a\r\nX-Request-ID: " + request_id + b"\r\n\r\n"
    )
    assert b"x-injected" not in received.lower()


def test_a_body_in_chunks_ends_at_the_limit(service) -> None:
    chunk = b"%x\r\n%s\r\n" % (9_000, b" " * 9_000)
    received = response_bytes(service, REGISTER + b"Transfer-Encoding: chunked\r\n\r\n", *[chunk] * 8)
    assert statuses(received) == [413]


def test_a_length_that_is_declared_too_large_is_refused_before_the_body_comes(service) -> None:
    received = response_bytes(service, REGISTER + b"Content-Length: %d\r\n\r\n" % (SMALL_BODY_BYTES + 1))
    assert statuses(received) == [413]


@pytest.mark.parametrize("line", [b"X-A: b\r\n", b"b" * 1000], ids=["many headers", "one header"])
def test_a_head_without_end_is_refused(line, service) -> None:
    with service.connect() as connection:
        connection.sendall(b"GET /livez HTTP/1.1\r\nHost: a\r\nX-Long: b")
        for _ in range(2 * HEAD_LIMIT_BYTES // len(line)):
            try:
                connection.sendall(line)
            except ConnectionError:
                break
        assert is_ended(connection)


def test_those_who_send_slowly_keep_nobody_waiting(service) -> None:
    # below the limit per source; test_one_anonymous_client covers more
    slow = [service.connect() for _ in range(60)]
    for connection in slow:
        connection.sendall(REGISTER + b"Content-Length: 100\r\n\r\n{")
    received = response_bytes(service, SMUGGLED)
    for connection in slow:
        connection.close()
    assert statuses(received) == [200]


def test_a_target_that_names_a_host_or_climbs_is_not_found(service) -> None:
    for target in (
        b"/../../etc/passwd",
        b"/docs/../../secret",
        b"/docs/..%2f..%2fsecret",
        b"//etc/passwd",
        b"/%2e%2e/secret",
    ):
        assert statuses(response_bytes(service, b"GET " + target + b" HTTP/1.1\r\nHost: a\r\n\r\n")) == [404]


def test_after_all_that_it_is_alive_and_has_no_unexpected_error(service) -> None:
    assert statuses(response_bytes(service, SMUGGLED)) == [200]
    assert "unexpected error" not in service.log.read_text()
