"""`fetch roads` from a publisher on loopback: whole, checked, resumed, kept when it is the newest."""

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from support import publisher_server as server
from support.publisher_server import Publisher, Reply, Sleeper

from londonpump.domain.errors import SourceFailed
from londonpump.ingest.http import Http, Limits
from londonpump.lifecycle.roads import fetch_roads
from londonpump.settings import Settings

PATH = "/europe/greater-london-latest.osm.pbf"
BODY = b"\x00\x00\x00\x0d\x0a\x09OSMHeader" + bytes(range(256)) * 800
NEWER = BODY + b"newer"
QUICK = Limits(connect_s=2, read_s=2, total_s=5, tries=3)
AT = datetime(2026, 11, 30, tzinfo=UTC)


@pytest.fixture
def fetch(publisher: Publisher, sleeper: Sleeper, tmp_path: Path):
    def run() -> str:
        with Http(QUICK, sleeper) as http:
            return fetch_roads(Settings(home=tmp_path, roads_url=publisher.url + PATH), http, AT)

    return run


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    return tmp_path / "roads" / "maps" / "greater-london-latest.osm.pbf"


def md5(body: bytes) -> Reply:
    digest = hashlib.md5(body, usedforsecurity=False).hexdigest()
    return server.as_text(f"{digest}  greater-london-latest.osm.pbf\n")


def test_the_map_comes_with_its_licence_and_the_next_command(publisher, fetch, stored):
    publisher.holds(PATH, BODY)
    publisher.answers(PATH + ".md5", md5(BODY))
    text = fetch()
    assert stored.read_bytes() == BODY
    assert "its MD5 is that of the publisher" in text
    assert "Open Database License" in text
    assert "© OpenStreetMap contributors" in text
    assert f"londonpump roads import {stored}" in text
    noted = json.loads(stored.with_name(stored.name + ".provenance.json").read_text())
    assert (noted["sha256"], noted["size_bytes"]) == (hashlib.sha256(BODY).hexdigest(), len(BODY))
    assert "ODbL" in noted["licence"]
    assert noted["address"] == publisher.url + PATH


def test_a_cut_download_goes_on_where_it_ended(publisher, fetch, stored):
    publisher.holds(PATH, BODY, server.cut(Reply(BODY, headers={"ETag": '"v1"'})), etag='"v1"')
    publisher.answers(PATH + ".md5", md5(BODY))
    fetch()
    assert stored.read_bytes() == BODY
    ranges = [request.headers.get("range") for request in publisher.requests if request.path == PATH]
    assert ranges == [None, f"bytes={len(BODY) // 2}-"]


def test_the_newest_map_is_not_fetched_twice_and_a_newer_one_is(publisher, fetch, stored):
    publisher.holds(PATH, BODY)
    publisher.answers(PATH + ".md5", md5(BODY), md5(BODY), md5(NEWER))
    fetch()
    assert fetch().startswith("Kept, because it is still the newest")
    assert publisher.paths().count(PATH) == 1
    publisher.holds(PATH, NEWER)
    assert fetch().startswith("Fetched")
    assert stored.read_bytes() == NEWER


def test_a_map_with_another_digest_is_refused_and_the_earlier_one_stays(publisher, fetch, stored):
    publisher.holds(PATH, BODY)
    publisher.answers(PATH + ".md5", md5(BODY), md5(NEWER))
    fetch()
    with pytest.raises(SourceFailed, match="does not have the md5"):
        fetch()
    assert stored.read_bytes() == BODY
    assert sorted(entry.name for entry in stored.parent.iterdir()) == [
        stored.name,
        stored.name + ".provenance.json",
    ]


def test_without_a_digest_the_text_says_so(publisher, fetch, stored):
    publisher.holds(PATH, BODY)
    assert "the publisher gives no MD5" in fetch()
    assert stored.read_bytes() == BODY


@pytest.mark.parametrize(
    "reply", [server.web_page(), Reply(b"a,b\n1,2\n"), server.broken(), server.not_found()]
)
def test_what_is_no_map_is_not_stored(reply, publisher, fetch, stored):
    publisher.answers(PATH, reply)
    with pytest.raises(SourceFailed, match="Geofabrik"):
        fetch()
    assert list(stored.parent.iterdir()) == []


def test_an_address_that_names_no_extract_is_refused(publisher, sleeper, tmp_path):
    with Http(QUICK, sleeper) as http, pytest.raises(SourceFailed, match="LONDONPUMP_ROADS_URL"):
        fetch_roads(Settings(home=tmp_path, roads_url=publisher.url), http, AT)
