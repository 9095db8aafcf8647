"""The verb `monitor`: is the model on duty still right, is what comes in as it was, is anything too old?

Run daily. It looks, raises and clears alarms, and tells; run again at the same moment it changes nothing. What it
cannot look at (no prepared records, no model) keeps the alarms it has.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Connection, Engine

from londonpump.brigade.errors import BadFile, TooFewRows
from londonpump.evaluation.drift import DriftFound
from londonpump.evaluation.drift_stations import StationChange
from londonpump.evaluation.live import live_figures
from londonpump.evaluation.live_band import Band, watch_band
from londonpump.pipelines import monitor_ages as ages
from londonpump.pipelines.data import Examples, load_examples
from londonpump.pipelines.monitor_conditions import DRIFT, NEW, SILENT, drift_conditions, station_conditions
from londonpump.pipelines.monitor_drift import drift_of
from londonpump.pipelines.monitor_outcomes import Joined, join_outcomes, newest_days, published_times
from londonpump.pipelines.monitor_roll_back import LIVE, Duty, TakeBack, answer_to_band, band_rule
from londonpump.pipelines.monitor_sending import Post, log_changes, send_unsent
from londonpump.pipelines.progress import Progress, silent
from londonpump.pipelines.roll_back import roll_back
from londonpump.registry.ledger import decision_at, duties_of
from londonpump.settings import Settings
from londonpump.sources.webhook import post_alarm
from londonpump.storage.bundles import CARD, read_provenance
from londonpump.storage.checked_bundle import folder_of
from londonpump.storage.database import open_database, reading, writing
from londonpump.storage.database.decision_rows import champion_on_duty, read_decisions
from londonpump.storage.database.monitoring_rows import AlarmChanges, Condition, bring_to
from londonpump.storage.files import read_json

UNREADABLE = "model_unreadable"
RECENT_LINES = 200


@dataclass(frozen=True, slots=True)
class MonitorRequest:
    """data: of `prepare`; None: what stands in the home, and without it drift is not looked at. at: the moment, aware."""

    at: datetime
    data: Path | None = None


@dataclass(frozen=True, slots=True)
class Seams:
    """What reaches outside besides the database."""

    take_back: TakeBack = roll_back
    post: Post = post_alarm


@dataclass(frozen=True, slots=True)
class Monitored:
    """What was seen. live: of `live_figures`, None with no outcome. drift None: `drift_told` says why not.

    sent: alarms that the webhook took; unsent: what went wrong with it, None if nothing.
    """

    at: datetime
    ages: ages.Ages
    joined: Joined
    live: dict[str, Any] | None
    band: Band | None
    drift: DriftFound | None
    drift_told: str
    stations: list[StationChange]
    changes: AlarmChanges
    sent: int
    unsent: str | None


@dataclass(frozen=True, slots=True)
class _Model:
    """The champion at the moment, and what stands in its folder; problem: why that cannot be read."""

    name: str | None
    since_at: datetime | None
    card: dict[str, Any]
    evaluated_mae_s: float | None
    problem: str | None


def monitor(
    settings: Settings, request: MonitorRequest, progress: Progress = silent, seams: Seams = Seams()
) -> Monitored:
    """Look at everything, bring the alarms up to date, send them.

    Raises: BadFile for prepared records that cannot be read, DatabaseFailed.
    """
    at = request.at.astimezone(UTC)
    engine = open_database(settings.database)
    try:
        progress("Reading prepared records", 0.0)
        examples = _examples(request.data, settings.data)
        return _monitor(_Look(settings, engine, at, examples), progress, seams)
    finally:
        engine.dispose()


def _examples(asked: Path | None, usual: Path) -> Examples | None:
    if asked is None and not (usual / "report.json").exists():
        return None
    return load_examples(asked or usual)


@dataclass(frozen=True, slots=True)
class _Look:
    settings: Settings
    engine: Engine
    at: datetime
    examples: Examples | None


def _monitor(look: _Look, progress: Progress, seams: Seams) -> Monitored:
    published = published_times(look.examples) if look.examples is not None else {}
    with reading(look.engine) as connection:
        model = _model(connection, look)
        known = _ages(connection, look, model)
        joined = join_outcomes(connection, look.at, published)
        duty = Duty(champion_on_duty(connection), tuple(read_decisions(connection, RECENT_LINES)))
    progress("Comparing with what the model learnt from", 0.3)
    drift, stations, drift_told = _drift(look, model)
    progress("Judging announced times", 0.7)
    band = _band(look, joined, model)
    conditions = [*ages.age_conditions(known), *_unreadable(model), *station_conditions(stations)]
    conditions += drift_conditions(drift) if drift is not None else []
    if band is not None and model.name is not None:
        left = answer_to_band(look.settings, band, model.name, look.at, duty, seams.take_back)
        conditions += [left] if left is not None else []
    with writing(look.engine) as connection:
        changes = bring_to(connection, look.at, _looked_at(look, model, drift), conditions)
    log_changes(changes)
    progress("Sending alarms", 0.9)
    sent, unsent = send_unsent(look.settings, look.engine, look.at, seams.post)
    live = live_figures(newest_days(joined.rows)) if len(joined.rows) else None
    progress("Done", 1.0)
    return Monitored(look.at, known, joined, live, band, drift, drift_told, stations, changes, sent, unsent)


def _model(connection: Connection, look: _Look) -> _Model:
    line = decision_at(connection, look.at)
    name = line.champion_after if line is not None else None
    if name is None:
        return _Model(None, None, {}, None, None)
    since = [duty.from_at for duty in duties_of(connection, name) if duty.from_at <= look.at]
    try:
        folder = folder_of(look.settings.bundle, name)
        card = read_json(folder / CARD)
        metrics = read_provenance(folder).get("metrics", {})
    except BadFile as error:
        # the name is enough: /statusz shows these words to every account
        return _Model(name, max(since, default=None), {}, None, f"{error.problem}. {error.advice}")
    return _Model(name, max(since, default=None), card, metrics.get("mae_s"), None)


def _ages(connection: Connection, look: _Look, model: _Model) -> ages.Ages:
    weather_at, fetches = ages.weather_known(connection, look.at)
    decided, first_at = ages.last_judged(connection, look.at)
    records_at = None
    if look.examples is not None:
        newest_us = int(look.examples.rows["mobilised_us"].max())
        records_at = min(datetime.fromtimestamp(newest_us / 1e6, UTC), look.at)
    return ages.Ages(
        look.at, records_at, weather_at, fetches, model.name, model.since_at, decided, first_at, model.card
    )


def _drift(look: _Look, model: _Model) -> tuple[DriftFound | None, list[StationChange], str]:
    if look.examples is None:
        return None, [], "no prepared records. Run londonpump prepare."
    if not model.card:
        return None, [], "no model on duty that can be read."
    try:
        return *drift_of(look.examples, model.card, look.at), ""
    except TooFewRows as error:
        return None, [], str(error)


def _band(look: _Look, joined: Joined, model: _Model) -> Band | None:
    rows = joined.rows.take(joined.rows.model == (model.name or ""))
    if model.name is None or not len(rows) or look.settings.roll_back == "off":
        return None
    return watch_band(rows, model.evaluated_mae_s, int(np.max(rows.day)), band_rule(look.settings))


def _unreadable(model: _Model) -> list[Condition]:
    if model.problem is None or model.name is None:
        return []
    return [
        Condition(UNREADABLE, model.name, "urgent", f"The bundle on duty cannot be read. {model.problem}")
    ]


def _looked_at(look: _Look, model: _Model, drift: DriftFound | None) -> set[str]:
    """Kinds of alarm that this look can clear."""
    kinds = {ages.WEATHER, ages.NO_MODEL, ages.EVALUATION, UNREADABLE, LIVE}
    kinds |= {ages.RECORDS} if look.examples is not None else set()
    kinds |= {ages.MODEL} if model.card or model.name is None else set()
    return kinds | ({DRIFT, SILENT, NEW} if drift is not None else set())
