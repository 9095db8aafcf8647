"""Files of publishers: whole and what they should be, or not there."""

import gzip
import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
from support import publisher_server as server
from support.publisher_server import Publisher, Reply, Sleeper

from londonpump.domain.errors import BadFile, LondonPumpError, SourceFailed
from londonpump.ingest.http import Downloaded, Expected, Http, Limits

CSV = b"name,seconds\n" + b"Soho,301\n" * 20_000
WORKBOOK = b"PK\x03\x04" + bytes(range(256)) * 100
QUICK = Limits(connect_s=2, read_s=2, total_s=5, tries=3)
PATH = "/download/records.csv"
Download = Callable[..., Downloaded]


@pytest.fixture
def to(tmp_path: Path) -> Path:
    return tmp_path / "part"


@pytest.fixture
def download(publisher: Publisher, sleeper: Sleeper, to: Path) -> Download:
    def from_publisher(expected: Expected = Expected(), limits: Limits = QUICK) -> Downloaded:
        with Http(limits, sleeper) as http:
            return http.download("The Office", publisher.url + PATH, to, expected)

    return from_publisher


def error_of(download: Download, to: Path, expected: Expected = Expected(), limits: Limits = QUICK) -> str:
    with pytest.raises(LondonPumpError) as caught:
        download(expected, limits)
    assert list(to.parent.iterdir()) == []
    return str(caught.value)


@pytest.mark.parametrize(("body", "container"), [(CSV, "csv"), (WORKBOOK, "xlsx")])
def test_a_file_comes_with_what_there_is_to_know_of_it(body, container, publisher, download, to) -> None:
    publisher.holds(PATH, body, etag='"v1"')
    done = download()
    assert to.read_bytes() == body
    assert (done.container, done.size_bytes, done.etag) == (container, len(body), '"v1"')
    assert done.sha256 == hashlib.sha256(body).hexdigest()


def test_a_file_that_was_cut_is_continued_where_it_ended(publisher, download, to) -> None:
    publisher.holds(PATH, CSV, server.cut(Reply(CSV, headers={"ETag": '"v1"'})), etag='"v1"')
    download()
    assert to.read_bytes() == CSV
    assert [request.headers.get("range") for request in publisher.requests] == [
        None,
        f"bytes={len(CSV) // 2}-",
    ]


def test_a_file_that_changed_since_it_was_cut_is_begun_anew(publisher, download, to) -> None:
    old = Reply(b"old" * 1000, headers={"ETag": '"v1"'})
    publisher.holds(PATH, CSV, server.cut(old), etag='"v2"')
    assert download().etag == '"v2"'
    assert to.read_bytes() == CSV


@pytest.mark.parametrize("headers", [{}, {"ETag": 'W/"v1"'}], ids=["no name", "weak name"])
def test_without_a_name_for_the_version_a_cut_file_is_begun_anew(headers, publisher, download, to) -> None:
    publisher.holds(PATH, CSV, server.cut(Reply(CSV, headers=headers)))
    download()
    assert to.read_bytes() == CSV
    assert "range" not in publisher.requests[1].headers


def test_the_day_of_change_names_a_version_too(publisher, download) -> None:
    day = "Wed, 21 Oct 2015 07:28:00 GMT"
    publisher.holds(PATH, CSV, server.cut(Reply(CSV, headers={"Last-Modified": day})))
    download()
    assert publisher.requests[1].headers["if-range"] == day


@pytest.mark.parametrize(
    "odd",
    [
        pytest.param(
            Reply(CSV, 206, {"Content-Range": f"bytes 0-{len(CSV) - 1}/{len(CSV)}"}), id="another part"
        ),
        pytest.param(Reply(status=416), id="416"),
    ],
)
def test_a_publisher_that_cannot_continue_is_asked_for_the_whole_file(odd, publisher, download, to) -> None:
    publisher.holds(PATH, CSV, server.cut(Reply(CSV, headers={"ETag": '"v1"'})), odd, etag='"v1"')
    download()
    assert to.read_bytes() == CSV
    assert "range" not in publisher.requests[2].headers


def test_each_try_starts_at_the_first_address_as_the_signed_one_expires(publisher, download, to) -> None:
    half = server.cut(Reply(CSV, headers={"ETag": server.tag_of(CSV)}))
    publisher.signs(PATH, CSV, "/signed", half)
    download()
    assert publisher.paths() == [PATH, "/signed/1", PATH, "/signed/2"]
    assert to.read_bytes() == CSV
    assert publisher.requests[-1].headers["range"].startswith("bytes=")


def test_a_file_packed_on_the_way_is_unpacked(publisher, download, to) -> None:
    publisher.answers(PATH, server.packed(Reply(CSV)))
    download(Expected(size_bytes=len(CSV)))
    assert to.read_bytes() == CSV


