"""A small simulated Brigade, prepared, trained and judged once for all tests that need one."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest
from hypothesis import settings
from support.publisher_server import Publisher, Sleeper, serving
from support.routes_built_once import routes_kept
from support.run_size import examples
from support.shared_between_workers import SharedFolders
from support.translated_once import translations_kept
from typer import rich_utils

from londonpump.domain.stations import known_stations
from londonpump.lifecycle.predict import open_bundle
from londonpump.lifecycle.prepare import PrepareRequest, prepare
from londonpump.lifecycle.prepared_examples import Examples, load_examples
from londonpump.lifecycle.train import TrainRequest, train
from londonpump.models.bundle import Bundle
from londonpump.roads.make import make_table
from londonpump.simulation.plan import SimulationPlan
from londonpump.simulation.simulate import write_simulation

# On GitHub, Typer colours what no terminal shows, and the texts that tests look for are cut by the colours.
rich_utils.FORCE_TERMINAL = None


SMALL = SimulationPlan(incidents=5_000, days=16, start=date(2023, 3, 14), seed=5)
"""Two weeks and the night the clocks go forward; the fleet is known from its second week on."""


os.environ.setdefault("LONDONPUMP_TRACKING", "false")
"""Only tests of tracking use MLflow: it takes seconds."""

settings.register_profile("run size", max_examples=examples(100))
settings.load_profile("run size")


ON_BOTH_ENGINES_IN_EVERY_RUN = (
    *("persistence", "registry", "audit", "concurrency", "idempotency", "history", "migrations", "challenge"),
    *("home_of_version", "stored_batches", "board_routes", "predictions_mobilised", "auth_sessions"),
    "console_poll",
)
"""Parts of the paths of tests about what the database does. Others run on SQLite in every run, and on PostgreSQL too among
the slow proofs: their results hardly depend on the engine, and a database of PostgreSQL for each takes a quarter of a run."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        callspec = getattr(item, "callspec", None)
        if callspec is None or not any(value == "postgresql" for value in callspec.params.values()):
            continue
        path = item.path.as_posix().partition("/tests/")[2]
        if not any(part in path for part in ON_BOTH_ENGINES_IN_EVERY_RUN):
            item.add_marker(pytest.mark.slow)


@dataclass(frozen=True)
class SmallBrigade:
    """raw: published files by name. data: of `prepare`. bundle: the folder of `train`."""

    raw: dict[str, Path]
    data: Path
    bundle: Path


AFTER_TWELVE_DAYS = date(2023, 3, 26)


@pytest.fixture(scope="session", autouse=True)
def built_once() -> Iterator[None]:
    """SQL and routes are built once per worker; commands that run as a process build their own."""
    with translations_kept(), routes_kept():
        yield


@pytest.fixture(scope="session")
def shared_folders(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> SharedFolders:
    """Folders that the workers of one run have in common."""
    own = tmp_path_factory.getbasetemp()
    # The base folder of a worker lies in the base folder of the run.
    return SharedFolders((own if worker_id == "master" else own.parent) / "shared")


@pytest.fixture(scope="session")
def small_raw(shared_folders: SharedFolders) -> dict[str, Path]:
    """Published files of the small Brigade, defects and all."""

    def fill(folder: Path) -> None:
        files = write_simulation(SMALL, folder / "raw").files
        (folder / "files.json").write_text(json.dumps({name: file.name for name, file in files.items()}))

    folder = shared_folders.filled("small_raw", fill)
    names = json.loads((folder / "files.json").read_text())
    return {name: folder / "raw" / file for name, file in names.items()}


@pytest.fixture(scope="session")
def small_data(small_raw: dict[str, Path], shared_folders: SharedFolders) -> Path:
    """DATA of the small Brigade."""

    def fill(folder: Path) -> None:
        prepare(
            PrepareRequest(
                incidents=(small_raw["incidents"],),
                mobilisations=(small_raw["mobilisations"],),
                weather=small_raw["weather_hourly"],
                out=folder / "data",
                is_complete=True,
                is_simulated=True,
            )
        )

    return shared_folders.filled("small_data", fill) / "data"


@pytest.fixture(scope="session")
def small_brigade(
    small_raw: dict[str, Path], small_data: Path, shared_folders: SharedFolders
) -> SmallBrigade:
    """The small Brigade with a bundle learnt from its first twelve days."""
    folder = shared_folders.filled(
        "small_bundle",
        lambda folder: train(TrainRequest(small_data, folder / "bundle", until=AFTER_TWELVE_DAYS)),
    )
    (bundle,) = (card.parent for card in (folder / "bundle").glob("*/bundle.json"))
    return SmallBrigade(small_raw, small_data, bundle)


@pytest.fixture(scope="session")
def roads_folder(shared_folders: SharedFolders) -> Path:
    """A folder with the table of a made-up map of central London."""
    pytest.importorskip("osmium", reason="reading a map needs the extra roads")

    def fill(folder: Path) -> None:
        from support.road_maps import write_city

        folder.mkdir(parents=True, exist_ok=True)
        map_file, stations = write_city(folder / "city.osm.pbf", known_stations())
        make_table(map_file, stations, folder / "roads", {}, is_partial=True)

    return shared_folders.filled("roads", fill) / "roads"


@pytest.fixture(scope="session")
def road_bundle_folder(small_data: Path, roads_folder: Path, shared_folders: SharedFolders) -> Path:
    """A bundle that was trained with that table."""
    folder = shared_folders.filled(
        "road_bundle",
        lambda folder: train(
            TrainRequest(small_data, folder / "bundle", until=AFTER_TWELVE_DAYS, roads=roads_folder)
        ),
    )
    (bundle,) = (card.parent for card in (folder / "bundle").glob("*/bundle.json"))
    return bundle


@pytest.fixture(scope="session")
def road_bundle(road_bundle_folder: Path, roads_folder: Path) -> Bundle:
    """That bundle with its table, as read back from its folder."""
    return open_bundle(road_bundle_folder, roads_folder)


@pytest.fixture(scope="session")
def small_bundle(small_brigade: SmallBrigade) -> Bundle:
    """The bundle, as read back from its folder."""
    return open_bundle(small_brigade.bundle)


@pytest.fixture(scope="session")
def small_examples(small_data: Path) -> Examples:
    """The examples of the small Brigade."""
    return load_examples(small_data)


@pytest.fixture
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A LONDONPUMP_HOME of the test's own, and the current folder with it."""
    monkeypatch.setenv("LONDONPUMP_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


@pytest.fixture
def publisher(monkeypatch: pytest.MonkeyPatch) -> Iterator[Publisher]:
    """A publisher on loopback; support/publisher_server.py says how to set what it answers."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serving() as running:
        yield running


@pytest.fixture
def sleeper() -> Sleeper:
    """Takes no time, and knows how long it would have taken."""
    return Sleeper()
