"""Which files of a catalogue are fetched."""

import json
from datetime import date
from pathlib import Path

import pytest
from support.publisher_server import Publisher, Sleeper, as_json

from londonpump.domain.errors import SourceFailed
from londonpump.ingest.http import Http
from londonpump.ingest.london_datastore.catalogue import (
    Entry,
    as_resource,
    file_name,
    list_resources,
    years_of,
)
from londonpump.ingest.london_datastore.datasets import DATASETS, Resource, choose
from londonpump.ingest.london_datastore.fetch import require_complete

TODAY = date(2026, 11, 24)
SHARED = Path(__file__).resolve().parents[3] / "../shared/data/datastore"


def resource(title: str, stamp: str = "") -> Resource:
    first, last = years_of(title)
    return Resource(title, title, f"http://127.0.0.1/{title}", first, last, stamp=stamp)


def chosen(*titles: str, since: date = date(2021, 1, 1), today: date = TODAY) -> list[str]:
    return [one.title for one in choose([resource(title) for title in titles], since, today, "incidents")]


@pytest.mark.parametrize(
    ("title", "years"),
    [
        ("LFB Incident data from 2009 - 2017.csv", (2009, 2017)),
        ("LFB Incident data from 2018 onwards.csv.xlsx", (2018, None)),
        ("LFB Mobilisation data from January 2009 - 2014.xlsx", (2009, 2014)),
        ("LFB Mobilisation data 2021 - 2024.xlsx", (2021, 2024)),
        ("LFB Mobilisation data from 2025.csv", (2025, None)),
        ("LFB Mobilisation data 2025.csv", (2025, 2025)),
        ("LFB Incident data - last three years.csv", None),
        # issue 11, B11
        ("LFB Incident data 2025 - present.csv", (2025, None)),
        ("LFB Incident data 2025 to date.xlsx", (2025, None)),
        ("LFB Incident data (January 2025 - present)", (2025, None)),
        ("LFB Incident data 2025 - now", (2025, None)),
        ("LFB Incident data 2024 - 2025 to date", (2024, None)),
        ("LFB Incident data 2025 - .csv", (2025, None)),
        ("LFB Incident data 2025-26.csv", (2025, 2026)),
        ("LFB Incident data 2025/26", (2025, 2026)),
        ("LFB Incident data 2018\u201323", (2018, 2023)),
        ("LFB Incident data 2025-03", (2025, 2025)),
        ("LFB Mobilisation data from 2021 - 2024 (updated March 2025)", (2021, 2024)),
        ("LFB Mobilisation data from 2021 - 2024, updated 3rd March 2025.csv", (2021, 2024)),
        ("LFB Mobilisation data from 2021 - 2024 (last updated: 2025-03-04)", (2021, 2024)),
        ("LFB Mobilisation data from 2021 - 2024 (March 2025)", (2021, 2024)),
        ("LFB Incident data 2018 - 2023 as at 31/03/2026", (2018, 2023)),
        ("LFB Incident data 2018 - 2023 (up to date)", (2018, 2023)),
        ("LFB Incident data from 2024 onwards (updated monthly, March 2025)", (2024, None)),
        ("LFB Incident data updated March 2025", None),
        ("Incidents_2025_to_date.csv", (2025, None)),
        ("LFB Incident data 2025 - latest", (2025, None)),
        ("LFB Incident data 2025 and later", (2025, None)),
        ("LFB Incident data 2025 and after", (2025, None)),
        ("LFB Incident data 2025 (so far)", (2025, None)),
        ("LFB Incident data 2025YTD", (2025, None)),
        ("LFB Incident data 2025 (to date, updated monthly)", (2025, None)),
        ("LFB Incident data (2025 - present, updated monthly)", (2025, None)),
        ("LFB Incident data 2021-2024 extracted January 2026", (2021, 2024)),
        ("LFB_Incidents_2021-2024_downloaded_2026-01-05.csv", (2021, 2024)),
        ("Incidents 2009 to 2017 (updated to include 2026 boundaries)", (2009, 2017)),
        ("LFB Incident data 2021 - 2024, new 2025 version", (2021, 2024)),
        ("LFB Incident data 2021 - 2024 (latest version)", (2021, 2024)),
        ("LFB Incident data created 2018 - 2023", (2018, 2023)),
        ("LFB Incident data 120241.csv", None),
    ],
)
def test_a_title_says_which_years_its_file_covers(title, years) -> None:
    assert years_of(title) == years


def test_where_a_title_is_silent_the_time_frame_of_the_entry_speaks() -> None:
    fields = {"title": "LFB Incident data", "timeframeFrom": "2018-01-01", "timeframeTo": "2023-12-31"}
    assert Entry("a", fields).years == (2018, 2023)


def test_a_time_frame_without_an_end_is_open() -> None:
    fields = {"title": "LFB Incident data", "temporal_coverage_from": "2024-01-01"}
    assert Entry("a", fields).years == (2024, None)


@pytest.mark.parametrize(
    ("titles", "expected"),
    [
        (("x 2009 - 2017", "x 2018 - 2023", "x 2024 onwards"), ["x 2018 - 2023", "x 2024 onwards"]),
        (("x 2024 onwards", "x 2009 - 2017", "x 2018 - 2023"), ["x 2018 - 2023", "x 2024 onwards"]),
        (("x 2009 onwards",), ["x 2009 onwards"]),
        (("x 2021", "x 2022", "x 2021 - 2024", "x from 2025"), ["x 2021 - 2024", "x from 2025"]),
        (("x 2009 - 2026", "x 2018 - 2026"), ["x 2018 - 2026"]),
        (("x 2018 onwards", "x 2024 onwards"), ["x 2018 onwards", "x 2024 onwards"]),
        (("x 2018 onwards", "x 2018 - 2026", "x 2024 - 2025"), ["x 2018 onwards"]),
    ],
)
def test_the_fewest_files_are_chosen_the_newest_among_them(titles, expected) -> None:
    assert chosen(*titles) == expected


