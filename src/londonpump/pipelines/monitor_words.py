"""What `monitor` saw, for people and as json."""

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from londonpump.brigade.targets import LONGEST_PUBLISHED_S
from londonpump.evaluation.intervals import Stat
from londonpump.evaluation.live_band import Band, BandDay
from londonpump.pipelines.monitor import Monitored
from londonpump.pipelines.monitor_conditions import day_of, drift_in_words
from londonpump.pipelines.monitor_sending import alarm_json

CHOSEN = "Pumps that were sent are a chosen set: these figures are about them, not about every pump that was ranked."
NEAREST_TOLD = 3


def monitored_in_words(seen: Monitored) -> str:
    """What was seen, the alarms last."""
    parts = [*_ages(seen), *_live(seen), *_band(seen.band), *_drift(seen), *_alarms(seen)]
    return "\n".join(parts)


def monitored_as_json(seen: Monitored) -> dict[str, Any]:
    """Every figure."""
    drift = seen.drift
    return {
        "schema": 1,
        "at": seen.at.isoformat(),
        "model": seen.ages.champion,
        "outcomes": seen.joined.to_json(),
        "live": seen.live,
        "band": seen.band and _plain(asdict(seen.band)),
        "drift": drift
        and {
            "reference_days": drift.reference_days,
            "has_season": drift.has_season,
            "checked_until": day_of(drift.checked_last).isoformat(),
            "inputs": [_plain(asdict(one)) for one in drift.inputs],
        },
        "drift_not_judged": seen.drift_told or None,
        "stations": [asdict(change) for change in seen.stations],
        "alarms": [alarm_json(alarm) for alarm in seen.changes.standing],
        "raised": [alarm.id for alarm in seen.changes.raised],
        "cleared": [alarm_json(alarm) for alarm in seen.changes.cleared],
        "webhook": {"sent": seen.sent, "problem": seen.unsent},
    }


def _plain(told: dict[str, Any]) -> dict[str, Any]:
    """Days as dates."""
    days = {"since", "day"}
    plain = {
        name: day_of(value).isoformat() if name in days and value is not None else value
        for name, value in told.items()
    }
    if "starts" in told:
        plain["starts"] = [day_of(day).isoformat() for day in told["starts"]]
    if "days" in told:
        plain["days"] = [_plain(day) for day in told["days"]]
    return plain


def _ages(seen: Monitored) -> list[str]:
    ages = seen.ages
    since = f", on duty since {ages.since_at:%Y-%m-%d %H:%MZ}" if ages.since_at else ""
    until = f", learnt until {ages.card['trained_until']}" if "trained_until" in ages.card else ""
    judged = (
        "never"
        if ages.decided is None
        else f"{_ago(seen.at - ages.decided.decided_at)} ago ({ages.decided.action})"
    )
    return [
        f"Model on duty: {ages.champion or 'none'}{until}{since}",
        f"Judged by comparison: {judged}",
        f"Newest prepared mobilisation: {_moment(ages.records_at)}",
        f"Newest hour of weather: {_moment(ages.weather_at)}",
    ]


def _live(seen: Monitored) -> list[str]:
    joined = seen.joined
    if not joined.announced:
        return ["Announced times: none in the last five months"]
    share = f"{joined.share:.0%}" if joined.share is not None else "none"
    came = f"{joined.of_board:,} by the board, {joined.of_records:,} by published records"
    told = [f"Announced times: {joined.announced:,}, {share} came true so far ({came})"]
    if joined.implausible:
        told.append(
            f"Left out as implausible: {joined.implausible:,} arrivals on the board after more than "
            f"{LONGEST_PUBLISHED_S:,} s"
        )
    if seen.live is None:
        return told
    figures = seen.live["all"]["all"]
    told.append(
        f"Last 28 days of outcomes ({figures['n']:,}): MAE {_s(figures['mae_s'])}, bias {_s(figures['bias_s'])}, "
        f"P10-P90 covers {_share(figures['cover_80_share'])}, late {_share(figures['late_share'])} "
        f"({_share(figures['promised_late_share'])} promised)"
    )
    for model, each in seen.live.get("model", {}).items():
        told.append(
            f"  {model}: {each['n']:,}, MAE {_s(each['mae_s'])}, covers {_share(each['cover_80_share'])}"
        )
    return [*told, CHOSEN]


def _band(band: Band | None) -> list[str]:
    if band is None:
        return []
    newest: BandDay = band.days[-1]
    if newest.mae_s is None:
        return [f"Band of live error: not judged, {newest.rows} outcomes in two weeks"]
    evaluated = "unknown" if band.evaluated_mae_s is None else f"{band.evaluated_mae_s:.1f} s"
    outside = sum(bool(day.reason) for day in band.days)
    words = f"{_s(newest.mae_s)} in two weeks, {evaluated} when evaluated"
    return [f"Band of live error: {words}; outside on {outside} of {len(band.days)} days"]


def _drift(seen: Monitored) -> list[str]:
    found = seen.drift
    if found is None:
        return [f"Drift: not judged: {seen.drift_told.removeprefix('drift: ')}"]
    drifting = [one for one in found.inputs if one.is_drifting]
    season = (
        ""
        if found.has_season
        else "; under 11 months: what differs may be the season, and no alarm is raised"
    )
    count, until = f"{len(drifting)} of {len(found.inputs)} inputs", day_of(found.checked_last)
    told = [f"Drift: {count}, until {until} (reference {found.reference_days} days{season})"]
    for one in drifting or found.inputs[:NEAREST_TOLD]:
        effect = "too few rows" if one.effect is None else f"{one.effect:.1%}"
        told.append(f"  {one.name}: {effect}, {one.strength:.1f} of {one.limit:.1f}: {drift_in_words(one)}")
    return told


def _alarms(seen: Monitored) -> list[str]:
    changes = seen.changes
    told = [
        f"Alarms: {len(changes.standing)} stand, {len(changes.raised)} new, {len(changes.cleared)} cleared"
    ]
    new = {alarm.id for alarm in changes.raised}
    for alarm in changes.standing:
        mark = "new" if alarm.id in new else f"since {alarm.raised_at:%Y-%m-%d}"
        told.append(
            f"  {alarm.severity} {' '.join(filter(None, (alarm.kind, alarm.subject)))} ({mark}): {alarm.words}"
        )
    told += [f"  cleared {' '.join(filter(None, (alarm.kind, alarm.subject)))}" for alarm in changes.cleared]
    if seen.unsent is not None:
        told.append(f"Webhook: {seen.unsent}")
    return told


def _moment(at: datetime | None) -> str:
    return "none" if at is None else f"{at:%Y-%m-%d %H:%MZ}"


def _ago(passed: timedelta) -> str:
    return f"{passed.days} days" if passed >= timedelta(days=2) else f"{passed // timedelta(hours=1)} h"


def _s(stat: Stat) -> str:
    return "unknown" if stat["value"] is None else f"{stat['value']:.1f} s{_ends(stat, 1, 1)}"


def _share(stat: Stat) -> str:
    return "unknown" if stat["value"] is None else f"{stat['value']:.1%}{_ends(stat, 100, 1)}"


def _ends(stat: Stat, scale: float, digits: int) -> str:
    low, high = stat["low"], stat["high"]
    return "" if low is None or high is None else f" ({scale * low:.{digits}f} to {scale * high:.{digits}f})"
