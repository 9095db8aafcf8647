"""A key is sent to its publisher and nowhere else: no error, no log, no repr shows it."""

import logging
import traceback
from urllib.parse import quote, quote_plus

import pytest
from support import publisher_server as server
from support.publisher_server import Publisher, Reply, Sleeper

from londonpump.domain.errors import SourceFailed
from londonpump.ingest.http import Http, Limits

KEY = "s3cr3t+key/with signs"
SPELLINGS = ("s3cr3t", "with signs", "with+signs", "with%20signs")
QUICK = Limits(connect_s=1, read_s=1, total_s=0.3, tries=2)


def ask(publisher: Publisher) -> None:
    with Http(QUICK, Sleeper()) as http:
        http.get("The Office", f"{publisher.url}/keyed", {"place": "London"}, secret={"key": KEY})


def echo(request: server.Request) -> Reply:
    return Reply(str(request).encode(), 403, {"X-Echo": "s3cr3t"})


FAULTS = [
    pytest.param(server.not_found(), id="404"),
    pytest.param(echo, id="403 that repeats what was asked"),
    pytest.param(server.broken(), id="500"),
    pytest.param(server.too_many("9999"), id="429"),
    pytest.param(server.dripping(), id="drip"),
    pytest.param(server.cut(Reply(b"12345678")), id="cut"),
    pytest.param(Reply(b"x", headers={"Content-Encoding": "gzip"}), id="damaged"),
    pytest.param(lambda request: server.redirect(f"/keyed?key={request.query['key']}&n=1"), id="circle"),
    pytest.param(
        lambda request: server.redirect(f"http://localhost:1/s?key={request.query['key']}"), id="away"
    ),
    pytest.param(server.redirect("http://[s3cr3t"), id="broken address"),
    pytest.param(
        lambda request: server.redirect(f"/in/{quote_plus(request.query['key'])}"), id="into a path"
    ),
    pytest.param(
        lambda request: server.redirect(f"/in/{quote(request.query['key'])}"), id="into a path, else"
    ),
]


@pytest.fixture
def all_logged(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """Everything that any library logs, at the lowest level, its own settings overruled."""
    for name in ("", "httpx2", "httpcore2", "httpcore2.http11", "httpcore2.connection"):
        caplog.set_level(logging.DEBUG, logger=name)
    return caplog


@pytest.mark.parametrize("reply", FAULTS)
def test_no_failure_shows_a_key(reply, publisher, all_logged, capfd) -> None:
    publisher.answers("/keyed", reply)
    with pytest.raises(SourceFailed) as caught:
        ask(publisher)
    error: BaseException | None = caught.value
    leaked = [all_logged.text, *capfd.readouterr(), "".join(traceback.format_exception(error))]
    while error is not None:
        leaked += [repr(error), repr(vars(error))]
        error = error.__cause__ or error.__context__
    assert publisher.requests[0].query["key"] == KEY
    assert [text for text in leaked for spelling in SPELLINGS if spelling in text] == []


def test_no_exception_of_the_library_hangs_on_the_error(publisher) -> None:
    publisher.answers("/keyed", server.cut(Reply(b"12345678")))
    with pytest.raises(SourceFailed) as caught:
        ask(publisher)
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


def test_a_good_answer_shows_no_key(publisher, all_logged, capfd) -> None:
    url = publisher.answers("/keyed", server.as_json([1]))
    with Http(QUICK) as http:
        answer = http.get("The Office", url, {"place": "London"}, secret={"key": KEY})
        leaked = [all_logged.text, *capfd.readouterr(), repr(answer), answer.url, repr(http)]
    assert [text for text in leaked for spelling in SPELLINGS if spelling in text] == []


def test_a_key_is_not_taken_to_another_host(publisher) -> None:
    with server.serving() as other:
        target = other.answers("/s", server.as_json([]))
        publisher.answers("/keyed", server.redirect(target))
        with pytest.raises(SourceFailed, match="redirects to another host"):
            ask(publisher)
        assert other.requests == []


def test_a_key_in_the_address_itself_is_not_shown(publisher) -> None:
    publisher.answers("/keyed", server.not_found())
    address = publisher.url.replace("http://", "http://me:s3cr3t@") + "/keyed?key=s3cr3t#s3cr3t"
    with Http(QUICK) as http, pytest.raises(SourceFailed) as caught:
        http.get("The Office", address)
    assert "s3cr3t" not in str(caught.value)
