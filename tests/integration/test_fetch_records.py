"""`fetch records` from a Datastore without faults: what it selects, downloads, keeps and prints."""

import json
import resource
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from support import publisher_server as server
from support.datastore import IDS, Datastore, every_day, records_csv, small_datastore
from support.publisher_server import Publisher, Sleeper

from londonpump.domain.errors import BadFile, BadValue, SourceFailed
from londonpump.ingest.http import Http, Limits
from londonpump.ingest.london_datastore import fetched_files
from londonpump.ingest.london_datastore.file_store import exclusive_workspace
from londonpump.lifecycle.fetch import FetchedRecords, fetch_records
from londonpump.settings import Settings

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
SINCE, NEWEST = date(2025, 11, 1), date(2026, 9, 30)
QUICK = Limits(connect_s=2, read_s=2, total_s=5)
Fetch = Callable[..., FetchedRecords]


@pytest.fixture(scope="module")
def datastore() -> Datastore:
    return small_datastore(SINCE, NEWEST)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def fetch(publisher: Publisher, sleeper: Sleeper, home: Path, monkeypatch: pytest.MonkeyPatch) -> Fetch:
    monkeypatch.setenv("LONDONPUMP_HOME", str(home))
    monkeypatch.setenv("LONDONPUMP_DATASTORE_URL", publisher.url)

    def fetch_from_publisher(since: date | None = SINCE, at: datetime = NOW) -> FetchedRecords:
        with Http(QUICK, sleeper) as http:
            return fetch_records(Settings(), since, http=http, at=at)

    return fetch_from_publisher


def downloads(publisher: Publisher) -> list[str]:
    return [path for path in publisher.paths() if path.startswith("/download/")]


def test_both_datasets_come_whole(datastore, publisher, fetch, home) -> None:
    datastore.opens_at(publisher)
    fetch()
    found = fetched_files(home / "records")
    bodies = {dataset_name: {path.read_bytes() for path in paths} for dataset_name, paths in found.items()}
    assert bodies == {dataset_name: {one.body for one in datastore.of(dataset_name)} for dataset_name in IDS}


def test_files_have_the_name_they_were_published_under(datastore, publisher, fetch, home) -> None:
    datastore.opens_at(publisher)
    fetch()
    names = [path.name for path in fetched_files(home / "records")["incidents"]]
    assert names == ["LFB Incident data from 2025 - 2025.csv", "LFB Incident data from 2026 onwards.xlsx"]


def test_a_file_is_called_by_what_it_is(datastore, publisher, fetch, home) -> None:
    body = records_csv("incidents", every_day(date(2026, 1, 1), NEWEST))
    datastore.with_first(body=body).opens_at(publisher)
    fetch()
    assert fetched_files(home / "records")["incidents"][1].name == "LFB Incident data from 2026 onwards.csv"


def test_where_a_file_comes_from_stands_beside_it(datastore, publisher, fetch, home) -> None:
    datastore.opens_at(publisher)
    fetch()
    path = fetched_files(home / "records")["incidents"][1]
    note = json.loads(path.with_name(path.name + ".provenance.json").read_text(encoding="utf-8"))
    assert note["resource"] == "58m"
    assert note["bytes"] == path.stat().st_size
    assert note["fetched_at"] == "2026-11-24T09:00:00+00:00"
    assert note["newest_row_date"] == "2026-09-30"
    assert note["licence"] == "Open Government Licence v3.0"
    assert (
        "Contains public sector information licensed under the Open Government Licence" in note["attribution"]
    )
    assert path.parts[-3] == "58m"
    assert note["sha256"].startswith(path.parts[-2])


def test_the_good_set_says_what_it_covers(datastore, publisher, fetch, home) -> None:
    datastore.opens_at(publisher)
    fetch()
    current = json.loads((home / "records/current.json").read_text(encoding="utf-8"))
    assert (current["since"], current["until"]) == ("2025-11-01", "2026-09-30")


