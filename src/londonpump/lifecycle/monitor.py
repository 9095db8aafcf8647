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

from londonpump.domain.errors import BadFile, TooFewRows
from londonpump.evaluation.drift import DriftResult, StationChange
from londonpump.evaluation.live import Band, check_band, live_figures
from londonpump.ingest.alarm_webhook import post_alarm
from londonpump.lifecycle import monitor_staleness as ages
from londonpump.lifecycle.alarm_delivery import Post, log_changes, send_unsent
from londonpump.lifecycle.monitor_conditions import DRIFT, NEW, SILENT, drift_conditions, station_conditions
from londonpump.lifecycle.monitor_drift import drift_of
from londonpump.lifecycle.monitor_outcomes import Joined, join_outcomes, newest_days, published_times
from londonpump.lifecycle.monitor_roll_back import (
    LIVE,
    LedgerState,
    RollBackFunction,
    band_rule,
    react_to_band,
)
from londonpump.lifecycle.prepared_examples import Examples, load_examples
from londonpump.lifecycle.progress import Progress, silent
from londonpump.lifecycle.roll_back import roll_back
from londonpump.registry.ledger import active_periods_of, decision_at
from londonpump.settings import Settings
from londonpump.storage.bundles import CARD, read_provenance
from londonpump.storage.database import open_database, reading, writing
from londonpump.storage.database.alarm_repository import AlarmChanges, Condition, reconcile_alarms
from londonpump.storage.database.decision_repository import active_champion, read_decisions
from londonpump.storage.files import read_json
from londonpump.storage.verified_bundle import folder_of

UNREADABLE = "model_unreadable"
RECENT_LINES = 200


@dataclass(frozen=True, slots=True)
class MonitorRequest:
    """data: of `prepare`; None: what stands in the home, and without it drift is not looked at. at: the moment, aware."""

    at: datetime
    data: Path | None = None


@dataclass(frozen=True, slots=True)
class ExternalCalls:
    """What reaches outside besides the database."""

    roll_back_with: RollBackFunction = roll_back
    post: Post = post_alarm


@dataclass(frozen=True, slots=True)
class MonitoringResult:
    """What was seen. live: of `live_figures`, None with no outcome. drift None: `drift_note` says why not.

    sent: alarms that the webhook took; unsent: what went wrong with it, None if nothing.
    """

    at: datetime
    ages: ages.Ages
    joined: Joined
    live: dict[str, Any] | None
    band: Band | None
    drift: DriftResult | None
    drift_note: str
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
    settings: Settings,
    request: MonitorRequest,
    progress: Progress = silent,
    external_calls: ExternalCalls = ExternalCalls(),
) -> MonitoringResult:
    """Look at everything, bring the alarms up to date, send them.

    Raises: BadFile for prepared records that cannot be read, DatabaseFailed.
    """
    at = request.at.astimezone(UTC)
    engine = open_database(settings.database)
    try:
        progress("Reading prepared records", 0.0)
        examples = _examples(request.data, settings.data)
        return _monitor(_MonitorInputs(settings, engine, at, examples), progress, external_calls)
    finally:
        engine.dispose()


def _examples(requested: Path | None, fallback: Path) -> Examples | None:
    if requested is None and not (fallback / "report.json").exists():
        return None
    return load_examples(requested or fallback)


@dataclass(frozen=True, slots=True)
class _MonitorInputs:
    settings: Settings
    engine: Engine
    at: datetime
    examples: Examples | None


