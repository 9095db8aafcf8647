"""One question and all that is known around it: its place, its candidates, what they do, the context of its moment."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from londonpump.features.moment import MomentContext
from londonpump.models.bundle import Bundle
from londonpump.service.board.rules import PumpState
from londonpump.service.board.view import BoardView, london_day
from londonpump.service.errors import Unprocessable
from londonpump.service.predictions.around import Standing, Surroundings
from londonpump.service.predictions.places import Place, understood
from londonpump.service.predictions.shapes import Question


@dataclass(frozen=True, slots=True)
class Call:
    """pumps: the candidates. starts: (station, is it the pump's own) of each distinct way to set out: pumps that set out
    alike are one row to the model; where there is none, one stands in so that the rest can be told. start_of: the
    number of each pump's.
    is_silent: the database did not answer in time. board_missing: why the board is not known, in words.
    ground_of: of the places of recent incidents."""

    question: Question
    at: datetime
    place: Place
    board: BoardView
    pumps: tuple[PumpState, ...]
    starts: tuple[tuple[str, bool], ...]
    start_of: tuple[int, ...]
    context: MomentContext | None
    is_silent: bool
    board_missing: str | None
    ground_of: Callable[[float, float], str]


async def call_of(question: Question, bundle: Bundle, around: Surroundings) -> Call:
    """A question with all that surrounds it. Raises: Unprocessable."""
    at = question.at or around.now
    place = understood(question.place, bundle, london_day(at), around.standing.stations)
    board = around.board(at)
    pumps = tuple(_standing(pump, around.standing) for pump in _candidates(question, board))
    numbered: dict[tuple[str, bool], int] = {}
    start_of = tuple(numbered.setdefault(_start(pump), len(numbered)) for pump in pumps)
    starts = tuple(numbered) or ((next(iter(around.standing.stations)), True),)
    context = await around.context(at) if bundle.response.context.takes else None
    return Call(
        question=question,
        at=at,
        place=place,
        board=board,
        pumps=pumps,
        starts=starts,
        start_of=start_of,
        context=context,
        is_silent=around.is_silent,
        board_missing=around.board_missing(at),
        ground_of=around.ground_of,
    )


def _start(pump: PumpState) -> tuple[str, bool]:
    """Where a pump sets out from, and whether that is its own station."""
    return pump.station_code, pump.station_code == pump.home_station_code


def _candidates(question: Question, board: BoardView) -> Sequence[PumpState]:
    if question.pumps is None:
        return board.candidates()
    unknown = sorted(set(question.pumps) - board.pumps.keys())
    if unknown:
        raise Unprocessable(
            ("pumps", f"{', '.join(unknown[:10])}: not in the fleet of {london_day(board.at)}")
        )
    return tuple(board.pumps[code] for code in dict.fromkeys(question.pumps))


def _standing(pump: PumpState, standing: Standing) -> PumpState:
    """A station that the list of another model had is not known to this one: the pump is taken to be at home."""
    is_known = pump.station_code in standing.row_of
    return pump if is_known else replace(pump, station_code=pump.home_station_code)