def test_a_cut_packed_file_is_not_continued(publisher, download, to) -> None:
    whole = server.packed(Reply(CSV, headers={"ETag": '"v1"'}))
    publisher.answers(PATH, server.cut(whole), whole)
    download()
    assert to.read_bytes() == CSV
    assert "range" not in publisher.requests[1].headers


@pytest.mark.parametrize("size", [len(CSV), int(len(CSV) * 1.009), None])
def test_a_size_near_that_of_the_catalogue_is_taken(size, publisher, download) -> None:
    publisher.holds(PATH, CSV)
    assert download(Expected(size_bytes=size)).size_bytes == len(CSV)


@pytest.mark.parametrize("name", ["md5", "sha1", "sha256"])
def test_the_hash_of_the_catalogue_is_checked(name, publisher, download, to) -> None:
    publisher.holds(PATH, CSV)
    digest = hashlib.new(name, CSV).hexdigest()
    assert download(Expected(digest=digest.upper())).size_bytes == len(CSV)
    to.unlink()
    wrong = digest[:-1] + ("0" if digest[-1] != "0" else "1")
    assert f"does not have the {name} of the catalogue" in error_of(download, to, Expected(digest=wrong))


def test_a_mark_that_is_no_hash_is_not_looked_at(publisher, download) -> None:
    publisher.holds(PATH, CSV)
    assert download(Expected(digest="2026-09-24T10:00")).size_bytes == len(CSV)


REJECTED = [
    pytest.param(server.not_found(), "there is nothing at", id="404"),
    pytest.param(server.too_many("86400"), "Ask again after", id="429"),
    pytest.param(server.broken(), "asked 3 times", id="500"),
    pytest.param(server.cut(Reply(CSV)), "the connection was cut, asked 3 times", id="cut"),
    pytest.param(server.wrong_length(Reply(CSV), len(CSV) + 9), "the connection was cut", id="wrong length"),
    pytest.param(server.wrong_length(Reply(CSV), 90_000), "has 90,000 bytes", id="too short a length"),
    pytest.param(server.web_page(), "is a web page, not a csv or xlsx file", id="page"),
    pytest.param(server.web_page(content_type="text/csv"), "is a web page", id="page that says it is csv"),
    pytest.param(server.as_json({"error": 1}), "is something else", id="json"),
    pytest.param(Reply(b""), "is empty", id="empty"),
    pytest.param(Reply(b"\x1f\x8b\x08\0\0"), "is something else", id="binary"),
    pytest.param(server.redirect(PATH), "redirects in a circle", id="circle"),
]


@pytest.mark.parametrize(("reply", "expected_message"), REJECTED)
def test_what_is_not_the_file_is_refused_and_not_kept(
    reply, expected_message, publisher, download, to
) -> None:
    publisher.answers(PATH, reply)
    assert expected_message in error_of(download, to, Expected(size_bytes=len(CSV)))


def test_a_slow_drip_of_a_file_is_ended(publisher, download, to) -> None:
    publisher.answers(PATH, server.dripping(CSV))
    limits = Limits(read_s=2, total_s=0.2, min_bytes_per_s=10**9)
    assert "not complete after 0.2" in error_of(download, to, Expected(size_bytes=len(CSV)), limits)
    assert len(publisher.requests) == 1


def test_a_file_larger_than_any_is_refused(publisher, download, to) -> None:
    publisher.holds(PATH, CSV)
    assert "more than 1,000 bytes" in error_of(download, to, limits=Limits(max_file_bytes=1000))


def test_a_size_beyond_any_file_is_no_lack_of_room(publisher, download, to) -> None:
    publisher.holds(PATH, CSV)
    assert "says 1,000,000,000,000,000,000 bytes, more than" in error_of(
        download, to, Expected(size_bytes=10**18)
    )
    assert publisher.requests == []


def test_a_small_file_that_unpacks_to_a_large_one_is_refused(publisher, download, to) -> None:
    publisher.answers(PATH, Reply(gzip.compress(b"a" * 5_000_000), headers={"Content-Encoding": "gzip"}))
    message = error_of(download, to, limits=Limits(max_file_bytes=1_000_000))
    assert "more than 1,000,000 bytes" in message


def test_a_disk_without_room_is_told_before_anything_is_asked(publisher, download, to) -> None:
    limits = Limits(max_file_bytes=10**18)
    assert "are needed" in error_of(download, to, Expected(size_bytes=10**18), limits)
    assert publisher.requests == []


def test_a_place_that_cannot_be_written_is_told(publisher, sleeper, tmp_path) -> None:
    publisher.holds(PATH, CSV)
    with Http(QUICK, sleeper) as http, pytest.raises(BadFile, match="cannot be written"):
        http.download("The Office", publisher.url + PATH, tmp_path)


def test_a_failed_download_names_no_signed_address(publisher, download) -> None:
    publisher.signs(PATH, CSV, "/signed", server.not_found())
    with pytest.raises(SourceFailed) as caught:
        download()
    assert "signature" not in str(caught.value)
