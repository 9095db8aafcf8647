"""Issue 11, B3, B11 and C3: commands that come to nothing, titles of the Datastore, working days without a database."""

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from support.datastore import Datastore, Listed, every_day, records_csv
from support.field_cases import run_in_process
from support.field_files import changed
from support.publisher_server import Publisher

from londonpump.domain.errors import SourceFailed
from londonpump.lifecycle.fetch import FetchedRecords, fetch_records
from londonpump.settings import Settings


def test_a_day_is_a_working_day_or_not_without_a_database(month, tmp_path) -> None:
    """Issue 11, C3: as serving does; Monday 5 June 2023 was one, Monday 28 August was not."""
    here = month.here(tmp_path / "files")
    holiday = changed(
        changed(here.incidents, "DateOfCall", lambda _: "28-Aug-23"),
        "IncidentNumber",
        lambda text: text[:7] + "28082023",
    )
    found = []
    for rows in (None, holiday):
        outcome = run_in_process([here.alone(rows)], here.folder)
        assert outcome.exit_code == 0, outcome.text
        found.append({row["is_working_day"] for row in outcome.examples})
    assert found == [{True}, {False}]


NOW = datetime(2025, 11, 20, tzinfo=UTC)
COVERING = (
    "LFB {} data 2025 - present.csv",
    "LFB {} data 2025 to date.csv",
    "LFB {} data 2025-26.csv",
    "LFB {} data 2025/26.csv",
    "LFB {} data 2021 to present (updated October 2025).csv",
    "LFB {} data from 2025 onwards (updated 3 November 2025).csv",
)


def fetched(title: str, home: Path, publisher: Publisher) -> FetchedRecords:
    """Fetch from a Datastore that lists one file of each table under a title."""
    days = every_day(date(2025, 1, 1), date(2025, 11, 1))
    listed = [
        Listed(table, f"58m{table}", title.format(table.title()[:-1]), records_csv(table, days))
        for table in ("incidents", "mobilisations")
    ]
    Datastore(tuple(listed)).opens_at(publisher)
    return fetch_records(Settings(home=home, datastore_url=publisher.url), date(2025, 2, 1), at=NOW)


@pytest.mark.parametrize("title", COVERING)
def test_a_title_that_covers_this_year_is_understood(title, publisher, tmp_path) -> None:
    """Issue 11, B11."""
    assert len(fetched(title, tmp_path / "home", publisher).fetched.new) == 2


@pytest.mark.parametrize(
    "title",
    ["LFB {} data 2021 - 2024 (updated March 2025).csv", "LFB {} data 2024 (published 12/02/2025).csv"],
)
def test_the_year_of_an_update_is_not_a_year_of_the_data(title, publisher, tmp_path) -> None:
    """Issue 11, B11: the file is not taken for one that covers 2025, and the refusal names the title that was seen."""
    with pytest.raises(SourceFailed, match="2025") as caught:
        fetched(title, tmp_path / "home", publisher)
    assert title.format("Incident").removesuffix(".csv") in str(caught.value)


def test_a_training_without_rows_leaves_the_earlier_bundle(small_brigade, tmp_path) -> None:
    """Issue 11, B3: exit code 2, and current.json names what it named."""
    bundles = tmp_path / "bundles"
    bundles.mkdir()
    (bundles / "current.json").write_text(json.dumps({"bundle": "an-earlier-one"}))
    command = ["train", "--data", str(small_brigade.data), "--until", "2022-01-01", "--out", str(bundles)]
    outcome = run_in_process([command], tmp_path)
    assert (outcome.exit_code, outcome.crash) == (2, ""), outcome.text
    assert json.loads((bundles / "current.json").read_text()) == {"bundle": "an-earlier-one"}


def test_an_evaluation_without_rows_leaves_the_earlier_report(small_brigade, tmp_path) -> None:
    """Issue 11, B3."""
    figures, page = tmp_path / "figures.json", tmp_path / "page.html"
    figures.write_text("{}")
    page.write_text("earlier")
    outcome = run_in_process(
        [
            [
                *["evaluate", str(small_brigade.bundle), "--data", str(small_brigade.data)],
                *["--from", "2024-01-01", "--json", str(figures), "--report", str(page)],
            ]
        ],
        tmp_path,
    )
    assert (outcome.exit_code, outcome.crash) == (2, ""), outcome.text
    assert (figures.read_text(), page.read_text()) == ("{}", "earlier")
