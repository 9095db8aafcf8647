"""Issue 11, A4: one anonymous address does not stop the control room. Tests use the running service."""

import json
import re
import select
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from typing import Any
from urllib.parse import urlencode

import pytest
from support.service_process import Served, served

from londonpump.service.http_limits import ConnectionLimits

LIMITS = ConnectionLimits()
PASSWORD = "three quiet lanterns"  # noqa: S105
HALF = b"GET /livez HTTP/1.1\r\nHost: a\r\nX-Half:"
HEADS = 200
ELSEWHERE = "127.0.0.2"
PATIENT: dict[str, Any] = {"LONDONPUMP_DATABASE_PATIENCE_MS": "5000"}
"""A test machine may be busy: what is refused here is refused because of a limit."""


@pytest.fixture(scope="module")
def lasting(tmp_path_factory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("stranger"), **PATIENT) as running:
        yield running


@pytest.fixture(scope="module")
def behind_a_proxy(tmp_path_factory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("proxy"), **PATIENT, LONDONPUMP_PROXIES="1") as running:
        yield running


@pytest.fixture
def service(lasting) -> Served:
    """Service without open connections of the previous test."""
    while not_now(lasting):
        pass
    return lasting


def not_now(service: Served) -> bool:
    with service.connect() as connection:
        return ask(connection, "GET", "/")[0] != 200


def ask(
    connection: socket.socket, method: str, path: str, *lines: str, body: bytes = b""
) -> tuple[int, bytes]:
    """Send one request on a kept connection. Returns: the status and the whole response."""
    head = [f"{method} {path} HTTP/1.1", "Host: a", f"Content-Length: {len(body)}", *lines, "", ""]
    connection.sendall("\r\n".join(head).encode() + body)
    received = b""
    while not is_whole(received) and (piece := connection.recv(65_536)):
        received += piece
    return int(received.split(b" ", 2)[1]), received


def is_whole(received: bytes) -> bool:
    head, end, body = received.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head)
    return bool(end) and (length is None or len(body) >= int(length[1]))


def token(service: Served, name: str) -> str:
    with service.connect() as connection:
        fields = {"username": name, "password": PASSWORD, "passwordConfirm": PASSWORD}
        made = ask(
            connection,
            "POST",
            "/register",
            "Content-Type: application/json",
            body=json.dumps(fields).encode(),
        )
        assert made[0] in {201, 409}
        answer = sign_in(connection, name)[1]
    return str(json.loads(answer.partition(b"\r\n\r\n")[2])["access_token"])


def sign_in(connection: socket.socket, name: str) -> tuple[int, bytes]:
    form = urlencode({"username": name, "password": PASSWORD}).encode()
    return ask(connection, "POST", "/login", "Content-Type: application/x-www-form-urlencoded", body=form)


def me(connection: socket.socket, own: str) -> int:
    return ask(connection, "GET", "/me", f"Authorization: Bearer {own}")[0]


@contextmanager
def incomplete_requests(service: Served, n: int, source: str = "127.0.0.1") -> Iterator[list[socket.socket]]:
    """Open connections of one source that never complete their head."""
    with ExitStack() as stack:
        opened = [stack.enter_context(service.connect(source=source)) for _ in range(n)]
        for connection in opened:
            # those above the limit may be closed already
            with suppress(ConnectionError):
                connection.sendall(HALF)
        yield opened


def ended(connections: list[socket.socket]) -> list[socket.socket]:
    """Return the connections that the service has closed."""
    return select.select(connections, [], [], 0)[0]


def test_heads_that_never_end_do_not_end_what_the_operator_has_open(service) -> None:
    own = token(service, "amelia")
    with service.connect() as operator:
        assert me(operator, own) == 200
        with incomplete_requests(service, HEADS):
            assert [me(operator, own) for _ in range(20)] == [200] * 20


def test_heads_that_never_end_keep_out_nobody_from_elsewhere(service) -> None:
    with incomplete_requests(service, HEADS), service.connect(source=ELSEWHERE) as other:
        assert ask(other, "GET", "/")[0] == 200


def test_a_source_holds_no_more_connections_than_it_may(service) -> None:
    with incomplete_requests(service, HEADS) as flood, service.connect(source=ELSEWHERE) as other:
        # excess connections are closed before this request is answered
        ask(other, "GET", "/livez")
        n_open = len(flood) - len(ended(flood))
    assert 0 < n_open <= LIMITS.per_source + LIMITS.undecided


