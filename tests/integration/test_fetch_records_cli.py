"""`fetch records` from a faulty Datastore: its message, its exit code, and that earlier records do not change."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from support import publisher_server as server
from support.datastore import IDS, Datastore, every_day, records_csv, small_datastore
from support.publisher_server import Publisher, Reply, Sleeper
from typer.testing import CliRunner, Result

from londonpump.cli import app, application
from londonpump.ingest.http import Http, Limits
from londonpump.lifecycle.fetch import fetch_records
from londonpump.settings import Settings

TODAY = datetime.now(UTC).date()
NEWEST = TODAY - timedelta(days=40)
SINCE = date(NEWEST.year - 1, 11, 1)
IMPATIENT = Limits(connect_s=1, read_s=1, total_s=0.5, min_bytes_per_s=10**10, tries=3)
"""Like the limits of the product, in less time."""
CHANGED = records_csv("incidents", every_day(date(NEWEST.year, 1, 1), NEWEST - timedelta(days=1)))
PAGES = [f"/api/dataset/{identity}" for identity in IDS.values()]


@dataclass(frozen=True)
class SourceFault:
    """What to do to a Datastore that is well, and what the command says then.

    file: replaces the first file's replies. listed: changes the first file. pages: replaces both pages of the API.
    """

    message: str
    file: tuple[server.Responder, ...] = ()
    pages: tuple[server.Responder, ...] = ()
    listed: Callable[[Datastore], Datastore] = lambda well: well.with_first(body=CHANGED)


def body_of(days: list[date], renamed: dict[str, str] | None = None) -> Callable[[Datastore], Datastore]:
    return lambda well: well.with_first(body=records_csv("incidents", days, renamed))


def without_december(well: Datastore) -> Datastore:
    first, second, *others = well.listed
    november = every_day(SINCE, date(SINCE.year, 11, 30))
    return Datastore((first, replace(second, body=records_csv("incidents", november)), *others))


def titled(title: str) -> Callable[[Datastore], Datastore]:
    """List a single file of incidents under a title."""
    return lambda well: Datastore((replace(well.listed[0], title=title, body=CHANGED), *well.listed[2:]))


def only_old(well: Datastore) -> Datastore:
    old = every_day(SINCE, TODAY - timedelta(days=101))
    first, second, *others = well.listed
    body = records_csv("incidents", old)
    return Datastore((replace(first, body=body), replace(second, body=body + b"\n"), *others))


def with_field(name: str, value: object) -> Callable[[Datastore], Datastore]:
    return lambda well: well.with_first(body=CHANGED, fields=((name, value),))


def loop(request: server.Request) -> Reply:
    return server.redirect("/again" if request.path != "/again" else request.path)


FULL = Reply(CHANGED)
FAULTS = {
    "404 of a file": SourceFault("there is nothing at", file=(server.not_found(),)),
    "429 that takes hours": SourceFault("Ask again after", file=(server.too_many("7200"),)),
    "429 without end": SourceFault("too many requests (429), asked 3 times", file=(server.too_many("1"),)),
    "500 without end": SourceFault("a fault of its own (500), asked 3 times", file=(server.broken(),)),
    "slow drip": SourceFault(
        "the answer was not complete after 0.5", file=(server.dripping(b"IncidentNumber"),)
    ),
    "cut half-way, each time": SourceFault("the connection was cut", file=(server.cut(FULL),)),
    "longer than it says": SourceFault("the catalogue says", file=(server.wrong_length(FULL, 1000),)),
    "shorter than it says": SourceFault("cut", file=(server.wrong_length(FULL, len(CHANGED) + 5),)),
    "another size than the catalogue's": SourceFault("the catalogue says", file=(Reply(CHANGED * 2),)),
    "a page instead of a file": SourceFault("a web page, not a csv or xlsx", file=(server.web_page(),)),
    "a page that says it is csv": SourceFault("a web page", file=(server.web_page(content_type="text/csv"),)),
    "damaged gzip": SourceFault(
        "the packed answer is damaged", file=(replace(FULL, headers={"Content-Encoding": "gzip"}),)
    ),
    "redirects in a circle": SourceFault("redirects in a circle", file=(server.redirect("/again"),)),
    "another hash": SourceFault("does not have the md5", listed=with_field("check_hash", "0" * 32)),
    "a workbook that is none": SourceFault(
        "the workbook", listed=lambda well: well.with_first(body=b"PK\x03\x04" * 99)
    ),
    "columns renamed": SourceFault(
        "required columns of the incidents are missing: Easting_rounded",
        listed=body_of(every_day(date(NEWEST.year, 1, 1), NEWEST), {"Easting_rounded": "East"}),
    ),
    "the other dataset's columns": SourceFault(
        "these are mobilisations, not incidents",
        listed=lambda well: well.with_first(body=records_csv("mobilisations", [NEWEST])),
    ),
    "dates that are none": SourceFault(
        "DateOfCall cannot be read",
        listed=lambda well: well.with_first(body=CHANGED.replace(f"-{NEWEST:%y},".encode(), b"-?,")),
    ),
    "an empty month": SourceFault(
        f"the incidents hold no record of {SINCE.year}-12", listed=without_december
    ),
    "only old rows": SourceFault(
        "more than 100 days ago",
        listed=only_old,
    ),
    "the newest years not listed": SourceFault(
        "no file of incidents covers", listed=titled(f"LFB Incident data from 2018 - {TODAY.year - 2}.csv")
    ),
    "the oldest year not listed": SourceFault(
        f"no file of incidents covers {SINCE.year}",
        listed=titled(f"LFB Incident data {NEWEST.year} onwards.csv"),
    ),
    "no years in the titles": SourceFault(
        "lists no file of records", listed=titled("LFB Incident data - last three years.csv")
    ),
    "an id that is a path": SourceFault(
        "has an id that cannot be used", listed=lambda w: w.with_first(id="../../x")
    ),
    "a file without an address": SourceFault("has no address", listed=with_field("url", None)),
    "an address that is none": SourceFault(
        "an address that is none", listed=with_field("url", "http://[::1")
    ),
    "an address with half a character": SourceFault("has no address", listed=with_field("url", "/\ud800")),
    "a size beyond any file": SourceFault(
        "the catalogue says 1,000,000,000", listed=with_field("check_size", 10**18)
    ),
    "403 of a file": SourceFault("is refused (403). It may want a sign-in", file=(Reply(status=403),)),
    "404 of the catalogue": SourceFault("there is nothing at", pages=(server.not_found(),)),
    "429 of the catalogue": SourceFault("too many requests", pages=(server.too_many("7200"),)),
    "500 of the catalogue": SourceFault("a fault of its own (500)", pages=(server.broken(),)),
    "a catalogue that is a page": SourceFault("a web page instead of json", pages=(server.web_page(),)),
    "a catalogue cut short": SourceFault("something else instead of json", pages=(server.as_text('{"a": '),)),
    "a catalogue of another shape": SourceFault(
        "of another shape", pages=(server.as_json({"success": True}),)
    ),
    "a catalogue that is a list": SourceFault("of another shape", pages=(server.as_json([1, 2]),)),
    "a catalogue of texts": SourceFault("of another shape", pages=(server.as_json({"resources": ["a"]}),)),
    "no resources": SourceFault("lists no file of records", pages=(server.as_json({"resources": {}}),)),
    "a drip of a catalogue": SourceFault("not complete after 0.5 s", pages=(server.dripping(),)),
}


@pytest.fixture(scope="module")
def well() -> Datastore:
    return small_datastore(SINCE, NEWEST)


@pytest.fixture
def records(own_home: Path, publisher: Publisher, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder of records of a home whose Datastore is the publisher on loopback."""
    monkeypatch.setenv("LONDONPUMP_DATASTORE_URL", publisher.url)
    monkeypatch.setattr(application, "open_http", lambda: Http(IMPATIENT, Sleeper()))
    return own_home / "records"