def test_of_two_files_of_the_same_years_the_later_one_is_chosen() -> None:
    old, new = resource("x 2018 onwards", "2026-01"), resource("y 2018 onwards", "2026-10")
    assert choose([new, old], date(2021, 1, 1), TODAY, "incidents") == (new,)


def test_the_file_of_the_new_year_is_fetched_as_soon_as_it_is_there() -> None:
    titles = ("x 2024 - 2026", "x from 2027")
    assert chosen(*titles, since=date(2025, 1, 1), today=date(2027, 2, 1)) == list(titles)


def test_in_january_the_files_of_last_year_are_enough() -> None:
    assert chosen("x 2024 - 2026", since=date(2025, 1, 1), today=date(2027, 1, 20)) == ["x 2024 - 2026"]


@pytest.mark.parametrize(
    ("titles", "year"),
    [
        (("x 2018 - 2023",), 2026),
        (("x 2018 - 2025",), 2026),
        (("x 2024 onwards",), 2021),
        (("x 2018 - 2021", "x 2024 onwards"), 2022),
    ],
)
def test_a_year_that_no_file_covers_is_named(titles, year) -> None:
    with pytest.raises(SourceFailed, match=f"no file of incidents covers {year}") as failed:
        chosen(*titles)
    assert all(repr(title) in str(failed.value) for title in titles)


def test_the_example_of_the_catalogue_gives_the_files_of_today(
    publisher: Publisher, sleeper: Sleeper
) -> None:
    if not SHARED.exists():
        pytest.skip("the examples of the catalogue are not beside this checkout")
    found = []
    for dataset in DATASETS:
        text = (SHARED / f"example_api_dataset_{dataset.id}.json").read_text(encoding="utf-8")
        publisher.answers(f"/api/dataset/{dataset.id}", as_json(json.loads(text)))
        with Http(sleep=sleeper) as http:
            listed = list_resources(http, publisher.url, dataset)
        found += [one.id for one in choose(listed, date(2021, 1, 1), TODAY, dataset.record_type)]
    assert found == [
        "f5066d66-c7a3-415f-9629-026fbda61822",
        "58m",
        "3ff29fb5-3935-41b2-89f1-38571059237e",
        "7d5b4e2f-3ddb-48b9-8a4d-bf86bdf6a4ef",
    ]


@pytest.mark.parametrize(
    ("url", "base", "expected"),
    [
        ("https://data.london.gov.uk/download/a%20b", "http://mirror/x", "http://mirror/x/download/a%20b"),
        (
            "https://data.london.gov.uk/download/a",
            "https://data.london.gov.uk",
            "https://data.london.gov.uk/download/a",
        ),
        ("https://elsewhere.org/a?b=1", "http://mirror", "https://elsewhere.org/a?b=1"),
        ("/download/a", "http://mirror", "http://mirror/download/a"),
    ],
)
def test_addresses_of_the_own_host_are_those_of_the_mirror(url, base, expected) -> None:
    entry = Entry("58m", {"title": "LFB Incident data from 2024 onwards", "url": url})
    assert as_resource(entry, base).url == expected


def test_of_a_title_only_what_can_be_shown_is_kept() -> None:
    assert Entry("58m", {"title": "LFB\u00a0Incident \x1b[2Jdata\ud800"}).title == "LFB Incident [2Jdata"


@pytest.mark.parametrize("identity", ["", "..", "../x", "a/b", ".hidden", "a b", "x" * 65, None, 7, "a\n"])
def test_an_id_that_would_be_an_odd_folder_is_refused(identity) -> None:
    entry = Entry(identity, {"title": "LFB Incident data from 2024", "url": "/a"})
    with pytest.raises(SourceFailed, match="id that cannot be used"):
        as_resource(entry, "http://mirror")


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("http://a/LFB%20Incident%20data%20from%202018.csv.xlsx", "LFB Incident data from 2018.csv"),
        ("http://a/b/..%2F..%2Fetc%2Fpasswd", "______etc_passwd.csv"),
        ("http://a/" + "x" * 300, "x" * 100 + ".csv"),
    ],
)
def test_a_name_of_a_file_is_harmless(url, name) -> None:
    assert file_name(Resource("a", "t", url, 2018, None), "csv") == name


def test_an_empty_month_between_two_files_is_named() -> None:
    with pytest.raises(SourceFailed, match="the incidents hold no record of 2026-01"):
        require_complete(
            "incidents",
            [{"2025-12": 5}, {"2026-02": 5}],
            date(2026, 2, 3),
            date(2025, 12, 9),
            date(2026, 4, 1),
        )


@pytest.mark.parametrize(("today", "is_fine"), [(date(2026, 5, 14), True), (date(2026, 5, 15), False)])
def test_the_newest_record_may_be_100_days_old(today, is_fine) -> None:
    arguments = ("incidents", [{"2026-02": 5}], date(2026, 2, 3), date(2026, 2, 1), today)
    if is_fine:
        require_complete(*arguments)
        return
    with pytest.raises(SourceFailed, match="of 2026-02-03, more than 100 days ago"):
        require_complete(*arguments)
