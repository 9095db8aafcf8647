"""Each thing that can go wrong: what the command says, its exit code, and that nothing that was there changes."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import Result
from support import publisher_server as server
from support.datastore import IDS, Datastore, every_day, records_csv, small_datastore
from support.publisher_server import Publisher, Reply, Sleeper
from typer.testing import CliRunner

from londonpump.cli import app, screen
from londonpump.pipelines.fetch import fetch_records
from londonpump.settings import Settings
from londonpump.sources.http import Http, Limits

TODAY = datetime.now(UTC).date()
NEWEST = TODAY - timedelta(days=40)
SINCE = date(NEWEST.year - 1, 11, 1)
IMPATIENT = Limits(connect_s=1, read_s=1, total_s=0.5, slowest_bytes_s=10**10, tries=3)
"""Like the limits of the product, in less time."""
CHANGED = records_csv("incidents", every_day(date(NEWEST.year, 1, 1), NEWEST - timedelta(days=1)))
PAGES = [f"/api/dataset/{identity}" for identity in IDS.values()]


@dataclass(frozen=True)
class Spoilt:
    """What to do to a Datastore that is well, and what the command says then.

    file: replaces the first file's replies. listed: changes the first file. pages: replaces both pages of the API.
    """

    words: str
    file: tuple[server.Answering, ...] = ()
    pages: tuple[server.Answering, ...] = ()
    listed: Callable[[Datastore], Datastore] = lambda well: well.with_first(body=CHANGED)


def body_of(days: list[date], renamed: dict[str, str] | None = None) -> Callable[[Datastore], Datastore]:
    return lambda well: well.with_first(body=records_csv("incidents", days, renamed))


def without_december(well: Datastore) -> Datastore:
    first, second, *others = well.listed
    november = every_day(SINCE, date(SINCE.year, 11, 30))
    return Datastore((first, replace(second, body=records_csv("incidents", november)), *others))


def titled(title: str) -> Callable[[Datastore], Datastore]:
    """One file of incidents alone, under that title."""
    return lambda well: Datastore((replace(well.listed[0], title=title, body=CHANGED), *well.listed[2:]))


def only_old(well: Datastore) -> Datastore:
    old = every_day(SINCE, TODAY - timedelta(days=101))
    first, second, *others = well.listed
    body = records_csv("incidents", old)
    return Datastore((replace(first, body=body), replace(second, body=body + b"\n"), *others))


def with_field(name: str, value: object) -> Callable[[Datastore], Datastore]:
    return lambda well: well.with_first(body=CHANGED, fields=((name, value),))


def loop(asked: server.Asked) -> Reply:
    return server.redirect("/again" if asked.path != "/again" else asked.path)


FULL = Reply(CHANGED)
FAULTS = {
    "404 of a file": Spoilt("there is nothing at", file=(server.not_found(),)),
    "429 that takes hours": Spoilt("Ask again after", file=(server.too_many("7200"),)),
    "429 without end": Spoilt("too many requests (429), asked 3 times", file=(server.too_many("1"),)),
    "500 without end": Spoilt("a fault of its own (500), asked 3 times", file=(server.broken(),)),
    "slow drip": Spoilt("the answer was not complete after 0.5", file=(server.dripping(b"IncidentNumber"),)),
    "cut half-way, each time": Spoilt("the connection was cut", file=(server.cut(FULL),)),
    "longer than it says": Spoilt("the catalogue says", file=(server.wrong_length(FULL, 1000),)),
    "shorter than it says": Spoilt("cut", file=(server.wrong_length(FULL, len(CHANGED) + 5),)),
    "another size than the catalogue's": Spoilt("the catalogue says", file=(Reply(CHANGED * 2),)),
    "a page instead of a file": Spoilt("a web page, not a csv or xlsx", file=(server.web_page(),)),
    "a page that says it is csv": Spoilt("a web page", file=(server.web_page(content_type="text/csv"),)),
    "damaged gzip": Spoilt(
        "the packed answer is damaged", file=(replace(FULL, headers={"Content-Encoding": "gzip"}),)
    ),
    "redirects in a circle": Spoilt("redirects in a circle", file=(server.redirect("/again"),)),
    "another hash": Spoilt("does not have the md5", listed=with_field("check_hash", "0" * 32)),
    "a workbook that is none": Spoilt(
        "the workbook", listed=lambda well: well.with_first(body=b"PK\x03\x04" * 99)
    ),
    "columns renamed": Spoilt(
        "required columns of the incidents are missing: Easting_rounded",
        listed=body_of(every_day(date(NEWEST.year, 1, 1), NEWEST), {"Easting_rounded": "East"}),
    ),
    "the other dataset's columns": Spoilt(
        "these are mobilisations, not incidents",
        listed=lambda well: well.with_first(body=records_csv("mobilisations", [NEWEST])),
    ),
    "dates that are none": Spoilt(
        "DateOfCall cannot be read",
        listed=lambda well: well.with_first(body=CHANGED.replace(f"-{NEWEST:%y},".encode(), b"-?,")),
    ),
    "an empty month": Spoilt(f"the incidents hold no record of {SINCE.year}-12", listed=without_december),
    "only old rows": Spoilt(
        "more than 100 days ago",
        listed=only_old,
    ),
    "the newest years not listed": Spoilt(
        "no file of incidents covers", listed=titled(f"LFB Incident data from 2018 - {TODAY.year - 2}.csv")
    ),
    "the oldest year not listed": Spoilt(
        f"no file of incidents covers {SINCE.year}",
        listed=titled(f"LFB Incident data {NEWEST.year} onwards.csv"),
    ),
    "no years in the titles": Spoilt(
        "lists no file of records", listed=titled("LFB Incident data - last three years.csv")
    ),
    "an id that is a path": Spoilt(
        "has an id that cannot be used", listed=lambda w: w.with_first(id="../../x")
    ),
    "a file without an address": Spoilt("has no address", listed=with_field("url", None)),
    "an address that is none": Spoilt("an address that is none", listed=with_field("url", "http://[::1")),
    "an address with half a character": Spoilt("has no address", listed=with_field("url", "/\ud800")),
    "a size beyond any file": Spoilt(
        "the catalogue says 1,000,000,000", listed=with_field("check_size", 10**18)
    ),
    "403 of a file": Spoilt("is refused (403). It may want a sign-in", file=(Reply(status=403),)),
    "404 of the catalogue": Spoilt("there is nothing at", pages=(server.not_found(),)),
    "429 of the catalogue": Spoilt("too many requests", pages=(server.too_many("7200"),)),
    "500 of the catalogue": Spoilt("a fault of its own (500)", pages=(server.broken(),)),
    "a catalogue that is a page": Spoilt("a web page instead of json", pages=(server.web_page(),)),
    "a catalogue cut short": Spoilt("something else instead of json", pages=(server.as_text('{"a": '),)),
    "a catalogue of another shape": Spoilt("of another shape", pages=(server.as_json({"success": True}),)),
    "a catalogue that is a list": Spoilt("of another shape", pages=(server.as_json([1, 2]),)),
    "a catalogue of texts": Spoilt("of another shape", pages=(server.as_json({"resources": ["a"]}),)),
    "no resources": Spoilt("lists no file of records", pages=(server.as_json({"resources": {}}),)),
    "a drip of a catalogue": Spoilt("not complete after 0.5 s", pages=(server.dripping(),)),
}


@pytest.fixture(scope="module")
def well() -> Datastore:
    return small_datastore(SINCE, NEWEST)


@pytest.fixture
def records(own_home: Path, publisher: Publisher, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of records of a home whose Datastore is the publisher on loopback."""
    monkeypatch.setenv("LONDONPUMP_DATASTORE_URL", publisher.url)
    monkeypatch.setattr(screen, "open_http", lambda: Http(IMPATIENT, Sleeper()))
    return own_home / "records"


def fetch() -> Result:
    arguments = ["fetch", "records", "--since", SINCE.isoformat()]
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, arguments)


def tree(folder: Path) -> dict[str, bytes]:
    """Every file, hidden ones too, and every folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else b"folder"
        for path in folder.rglob("*")
    }


def spoil(publisher: Publisher, well: Datastore, fault: Spoilt) -> None:
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
    """The folder of records after a fetch from a Datastore that is well."""
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
    spoil(publisher, well, fault)
    assert fetch().exit_code == 3
    assert tree(records) == before


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_it_says_what_is_wrong_and_leaves_nothing_behind(fault, well, publisher, records) -> None:
    spoil(publisher, well, fault)
    result = fetch()
    last = result.stderr.splitlines()[-1]
    assert last.startswith("londonpump: London Datastore: ")
    assert fault.words in last
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
    assert "The good set is the one that was here." in result.stdout


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
