"""What a publisher may answer, and what the one who asked is told."""

import re
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx2
import pytest
from support import publisher_server as server
from support.publisher_server import Publisher, Reply, Sleeper

from londonpump import __version__
from londonpump.domain.errors import SourceFailed
from londonpump.ingest.http import Http, Limits
from londonpump.ingest.http.errors import AttemptFailed
from londonpump.ingest.http.exchange import RequestSpec, next_address

PATH = "/v1/things"
FINE = server.as_json({"fine": True})
QUICK = Limits(connect_s=2, read_s=2, total_s=5)


def error_of(publisher: Publisher, sleeper: Sleeper, reply: server.Responder, limits: Limits = QUICK) -> str:
    url = publisher.answers(PATH, reply)
    with Http(limits, sleeper) as http, pytest.raises(SourceFailed) as caught:
        http.get("The Office", url)
    message = str(caught.value)
    assert message.startswith("The Office: ")
    assert caught.value.advice
    return message


def test_an_answer_has_its_value_and_the_address_it_came_from(publisher, sleeper) -> None:
    url = publisher.answers(PATH, FINE)
    with Http(QUICK, sleeper) as http:
        answer = http.get("The Office", url, {"year": "2024", "place": "a b"})
    assert (answer.json(), answer.url) == ({"fine": True}, f"{url}?year=2024&place=a+b")
    assert publisher.requests[0].query == {"year": "2024", "place": "a b"}


def test_parameters_join_those_of_the_address(publisher, sleeper) -> None:
    url = publisher.answers(PATH, FINE)
    with Http(QUICK, sleeper) as http:
        http.get("The Office", f"{url}?unit=uk", {"year": "2024"}, secret={"key": "k"})
    assert publisher.requests[0].query == {"unit": "uk", "year": "2024", "key": "k"}


def test_we_say_who_we_are(publisher, sleeper) -> None:
    url = publisher.answers(PATH, FINE)
    with Http(QUICK, sleeper) as http:
        http.get("The Office", url)
    assert publisher.requests[0].headers["user-agent"].startswith(f"londonpump/{__version__} (+")


def test_a_packed_answer_is_unpacked(publisher, sleeper) -> None:
    url = publisher.answers(PATH, server.packed(FINE))
    with Http(QUICK, sleeper) as http:
        assert http.get("The Office", url).json() == {"fine": True}


def test_text_is_read_in_the_encoding_it_states(publisher, sleeper) -> None:
    page = Reply("café".encode("cp1252"), headers={"Content-Type": "text/html; charset=windows-1252"})
    url = publisher.answers(PATH, page)
    with Http(QUICK, sleeper) as http:
        assert http.get("The Office", url).text == "café"


@pytest.mark.parametrize("stated", ["hex", "idna", "undefined", "rot13", "no-such"])
def test_an_encoding_that_reads_no_text_is_taken_for_utf_8(stated, publisher, sleeper) -> None:
    page = Reply("café".encode(), headers={"Content-Type": f"text/html; charset={stated}"})
    url = publisher.answers(PATH, page)
    with Http(QUICK, sleeper) as http:
        assert http.get("The Office", url).text == "café"


def test_half_a_character_is_marked(publisher, sleeper) -> None:
    page = Reply(rb"a\ud800b", headers={"Content-Type": "text/html; charset=unicode_escape"})
    url = publisher.answers(PATH, page)
    with Http(QUICK, sleeper) as http:
        assert http.get("The Office", url).text == "a?b"


@pytest.mark.parametrize(
    ("body", "expected_message"),
    [
        (b"<html></html>", "a web page instead of json"),
        (b"", "nothing instead of json"),
        (b'{"a": ', "something else instead of json"),
        (b'{"a": 1' + b"0" * 400 + b"}", "something else instead of json"),
    ],
)
def test_what_is_not_json_is_named(body, expected_message, publisher, sleeper) -> None:
    url = publisher.answers(PATH, Reply(body, headers={"Content-Type": "application/json"}))
    with Http(QUICK, sleeper) as http, pytest.raises(SourceFailed, match=expected_message):
        http.get("The Office", url).json()


