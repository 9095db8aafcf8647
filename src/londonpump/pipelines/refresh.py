"""The verb `refresh context`: weather, calendars and traffic of now into the database, where serving reads them.

Each source on its own: one that fails is told and leaves its earlier rows as they are; the others go on.
Every try is noted in the database. No message holds a key.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

from sqlalchemy import Engine

from londonpump.brigade.clock import LONDON
from londonpump.brigade.errors import BadValue, SourceFailed
from londonpump.pipelines import refresh_steps as steps
from londonpump.pipelines.refresh_history import Reach
from londonpump.pipelines.refresh_steps import OPEN_METEO, Came
from londonpump.settings import Settings
from londonpump.sources.http import Http
from londonpump.sources.tomtom import KEY_SETTING
from londonpump.sources.weather_rows import in_words
from londonpump.storage.database.context_rows import last_fetches, note_fetch

FIRST_RECORD_DATE = date(2009, 1, 1)
"""As in `fetch`, whose libraries an hourly refresh need not load."""


class Part(StrEnum):
    """What can be refreshed, in this order."""

    WEATHER = "weather"
    HISTORY = "weather-history"
    BANK_HOLIDAYS = "bank-holidays"
    SCHOOL_HOLIDAYS = "school-holidays"
    TRAFFIC = "traffic"


class State(StrEnum):
    """What became of a part."""

    CAME = "came"
    FAILED = "failed"
    NOT_ASKED = "not asked"


@dataclass(frozen=True, slots=True)
class Wanted:
    """since: also past hours from that day on. weather_from: publisher of weather. only: nothing else."""

    since: date | None = None
    weather_from: str = OPEN_METEO
    only: Part | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """One part: rows stored, and what came or what failed and what stands in, in words."""

    part: Part
    state: State
    words: str
    rows: int = 0


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What became of each part that was wanted."""

    outcomes: tuple[Outcome, ...]

    @property
    def has_failed(self) -> bool:
        """Whether any part failed."""
        return any(outcome.state is State.FAILED for outcome in self.outcomes)

    def in_words(self) -> str:
        """A line a part."""
        return "\n".join(
            f"{outcome.part}: {'FAILED. ' if outcome.state is State.FAILED else ''}{outcome.words}"
            for outcome in self.outcomes
        )


def refresh_context(
    settings: Settings, engine: Engine, http: Http, now: datetime, wanted: Wanted = Wanted()
) -> Refreshed:
    """Ask every source that is wanted and store what comes.

    Args: now: the moment from which what comes is known, UTC.
    Raises: BadValue if `wanted` cannot be meant; DatabaseFailed. A source that fails is an outcome.
    """
    _refuse_nonsense(wanted, now)
    reach = Reach(settings, engine, http, now.astimezone(UTC))
    parts = [part for part in Part if wanted.only in (None, part)]
    if wanted.since is None and Part.HISTORY in parts:
        parts.remove(Part.HISTORY)
    return Refreshed(tuple(_refresh(reach, part, wanted) for part in parts))


def _refuse_nonsense(wanted: Wanted, now: datetime) -> None:
    if wanted.only is Part.HISTORY and wanted.since is None:
        raise BadValue("--only", str(wanted.only), "needs --since with the first day")
    if wanted.since is not None and wanted.since > now.astimezone(LONDON).date():
        raise BadValue("--since", wanted.since.isoformat(), "is yet to come; give a past day")
    if wanted.since is not None and wanted.since < FIRST_RECORD_DATE:
        # each year before it would be a request, for hours that no record needs
        raise BadValue(
            "--since", wanted.since.isoformat(), f"is before {FIRST_RECORD_DATE}, the first record"
        )


def _refresh(reach: Reach, part: Part, wanted: Wanted) -> Outcome:
    if part is Part.TRAFFIC and reach.settings.tomtom_key is None:
        return Outcome(
            part, State.NOT_ASKED, f"not asked: no {KEY_SETTING}. The congestion profile stands in."
        )
    try:
        came = _step(part, reach, wanted)()
    except SourceFailed as failed:
        came = Came(0, "", str(failed))
    stands_in = "" if came.problem is None else _stands_in(reach, part)
    note_fetch(reach.engine, part, reach.now, came.problem, came.rows)
    if came.problem is None:
        return Outcome(part, State.CAME, came.words, came.rows)
    told = (came.problem.rstrip(".") + ".", came.words and came.words + ".", stands_in)
    return Outcome(part, State.FAILED, " ".join(words for words in told if words), came.rows)


def _step(part: Part, reach: Reach, wanted: Wanted) -> Callable[[], Came]:
    since = wanted.since or reach.now.date()
    return {
        Part.WEATHER: lambda: steps.weather(reach, wanted.weather_from),
        Part.HISTORY: lambda: steps.history(reach, wanted.weather_from, since),
        Part.BANK_HOLIDAYS: lambda: steps.bank_holidays(reach),
        Part.SCHOOL_HOLIDAYS: lambda: steps.school_holidays(reach),
        Part.TRAFFIC: lambda: steps.traffic(reach),
    }[part]


def _stands_in(reach: Reach, part: Part) -> str:
    good_at = next((note.good_at for note in last_fetches(reach.engine) if note.source == part), None)
    if good_at is None:
        return "It has never come whole before."
    return f"All went well {_age(reach.now - good_at)} ago ({in_words(good_at)}); what is stored stands in."


def _age(passed: timedelta) -> str:
    minutes = passed // timedelta(minutes=1)
    if minutes < 120:
        return f"{minutes} min"
    hours = minutes // 60
    return f"{hours} h" if hours < 48 else f"{hours // 24} days"
