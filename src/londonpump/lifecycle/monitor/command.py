"""The command `monitor`: check the active model for live error, drift of its inputs, and outdated data.

It runs daily and raises and clears alarms; a second run for the same time changes nothing, and a run for a time in the
past stores nothing. Alarms about something that
cannot be checked (no prepared records, no model) stay as they are.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from londonpump.domain.bundle_card import BundleCard
from londonpump.domain.errors import BadFile, TooFewRows
from londonpump.domain.json_values import from_stored, view_of
from londonpump.evaluation.drift.detection import DriftResult, StationChange
from londonpump.evaluation.live import Band, LiveSlices, check_band, live_figures
from londonpump.lifecycle.monitor import actions, checks, slow_downs
from londonpump.lifecycle.monitor.outcomes import Joined, join_outcomes, newest_days, published_times
from londonpump.lifecycle.monitor.webhook import post_alarm
from londonpump.lifecycle.prepared_examples import Examples, load_examples
from londonpump.lifecycle.progress import Progress, silent
from londonpump.persistence.atomic_files import read_json
from londonpump.persistence.bundles import CARD, read_provenance
from londonpump.persistence.database import Connection, Engine, open_database, reading, writing
from londonpump.persistence.repositories import decisions
from londonpump.persistence.repositories.alarms import AlarmChanges, Condition, reconcile_alarms
from londonpump.persistence.verified_bundle import folder_of
from londonpump.presentation.texts.monitor import AlarmView, MonitoringView, OutcomesView, WebhookView
from londonpump.registry.manual_decisions import roll_back
from londonpump.settings import Settings

UNREADABLE = "model_unreadable"
RECENT_LINES = 200


@dataclass(frozen=True, slots=True)
class MonitorRequest:
    """Request to check the state at a time."""

    at: datetime  # with a time zone
    data: Path | None = None  # output of `prepare`; None: that of the home; without any, drift is not checked
    is_stored: bool = True  # False: alarms are shown and neither stored nor sent, and no model is rolled back


@dataclass(frozen=True, slots=True)
class ExternalCalls:
    """Functions with effects outside the database of `monitor`; tests replace them."""

    roll_back_with: actions.RollBackFunction = roll_back
    post: actions.Post = post_alarm


@dataclass(frozen=True, slots=True)
class MonitoringResult:
    """Findings of `monitor`."""

    at: datetime
    ages: checks.Ages
    joined: Joined
    live: LiveSlices | None  # None without outcomes
    band: Band | None
    slow_downs: slow_downs.SlowDownCheck
    drift: DriftResult | None  # None: `drift_note` says why
    drift_note: str
    stations: list[StationChange]
    changes: AlarmChanges
    sent: int  # number of alarms that the webhook accepted
    unsent: str | None  # why the webhook failed; None if it did not

    @property
    def view(self) -> MonitoringView:
        """Return what the command writes."""
        changes = self.changes
        return MonitoringView(
            at=self.at,
            model=self.ages.champion,
            outcomes=view_of(OutcomesView, self.joined),
            live=None if self.live is None else self.live.by_name,
            band=self.band,
            lateness=self.slow_downs.lateness,
            lateness_left_out=self.slow_downs.left_out,
            drift=self.drift,
            drift_unavailable=self.drift_note or None,
            stations=tuple(self.stations),
            alarms=tuple(view_of(AlarmView, alarm) for alarm in changes.standing),
            raised=tuple(alarm.id for alarm in changes.raised),
            cleared=tuple(view_of(AlarmView, alarm) for alarm in changes.cleared),
            webhook=WebhookView(self.sent, self.unsent),
        )


@dataclass(frozen=True, slots=True)
class _Model:
    """Champion at the time of the check, with facts from its folder."""

    name: str | None
    since_at: datetime | None
    card: BundleCard | None
    evaluated_mae_s: float | None
    problem: str | None  # why its folder cannot be read


def monitor(
    settings: Settings,
    request: MonitorRequest,
    progress: Progress = silent,
    external_calls: ExternalCalls = ExternalCalls(),
) -> MonitoringResult:
    """Check everything, update the alarms, and send them. Raises: BadFile for unreadable prepared records, DatabaseFailed."""
    at = request.at.astimezone(UTC)
    engine = open_database(settings.database)
    try:
        progress("Reading prepared records", 0.0)
        examples = _examples(request.data, settings.data)
        if not request.is_stored and settings.roll_back == "auto":
            settings = settings.model_copy(update={"roll_back": "propose"})
        inputs = _MonitorInputs(settings, engine, at, examples, request.is_stored)
        return _monitor(inputs, progress, external_calls)
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
    is_stored: bool


def _monitor(inputs: _MonitorInputs, progress: Progress, external_calls: ExternalCalls) -> MonitoringResult:
    published = published_times(inputs.examples) if inputs.examples is not None else {}
    with reading(inputs.engine) as connection:
        model = _model(connection, inputs)
        known = _ages(connection, inputs, model)
        joined = join_outcomes(connection, inputs.at, published)
        ledger_state = actions.LedgerState(
            decisions.active_champion(connection), tuple(decisions.read_decisions(connection, RECENT_LINES))
        )
    progress("Comparing with the training data", 0.3)
    drift, stations, drift_note = _drift(inputs, model)
    progress("Evaluating announced times", 0.7)
    band = _band(inputs, joined, model)
    slowness = slow_downs.check_slow_downs(joined, inputs.settings.bundle)
    conditions = [*checks.age_conditions(known), *_unreadable(model), *checks.station_conditions(stations)]
    conditions += slow_downs.slow_down_conditions(slowness.lateness)
    conditions += checks.drift_conditions(drift) if drift is not None else []
    if band is not None and model.name is not None:
        left = actions.react_to_band(
            inputs.settings, band, model.name, inputs.at, ledger_state, external_calls.roll_back_with
        )
        conditions += [left] if left is not None else []
    # Alarms are stored before they are sent: one that the webhook does not accept is sent by a later run.
    with writing(inputs.engine) as connection:
        changes = reconcile_alarms(
            connection, inputs.at, _clearable_types(inputs, model, drift, slowness), conditions
        )
        if not inputs.is_stored:
            # alarms of a past time are shown beside those of now, and never replace them
            connection.rollback()
    sent, unsent = 0, None
    if inputs.is_stored:
        actions.log_changes(changes)
        progress("Sending alarms", 0.9)
        sent, unsent = actions.send_unsent(inputs.settings, inputs.engine, inputs.at, external_calls.post)
    live = live_figures(newest_days(joined.rows)) if len(joined.rows) else None
    progress("Done", 1.0)
    return MonitoringResult(
        inputs.at, known, joined, live, band, slowness, drift, drift_note, stations, changes, sent, unsent
    )


def _model(connection: Connection, inputs: _MonitorInputs) -> _Model:
    line = decisions.decision_at(connection, inputs.at)
    name = line.champion_after if line is not None else None
    if name is None:
        return _Model(None, None, None, None, None)
    since = [
        period.from_at
        for period in decisions.active_periods_of(connection, name)
        if period.from_at <= inputs.at
    ]
    try:
        folder = folder_of(inputs.settings.bundle, name)
        card = checks.require_days(from_stored(BundleCard, read_json(folder / CARD)), folder / CARD)
        metrics = read_provenance(folder).get("metrics")
    except BadFile as error:
        # Leave out the path: /statusz shows this text to every account.
        return _Model(name, max(since, default=None), None, None, f"{error.problem}. {error.advice}")
    mae_s = metrics.get("mae_s") if isinstance(metrics, dict) else None
    return _Model(name, max(since, default=None), card, mae_s, None)


def _ages(connection: Connection, inputs: _MonitorInputs, model: _Model) -> checks.Ages:
    weather_at, fetches = checks.latest_weather(connection, inputs.at)
    decided, first_at = checks.last_comparison(connection, inputs.at)
    records_at = None
    if inputs.examples is not None:
        newest_us = int(inputs.examples.rows["mobilised_us"].max())
        records_at = min(datetime.fromtimestamp(newest_us / 1e6, UTC), inputs.at)
    return checks.Ages(
        inputs.at, records_at, weather_at, fetches, model.name, model.since_at, decided, first_at, model.card
    )


def _drift(inputs: _MonitorInputs, model: _Model) -> tuple[DriftResult | None, list[StationChange], str]:
    if inputs.examples is None:
        return None, [], "no prepared records. Run londonpump prepare."
    if model.card is None:
        return None, [], "no active model that can be read."
    try:
        return *checks.drift_of(inputs.examples, model.card, inputs.at), ""
    except TooFewRows as error:
        return None, [], str(error)


def _band(inputs: _MonitorInputs, joined: Joined, model: _Model) -> Band | None:
    rows = joined.rows.take(joined.rows.model == (model.name or ""))
    if model.name is None or not len(rows) or inputs.settings.roll_back == "off":
        return None
    return check_band(rows, model.evaluated_mae_s, int(np.max(rows.day)), actions.band_rule(inputs.settings))


def _unreadable(model: _Model) -> list[Condition]:
    if model.problem is None or model.name is None:
        return []
    return [Condition(UNREADABLE, model.name, "urgent", f"The active bundle cannot be read. {model.problem}")]


def _clearable_types(
    inputs: _MonitorInputs, model: _Model, drift: DriftResult | None, slowness: slow_downs.SlowDownCheck
) -> set[str]:
    """Return the types of alarm that this run can clear, because it checked their subject."""
    alarm_types = {checks.WEATHER, checks.NO_MODEL, checks.EVALUATION, UNREADABLE, actions.LIVE}
    alarm_types |= {checks.RECORDS} if inputs.examples is not None else set()
    alarm_types |= {slow_downs.SLOWER} if slowness.lateness is not None else set()
    alarm_types |= {checks.MODEL} if model.card is not None or model.name is None else set()
    return alarm_types | ({checks.DRIFT, checks.SILENT, checks.NEW} if drift is not None else set())