def _monitor(inputs: _MonitorInputs, progress: Progress, external_calls: ExternalCalls) -> MonitoringResult:
    published = published_times(inputs.examples) if inputs.examples is not None else {}
    with reading(inputs.engine) as connection:
        model = _model(connection, inputs)
        known = _ages(connection, inputs, model)
        joined = join_outcomes(connection, inputs.at, published)
        ledger_state = LedgerState(
            active_champion(connection), tuple(read_decisions(connection, RECENT_LINES))
        )
    progress("Comparing with what the model learnt from", 0.3)
    drift, stations, drift_note = _drift(inputs, model)
    progress("Judging announced times", 0.7)
    band = _band(inputs, joined, model)
    conditions = [*ages.age_conditions(known), *_unreadable(model), *station_conditions(stations)]
    conditions += drift_conditions(drift) if drift is not None else []
    if band is not None and model.name is not None:
        left = react_to_band(
            inputs.settings, band, model.name, inputs.at, ledger_state, external_calls.roll_back_with
        )
        conditions += [left] if left is not None else []
    with writing(inputs.engine) as connection:
        changes = reconcile_alarms(connection, inputs.at, _clearable_types(inputs, model, drift), conditions)
    log_changes(changes)
    progress("Sending alarms", 0.9)
    sent, unsent = send_unsent(inputs.settings, inputs.engine, inputs.at, external_calls.post)
    live = live_figures(newest_days(joined.rows)) if len(joined.rows) else None
    progress("Done", 1.0)
    return MonitoringResult(
        inputs.at, known, joined, live, band, drift, drift_note, stations, changes, sent, unsent
    )


def _model(connection: Connection, inputs: _MonitorInputs) -> _Model:
    line = decision_at(connection, inputs.at)
    name = line.champion_after if line is not None else None
    if name is None:
        return _Model(None, None, {}, None, None)
    since = [period.from_at for period in active_periods_of(connection, name) if period.from_at <= inputs.at]
    try:
        folder = folder_of(inputs.settings.bundle, name)
        card = read_json(folder / CARD)
        metrics = read_provenance(folder).get("metrics", {})
    except BadFile as error:
        # the name is enough: /statusz shows these words to every account
        return _Model(name, max(since, default=None), {}, None, f"{error.problem}. {error.advice}")
    return _Model(name, max(since, default=None), card, metrics.get("mae_s"), None)


def _ages(connection: Connection, inputs: _MonitorInputs, model: _Model) -> ages.Ages:
    weather_at, fetches = ages.latest_weather(connection, inputs.at)
    decided, first_at = ages.last_comparison(connection, inputs.at)
    records_at = None
    if inputs.examples is not None:
        newest_us = int(inputs.examples.rows["mobilised_us"].max())
        records_at = min(datetime.fromtimestamp(newest_us / 1e6, UTC), inputs.at)
    return ages.Ages(
        inputs.at, records_at, weather_at, fetches, model.name, model.since_at, decided, first_at, model.card
    )


def _drift(inputs: _MonitorInputs, model: _Model) -> tuple[DriftResult | None, list[StationChange], str]:
    if inputs.examples is None:
        return None, [], "no prepared records. Run londonpump prepare."
    if not model.card:
        return None, [], "no model on duty that can be read."
    try:
        return *drift_of(inputs.examples, model.card, inputs.at), ""
    except TooFewRows as error:
        return None, [], str(error)


def _band(inputs: _MonitorInputs, joined: Joined, model: _Model) -> Band | None:
    rows = joined.rows.take(joined.rows.model == (model.name or ""))
    if model.name is None or not len(rows) or inputs.settings.roll_back == "off":
        return None
    return check_band(rows, model.evaluated_mae_s, int(np.max(rows.day)), band_rule(inputs.settings))


def _unreadable(model: _Model) -> list[Condition]:
    if model.problem is None or model.name is None:
        return []
    return [
        Condition(UNREADABLE, model.name, "urgent", f"The bundle on duty cannot be read. {model.problem}")
    ]


def _clearable_types(inputs: _MonitorInputs, model: _Model, drift: DriftResult | None) -> set[str]:
    """Kinds of alarm that this look can clear."""
    alarm_types = {ages.WEATHER, ages.NO_MODEL, ages.EVALUATION, UNREADABLE, LIVE}
    alarm_types |= {ages.RECORDS} if inputs.examples is not None else set()
    alarm_types |= {ages.MODEL} if model.card or model.name is None else set()
    return alarm_types | ({DRIFT, SILENT, NEW} if drift is not None else set())
