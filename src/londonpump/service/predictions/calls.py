"""One question and all that is known around it: its place, its candidates, what they do, the context of its moment."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from londonpump.features.moment import MomentContext
from londonpump.models.bundle import Bundle
from londonpump.service.board.rules import PumpState
from londonpump.service.board.view import BoardView, london_day
from londonpump.service.errors import Unprocessable
from londonpump.service.predictions.around import Surroundings
from londonpump.service.predictions.places import Place, understood
from londonpump.service.predictions.shapes import Question
from londonpump.service.predictions.starts import Candidates, Start


@dataclass(frozen=True, slots=True)
class Call:
    """user_id: who asks. candidates: the pumps that might go. is_silent: the database did not answer in time.
    board_missing: why the board is not known, in words. board_age_s: since it was verified; None where it is not used.
    board_warning: what whoever sends a pump must know of it. ground_of: of the places of recent incidents."""

    question: Question
    user_id: str
    at: datetime
    place: Place
    board: BoardView
    candidates: Candidates
    context: MomentContext | None
    is_silent: bool
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


async def call_of(question: Question, user_id: str, bundle: Bundle, around: Surroundings) -> Call:
    """A question with all that surrounds it. Raises: Unprocessable."""
    at = question.at or around.now
    place = understood(question.place, bundle, london_day(at), around.standing.stations)
    board = around.board(at)
    candidates = (
        around.candidates(board)
        if question.pumps is None
        else Candidates.of(_named(question.pumps, board), around.standing.row_of)
    )
    context = await around.context(at) if bundle.response.context.takes else None
    return Call(
        question=question,
        user_id=user_id,
        at=at,
        place=place,
        board=board,
        candidates=candidates,
        context=context,
        is_silent=around.is_silent,
        board_missing=around.board_missing(at),
        board_age_s=around.board_age_s(at),
        board_warning=around.board_warning(at),
        ground_of=around.ground_of,
    )


def _named(codes: Sequence[str], board: BoardView) -> Iterator[PumpState]:
    unknown = sorted(set(codes) - board.pumps.keys())
    if unknown:
        raise Unprocessable(
            ("pumps", f"{', '.join(unknown[:10])}: not in the fleet of {london_day(board.at)}")
        )
    return (board.pumps[code] for code in dict.fromkeys(codes))
