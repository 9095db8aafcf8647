"""The status line of every page, and the answer to the poll that keeps the pages live."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from londonpump.domain.json_values import JsonObject
from londonpump.domain.mobilisations import SENDABLE
from londonpump.persistence.repositories.mobilisations import StoredBoard
from londonpump.service.board.rules import PumpState
from londonpump.service.board.updates import fleet_on
from londonpump.service.board.view import BoardView, london_day
from londonpump.service.console.pages import london_time
from londonpump.service.console.texts import text
from londonpump.service.predictions.request_context import read_context
from londonpump.service.state import Services


@dataclass(frozen=True, slots=True)
class StatusLine:
    """Sources of what a page shows, in fixed order; then what is wrong."""

    board_at: datetime | None
    """When the board last matched the database; None if it could not be read."""
    model: str | None
    trained_until: str | None
    weather_at: datetime | None
    problems: tuple[str, ...]
    is_simulated: bool


@dataclass(frozen=True, slots=True)
class LiveState:
    """The board of now with its status line."""

    line: StatusLine
    board: BoardView


@dataclass(frozen=True, slots=True)
class Seen:
    """What a poll compares: the board as it is stored, and its tag."""

    now: datetime
    tag: str
    """Changes with the board, the model and the minute."""
    rows: StoredBoard | None
    is_read: bool


async def see_board(state: Services) -> Seen:
    """Return the stored board with its tag. The rows are read only if their version has changed."""
    now, model = state.clock(), state.champion.current
    # the cache asks for the version alone while nothing changes: thirty consoles poll each second
    is_read = await state.board.read(state, now, state.store.limits.patience_s)
    rows = state.board.read_cached().rows
    # the minute is part of it, because states and warnings depend on the time as well
    tag = f'"{rows.version if rows else 0}-{model and model.name[:8]}-{now:%H%M}-{is_read}"'
    return Seen(now, tag, rows, is_read)


async def read_live(state: Services, seen: Seen | None = None) -> LiveState:
    """Return the board and the status of now. seen: what the caller has seen already."""
    seen = seen or await see_board(state)
    now, rows, is_read, champion = seen.now, seen.rows, seen.is_read, state.champion.current
    if champion is not None:
        fleet = state.station_indexes.of(champion).fleet(london_day(now))
    else:
        fleet = await state.store.read(lambda connection: fleet_on(connection, (), now))
    board = BoardView.of(rows.pumps if rows else (), fleet, now)
    # cached per minute, as for predictions
    context = await read_context(state, now)
    weather = (
        next((each.observed_at for each in context.values if each.observed_at), None) if context else None
    )
    problems = []
    if champion is None:
        problems.append(text("status.no_model"))
    if not is_read:
        problems.append(text("status.board_unread"))
    elif not board.is_known:
        problems.append(text("status.board_unknown"))
    if champion is not None and champion.roads_problem is not None:
        problems.append(champion.roads_problem)
    line = StatusLine(
        board_at=now if is_read else None,
        model=champion.name[:8] if champion else None,
        trained_until=champion.bundle.card.data.trained_until.strftime("%-d %b %Y") if champion else None,
        weather_at=weather,
        problems=tuple(problems),
        is_simulated=champion is not None and champion.is_simulated,
    )
    return LiveState(line, board)


def away_text(pump: PumpState) -> str | None:
    """Return why a pump cannot be sent; None if it can."""
    if pump.state in SENDABLE:
        return None
    state = text(f"state.{pump.state}")
    since = text("pump.since", time=london_time(pump.reported_at)) if pump.reported_at else ""
    incident = text("pump.for", incident=pump.incident_number) if pump.incident_number else ""
    return f"{state}{since}{incident}"


def live_json(live: LiveState, line_html: str, session_ends_at: datetime) -> JsonObject:
    """Return the answer to a poll: the status line, and why each pump that cannot be sent cannot."""
    away: dict[str, Any] = {
        pump.code: reason for pump in live.board.pumps.values() if (reason := away_text(pump)) is not None
    }
    return {
        "line": line_html,
        "away": away,
        "session_ends_at_ms": int(session_ends_at.timestamp() * 1000),
        "session_ends": london_time(session_ends_at, False),
    }
