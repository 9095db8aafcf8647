"""One question and all that is known around it: its place, its candidates, what they do, the context of its moment."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from londonpump.features.context import ContextSnapshot
from londonpump.models.bundle import Bundle
from londonpump.service.board.rules import PumpState
from londonpump.service.board.view import BoardView, london_day
from londonpump.service.errors import Unprocessable
from londonpump.service.predictions.candidates import Candidates, Start
from londonpump.service.predictions.locations import CallLocation, resolve_location
from londonpump.service.predictions.request_context import RequestContext
from londonpump.service.predictions.schemas import Question


@dataclass(frozen=True, slots=True)
class Call:
    """user_id: who asks. candidates: the pumps that might go. is_silent: the database did not answer in time.
    board_missing: why the board is not known, in words. board_age_s: since it was verified; None where it is not used.
    board_warning: what whoever sends a pump must know of it. ground_of: of the places of recent incidents."""

    question: Question
    user_id: str
    at: datetime
    location: CallLocation
    board: BoardView
    candidates: Candidates
    context: ContextSnapshot | None
    is_database_late: bool
    board_missing: str | None
    board_age_s: float | None
    board_warning: str | None
    ground_of: Callable[[float, float], str]

    @property
    def pumps(self) -> tuple[PumpState, ...]:
        """The candidates."""
        return self.candidates.pumps

    @property
    def starts(self) -> tuple[Start, ...]:
        """The ways in which they set out."""
        return self.candidates.starts


async def call_of(question: Question, user_id: str, bundle: Bundle, request_context: RequestContext) -> Call:
    """A question with all that surrounds it. Raises: Unprocessable."""
    at = question.at or request_context.now
    location = resolve_location(
        question.place, bundle, london_day(at), request_context.station_index.stations
    )
    board = request_context.board(at)
    candidates = (
        request_context.candidates(board)
        if question.pumps is None
        else Candidates.of(_named(question.pumps, board), request_context.station_index.row_of)
    )
    context = await request_context.context(at) if bundle.response.context.takes else None
    return Call(
        question=question,
        user_id=user_id,
        at=at,
        location=location,
        board=board,
        candidates=candidates,
        context=context,
        is_database_late=request_context.is_database_late,
        board_missing=request_context.board_missing(at),
        board_age_s=request_context.board_age_s(at),
        board_warning=request_context.board_warning(at),
        ground_of=request_context.ground_of,
    )


def _named(codes: Sequence[str], board: BoardView) -> Iterator[PumpState]:
    unknown = sorted(set(codes) - board.pumps.keys())
    if unknown:
        raise Unprocessable(
            ("pumps", f"{', '.join(unknown[:10])}: not in the fleet of {london_day(board.at)}")
        )
    return (board.pumps[code] for code in dict.fromkeys(codes))