def test_only_the_files_of_the_wanted_years_are_fetched(datastore, publisher, fetch, home) -> None:
    datastore.opens_at(publisher)
    fetch(date(2026, 1, 1))
    assert len(downloads(publisher)) == 2


def test_a_second_run_asks_for_the_catalogue_alone(datastore, publisher, fetch, home) -> None:
    datastore.opens_at(publisher)
    fetch()
    before = tree(home)
    publisher.requests.clear()
    done = fetch()
    assert publisher.paths() == [f"/api/dataset/{identity}" for identity in IDS.values()]
    assert tree(home) == before
    assert "0 of 4 files fetched" in done.to_text()


def test_a_file_that_changed_is_fetched_alone(datastore, publisher, fetch, home) -> None:
    datastore.opens_at(publisher)
    fetch()
    publisher.requests.clear()
    longer = records_csv("incidents", every_day(date(2026, 1, 1), date(2026, 10, 31)))
    datastore.with_first(body=longer).opens_at(publisher)
    fetch()
    assert downloads(publisher) == [datastore.listed[0].path]
    assert fetched_files(home / "records")["incidents"][1].read_bytes() == longer


def test_the_hash_of_the_catalogue_tells_what_changed(datastore, publisher, fetch) -> None:
    datastore.with_first(fields=(("check_hash", "v1"),)).opens_at(publisher)
    fetch()
    publisher.requests.clear()
    datastore.with_first(fields=(("check_hash", "v2"),)).opens_at(publisher)
    fetch()
    assert downloads(publisher) == [datastore.listed[0].path]


def test_a_damaged_file_is_fetched_again(datastore, publisher, fetch, home) -> None:
    datastore.opens_at(publisher)
    fetch()
    path = fetched_files(home / "records")["incidents"][1]
    path.write_bytes(b"damaged")
    fetch()
    assert path.read_bytes() == datastore.listed[0].body


def test_two_sets_stay_and_older_versions_go(datastore, publisher, fetch, home) -> None:
    for day in (28, 29, 30):
        body = records_csv("incidents", every_day(date(2026, 1, 1), date(2026, 9, day)))
        datastore.with_first(body=body).opens_at(publisher)
        fetch()
    stored_bodies = {path.read_bytes() for path in (home / "records/incidents/58m").glob("*/*.csv")}
    assert len(stored_bodies) == 2
    assert body in stored_bodies


@pytest.mark.parametrize("shape", ["list", "object with datasets"])
def test_the_export_of_the_catalogue_serves_when_the_page_of_a_dataset_is_gone(
    shape, datastore, publisher, fetch, home
) -> None:
    datastore.opens_at(publisher)
    for identity in IDS.values():
        publisher.answers(f"/api/dataset/{identity}", server.not_found())
    export = datastore.export_v3()
    publisher.answers(
        "/api/v3/datasets/export.json", server.as_json(export if shape == "list" else {"datasets": export})
    )
    assert len(fetch().fetched.new) == 4


def test_resources_may_be_a_list(datastore, publisher, fetch) -> None:
    datastore.opens_at(publisher)
    for dataset in datastore.export_v3()[1:]:
        publisher.answers(f"/api/dataset/{dataset['id']}", server.as_json(dataset))
    assert len(fetch().fetched.new) == 4


def test_a_signed_address_is_followed_and_asked_for_anew_after_a_cut(
    datastore, publisher, fetch, home
) -> None:
    datastore.opens_at(publisher)
    first = datastore.listed[0]
    half = server.cut(server.Reply(first.body, headers={"ETag": server.tag_of(first.body)}))
    publisher.signs(first.path, first.body, "/signed", half)
    fetch()
    assert publisher.paths().count(first.path) == 2
    assert first.body in {path.read_bytes() for path in fetched_files(home / "records")["incidents"]}


def test_by_default_the_last_three_years_are_asked_for(publisher, fetch) -> None:
    small_datastore(date(2023, 1, 1), NEWEST).opens_at(publisher)
    assert fetch(None).since == date(2023, 1, 1)


