"""Text and JSON output of `monitor`."""

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from londonpump.domain.attendance_targets import MAX_PUBLISHED_S
from londonpump.domain.json_values import to_json
from londonpump.evaluation.intervals import Stat
from londonpump.evaluation.live import Band, BandDay
from londonpump.lifecycle.monitor import MonitoringResult
from londonpump.lifecycle.monitor_actions import alarm_json
from londonpump.lifecycle.monitor_checks import day_of, format_shifted_bins

CHOSEN = "These figures cover the pumps that were sent, not every pump that was ranked."
MAX_NEAREST = 3


def format_monitoring(result: MonitoringResult) -> str:
    """Format the findings, the alarms last."""
    parts = [*_ages(result), *_live(result), *_band(result.band), *_drift(result), *_alarms(result)]
    return "\n".join(parts)


def monitoring_as_json(result: MonitoringResult) -> dict[str, Any]:
    """Return every figure as JSON values."""
    drift = result.drift
    return {
        "schema": 1,
        "at": result.at.isoformat(),
        "model": result.ages.champion,
        "outcomes": result.joined.to_json(),
        "live": to_json(result.live),
        "band": result.band and _plain(asdict(result.band)),
        "drift": drift
        and {
            "reference_days": drift.reference_days,
            "has_season": drift.has_season,
            "checked_until": day_of(drift.checked_last).isoformat(),
            "inputs": [_plain(asdict(one)) for one in drift.inputs],
        },
        "drift_unavailable": result.drift_note or None,
        "stations": [asdict(change) for change in result.stations],
        "alarms": [alarm_json(alarm) for alarm in result.changes.standing],
        "raised": [alarm.id for alarm in result.changes.raised],
        "cleared": [alarm_json(alarm) for alarm in result.changes.cleared],
        "webhook": {"sent": result.sent, "problem": result.unsent},
    }


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """Convert day numbers to dates."""
    days = {"since", "day"}
    plain = {
        name: day_of(value).isoformat() if name in days and value is not None else value
        for name, value in values.items()
    }
    if "starts" in values:
        plain["starts"] = [day_of(day).isoformat() for day in values["starts"]]
    if "days" in values:
        plain["days"] = [_plain(day) for day in values["days"]]
    return plain


def _ages(result: MonitoringResult) -> list[str]:
    ages = result.ages
    since = f", active since {ages.since_at:%Y-%m-%d %H:%MZ}" if ages.since_at else ""
    until = f", trained until {ages.card['trained_until']}" if "trained_until" in ages.card else ""
    last_comparison_text = (
        "never"
        if ages.decided is None
        else f"{_ago(result.at - ages.decided.decided_at)} ago ({ages.decided.action})"
    )
    return [
        f"Active model: {ages.champion or 'none'}{until}{since}",
        f"Last comparison: {last_comparison_text}",
        f"Newest prepared mobilisation: {_timestamp_text(ages.records_at)}",
        f"Newest hour of weather: {_timestamp_text(ages.weather_at)}",
    ]


def _live(result: MonitoringResult) -> list[str]:
    joined = result.joined
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
    if result.live is None:
        return lines
    figures = result.live["all"]["all"]
    lines.append(
        f"Last 28 days of outcomes ({figures['n']:,}): MAE {_s(figures['mae_s'])}, bias {_s(figures['bias_s'])}, "
        f"P10-P90 covers {_share(figures['cover_80_share'])}, late {_share(figures['late_share'])} "
        f"({_share(figures['predicted_late_share'])} predicted)"
    )
    for model, each in result.live.get("model", {}).items():
        lines.append(
            f"  {model}: {each['n']:,}, MAE {_s(each['mae_s'])}, covers {_share(each['cover_80_share'])}"
        )
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


def _drift(result: MonitoringResult) -> list[str]:
    found = result.drift
    if found is None:
        return [f"Drift: not checked: {result.drift_note.removeprefix('drift: ')}"]
    drifting = [one for one in found.inputs if one.is_drifting]
    season = (
        ""
        if found.has_season
        else "; with less than 11 months a difference may be the season, so no alarm is raised"
    )
    count, until = f"{len(drifting)} of {len(found.inputs)} inputs", day_of(found.checked_last)
    lines = [f"Drift: {count}, until {until} (reference {found.reference_days} days{season})"]
    for one in drifting or found.inputs[:MAX_NEAREST]:
        effect = "too few rows" if one.effect is None else f"{one.effect:.1%}"
        lines.append(
            f"  {one.name}: {effect}, {one.strength:.1f} of {one.limit:.1f}: {format_shifted_bins(one)}"
        )
    return lines


def _alarms(result: MonitoringResult) -> list[str]:
    changes = result.changes
    lines = [
        f"Alarms: {len(changes.standing)} open, {len(changes.raised)} new, {len(changes.cleared)} cleared"
    ]
    new = {alarm.id for alarm in changes.raised}
    for alarm in changes.standing:
        mark = "new" if alarm.id in new else f"since {alarm.raised_at:%Y-%m-%d}"
        lines.append(
            f"  {alarm.severity} {' '.join(filter(None, (alarm.alarm_type, alarm.subject)))} ({mark}): {alarm.message}"
        )
    lines += [
        f"  cleared {' '.join(filter(None, (alarm.alarm_type, alarm.subject)))}" for alarm in changes.cleared
    ]
    if result.unsent is not None:
        lines.append(f"Webhook: {result.unsent}")
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
