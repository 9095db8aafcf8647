"""Monitoring: the view that `monitor` writes as JSON, and its text."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from londonpump.domain.attendance_targets import MAX_PUBLISHED_S
from londonpump.domain.json_values import JsonObject
from londonpump.evaluation.drift.detection import Drift, DriftResult, StationChange
from londonpump.evaluation.intervals import Stat
from londonpump.evaluation.lateness import Lateness
from londonpump.evaluation.live import Band, BandDay, LiveFigures
from londonpump.presentation.texts.places import format_excess, format_place

CHOSEN = "These figures cover the pumps that were sent, not every pump that was ranked."
MAX_NEAREST = 3


@dataclass(frozen=True, slots=True)
class AlarmView:
    """An alarm; `cleared_at` is None while it is open."""

    id: str
    alarm_type: str
    subject: str
    """An input, a station or a model; empty if it concerns the whole system."""
    severity: str
    message: str
    raised_at: datetime
    cleared_at: datetime | None
    evidence: JsonObject

    @property
    def name(self) -> str:
        """Return its type and subject."""
        return f"{self.alarm_type} {self.subject}".strip()


@dataclass(frozen=True, slots=True)
class OutcomesView:
    """Counts of announced times by the origin of their outcome."""

    announced: int
    from_board: int
    from_records: int
    in_both: int
    share: float | None
    """Share of announced times that have an outcome."""
    implausible: int


@dataclass(frozen=True, slots=True)
class WebhookView:
    """Notifications that the webhook accepted, and why it failed."""

    sent: int
    problem: str | None


@dataclass(frozen=True, slots=True)
class MonitoringView:
    """Findings of `monitor`."""

    at: datetime
    model: str | None
    outcomes: OutcomesView
    live: Mapping[str, Mapping[str, LiveFigures]] | None
    """Figures by slice and value; None without outcomes."""
    band: Band | None
    lateness: Lateness | None
    """Slow-downs; None without outcomes whose usual error is known."""
    lateness_left_out: int
    """Outcomes whose usual error is unknown."""
    drift: DriftResult | None
    drift_unavailable: str | None
    """Why drift was not checked."""
    stations: tuple[StationChange, ...]
    alarms: tuple[AlarmView, ...]
    """All that are open."""
    raised: tuple[str, ...]
    """Ids of the new ones."""
    cleared: tuple[AlarmView, ...]
    webhook: WebhookView


@dataclass(frozen=True, slots=True)
class AgesView:
    """Newest data, model and comparison; the text shows them, and the JSON has them as evidence of alarms."""

    trained_until: str | None
    since_at: datetime | None
    compared_at: datetime | None
    comparison: str | None
    """Action of the last comparison."""
    records_at: datetime | None
    weather_at: datetime | None


def format_monitoring(view: MonitoringView, ages: AgesView) -> str:
    """Format the findings, the alarms last."""
    parts = [
        *_ages(view, ages),
        *_live(view),
        *_band(view.band),
        *_lateness(view),
        *_drift(view),
        *_alarms(view),
    ]
    return "\n".join(parts)


def format_shifted_bins(one: Drift) -> str:
    """Format the bins that shifted most, with their share and the expected share."""
    return "; ".join(
        f"{shifted.bin} {shifted.share:.1%}, {shifted.expected_share:.1%} expected" for shifted in one.shifted
    )


def _ages(view: MonitoringView, ages: AgesView) -> list[str]:
    since = f", active since {ages.since_at:%Y-%m-%d %H:%MZ}" if ages.since_at else ""
    until = f", trained until {ages.trained_until}" if ages.trained_until else ""
    compared = f"{_ago(view.at - ages.compared_at)} ago ({ages.comparison})" if ages.compared_at else "never"
    return [
        f"Active model: {view.model or 'none'}{until}{since}",
        f"Last comparison: {compared}",
        f"Newest prepared mobilisation: {_timestamp_text(ages.records_at)}",
        f"Newest hour of weather: {_timestamp_text(ages.weather_at)}",
    ]


def _live(view: MonitoringView) -> list[str]:
    joined = view.outcomes
    if not joined.announced:
        return ["Announced times: none in the last five months"]
    share = f"{joined.share:.0%}" if joined.share is not None else "none"
    outcomes_text = f"{joined.from_board:,} from the board, {joined.from_records:,} from published records"
    lines = [f"Announced times: {joined.announced:,}, {share} with an outcome so far ({outcomes_text})"]
    if joined.implausible:
        lines.append(
            f"Left out as implausible: {joined.implausible:,} arrivals on the board after more than "
            f"{MAX_PUBLISHED_S:,} s"
        )
    if view.live is None:
        return lines
    figures = view.live["all"]["all"]
    lines.append(
        f"Last 28 days of outcomes ({figures.n:,}): MAE {_s(figures.mae_s)}, bias {_s(figures.bias_s)}, "
        f"P10-P90 covers {_share(figures.cover_80_share)}, late {_share(figures.late_share)} "
        f"({_share(figures.predicted_late_share)} predicted)"
    )
    for model, each in view.live.get("model", {}).items():
        lines.append(f"  {model}: {each.n:,}, MAE {_s(each.mae_s)}, covers {_share(each.cover_80_share)}")
    return [*lines, CHOSEN]


def _band(band: Band | None) -> list[str]:
    if band is None:
        return []
    # The band is evaluated on consecutive days, the newest last.
    newest: BandDay = band.days[-1]
    if newest.mae_s is None:
        return [f"Band of live error: not evaluated, {newest.rows} outcomes in two weeks"]
    evaluated = "unknown" if band.evaluated_mae_s is None else f"{band.evaluated_mae_s:.1f} s"
    outside = sum(bool(day.reason) for day in band.days)
    band_text = f"{_s(newest.mae_s)} in two weeks, {evaluated} when evaluated"
    return [f"Band of live error: {band_text}; outside on {outside} of {len(band.days)} days"]


def _lateness(view: MonitoringView) -> list[str]:
    left_out = f"{view.lateness_left_out:,} outcomes of models without usual errors left out"
    found = view.lateness
    if found is None:
        return [f"Slow-downs: not checked: {left_out}"] if view.lateness_left_out else []
    note = f"; {left_out}" if view.lateness_left_out else ""
    lines = [f"Slow-downs: {len(found.slow)} of {found.n_places} places, until {found.until}{note}"]
    for place in found.slow or found.places:
        since = (
            f", {format_excess(place.excess_s)} more than usual since {place.since}" if place.since else ""
        )
        lines.append(
            f"  {format_place(place.level, place.name)}: sum {place.sum:.1f} of {place.limit:g}{since}"
        )
    return lines


def _drift(view: MonitoringView) -> list[str]:
    found = view.drift
    if found is None:
        return [f"Drift: not checked: {(view.drift_unavailable or '').removeprefix('drift: ')}"]
    drifting = [one for one in found.inputs if one.is_drifting]
    season = (
        ""
        if found.has_season
        else "; with less than 11 months a difference may be the season, so no alarm is raised"
    )
    count = f"{len(drifting)} of {len(found.inputs)} inputs"
    lines = [f"Drift: {count}, until {found.checked_until} (reference {found.reference_days} days{season})"]
    for one in drifting or found.inputs[:MAX_NEAREST]:
        effect = "too few rows" if one.effect is None else f"{one.effect:.1%}"
        lines.append(
            f"  {one.name}: {effect}, {one.strength:.1f} of {one.limit:.1f}: {format_shifted_bins(one)}"
        )
    return lines


def _alarms(view: MonitoringView) -> list[str]:
    lines = [f"Alarms: {len(view.alarms)} open, {len(view.raised)} new, {len(view.cleared)} cleared"]
    for alarm in view.alarms:
        mark = "new" if alarm.id in view.raised else f"since {alarm.raised_at:%Y-%m-%d}"
        lines.append(f"  {alarm.severity} {alarm.name} ({mark}): {alarm.message}")
    lines += [f"  cleared {alarm.name}" for alarm in view.cleared]
    if view.webhook.problem is not None:
        lines.append(f"Webhook: {view.webhook.problem}")
    return lines


def _timestamp_text(at: datetime | None) -> str:
    return "none" if at is None else f"{at:%Y-%m-%d %H:%MZ}"


def _ago(passed: timedelta) -> str:
    return f"{passed.days} days" if passed >= timedelta(days=2) else f"{passed // timedelta(hours=1)} h"


def _s(stat: Stat) -> str:
    return "unknown" if stat.value is None else f"{stat.value:.1f} s{_ends(stat, 1, 1)}"


def _share(stat: Stat) -> str:
    return "unknown" if stat.value is None else f"{stat.value:.1%}{_ends(stat, 100, 1)}"


def _ends(stat: Stat, scale: float, digits: int) -> str:
    low, high = stat.low, stat.high
    return "" if low is None or high is None else f" ({scale * low:.{digits}f} to {scale * high:.{digits}f})"