@pytest.mark.parametrize(
    "first",
    [
        pytest.param(server.broken(500), id="500"),
        pytest.param(server.broken(502), id="502"),
        pytest.param(server.broken(503), id="503"),
        pytest.param(server.broken(504), id="504"),
        pytest.param(server.broken(501), id="501"),
        pytest.param(server.broken(522), id="522, of what stands in front"),
        pytest.param(server.too_many(), id="429"),
        pytest.param(server.cut(FINE), id="cut half-way"),
        pytest.param(server.wrong_length(FINE, 1000), id="shorter than it says"),
        pytest.param(
            Reply(server.packed(FINE).body[:-9], headers={"Content-Encoding": "gzip"}),
            id="packed, end missing",
        ),
        pytest.param(Reply(b"no gzip", headers={"Content-Encoding": "gzip"}), id="damaged on the way"),
    ],
)
def test_what_may_pass_is_asked_again(first, publisher, sleeper) -> None:
    url = publisher.answers(PATH, first, first, FINE)
    with Http(QUICK, sleeper) as http:
        assert http.get("The Office", url).json() == {"fine": True}
    assert len(sleeper.waits_s) == 2


@pytest.mark.parametrize(
    ("reply", "expected_message"),
    [
        (server.not_found(), r"there is nothing at http://127.0.0.1:\d+/v1/things \(404\)"),
        (Reply(status=403), r"access to .* is refused \(403\)"),
        (Reply(status=401), r"access to .* is refused \(401\)"),
        (Reply(status=400), r"answers with status 400"),
        (Reply(status=204), r"answers with status 204"),
        (server.redirect("ftp://127.0.0.1/x"), "redirects to nowhere"),
        (server.redirect(""), "redirects to nowhere"),
        (server.redirect(PATH), "redirects in a circle"),
        (server.redirect(f"http://{'a' * 64}.example/"), "cannot be requested"),
    ],
)
def test_what_will_not_pass_is_asked_once(reply, expected_message, publisher, sleeper) -> None:
    assert re.search(expected_message, error_of(publisher, sleeper, reply))
    assert (len(publisher.requests), sleeper.waits_s) == (1, [])


@pytest.mark.parametrize(
    ("secret", "advice"), [({}, "It may want a sign-in"), ({"key": "s3cr3t"}, "Check the key and its rights")]
)
def test_who_is_refused_is_told_of_a_key_only_where_one_was_sent(secret, advice, publisher, sleeper) -> None:
    url = publisher.answers(PATH, Reply(status=403))
    with Http(QUICK, sleeper) as http, pytest.raises(SourceFailed, match=advice):
        http.get("The Office", url, secret=secret)


@pytest.mark.parametrize(
    ("reply", "expected_message"),
    [
        (server.broken(500), r"a fault of its own \(500\), asked 4 times"),
        (server.too_many(), r"too many requests \(429\), asked 4 times"),
        (server.cut(FINE), r"the connection was cut, asked 4 times"),
    ],
)
def test_patience_has_an_end(reply, expected_message, publisher, sleeper) -> None:
    assert re.search(expected_message, error_of(publisher, sleeper, reply))
    assert len(publisher.requests) == QUICK.tries


def test_each_wait_is_longer_than_the_one_before(publisher, sleeper) -> None:
    error_of(publisher, sleeper, server.broken())
    assert all(2**i <= wait_s <= 1.5 * 2**i for i, wait_s in enumerate(sleeper.waits_s))
    assert len(sleeper.waits_s) == QUICK.tries - 1


def test_a_publisher_that_asks_for_a_pause_gets_it(publisher, sleeper) -> None:
    url = publisher.answers(PATH, server.too_many("7"), FINE)
    with Http(QUICK, sleeper) as http:
        http.get("The Office", url)
    assert sleeper.waits_s == [7.0]


def test_a_pause_may_be_stated_as_a_date(publisher, sleeper) -> None:
    when = datetime.now(UTC) + timedelta(seconds=30)
    url = publisher.answers(PATH, server.too_many(format_datetime(when, usegmt=True)), FINE)
    with Http(QUICK, sleeper) as http:
        http.get("The Office", url)
    assert 2 < sleeper.waits_s[0] <= 30


