"""The pumps that might go, and the ways in which they set out: pumps that set out alike are one row to the model."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Self

from londonpump.service.board.rules import PumpState

Start = tuple[str, bool]
"""The code of a station, and whether it is the pump's own."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """starts: the distinct ways to set out; where there is no pump, one stands in so that the rest can be told.
    start_of: the number of each pump's."""

    pumps: tuple[PumpState, ...]
    starts: tuple[Start, ...]
    start_of: tuple[int, ...]

    @classmethod
    def of(cls, pumps: Iterable[PumpState], known: Mapping[str, object]) -> Self:
        """known: by the codes of the model's stations."""
        placed = tuple(_at_known_station(pump, known) for pump in pumps)
        numbered: dict[Start, int] = {}
        start_of = tuple(numbered.setdefault(_start(pump), len(numbered)) for pump in placed)
        return cls(placed, tuple(numbered) or ((next(iter(known)), True),), start_of)


def _start(pump: PumpState) -> Start:
    return pump.station_code, pump.station_code == pump.home_station_code


def _at_known_station(pump: PumpState, known: Mapping[str, object]) -> PumpState:
    """A station that the list of another model had is not known to this one: the pump is taken to be at home."""
    return pump if pump.station_code in known else replace(pump, station_code=pump.home_station_code)
