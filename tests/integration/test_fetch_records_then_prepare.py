"""Records in the published format are fetched from a publisher and prepared."""

from datetime import UTC, date, datetime
from multiprocessing import get_context
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest
from support.datastore import Datastore, Listed
from support.publisher_server import Publisher

from londonpump.domain.errors import BadFile
from londonpump.ingest.london_datastore import fetched_files
from londonpump.ingest.london_datastore.file_store import exclusive_workspace
from londonpump.lifecycle.fetch import fetch_records
from londonpump.lifecycle.prepare import PrepareRequest, prepare
from londonpump.settings import Settings
from londonpump.simulation.plan import SimulationPlan
from londonpump.simulation.simulate import write_simulation

NOW = datetime(2023, 5, 20, tzinfo=UTC)


@pytest.fixture(scope="module", params=["2021-24 csv", "2021-24 xlsx", "2009-14 csv"])
def simulated(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    vintage, ending = request.param.split()
    start = date(2023, 3, 14)
    plan = SimulationPlan(incidents=600, days=16, start=start, seed=5, vintage=vintage, file_format=ending)
    return write_simulation(plan, tmp_path_factory.mktemp("simulated") / "raw").files


def test_fetched_records_can_be_prepared(simulated, publisher: Publisher, tmp_path) -> None:
    listed = [
        Listed(
            table,
            "58m",
            f"LFB {table[:-1]} data from 2023{simulated[table].suffix}",
            simulated[table].read_bytes(),
        )
        for table in ("incidents", "mobilisations")
    ]
    Datastore(tuple(listed)).opens_at(publisher)
    settings = Settings(home=tmp_path / "home", datastore_url=publisher.url)
    fetch_records(settings, date(2023, 3, 14), at=NOW)
    found = fetched_files(settings.records)
    out = tmp_path / "data"
    report = prepare(
        PrepareRequest(found["incidents"], out, found["mobilisations"], is_complete=True, is_simulated=True)
    )
    assert report.examples > 100


def hold(folder: Path, is_held: Event, may_end: Event) -> None:
    """Hold the lock of a folder in another process until it is released."""
    with exclusive_workspace(folder):
        is_held.set()
        may_end.wait(60)


def test_the_lock_of_a_process_that_was_killed_is_gone(tmp_path) -> None:
    context = get_context("spawn")
    is_held, may_end = context.Event(), context.Event()
    other = context.Process(target=hold, args=(tmp_path / "records", is_held, may_end))
    other.start()
    assert is_held.wait(60)
    with pytest.raises(BadFile, match="another fetch is at work"), exclusive_workspace(tmp_path / "records"):
        pass
    other.kill()
    other.join()
    with exclusive_workspace(tmp_path / "records") as workplace:
        assert list(workplace.iterdir()) == []