@pytest.mark.parametrize(
    "stated",
    [
        "soon",
        "-5",
        "Wed, 21 Oct 2015 07:28:00 GMT",
        "Wed, 21 Oct 99999999999999999999 07:28:00 GMT",
        "Wed, 21 Oct 2015 07:28:00 +99999999999999",
    ],
)
def test_a_pause_that_says_nothing_is_not_waited_for(stated, publisher, sleeper) -> None:
    url = publisher.answers(PATH, server.too_many(stated), FINE)
    with Http(QUICK, sleeper) as http:
        http.get("The Office", url)
    assert sleeper.waits_s[0] < 2


def test_a_long_pause_is_told_and_not_waited_for(publisher, sleeper) -> None:
    message = error_of(publisher, sleeper, server.too_many("7200"))
    when = re.search(r"Ask again after (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) UTC", message)
    left = datetime.fromisoformat(f"{when[1]}+00:00") - datetime.now(UTC)
    assert timedelta(minutes=119) < left <= timedelta(hours=2)
    assert sleeper.waits_s == []


@pytest.mark.parametrize("reply", [server.dripping(), server.dripping_headers()], ids=["body", "headers"])
def test_a_slow_drip_is_ended(reply, publisher, sleeper) -> None:
    message = error_of(publisher, sleeper, reply, limits=Limits(read_s=5, total_s=0.2))
    assert "the answer was not complete after 0.2 s" in message
    assert len(publisher.requests) == 1


def test_silence_is_a_time_out_and_asked_again(publisher, sleeper) -> None:
    def silent(_: object) -> Reply:
        publisher.closing.wait(1)
        return FINE

    message = error_of(publisher, sleeper, silent, limits=Limits(read_s=0.1, total_s=5, tries=2))
    assert "nothing came for 0.1 s, asked 2 times" in message


def test_nobody_there_is_told(sleeper) -> None:
    with server.serving() as gone:
        url = gone.url
    with (
        Http(QUICK, sleeper) as http,
        pytest.raises(SourceFailed, match=r"it cannot be reached, asked 4 times"),
    ):
        http.get("The Office", url)


@pytest.mark.parametrize("url", ["nonsense", "ftp://127.0.0.1/", "http://", "http://[::1"])
def test_an_address_that_is_none_is_refused(url, sleeper) -> None:
    with Http(QUICK, sleeper) as http, pytest.raises(SourceFailed, match="cannot be requested"):
        http.get("The Office", url)


def test_redirects_are_followed(publisher, sleeper) -> None:
    url = publisher.answers(PATH, server.redirect("/a", 301))
    publisher.answers("/a", server.redirect(f"{publisher.url}/b?x=1", 307))
    publisher.answers("/b", FINE)
    with Http(QUICK, sleeper) as http:
        assert http.get("The Office", url).json() == {"fine": True}
    assert publisher.paths() == [PATH, "/a", "/b"]


@pytest.mark.parametrize(
    ("target", "is_followed"), [("https://b.org/y", True), ("/y", True), ("http://a.org/y", False)]
)
def test_a_redirect_never_leaves_https(target, is_followed) -> None:
    url = httpx2.URL("https://a.org/x")
    request_spec = RequestSpec(url, {}, 1)
    if is_followed:
        assert next_address(url, target, request_spec).scheme == "https"
        return
    with pytest.raises(AttemptFailed, match="from https to plain http"):
        next_address(url, target, request_spec)


def test_redirects_without_end_are_ended(publisher, sleeper) -> None:
    for n in range(20):
        publisher.answers(f"/{n}", server.redirect(f"/{n + 1}"))
    message = error_of(publisher, sleeper, server.redirect("/0"))
    assert "redirects more than 5 times" in message


def test_a_page_larger_than_it_may_be_is_refused(publisher, sleeper) -> None:
    limits = Limits(max_response_bytes=1000)
    assert "more than 1,000 bytes" in error_of(publisher, sleeper, Reply(b"a" * 1001), limits=limits)


def test_a_small_answer_that_unpacks_to_a_large_one_is_refused(publisher, sleeper) -> None:
    bomb = server.packed(Reply(b"\0" * 3_000_000))
    assert len(bomb.body) < 10_000
    message = error_of(publisher, sleeper, bomb, limits=Limits(max_response_bytes=1_000_000))
    assert "more than 1,000,000 bytes" in message