@pytest.mark.parametrize("since", [date(2008, 12, 31), date(2026, 11, 25)])
def test_a_day_without_records_is_refused(since, fetch) -> None:
    with pytest.raises(BadValue, match="--since"):
        fetch(since)


def test_two_fetches_do_not_work_at_the_same_time(datastore, publisher, fetch, home) -> None:
    datastore.opens_at(publisher)
    with exclusive_workspace(home / "records"), pytest.raises(BadFile, match="another fetch is at work"):
        fetch()
    assert downloads(publisher) == []


def test_what_a_killed_fetch_left_is_removed(datastore, publisher, fetch, home) -> None:
    datastore.opens_at(publisher)
    left = home / "records/.fetching"
    left.mkdir(parents=True)
    (left / "incidents-58m").write_bytes(b"half")
    fetch()
    assert not left.exists()


def test_nothing_fetched_is_no_set(home) -> None:
    assert fetched_files(home / "records") is None


def test_a_set_with_a_lost_file_is_told(datastore, publisher, fetch, home) -> None:
    datastore.opens_at(publisher)
    fetch()
    fetched_files(home / "records")["mobilisations"][0].unlink()
    with pytest.raises(BadFile, match="londonpump fetch records"):
        fetched_files(home / "records")


def test_an_address_elsewhere_is_asked_there(datastore, publisher, fetch) -> None:
    with server.serving() as elsewhere:
        first = datastore.listed[0]
        url = elsewhere.holds("/bucket/file.xlsx", first.body)
        datastore.with_first(fields=(("url", url),)).opens_at(publisher)
        fetch()
        assert elsewhere.paths() == ["/bucket/file.xlsx"]


def tree(folder: Path) -> dict[str, bytes]:
    """Return every file by name, including hidden ones."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_set_is_one_of_the_fewest_files(datastore, publisher, fetch) -> None:
    whole = records_csv("incidents", every_day(SINCE, NEWEST))
    one = replace(
        datastore.listed[1], id="whole", title="LFB Incident data from 2025 onwards.csv", body=whole
    )
    others = [listed for listed in datastore.listed if listed.dataset_name == "mobilisations"]
    Datastore((one, *others)).opens_at(publisher)
    assert [file.provenance.resource for file in fetch().fetched.files] == [
        "whole",
        "3ff29fb5",
        "7d5b4e2f",
    ]


def test_a_set_that_ends_a_month_earlier_than_the_good_one_is_refused(
    datastore, publisher, fetch, home
) -> None:
    datastore.opens_at(publisher)
    fetch()
    before = (home / "records" / "current.json").read_bytes()
    small_datastore(SINCE, date(2026, 8, 31)).opens_at(publisher)
    with pytest.raises(SourceFailed, match="of 2026-08-31, and records until 2026-09-30 are here already"):
        fetch()
    assert (home / "records" / "current.json").read_bytes() == before


def test_a_damaged_name_of_the_good_set_is_mended_by_fetching_again(
    datastore, publisher, fetch, home
) -> None:
    datastore.opens_at(publisher)
    fetch()
    (home / "records" / "current.json").write_text("{")
    fetch()
    assert fetched_files(home / "records").keys() == set(IDS)


def test_a_password_of_a_mirror_is_not_written_beside_the_files(
    datastore, publisher, fetch, home, monkeypatch
) -> None:
    datastore.opens_at(publisher)
    monkeypatch.setenv("LONDONPUMP_DATASTORE_URL", publisher.url.replace("http://", "http://me:s3cr3t@"))
    fetch()
    notes = [path.read_text() for path in (home / "records").rglob("*.json")]
    assert [note for note in notes if "s3cr3t" in note] == []


@pytest.fixture
def small_files() -> Iterator[None]:
    """Limit files to 100 bytes, as a full disk or a quota would."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.usefixtures("small_files")
def test_a_disk_that_fills_is_no_fault_of_the_datastore(datastore, publisher, fetch) -> None:
    datastore.opens_at(publisher)
    with pytest.raises(BadFile, match="Make room, or set LONDONPUMP_HOME"):
        fetch()
