"""The command `doctor`: examine an installation without changing anything, and ask each publisher for one small thing."""

import os
import platform
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from londonpump import __version__
from londonpump.domain.errors import BadFile, DatabaseFailed, LondonPumpError
from londonpump.persistence import bundles
from londonpump.persistence.database import VERSION, connect, reading, schema_version
from londonpump.persistence.repositories import context, decisions
from londonpump.roads.table import FOLDERS
from londonpump.settings import SECRETS, Settings, config_file, source_of, unknown_variables

if TYPE_CHECKING:
    from londonpump.ingest.http import Http

MIN_FREE_BYTES, LOW_FREE_BYTES = 200_000_000, 2_000_000_000
"""Below the first a training fails; a year of records with its models and reports needs about the second."""
PROMOTE = "Activate one: londonpump models promote BUNDLE --why TEXT."


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was examined."""

    name: str
    status: Literal["pass", "warn", "fail"]
    """`warn`: something is missing or odd, and what needs it does not work yet. `fail`: it must be repaired."""
    output: str
    action: str = ""
    """What to do; empty if nothing."""


NEVER_REFRESHED = Finding(
    "sources",
    "pass",
    "weather, calendars and traffic were never refreshed; usual values are used",
    "If you want those of now: londonpump refresh context.",
)


def examine(settings: Settings, extras: Mapping[str, Sequence[str]]) -> Iterator[Finding]:
    """Examine everything on this machine. extras: {extra of the package: modules that it installs}."""
    yield _versions(extras)
    yield from _settings(settings)
    yield _home(settings.home)
    yield _disk(settings.home)
    yield _files(
        "records", settings.records, "Fetch them: londonpump fetch records. Or name your own in prepare."
    )
    yield _files("examples", settings.data, "Make them: londonpump prepare.")
    yield from _database_and_model(settings)
    roads = FOLDERS.current_name(settings.roads)
    yield Finding(
        "roads", "pass", f"table {roads}" if roads else "no map was imported; models work without one"
    )


def _versions(extras: Mapping[str, Sequence[str]]) -> Finding:
    missing = [extra for extra, modules in extras.items() if not all(map(find_spec, modules))]
    output = f"londonpump {__version__}, Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    if not missing:
        return Finding("versions", "pass", output)
    action = f"If you need them: pip install 'londonpump[{','.join(missing)}]'."
    return Finding("versions", "pass", f"{output}; without {', '.join(missing)}", action)


def _settings(settings: Settings) -> Iterator[Finding]:
    sources = {name: source_of(settings, name) for name in Settings.model_fields}
    stated = [f"{name} ({source})" for name, source in sources.items() if source != "default"]
    yield Finding(
        "settings", "pass", ", ".join(stated) or "all defaults", "See them: londonpump config show."
    )
    for name, hint in unknown_variables().items():
        yield Finding("settings", "warn", f"{name} is no setting{hint}", "Correct its name, or unset it.")
    file = config_file()
    has_secret = any(sources[name] == str(file) for name in SECRETS)
    if file is not None and has_secret and file.stat().st_mode & 0o077:
        yield Finding(
            "settings", "warn", f"{file} holds a secret and others can read it", f"chmod 600 {file}"
        )


def _home(home: Path) -> Finding:
    # the nearest folder that exists: a home that does not is made by the first command that writes
    existing = next(folder for folder in (home.absolute(), *home.absolute().parents) if folder.exists())
    if not existing.is_dir():
        return Finding("home", "fail", f"{existing} is a file", "Set LONDONPUMP_HOME to a folder.")
    if not os.access(existing, os.W_OK):
        return Finding(
            "home", "fail", f"{existing} cannot be written", "Change its rights, or set LONDONPUMP_HOME."
        )
    return Finding("home", "pass", f"{home}" + ("" if home.is_dir() else ", which does not exist yet"))


def _disk(home: Path) -> Finding:
    existing = next(folder for folder in (home.absolute(), *home.absolute().parents) if folder.exists())
    free = shutil.disk_usage(existing).free
    status: Literal["pass", "warn", "fail"] = "pass" if free >= LOW_FREE_BYTES else "warn"
    action = "" if status == "pass" else "Free some: londonpump models prune, or a larger disk."
    return Finding("disk", "fail" if free < MIN_FREE_BYTES else status, f"{free / 1e9:.1f} GB free", action)


def _files(name: str, folder: Path, action: str) -> Finding:
    n_files = sum(path.is_file() for path in folder.rglob("*")) if folder.is_dir() else 0
    return Finding(
        name, "pass" if n_files else "warn", f"{n_files} files in {folder}", "" if n_files else action
    )


def _database_and_model(settings: Settings) -> Iterator[Finding]:
    file = settings.home / "londonpump.db"
    if settings.is_embedded and not file.exists():
        # connecting would create it, and a doctor changes nothing
        yield Finding("database", "pass", f"{file}, made by the first command that needs it")
        yield Finding("model", "warn", "no model is active", f"Train one: londonpump train. {PROMOTE}")
        yield NEVER_REFRESHED
        return
    try:
        engine = connect(settings.database, schema_version.READER_TIMEOUT_MS)
        try:
            version = schema_version.version_of(engine)
            if version != VERSION:
                yield Finding(
                    "database", "warn", f"its tables have version {version or 'none'}, this product {VERSION}",
                    "Read the runbook, then: londonpump db upgrade.",
                )  # fmt: skip
            else:
                yield Finding("database", "pass", f"answers, tables of version {version}")
            if version is not None:
                with reading(engine) as connection:
                    active = decisions.active_champion(connection)
                    fetches = context.select_last_fetches(connection)
                yield _model(settings, active)
                yield from map(_fetched, fetches)
                if not fetches:
                    yield NEVER_REFRESHED
        finally:
            engine.dispose()
    except DatabaseFailed as error:
        yield Finding("database", "fail", str(error), "Check LONDONPUMP_DATABASE_URL and the server.")


def _model(settings: Settings, active: str | None) -> Finding:
    if active is None:
        return Finding("model", "warn", "no model is active", PROMOTE)
    folder = bundles.folder_of(settings.bundle, active)
    try:
        bundles.load_bundle(folder)
    except BadFile as error:
        return Finding("model", "fail", f"{active} is active and cannot be used: {error}", PROMOTE)
    try:
        bundles.read_provenance(folder)
    except BadFile as error:
        # no prediction depends on it: the hashes of the model leave it out
        return Finding(
            "model",
            "warn",
            f"{active} is active and can be used; when and where it was made cannot be read: {error}",
            "Copy its provenance.json again. Calls are answered without it.",
        )
    return Finding("model", "pass", f"{active} is active, its files are whole")


def _fetched(fetch: context.FetchRecord) -> Finding:
    at = f"{fetch.at:%Y-%m-%d %H:%MZ}"
    if fetch.problem is None:
        return Finding(fetch.source, "pass", f"refreshed at {at}")
    return Finding(
        fetch.source, "warn", f"failed at {at}: {fetch.problem}", "Ask again: londonpump refresh context."
    )


def ask_publishers(settings: Settings, http: "Http") -> Iterator[Finding]:
    """Ask each publisher for one small thing, and say what came. Those that need a key are asked if there is one."""
    # the adapters need libraries that the rest of the command does not
    from londonpump.ingest import (  # noqa: PLC0415
        bank_holidays,
        open_meteo,
        road_map,
        school_terms_page,
        tomtom,
        visual_crossing,
    )
    from londonpump.ingest.london_datastore import catalogue, datasets  # noqa: PLC0415

    now = datetime.now(UTC)
    today = now.date()

    def records() -> str:
        dataset = datasets.DATASETS[0]
        n_files = len(catalogue.list_resources(http, settings.datastore_url, dataset))
        return f"{n_files} files of {dataset.record_type}"

    def forecast() -> str:
        return f"{len(open_meteo.fetch_forecast(http, settings, now))} hours of weather"

    def holidays() -> str:
        return f"{len(bank_holidays.fetch_bank_holidays(http, settings).announced)} bank holidays"

    def terms() -> str:
        return f"{len(school_terms_page.fetch_school_holidays(http, settings, today))} days without school"

    def roads() -> str:
        return f"the digest of the map: {road_map.stated_digest(http, settings.roads_url) or 'none stated'}"

    def weather_of_today() -> str:
        requested = visual_crossing.LondonDays(today, today)
        return (
            f"{len(visual_crossing.fetch_visual_crossing(http, settings, requested, now))} hours of weather"
        )

    def traffic() -> str:
        return f"congestion {tomtom.fetch_traffic(http, settings, now).congestion_rate:.0%}"

    yield _answer("London Datastore", records)
    yield _answer("Open-Meteo", forecast)
    yield _answer("GOV.UK", holidays)
    yield _answer("school terms", terms)
    yield _answer("roads", roads)
    yield _answer("Visual Crossing", weather_of_today, settings.visual_crossing_key)
    yield _answer("TomTom", traffic, settings.tomtom_key)


def _answer(name: str, ask: Callable[[], str], key: object = "none needed") -> Finding:
    if key is None:
        return Finding(name, "pass", "not asked: no key is set")
    try:
        return Finding(name, "pass", f"answers: {ask()}")
    except LondonPumpError as error:
        return Finding(name, "fail", str(error), "What was stored before stays in use.")


def worst(findings: Sequence[Finding]) -> str:
    """Return the worst status of all."""
    statuses = {each.status for each in findings}
    return next(status for status in ("fail", "warn", "pass") if status in statuses or status == "pass")