def fetch() -> Result:
    arguments = ["fetch", "records", "--since", SINCE.isoformat()]
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, arguments)


def tree(folder: Path) -> dict[str, bytes]:
    """Return every file and folder, including hidden ones."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else b"folder"
        for path in folder.rglob("*")
    }


def inject(publisher: Publisher, well: Datastore, fault: SourceFault) -> None:
    listed = fault.listed(well)
    listed.opens_at(publisher)
    publisher.answers("/again", loop)
    if fault.file:
        publisher.answers(listed.listed[0].path, *fault.file)
    if fault.pages:
        for page in PAGES:
            publisher.answers(page, *fault.pages)


@pytest.fixture(scope="module")
def good_set(well: Datastore, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of records after a download from a Datastore without faults."""
    home = tmp_path_factory.mktemp("good")
    with server.serving() as running:
        well.opens_at(running)
        fetch_records(Settings(home=home, datastore_url=running.url), SINCE)
    return home / "records"


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_the_good_set_stays_byte_for_byte_whatever_goes_wrong(
    fault, well, good_set, publisher, records
) -> None:
    shutil.copytree(good_set, records)
    before = tree(records)
    inject(publisher, well, fault)
    assert fetch().exit_code == 3
    assert tree(records) == before


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_it_says_what_is_wrong_and_leaves_nothing_behind(fault, well, publisher, records) -> None:
    inject(publisher, well, fault)
    result = fetch()
    last = result.stderr.splitlines()[-1]
    assert last.startswith("londonpump: London Datastore: ")
    assert fault.message in last
    assert "Traceback" not in result.output
    assert result.exit_code == 3
    assert not records.exists()


def test_a_datastore_that_is_not_there_is_told(records, monkeypatch) -> None:
    with server.serving() as gone:
        monkeypatch.setenv("LONDONPUMP_DATASTORE_URL", gone.url)
    result = fetch()
    assert result.exit_code == 3
    assert "London Datastore: it cannot be reached, asked 3 times" in result.stderr


def test_faults_that_pass_are_survived(well, publisher, records) -> None:
    first = well.listed[0]
    half = server.cut(Reply(first.body, headers={"ETag": server.tag_of(first.body)}))
    well.with_first(first=(server.broken(), half)).opens_at(publisher)
    publisher.answers(PAGES[0], server.too_many("1"), server.as_json(well.dataset("incidents")))
    assert fetch().exit_code == 0


def test_the_set_that_was_copied_is_a_good_one(well, good_set, publisher, records) -> None:
    shutil.copytree(good_set, records)
    well.opens_at(publisher)
    result = fetch()
    assert result.exit_code == 0
    assert "The set of records in use is unchanged." in result.stdout


def test_the_command_says_what_it_did(well, publisher, records) -> None:
    well.opens_at(publisher)
    result = fetch()
    assert result.exit_code == 0
    assert f"newest record {NEWEST}" in result.stdout
    assert f"4 of 4 files fetched; records from {SINCE} on: {records}" in result.stdout


def test_a_day_before_the_first_record_is_bad_input(records) -> None:
    result = CliRunner().invoke(app, ["fetch", "records", "--since", "2001-01-01"])
    assert result.exit_code == 2
    assert "2009-01-01" in result.stderr