def test_one_connection_too_many_is_told_when_to_try_again(service) -> None:
    with incomplete_requests(service, LIMITS.per_source), service.connect() as late:
        status, answer = ask(late, "GET", "/")
    assert (status, b"retry-after: 1" in answer.lower()) == (503, True)


@pytest.mark.parametrize(("path", "word"), [("/livez", b'"alive"'), ("/readyz", b'"database"')])
def test_health_is_answered_on_a_connection_too_many_which_ends_with_it(path, word, service) -> None:
    with incomplete_requests(service, LIMITS.per_source), service.connect() as late:
        answer = ask(late, "GET", path)[1]
        assert late.recv(1) == b""
    assert word in answer
    assert b"connection: close" in answer.lower()


def test_health_with_a_body_is_not_waited_for_on_a_connection_too_many(service) -> None:
    with incomplete_requests(service, LIMITS.per_source), service.connect() as late:
        late.sendall(b"POST /livez HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{")
        assert late.recv(65_536).startswith(b"HTTP/1.1 503")


def test_sources_that_hold_all_connections_of_strangers_give_way_to_another(service) -> None:
    with ExitStack() as stack:
        for number in range(LIMITS.anonymous // LIMITS.per_source):
            stack.enter_context(incomplete_requests(service, LIMITS.per_source, f"127.0.0.{number + 3}"))
        other = stack.enter_context(service.connect(source=ELSEWHERE))
        assert [ask(other, "GET", "/")[0] for _ in range(3)] == [200] * 3


def test_a_valid_token_is_let_in_where_its_source_holds_too_many(service) -> None:
    own = token(service, "amelia")
    with incomplete_requests(service, HEADS), service.connect() as operator:
        assert [me(operator, own) for _ in range(3)] == [200] * 3


def test_the_connections_of_one_source_are_a_setting(tmp_path) -> None:
    with (
        served(tmp_path, **PATIENT, LONDONPUMP_SOURCE_CONNECTIONS="2") as service,
        incomplete_requests(service, 2),
        service.connect() as late,
    ):
        assert ask(late, "GET", "/")[0] == 503


def test_behind_a_declared_proxy_its_address_may_hold_more(behind_a_proxy) -> None:
    with (
        incomplete_requests(behind_a_proxy, LIMITS.per_source + 20) as flood,
        behind_a_proxy.connect() as late,
    ):
        assert ask(late, "GET", "/")[0] == 200
        assert ended(flood) == []


def test_strangers_leave_room_for_those_who_have_signed_in(behind_a_proxy) -> None:
    own = token(behind_a_proxy, "amelia")
    flood = incomplete_requests(behind_a_proxy, LIMITS.anonymous + LIMITS.undecided + 20)
    with flood, behind_a_proxy.connect() as operator:
        assert me(operator, own) == 200


def test_a_connection_that_signed_in_is_no_longer_one_of_its_source_s_strangers(service) -> None:
    own = token(service, "amelia")
    with ExitStack() as stack:
        for _ in range(LIMITS.per_source + 5):
            assert me(stack.enter_context(service.connect()), own) == 200
        with service.connect() as late:
            assert ask(late, "GET", "/")[0] == 200


@pytest.mark.parametrize("path", ["/register", "/login", "/refresh"])
@pytest.mark.parametrize("how", ["Content-Length: 4097", "Transfer-Encoding: chunked"])
def test_a_body_above_4_kib_is_refused_before_it_is_parsed(how, path, service) -> None:
    # neither JSON nor a form: parsing it would cause another error
    body = b"{" * 4_097 if "Length" in how else b"%x\r\n%s\r\n0\r\n\r\n" % (4_097, b"{" * 4_097)
    head = f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n{how}\r\n\r\n".encode()
    with service.connect() as connection:
        connection.sendall(head + body)
        received = b""
        while not is_whole(received):
            received += connection.recv(65_536)
    assert received.startswith(b"HTTP/1.1 413")


def test_whoever_floods_a_public_route_is_answered_in_turn_and_nobody_else_is_refused(service) -> None:
    own = token(service, "amelia")

    def anonymous_client(_: int) -> set[int]:
        with service.connect() as connection:
            return {ask(connection, "GET", "/readyz")[0] for _ in range(20)}

    with service.connect(source=ELSEWHERE) as operator, ThreadPoolExecutor(16) as threads:
        floods = [threads.submit(anonymous_client, number) for number in range(16)]
        user_ids = {me(operator, own) for _ in range(20)}
        assert set().union(*(flood.result() for flood in floods)) <= {503, 200}
    assert user_ids == {200}
